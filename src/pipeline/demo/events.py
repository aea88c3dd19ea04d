"""An agenda: what happens when, in order of time and, at one instant, in order of arrival."""

from __future__ import annotations

import heapq
from typing import Generic, TypeVar

T = TypeVar("T")


class Agenda(Generic[T]):
    """A queue of things to come; ties keep their order of arrival, so a run is the same each time."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, T]] = []
        self._serial = 0

    def add(self, at_s: int, thing: T) -> None:
        """Put ``thing`` down for the instant ``at_s``."""
        heapq.heappush(self._heap, (at_s, self._serial, thing))
        self._serial += 1

    def due(self, until_s: int) -> list[tuple[int, T]]:
        """Take out everything that happens at or before ``until_s``, with its instant, in order."""
        taken: list[tuple[int, T]] = []
        while self._heap and self._heap[0][0] <= until_s:
            at_s, _, thing = heapq.heappop(self._heap)
            taken.append((at_s, thing))
        return taken
