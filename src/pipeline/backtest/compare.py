"""What differs between two runs over one history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, NamedTuple

import pyarrow as pa

from pipeline.backtest.side import Event, Id, Side

__all__ = ["Account", "Comparison", "Sum", "compare"]


class Account(NamedTuple):
    """An account that the two runs treat differently: warned, tripped or restored otherwise, or another balance.

    Attributes:
        was, otherwise: what happened to it in each run; equal where its balance alone differs.
        balance_was, balance_otherwise: at the end; None where a run does not know the account.
        off_was_s, off_otherwise_s: seconds without supply.
    """

    account_id: Id
    was: tuple[Event, ...]
    otherwise: tuple[Event, ...]
    balance_was: Decimal | None
    balance_otherwise: Decimal | None
    off_was_s: int = 0
    off_otherwise_s: int = 0

    @property
    def treated_otherwise(self) -> bool:
        """Whether it was warned, tripped or restored otherwise: other times count, other levels do not."""
        return Counter(self.was) != Counter(self.otherwise)

    @property
    def difference(self) -> Decimal | None:
        """By how much the balance is higher in the other run."""
        if self.balance_was is None or self.balance_otherwise is None:
            return None
        return self.balance_otherwise - self.balance_was

    @property
    def first_s(self) -> int | None:
        """When the runs part for this account; None if they do not."""
        was, otherwise = Counter(self.was), Counter(self.otherwise)
        return min((event.at_s for event in ((was - otherwise) + (otherwise - was))), default=None)

    def differs_in(self, kinds: tuple[str, ...]) -> bool:
        """Whether the events of some kinds differ."""
        return Counter(e for e in self.was if e.what in kinds) != Counter(
            e for e in self.otherwise if e.what in kinds
        )


class Sum(NamedTuple):
    """A figure of both runs."""

    was: Decimal = Decimal(0)
    otherwise: Decimal = Decimal(0)

    @property
    def difference(self) -> Decimal:
        """The other run's less that of the run that was."""
        return self.otherwise - self.was


NOTHING: Final = Sum()


