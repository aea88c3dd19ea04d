"""What the generator knows of its own log: ids, meters with true counts, time, and the twin to look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from model import Twin
from model.state import World

from .settings import CELL_S, Settings, settings

Row = dict[str, Any]
Id = int | str


@dataclass(slots=True)
class Sim:
    """A meter as it really is: what it counts, and up to when it has been read."""

    id: Id
    reading: str
    interval_s: int
    wh_per_count: int
    modulus: int
    max_w: int
    count: int
    at: int
    pace: int
    """Counts per interval, about."""


@dataclass(slots=True)
class Grid:
    """A log in the making."""

    seed: int
    rng: Random
    settings: Settings
    twin: Twin
    ids: str
    now: int
    first_text: str
    """The first configuration."""
    accounts: list[Id] = field(default_factory=list)
    districts: list[Id] = field(default_factory=list)
    sims: dict[Id, Sim] = field(default_factory=dict)
    payments: list[Row] = field(default_factory=list)
    made: int = 0

    @classmethod
    def of(cls, seed: int) -> Grid:
        """The grid of a seed: its configuration, and a twin that has taken it."""
        rng = Random(seed)
        chosen = settings(rng)
        twin = Twin(chosen.toml())
        calendar = twin.world.config.calendar
        early = calendar.from_s + rng.choice((-3600, 0, 3600, 86400 // 2, 86400 + 1800))
        late = calendar.midnights[rng.randrange(len(calendar.midnights) // 2 + 1)] - 3600
        return cls(
            seed, rng, chosen, twin, rng.choice(("uint64", "utf8")), rng.choice((early, late)), chosen.toml()
        )

    @property
    def world(self) -> World:
        """What the twin remembers."""
        return self.twin.world

    @property
    def time(self) -> int:
        """The engine's time, as the twin has it."""
        return self.now if self.world.now is None else self.world.now

    @property
    def cell_s(self) -> int:
        """The length of a cell."""
        return CELL_S[self.settings.engine["cell"].strip('"')]

    def chance(self, share: float) -> bool:
        """Whether something happens that happens in this share of cases."""
        return self.rng.random() < share

    def new_id(self, prefix: str) -> Id:
        """An id that has not been used."""
        self.made += 1
        if self.ids == "utf8":
            return prefix + self.rng.choice(
                (str(self.made), f" {self.made}", f"户{self.made}", f"-{self.made:056d}")
            )
        return self.rng.choice((self.made, 1000 + self.made, 2**63 + self.made, 2**64 - 1 - self.made))

    def stranger(self) -> Id:
        """An id that nobody has."""
        return (
            self.rng.choice(("nobody", "x" * 64, "é" * 3))
            if self.ids == "utf8"
            else self.rng.choice((0, 2**63))
        )

    def text_of(self, some_id: Id) -> str:
        """An id as text, at times written as it must not be."""
        text = str(some_id)
        if self.ids == "uint64" and self.chance(0.1):
            return self.rng.choice((f"+{text}", f" {text}", f"0{text}", f"{text}.0", str(2**64)))
        return text

    def some_account(self) -> Id:
        """An account: one in trouble rather than another; at times a stranger."""
        if not self.accounts or self.chance(0.03):
            return self.stranger()
        by_state: dict[str, list[Id]] = {}
        for account in self.world.accounts.values():
            if account.state in ("due", "tripping", "off", "restoring"):
                by_state.setdefault("unsure" if account.unsure else account.state, []).append(account.id)
        if by_state and self.chance(0.6):
            return self.rng.choice(by_state[self.rng.choice(list(by_state))])
        return self.rng.choice(self.accounts)

    def some_meter(self) -> Id:
        """A meter: that of a troubled account rather than another; at times a stranger."""
        if not self.sims or self.chance(0.03):
            return self.stranger()
        account = self.world.accounts.get(self.some_account())
        if account and account.meters and self.chance(0.7):
            return self.rng.choice(account.meters)
        return self.rng.choice(list(self.sims))

    def some_district(self) -> Id:
        """A district; at times one that nobody has named."""
        if not self.districts or self.chance(0.08):
            return self.new_id("D")
        return self.rng.choice(self.districts)


def columns(rows: list[Row]) -> dict[str, list[Any]]:
    """Rows as columns."""
    return {name: [row[name] for row in rows] for name in rows[0]}
