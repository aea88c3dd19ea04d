"""What goes wrong in a schedule: made from its number, so that a number is all that is needed to see it again."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from simulation.network import Noise
from simulation.points import CLIENT, RECOVERING, RUNNING

__all__ = ["POINTS", "Kill", "Plan", "after_an_error", "plan_for", "plan_of"]

POINTS = RUNNING + RECOVERING + CLIENT
NTH = (1, 1, 2, 3, 5, 8, 13)
TEARS = ("during write segment", "before sync segment", "during sync segment", "after write segment")
"""Kills that leave a torn end, if the power fails too."""


class Kill(NamedTuple):
    """At which point, how often it is passed first, and the chance that the power fails too."""

    point: str
    nth: int = 1
    power: float = 0.5


@dataclass
class Plan:
    """Chances are of each round.

    Attributes:
        kills, client_kills: of the node and of clients, one after the other.
        power: chance that the power fails with whoever dies of something else.
        spoil: share of the sectors that were not synced which a power failure spoils.
        queue: messages between a worker and the shard.
    """

    rounds: int = 24
    kills: list[Kill] = field(default_factory=list)
    client_kills: list[Kill] = field(default_factory=list)
    power: float = 0.5
    spoil: float = 0.2
    noise: Noise = field(default_factory=Noise)
    worker_dies: float = 0.0
    client_dies: float = 0.0
    eio: float = 0.0
    full: float = 0.0
    no_trip: float = 0.0
    leap: float = 0.0
    damage: float = 0.0
    orphans: float = 0.0
    away: float = 0.0
    snapshot: float = 0.05
    queue: int = 64


def plan_of(seed: int) -> Plan:
    """The plan of a schedule: each point has its turn, all else is drawn."""
    return plan_for(POINTS[seed % len(POINTS)], Random(seed))


def plan_for(target: str, random: Random) -> Plan:
    """A plan with a kill at this point."""
    plan = Plan()
    kills = plan.client_kills if target in CLIENT else plan.kills
    before = _before(target, random)
    if before is not None:
        kills.append(before)
    kills.append(Kill(target, 1 if before else random.choice(NTH)))
    if random.random() < 0.3:
        plan.kills.append(Kill(random.choice(RUNNING + RECOVERING)))
    elif random.random() < 0.3:
        plan.kills += after_an_error(random)
    if random.random() < 0.3:
        plan.client_kills.append(Kill(random.choice(CLIENT), random.choice(NTH)))
    if random.random() < 0.5:
        plan.noise = Noise(*(random.choice((0.0, 0.01, 0.05)) for _ in range(6)))
    for name, chance in (
        ("worker_dies", 0.02),
        ("client_dies", 0.05),
        ("eio", 0.02),
        ("full", 0.03),
        ("no_trip", 0.03),
        ("leap", 0.02),
        ("damage", 0.1),
        ("orphans", 0.5),
        ("away", 0.1),
    ):
        if random.random() < 0.25:
            setattr(plan, name, chance)
    plan.spoil = random.choice((0.2, 0.5, 0.9))
    plan.queue = random.choice((2, 8, 64, 64))
    if any(word in target for word in ("remove", "prune", "lines", "engine", "snapshot")):
        plan.snapshot, plan.rounds = 0.6, 45
    if target in RUNNING and "remove" in target and "aside" in target:
        plan.eio = 0.3
    return plan


def after_an_error(random: Random) -> list[Kill]:
    """A sync fails, and only the cache knows what was to be written; later the power fails."""
    return [
        Kill("EIO sync segment", random.choice(NTH), 0.0),
        Kill(random.choice(("after answer", "before apply", "after sync segment")), random.choice(NTH), 1.0),
    ]


def _before(target: str, random: Random) -> Kill | None:
    """Of a point that only a second start reaches: what must have happened before it."""
    who = "client " if target in CLIENT else ""
    if "remove torn end aside" in target:
        phase = "" if who else " in recovery"
        return Kill(
            f"{who}{random.choice(('after create', 'during write', 'before sync'))} torn end aside{phase}",
            1,
            0.0,
        )
    if "torn end" in target:
        return Kill(who + random.choice(TEARS), random.choice(NTH), 1.0)
    if "remove segment aside" in target and target not in RUNNING:
        at = random.choice(("after create", "during write", "before sync"))
        return Kill(f"{who}{at} segment aside", random.choice((1, 1, 2)), 0.0)
    if target not in RECOVERING:
        return None
    if "remove segment" in target:
        return Kill(random.choice(TEARS), random.choice(NTH), 0.5)
    for what in ("engine", "lines"):
        if f"remove {what} aside" in target:
            return Kill(
                f"{random.choice(('after create', 'during write', 'before sync'))} {what} aside", 1, 0.0
            )
    if "remove lines" in target:
        return Kill(random.choice(("after replace lines aside", "before replace lines")), 1, 0.0)
    if "remove engine" in target:
        return Kill(random.choice(("after replace engine aside", "before replace lines")), 1, 0.0)
    return Kill(random.choice(RUNNING), random.choice(NTH))
