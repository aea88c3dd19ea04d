"""An engine, a gateway, and a desk between them that says whatever a test wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from fastcore import Config, Engine
from fastcore.effects import Effects
from pipeline.gateway import Gateway, Settings
from pipeline.node.config import HeadEndConfig
from pipeline.node.outlet import HEARD, CommandBody
from pipeline.wire import Kind, read_batch
from pipeline.wire.commands import Command, Signer, commands_of
from unit.core_world import (
    CONFIG,
    NANO,
    START,
    STEP,
    account,
    district,
    id_of,
    meter,
    payment,
    read,
    rows,
    update,
)

SIGNER = Signer(bytes(range(32)))
HEADEND = b"h" * 32
OTHER = b"o" * 32
NOW = START + 2 * STEP
TOML = CONFIG.replace("max_attempts = 1", 'max_attempts = 5\nack_timeout = "60s"\ncommand_ttl = "10m"')


@dataclass
class Desk:
    """What the writer would answer."""

    engine: Engine
    held: bool = False
    suspended: bool = False
    unapplied: bool = False


@dataclass
class World:
    """Accounts A0, A1, … of D0, D1, … (one each), each with a balance of 10 and a meter that has read once."""

    accounts: int = 1
    ids: str = "uint64"
    headends: Mapping[str, HeadEndConfig] = field(default_factory=dict)
    allowed: dict[str, bytes] = field(default_factory=lambda: {"headend-1": HEADEND})
    toml: str = TOML
    command_base: int = 0
    no_trip: bool = False

    def __post_init__(self) -> None:
        self.engine = Engine(Config.from_toml(self.toml))
        self.desk = Desk(self.engine)
        self.names = [f"{i}" for i in range(self.accounts)]
        self.gateway = self.new_gateway()
        self.gateway.start(self.desk, self.engine.commands(), START)
        self.apply("districts", *(district(self.ids, f"D{n}") | {"grid": f"G{n}"} for n in self.names))
        self.apply("accounts", *(account(self.ids, f"A{n}", 10 * NANO, f"D{n}") for n in self.names))
        self.apply("meters", *(meter(self.ids, f"M{n}", f"A{n}") for n in self.names))
        self.apply("reads", *(read(self.ids, f"M{n}", 1, 0) for n in self.names))

    def new_gateway(self) -> Gateway:
        return Gateway(
            Settings(self.headends, lambda: self.allowed, SIGNER, lambda: self.no_trip, self.command_base)
        )

    def apply(self, kind: str, *given: dict[str, Any], now_s: int = NOW, tell: bool = True) -> Effects:
        """Apply a batch, and tell the gateway, as the writer does; `tell` not, as one that is still at it."""
        batch = rows(kind, self.ids, *given) if given else None
        effects = self.engine.apply(kind, batch, now_s)
        if tell:
            wire_kind = Kind[kind.upper()]
            if wire_kind in HEARD:
                self.gateway.heard(wire_kind)
            self.gateway.take(self.engine.sequence, effects)
        return effects

    def spend(self, *names: str, now_s: int = NOW) -> Effects:
        """Let accounts draw 30 kWh, so that 10 become -13 or so: each is tripped."""
        step = (now_s - START) // STEP
        return self.apply("reads", *(read(self.ids, f"M{n}", step, 3000) for n in names), now_s=now_s)

    def pay(self, name: str, now_s: int = NOW, tell: bool = True) -> Effects:
        """Top an account up by 50: it is restored."""
        return self.apply(
            "payments", payment(self.ids, 1, f"A{name}", 50 * NANO, now_s), now_s=now_s, tell=tell
        )

    def update(
        self, op: str, name: str | None = None, *, now_s: int = NOW, tell: bool = True, **given: Any
    ) -> Effects:
        return self.apply("updates", update(self.ids, op, name, **given), now_s=now_s, tell=tell)

    def ready(self, until: int = 100, key: bytes = HEADEND, session: int = 1) -> None:
        self.gateway.ready(key, session, until)

    def poll(self, now_s: int = NOW) -> list[Command]:
        """What leaves, all messages together."""
        return [command for body in self.bodies(now_s) for command in commands_in(body)]

    def bodies(self, now_s: int = NOW) -> list[CommandBody]:
        return list(self.gateway.poll(now_s))

    def id(self, name: str) -> int | str:
        return id_of(self.ids, name)


def commands_in(body: CommandBody) -> list[Command]:
    """The commands of an Arrow body, whose signatures are right."""
    batch: pa.RecordBatch = read_batch(Kind.COMMAND, body.body, body.rows)
    signed = list(commands_of(batch))
    assert all(each.verify([SIGNER.public]) for each in signed)
    return [each.command for each in signed]


def kinds(commands: list[Command]) -> list[tuple[str, int | str]]:
    """Kind and account of each."""
    return [(command.kind, command.account_id) for command in commands]
