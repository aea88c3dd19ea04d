"""What many schedules came to: what was injected, how often, and what was found."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from simulation.judge import Violation
from simulation.plan import POINTS, Plan, plan_for, plan_of
from simulation.world import World

FAULTS = [
    *("power failure", "lost sector", "spoiled sector", "lost name", "short write", "sector taken for clean"),
    *(f"EIO {operation}" for operation in ("create", "write", "sync", "replace", "remove", "sync_names")),
    *("full", "snapshot damaged", "journal damaged", "clock ahead", "clock behind", "NO-TRIP"),
    *("worker killed", "client killed", "client away", "worker outlives its node"),
    *("lost message", "damaged message", "late message", "message twice", "messages swapped"),
    *("broken connection", "full queue"),
]
EXPECTED = [*(f"kill {point}" for point in POINTS), *FAULTS]
"""All that must really have been injected, or a run has shown nothing."""


@dataclass
class Tally:
    """The sum of some schedules; `violations` are by the number of their schedule, and what it looked for."""

    schedules: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    violations: dict[str, str] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Add what others came to."""
        self.schedules += other.schedules
        self.injected += other.injected
        self.seen += other.seen
        self.violations |= other.violations

    def run(self, seed: int, target: str | None = None) -> None:
        """Run a schedule; with a target one that aims at this kill."""
        plan = plan_of(seed) if target is None else plan_for(target, Random(seed))
        world = World(seed, plan)
        try:
            world.run()
        except Violation as violation:
            self.violations[_name(seed, target)] = str(violation)
        except Exception:
            self.violations[_name(seed, target)] = traceback.format_exc()
        self._count(world, plan)

    def missing(self, least: int = 1) -> list[str]:
        """What was injected less often than that."""
        return [each for each in EXPECTED if self.injected[each] < least]

    def seldom(self, count: int) -> list[str]:
        """So many of what was injected least often."""
        return [
            each.removeprefix("kill ") for each in sorted(EXPECTED, key=self.injected.__getitem__)[:count]
        ]

    def lines(self) -> list[str]:
        """All of it, for people."""
        rows = [f"{count:10,}  {what}" for what, count in sorted(self.injected.items())]
        seen = ", ".join(f"{count:,} {what}" for what, count in self.seen.items())
        return [f"{self.schedules:,} schedules: {seen}", *rows]

    def _count(self, world: World, plan: Plan) -> None:
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


def _name(seed: int, target: str | None) -> str:
    return f"seed {seed}" if target is None else f"seed {seed}, aiming at {target!r}"


def run_seeds(seeds: range, targets: Sequence[str | None] = (None,)) -> Tally:
    """Some schedules, that aim at these in turn."""
    tally = Tally()
    for seed in seeds:
        tally.run(seed, targets[seed % len(targets)])
    return tally


def run_until_all(tally: Tally, seed: int, tries: int) -> None:
    """More schedules, at most so many for each kill and fault that has not been injected yet."""
    for name in tally.missing():
        target = name.removeprefix("kill ")
        for count in range(tries):
            if tally.injected[name]:
                break
            tally.run(seed + count, target)
