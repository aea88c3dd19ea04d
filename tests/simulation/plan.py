"""What goes wrong in a schedule: made from its number, so that a number is all that is needed to see it again."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from simulation.faults import POINTS, aim_of
from simulation.network import Noise
from simulation.points import CLIENT, FULL, RECOVERING, RUNNING, Kill

__all__ = ["Kill", "Plan", "after_an_error", "plan_of"]

NTH = (1, 1, 2, 3, 5, 8, 13)
SELDOM = (
    *("remove", "prune", "lines", "engine", "snapshot", "switch", "command", "segment aside", "names"),
    *("rows", "cursors", "store"),
)
CHANCES = {
    "worker_dies": 0.02,
    "client_dies": 0.05,
    "eio": 0.02,
    "full": 0.03,
    "no_trip": 0.03,
    "leap": 0.02,
    "damage": 0.1,
    "orphans": 0.5,
    "away": 0.1,
    "stall": 0.05,
    "revoke": 0.02,
}
_LOSSES: dict[str, Any] = {
    "kills": [Kill("during write segment", nth, 1.0) for nth in (2, 5)] + [Kill("after apply", 3, 1.0)],
    "spoil": 0.5,
}
_NAMES: dict[str, Any] = {
    "kills": [
        Kill(f"{what} aside in recovery", 1, 1.0)
        for what in ("after replace segment", "after create segment")
    ]
}
BOOSTS: dict[str, dict[str, Any]] = {
    "power failure": _LOSSES,
    "lost sector": _LOSSES,
    "spoiled sector": _LOSSES,
    "lost name": _NAMES,
    "journal damaged": {"damage": 1.0, "kills": [Kill("after answer", 9, 0.0), Kill("after answer", 5, 0.0)]},
    "snapshot damaged": {"damage": 1.0, "snapshot": 1.0, "rounds": 60},
    "clock ahead": {"leap": 0.2},
    "clock behind": {"leap": 0.2},
    "messages swapped": {"noise": Noise(swapped=0.5)},
    "message twice": {"noise": Noise(twice=0.3)},
    "lost message": {"noise": Noise(lost=0.2)},
    "damaged message": {"noise": Noise(damaged=0.2)},
    "late message": {"noise": Noise(late=0.3)},
    "broken connection": {"noise": Noise(broken=0.2)},
    "full": {"full": 0.3, "snapshot": 1.0, "rounds": 60},
    "full queue": {"queue": 2},
    "NO-TRIP": {"no_trip": 0.2},
    "worker killed": {"worker_dies": 0.2},
    "client killed": {"client_dies": 0.2},
    "client away": {"away": 0.2},
    "candidate damaged": {"damage": 0.5, "snapshot": 1.0},
    "key revoked": {"revoke": 0.2},
    "node stalled": {"stall": 0.2},
    "worker stalled": {"stall": 0.2},
    "cursor too old": {"away": 0.2, "kept_bytes": 1 << 10, "rounds": 40},
    "worker outlives its node": {"orphans": 1.0, "kills": [Kill("after answer", 5, 0.0)]},
}
"""What is more than usual in a plan that aims at a fault."""
TEARS = ("during write segment", "before sync segment", "during sync segment", "after write segment")
"""Kills that leave a torn end, if the power fails too."""


@dataclass
class Plan:
    """Chances are of each round.

    Attributes:
        kills, client_kills: of the node and of clients, one after the other.
        power: chance that the power fails with whoever dies of something else.
        spoil: share of the sectors that were not synced which a power failure spoils.
        queue: messages between a worker and the shard.
        kept_bytes: rows that the feed keeps.
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
    stall: float = 0.0
    revoke: float = 0.0
    snapshot: float = 0.05
    queue: int = 64
    kept_bytes: int = 1 << 20


def plan_of(seed: int) -> Plan:
    """The plan of a schedule: each fault has its turn to be aimed at, all else is drawn."""
    target, random = aim_of(seed), Random(f"plan {seed}")
    plan = Plan()
    _draw(plan, random)
    if target in POINTS or target in FULL:
        _aim(plan, target, random)
    elif target.startswith("EIO "):
        plan.kills.insert(0, Kill(_an_error(target, random)))
        plan.snapshot, plan.rounds = 1.0, 60
    elif target in BOOSTS:
        for name, chance in BOOSTS[target].items():
            setattr(plan, name, list(chance) if isinstance(chance, list) else chance)
    return plan


