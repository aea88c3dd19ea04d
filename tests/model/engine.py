"""The twin: what callers drive."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from . import check, config_parse, control, payments, rating, reads, registry, tables, updates, windows
from .columns import INPUTS, KINDS, REGISTRY, Row, rows_of
from .config import Config
from .errors import TwinSchemaError
from .findings import open_finding
from .state import OUTPUTS, RefusedError, World
from .tariffs import Prices


class Twin:
    """A plain, slow engine. Effects and tables are lists of rows; money is in nano-units, energy in Wh."""

    def __init__(self, toml_text: str) -> None:
        self.world = World(config_parse.parse(toml_text))
        self._configure(self.world.config)
        self.world.seq = 1

    def _configure(self, config: Config) -> None:
        world = self.world
        world.config = config
        world.special = config_parse.special(config.engine)
        world.prices = {n: Prices(t, config.calendar, world.special) for n, t in config.tariffs.items()}
        world.matched = {}

    def apply(self, kind: str, batch: Any, now: int | datetime) -> dict[str, list[Row]]:
        """Apply one batch; its effects.

        A malformed one raises ``TwinSchemaError`` or ``TwinConfigError``, and changes nothing.
        """
        world = self.world
        if kind not in KINDS:
            raise TwinSchemaError(f"kind: must be one of {', '.join(KINDS)}; is {kind!r}")
        now_s = int(now.timestamp()) if isinstance(now, datetime) else now
        rows: list[Row] = []
        config, ids = None, None
        if kind == "config":
            config = self.accepts(batch)
        else:
            rows, ids = rows_of(kind, batch, world.ids)
        jump = world.config.number("max_jump")
        if kind != "tick" and world.now is not None and now_s > world.now + jump:
            raise TwinSchemaError("now: is more than max_jump after the engine's time")
        world.seq += 1
        world.effects = {name: [] for name in OUTPUTS}
        if kind in REGISTRY and world.ids is None:
            world.ids = ids
        self._advance(now_s)
        if config is not None:
            self._reconfigure(config)
        if kind == "payments":
            world.payments_at = world.time
        for number, row in enumerate(rows):
            self._row(kind, number, row)
        windows.step(world)
        windows.calendar_ends(world)
        control.step(world)
        return world.effects

    def accepts(self, text: Any) -> Config:
        """A later configuration, if it may be taken now; else ``TwinConfigError``, or ``TwinSchemaError``."""
        world = self.world
        if not isinstance(text, str):
            raise TwinSchemaError("config: must be text")
        config = config_parse.parse(text)
        used_tariffs = {account.tariff for account in world.accounts.values()}
        used_policies = {account.policy for account in world.accounts.values()}
        world.config.check_change(config, used_tariffs, used_policies)
        return config

    def _reconfigure(self, config: Config) -> None:
        world, old = self.world, self.world.config
        for account in world.accounts.values():
            if config.tariffs[account.tariff].tier_period != old.tariffs[account.tariff].tier_period:
                account.period, account.period_wh, account.previous_wh = None, 0, 0
        self._configure(config)

    def _advance(self, now: int) -> None:
        world = self.world
        before, limit = world.now, world.config.number("clock_jump")
        world.now = now if before is None else max(before, now)
        if before is not None and limit > 0 and world.now - before > limit:
            world.suspended.add("clock_jump")
            open_finding(world, "clock_jump", "engine", None)

    def _row(self, kind: str, number: int, row: Row) -> None:
        world = self.world
        try:
            if kind == "reads":
                self._read(number, row)
            elif kind == "payments":
                payments.take(world, number, row)
            elif kind == "acks":
                control.ack(world, row)
            elif kind == "updates":
                updates.take(world, number, row)
            elif kind == "accounts":
                registry.account_row(world, number, row)
            elif kind == "meters":
                registry.meter_row(world, row)
            else:
                registry.district_row(world, row)
        except RefusedError as error:
            self._except(kind, number, row, error.reason)

    def _read(self, number: int, row: Row) -> None:
        meter = reads.meter_of(self.world, row)
        try:
            rating.accept(
                self.world, reads.check(self.world, meter, number, row["at"], row["value"], row["status"])
            )
        except RefusedError as error:
            reads.refuse(self.world, meter, error.reason)
            raise

    def _except(self, kind: str, number: int, row: Row, reason: str) -> None:
        subjects = {
            "accounts": ("account_id",),
            "meters": ("meter_id",),
            "districts": ("district_id",),
            "reads": ("meter_id",),
            "payments": ("account_id",),
            "acks": ("command_id",),
            "updates": ("meter_id", "account_id", "text"),
        }
        subject = next((row[name] for name in subjects[kind] if row[name] is not None), None)
        self.world.emit(
            "exceptions",
            row=number,
            kind=kind,
            reason=reason,
            subject=None if subject is None else str(subject),
            at=row.get("at"),
            value=row["value"] if "value" in INPUTS[kind] else None,
            amount=row["amount"] if kind == "payments" else None,
        )

    def accounts(self) -> list[Row]:
        """The accounts, by arrival."""
        return tables.accounts(self.world)

    def meters(self) -> list[Row]:
        """The meters, by arrival."""
        return tables.meters(self.world)

    def districts(self) -> list[Row]:
        """The districts, by arrival."""
        return tables.districts(self.world)

    def gaps(self) -> list[Row]:
        """The gaps, by the meters' arrival and in order of time."""
        return tables.gaps(self.world)

    def findings(self) -> list[Row]:
        """The open findings."""
        return tables.items(self.world, self.world.findings)

    def orders(self) -> list[Row]:
        """The open orders."""
        return tables.items(self.world, self.world.orders)

    def commands(self) -> list[Row]:
        """The current commands, by id, as last sent."""
        return tables.commands(self.world)

    def tables(self) -> dict[str, list[Row]]:
        """Every table of the state."""
        names = ("accounts", "meters", "districts", "gaps", "findings", "orders", "commands")
        return {name: getattr(self, name)() for name in names}

    def check(self) -> None:
        """Assert what always holds."""
        check.check(self.world)
