"""One run of a backtest: an engine, and what becomes of its accounts.

What happens to an account is a list of events, from the outputs ``notices`` and ``commands``::

    warned     notice low_balance          trip       command trip, at its first attempt
    due        notice trip_due             off        notice tripped: the supply is cut
    restore    command restore, likewise   on         notice restored: it is back
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from fastcore import Config, Engine, FeikongError, InvariantError, SnapshotError
from fastcore.effects import Effects
from pipeline.backtest.history import Batch
from pipeline.tally import Tally

__all__ = ["OUTPUTS", "RESTORED", "TRIPPED", "WARNED", "Event", "Id", "Order", "Side"]

Id = int | str
OUTPUTS: Final = ("commands", "exceptions", "findings", "ledger", "notices")

WARNED: Final = ("warned", "due")
TRIPPED: Final = ("trip", "off")
RESTORED: Final = ("restore", "on")

_NOTICES: Final = {"low_balance": "warned", "trip_due": "due", "tripped": "off", "restored": "on"}
_STATES: Final = {"trip": "tripping", "restore": "restoring"}
_STOPS: Final = ("mass_trip", "clock_jump")


class Event(NamedTuple):
    """What happened to an account, and when: the engine's time, seconds since 1970 UTC."""

    at_s: int
    what: str


class Order(NamedTuple):
    """A command that was sent."""

    command_id: int
    kind: str


@dataclass(slots=True)
class Side:
    """One run.

    Attributes:
        events: by account, in order; accounts to whom nothing happened are not in it.
        orders: by account, the newest command.
        tally: rows of outputs, counted.
        stops: findings that suspended all trips, and when.
        refused: batches that the engine refused whole.
        began_s: the engine's time when the run began; None if it began without any.
        off: accounts whose supply was cut, or about to come back, when the run began.
        opening: the sum of all balances then.
        first_id: the lowest id of a command since then, None before the first.
    """

    engine: Engine
    events: dict[Id, list[Event]] = field(default_factory=lambda: defaultdict(list))
    orders: dict[Id, Order] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    stops: list[Event] = field(default_factory=list)
    refused: int = 0
    began_s: int | None = None
    off: frozenset[Id] = frozenset()
    opening: Decimal = Decimal(0)
    first_id: int | None = None

    @classmethod
    def new(cls, config: Config) -> Side:
        """A run from the very beginning."""
        return cls(Engine(config, OUTPUTS))

    @classmethod
    def going_on(cls, engine: Engine, config: Config) -> Side:
        """A run that goes on from where an engine stands, under a configuration that is given to it now.

        Raises `ConfigError` where a running engine may not take it.
        """
        assert engine.now_s is not None, "a snapshot is made of an engine that has run"
        accounts, commands = engine.accounts(), engine.commands()
        dark = pc.is_in(accounts["state"].cast(pa.string()), pa.array(["off", "restoring"]))
        side = cls(engine, began_s=engine.now_s)
        side.off = frozenset(accounts["account_id"].filter(dark).to_pylist())
        side.opening = _sum(accounts["balance"])
        for row in commands.select(["account_id", "command_id", "kind"]).to_pylist():
            side.orders[row["account_id"]] = Order(row["command_id"], row["kind"])
        side._note(engine.apply("config", config, engine.now_s))
        return side

    @property
    def now_s(self) -> int | None:
        """The engine's time."""
        return self.engine.now_s

    def take(self, batch: Batch) -> tuple[list[Id], str | None]:
        """Apply a batch: the accounts that were sent a new command, and why the batch was refused, if it was."""
        assert batch.now_s is not None
        try:
            effects = self.engine.apply(batch.kind, batch.content, batch.now_s)
        except (InvariantError, SnapshotError):
            raise
        except FeikongError as error:
            self.refused += 1
            return [], str(error)
        return self._note(effects), None

    def under_way(self, account_id: Id) -> Order | None:
        """The command that an account's meter has not yet answered."""
        order = self.orders.get(account_id)
        if order is None or self.engine.account(account_id)["state"] != _STATES[order.kind]:
            return None
        return order

    def unsure(self, account_id: Id) -> bool:
        """Whether a trip was given up without an answer, and nothing has shown since how the relay stands."""
        try:
            return bool(self.engine.account(account_id)["unsure"])
        except KeyError:
            return False

    def off_s(self, account_id: Id) -> int:
        """Seconds for which an account was without supply."""
        total, since = 0, self.began_s if account_id in self.off else None
        for at_s, what in self.events.get(account_id, ()):
            if what == "off" and since is None:
                since = at_s
            elif what == "on" and since is not None:
                total, since = total + at_s - since, None
        return total if since is None or self.now_s is None else total + self.now_s - since

    def charged(self) -> Decimal:
        """What all reads cost: what the ledger brought, and is in no balance."""
        return (
            self.opening
            + sum(self.tally.ledger.values(), Decimal(0))
            - _sum(self.engine.accounts()["balance"])
        )

    def _note(self, effects: Effects) -> list[Id]:
        sent: list[Id] = []
        for name in ("exceptions", "ledger"):
            self.tally.add(name, getattr(effects, name))
        now_s = self.engine.now_s
        if effects.notices.num_rows:
            for account_id, kind, at in _rows(effects.notices, "account_id", "kind", "at"):
                if kind in _NOTICES:
                    self.events[account_id].append(Event(int(at.timestamp()), _NOTICES[kind]))
        if effects.commands.num_rows:
            for account_id, command_id, kind, attempt in _rows(
                effects.commands, "account_id", "command_id", "kind", "attempt"
            ):
                if attempt == 1 and now_s is not None:
                    self.first_id = command_id if self.first_id is None else self.first_id
                    self.events[account_id].append(Event(now_s, kind))
                    self.orders[account_id] = Order(command_id, kind)
                    sent.append(account_id)
        if effects.findings.num_rows:
            for kind, state, at in _rows(effects.findings, "kind", "state", "at"):
                if kind in _STOPS and state == "opened":
                    self.stops.append(Event(int(at.timestamp()), kind))
        return sent


def _rows(batch: pa.RecordBatch, *columns: str) -> Any:
    return zip(*(batch[name].to_pylist() for name in columns), strict=True)


def _sum(column: pa.ChunkedArray) -> Decimal:
    return pc.sum(column.cast(pa.decimal128(38, column.type.scale))).as_py() or Decimal(0)