def after_an_error(random: Random) -> list[Kill]:
    """A sync fails, and only the cache knows what was to be written; later the power fails."""
    return [
        Kill("EIO sync segment", random.choice(NTH), 0.0),
        Kill(random.choice(("after answer", "before apply", "after sync segment")), random.choice(NTH), 1.0),
    ]


def _draw(plan: Plan, random: Random) -> None:
    """All that has nothing to do with what the plan aims at."""
    if random.random() < 0.3:
        plan.kills.append(Kill(random.choice(RUNNING + RECOVERING)))
    elif random.random() < 0.3:
        plan.kills += after_an_error(random)
    if random.random() < 0.3:
        plan.client_kills.append(Kill(random.choice(CLIENT), random.choice(NTH)))
    if random.random() < 0.5:
        plan.noise = Noise(*(random.choice((0.0, 0.01, 0.05)) for _ in range(6)))
    for name, chance in CHANCES.items():
        if random.random() < 0.25:
            setattr(plan, name, chance)
    plan.spoil = random.choice((0.2, 0.5, 0.9))
    plan.queue = random.choice((2, 8, 64, 64))
    plan.kept_bytes = random.choice((4096, 1 << 20, 1 << 20, 1 << 20))


def _aim(plan: Plan, target: str, random: Random) -> None:
    """Have what is needed for a kill there, and the kill."""
    of_client = target.startswith("client ")
    kills = plan.client_kills if of_client else plan.kills
    before = _before(target, random)
    seldom = any(word in target for word in SELDOM)
    nth = 1 if before or target.endswith("command") else random.choice((1, 1, 2) if seldom else NTH)
    kills[:0] = [*before, Kill(target, nth)]
    if seldom:
        plan.rounds = 45
    if seldom and not of_client:
        plan.snapshot = 0.6
    if target.endswith("command"):
        plan.snapshot, plan.rounds = 0.05, 120
    elif target.endswith(("remove segment", "prune")):
        plan.snapshot, plan.rounds = 1.0, 100
    if "torn end" in target:
        plan.spoil = 0.9


def _before(target: str, random: Random) -> list[Kill]:
    """What must have happened before a point is reached."""
    who, phase = ("client ", "") if target.startswith("client ") else ("", " in recovery")
    half = random.choice(("after create", "during write", "before sync"))
    torn = Kill(who + random.choice(TEARS), random.choice((1, 2, 3, 5)), 1.0)
    if "remove torn end aside" in target:
        return [torn, Kill(f"{who}{half} torn end aside{phase}", 1, 0.0)]
    if "torn end" in target:
        return [torn]
    if "remove" in target and "aside" in target and target in RUNNING:
        what = target.split()[2]
        return [Kill(f"EIO sync {what} aside", random.choice((1, 1, 2)), 0.0)]
    for what in ("segment", "cursors"):
        if f"remove {what} aside" in target:
            return [Kill(f"{who}{half} {what} aside", random.choice((1, 1, 2)), 0.0)]
    if not target.endswith(phase or " "):
        return []
    if "remove segment" in target:
        return [torn._replace(power=0.5)]
    for what in ("engine", "lines"):
        if f"remove {what} aside" in target:
            return [Kill(f"{half} {what} aside", 1, 0.0)]
    if "remove lines" in target:
        return [Kill(random.choice(("after replace lines aside", "before replace lines")), 1, 0.0)]
    if "remove engine" in target:
        return [Kill(random.choice(("after replace engine aside", "before replace lines")), 1, 0.0)]
    return [Kill(random.choice(("after answer", "before apply", *TEARS)), random.choice(NTH))]


def _an_error(target: str, random: Random) -> str:
    """One of the operations of this kind."""
    files = {"write": ["segment"], "sync": ["segment"], "remove": ["segment", "lines", "engine"]}
    others = {"sync_names": ["segment", "lines"]}
    operation = target.removeprefix("EIO ")
    aside = [f"{what} aside" for what in ("segment", "engine", "lines")]
    return f"{target} {random.choice(files.get(operation, others.get(operation, aside)))}"
