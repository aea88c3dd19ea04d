"""All that may go wrong, by name; and what each schedule aims at, which its number tells."""

from __future__ import annotations

from simulation.points import CLIENT, FULL, RECOVERING, RUNNING

__all__ = ["AIMS", "EXPECTED", "FAULTS", "POINTS", "aim_of", "name_of", "seed_of"]

POINTS = RUNNING + RECOVERING + CLIENT
"""Where something is killed."""
FAULTS = [
    *("power failure", "lost sector", "spoiled sector", "lost name", "short write", "sector taken for clean"),
    *(f"EIO {operation}" for operation in ("create", "write", "sync", "replace", "remove", "sync_names")),
    *("full", *FULL, "snapshot damaged", "candidate damaged", "journal damaged"),
    *("clock ahead", "clock behind", "NO-TRIP", "key revoked", "node stalled", "worker stalled"),
    *("worker killed", "client killed", "client away", "worker outlives its node"),
    *("lost message", "damaged message", "late message", "message twice", "messages swapped"),
    *("broken connection", "full queue", "cursor too old"),
]
"""What else goes wrong."""
AIMS = POINTS + FAULTS
"""What schedules aim at, in turn."""


def name_of(aim: str) -> str:
    """What is counted when it is hit."""
    return f"kill {aim}" if aim in _POINTS else aim


def aim_of(seed: int) -> str:
    """What a schedule aims at."""
    return AIMS[seed % len(AIMS)]


def seed_of(aim: str, count: int) -> int:
    """The schedule that is the `count`-th to aim at this."""
    return count * len(AIMS) + AIMS.index(aim)


_POINTS = frozenset(POINTS)
EXPECTED = [name_of(aim) for aim in AIMS]
"""All that must really have been injected, or a run has shown nothing."""