@dataclass(slots=True)
class Comparison:
    """What differs; of several shards, all together.

    Attributes:
        accounts: those that differ, those treated otherwise first, by the time at which the runs part for them.
        known: accounts of the run that was.
        charges: what reads cost. ledger: all other money, by kind. balances: of all accounts, at the end.
        off_s: seconds without supply, of all accounts.
        refused: rows of (kind of batch, reason) that one run refused and the other did not, acks aside: was, otherwise.
        stopped_was, stopped_otherwise: findings that suspended all trips.
        given, left_out: acks, see `answers`.
        configurations: later ones of the history, which the other run did not get.
        batches, malformed, malformed_otherwise: batches of the history, and those that a run did not take.
        from_s, to_s: the first and the last time of the history.
        whole: whether the runs begin with the first batch of all; else with a snapshot.
    """

    accounts: list[Account] = field(default_factory=list)
    known: int = 0
    charges: Sum = NOTHING
    ledger: dict[str, Sum] = field(default_factory=dict)
    balances: Sum = NOTHING
    off_s: Sum = NOTHING
    refused: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    stopped_was: list[Event] = field(default_factory=list)
    stopped_otherwise: list[Event] = field(default_factory=list)
    given: int = 0
    left_out: int = 0
    configurations: int = 0
    batches: int = 0
    malformed: int = 0
    malformed_otherwise: int = 0
    from_s: int | None = None
    to_s: int | None = None
    whole: bool = True

    @property
    def treated_otherwise(self) -> list[Account]:
        """The accounts that were warned, tripped or restored otherwise."""
        return [account for account in self.accounts if account.treated_otherwise]

    def count(self, kinds: tuple[str, ...]) -> int:
        """Accounts whose events of some kinds differ."""
        return sum(account.differs_in(kinds) for account in self.accounts)

    def add(self, other: Comparison) -> None:
        """Take in another shard's, whose accounts are others."""
        self.accounts = _sorted([*self.accounts, *other.accounts])
        self.known += other.known
        self.charges = _plus(self.charges, other.charges)
        self.balances = _plus(self.balances, other.balances)
        self.off_s = _plus(self.off_s, other.off_s)
        for kind, amounts in other.ledger.items():
            self.ledger[kind] = _plus(self.ledger.get(kind, Sum()), amounts)
        for what, (was, otherwise) in other.refused.items():
            before = self.refused.get(what, (0, 0))
            self.refused[what] = (before[0] + was, before[1] + otherwise)
        self.stopped_was += other.stopped_was
        self.stopped_otherwise += other.stopped_otherwise
        for name in ("given", "left_out", "configurations", "batches", "malformed", "malformed_otherwise"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.from_s = min((s for s in (self.from_s, other.from_s) if s is not None), default=None)
        self.to_s = max((s for s in (self.to_s, other.to_s) if s is not None), default=None)
        self.whole = self.whole and other.whole


def compare(was: Side, otherwise: Side) -> Comparison:
    """What differs at the end of two runs."""
    balances_was, balances_otherwise = _balances(was), _balances(otherwise)
    differing = (_ids_of(balances_was.items() ^ balances_otherwise.items())).union(
        account_id
        for account_id in {*was.events, *otherwise.events}
        if was.events.get(account_id) != otherwise.events.get(account_id)
    )
    accounts = [
        Account(
            account_id,
            tuple(was.events.get(account_id, ())),
            tuple(otherwise.events.get(account_id, ())),
            balances_was.get(account_id),
            balances_otherwise.get(account_id),
            was.off_s(account_id),
            otherwise.off_s(account_id),
        )
        for account_id in differing
    ]
    kinds = sorted({*was.tally.ledger, *otherwise.tally.ledger})
    zero = Decimal(0)
    refused = {
        what: (was.tally.refused[what], otherwise.tally.refused[what])
        for what in sorted({*was.tally.refused, *otherwise.tally.refused})
        if what[0] != "acks" and was.tally.refused[what] != otherwise.tally.refused[what]
    }
    return Comparison(
        accounts=_sorted([a for a in accounts if a.treated_otherwise or a.difference != zero]),
        known=len(balances_was),
        charges=Sum(was.charged(), otherwise.charged()),
        ledger={k: Sum(was.tally.ledger.get(k, zero), otherwise.tally.ledger.get(k, zero)) for k in kinds},
        balances=Sum(sum(balances_was.values(), zero), sum(balances_otherwise.values(), zero)),
        off_s=Sum(_off_s(was), _off_s(otherwise)),
        refused=refused,
        stopped_was=was.stops,
        stopped_otherwise=otherwise.stops,
        malformed_otherwise=otherwise.refused,
        from_s=was.began_s,
        to_s=was.now_s,
        whole=was.began_s is None,
    )


def _balances(side: Side) -> dict[Id, Decimal]:
    accounts: pa.Table = side.engine.accounts()
    pairs = zip(accounts["account_id"].to_pylist(), accounts["balance"].to_pylist(), strict=True)
    return dict(pairs)


def _ids_of(pairs: Iterable[tuple[Id, Any]]) -> set[Id]:
    return {account_id for account_id, _ in pairs}


def _off_s(side: Side) -> Decimal:
    return Decimal(sum(side.off_s(account_id) for account_id in side.off.union(side.events)))


def _plus(one: Sum, other: Sum) -> Sum:
    return Sum(one.was + other.was, one.otherwise + other.otherwise)


def _sorted(accounts: list[Account]) -> list[Account]:
    def order(account: Account) -> tuple[bool, int, bool, Id]:
        return (
            account.first_s is None,
            account.first_s or 0,
            isinstance(account.account_id, str),
            account.account_id,
        )

    return sorted(accounts, key=order)
