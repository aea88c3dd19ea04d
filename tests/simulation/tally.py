"""What many schedules came to: what was injected, how often, and what was found."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from simulation.faults import AIMS, EXPECTED, name_of, seed_of
from simulation.judge import Violation
from simulation.plan import plan_of
from simulation.world import World


@dataclass
class Tally:
    """The sum of some schedules; `violations` are by the number of their schedule."""

    schedules: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    violations: dict[int, str] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Add what others came to."""
        self.schedules += other.schedules
        self.injected += other.injected
        self.seen += other.seen
        self.violations |= other.violations

    def run(self, seed: int) -> None:
        """Run a schedule."""
        world = World(seed, plan_of(seed))
        try:
            world.run()
        except Violation as violation:
            self.violations[seed] = str(violation)
        except Exception:
            self.violations[seed] = traceback.format_exc()
        self._count(world)

    def missing(self, least: int = 1) -> list[str]:
        """What was injected less often than that."""
        return [each for each in EXPECTED if self.injected[each] < least]

    def seldom(self, count: int) -> list[str]:
        """Aims: so many of what was injected least often, that first."""
        return sorted(AIMS, key=lambda aim: self.injected[name_of(aim)])[:count]

    def lines(self, least: int = 1) -> list[str]:
        """All of it, for people; what was expected and is rarer than that is marked."""
        counts = sorted(Counter({**dict.fromkeys(EXPECTED, 0), **self.injected}).items(), key=_rarest)
        short = set(self.missing(least))
        rows = [f"{count:10,} {'<' if what in short else ' '} {what}" for what, count in counts]
        seen = ", ".join(f"{count:,} {what}" for what, count in self.seen.items())
        return [f"{self.schedules:,} schedules: {seen}", *rows]

    def _count(self, world: World) -> None:
        self.schedules += 1
        self.injected += world.injected
        model = world.model
        self.seen += Counter(
            {
                "starts": world.starts,
                "frames": len(model.frames),
                "batches acknowledged": sum(model.promised.values()),
                "trips": model.trips,
                "restores": model.restores,
                "commands executed": world.meters.executed,
            }
        )


def _rarest(counted: tuple[str, int]) -> tuple[int, str]:
    return counted[1], counted[0]


def run_seeds(seeds: Sequence[int]) -> Tally:
    """Some schedules."""
    tally = Tally()
    for seed in seeds:
        tally.run(seed)
    return tally


def run_until_all(tally: Tally, first: int, tries: int) -> None:
    """More schedules, at most so many for each fault that has not been injected yet."""
    for aim in tally.seldom(len(tally.missing())):
        for count in range(first, first + tries):
            if tally.injected[name_of(aim)]:
                break
            tally.run(seed_of(aim, count))
