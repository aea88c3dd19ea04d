"""The questions, in the order in which they are asked: a file of this folder each."""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from benchmarks.figures import Figure, Question, Size

__all__ = ["MODULES", "Asked", "load"]

MODULES = {
    "floor": "benchmarks.bare_floor",
    "grouped": "benchmarks.grouped",
    "random": "benchmarks.random_order",
    "utf8": "benchmarks.utf8",
    "dirty": "benchmarks.dirty",
    "peers": "benchmarks.bench_peers",
    "growth": "benchmarks.growth",
    "memory": "benchmarks.memory",
    "threads": "benchmarks.threads",
    "recovery": "benchmarks.recovery",
    "outputs": "benchmarks.outputs",
    "node": "benchmarks.node",
    "latency": "benchmarks.latency",
    "hostile": "benchmarks.hostile",
    "start": "benchmarks.start",
    "journal": "benchmarks.journal_recovery",
    "snapshot": "benchmarks.snapshot_pause",
}


class Asked(Protocol):
    """What a question's file holds."""

    QUESTION: Question

    def run(self, size: Size) -> list[Figure]:
        """Measure it."""


def load(name: str) -> Asked:
    """Import a question's file."""
    return cast(Asked, import_module(MODULES[name]))
