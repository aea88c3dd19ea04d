"""What goes wrong in a schedule: made from its number, so that a number is all that is needed to see it again."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from simulation.network import Noise
from simulation.points import CLIENT, RECOVERING, RUNNING

NTH = (1, 1, 2, 3, 5, 8, 13, 21)
TEARS = ("during write segment", "before sync segment", "during sync segment", "after write segment")
"""Kills that leave a torn end, if the power fails too."""


@dataclass
class Plan:
    """Chances are of each round.

    Attributes:
        kills: the node's named points of kills, one after the other, and how often each is passed first.
        kill_client: likewise of one kill of a client.
        power: chance that the power fails with whoever is killed.
        queue: messages between a worker and the shard.
    """

    rounds: int = 45
    kills: list[tuple[str, int]] = field(default_factory=list)
    kill_client: tuple[str, int] | None = None
    power: float = 0.5
    noise: Noise = field(default_factory=Noise)
    worker_dies: float = 0.0
    client_dies: float = 0.0
    eio: float = 0.0
    full: float = 0.0
    no_trip: float = 0.0
    leap: float = 0.0
    damage: float = 0.0
    snapshot: float = 0.3
    queue: int = 64


def plan_of(seed: int) -> Plan:
    """The plan of a schedule: each point has its turn, all else is drawn."""
    random = Random(seed)
    points = RUNNING + RECOVERING
    target = points[seed % len(points)]
    plan = Plan()
    if target in RECOVERING:
        plan.kills = [(random.choice(RUNNING), random.choice(NTH))]
        if "torn" in target or "remove segment" in target:
            plan.kills = [(random.choice(TEARS), random.choice(NTH))]
            plan.power = 1.0
        plan.kills.append((target, 1))
    else:
        plan.kills = [(target, random.choice(NTH))]
    if random.random() < 0.3:
        plan.kills.append((random.choice(points), 1))
    if any(word in target for word in ("remove", "prune", "replay", "lines", "engine", "snapshot")):
        plan.snapshot = 1.0
        plan.rounds = 70
    if random.random() < 0.4:
        plan.kill_client = (CLIENT[seed // len(points) % len(CLIENT)], random.choice(NTH))
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
    ):
        if random.random() < 0.25:
            setattr(plan, name, chance)
    plan.queue = random.choice((2, 8, 64, 64))
    return plan
