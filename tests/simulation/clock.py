"""A clock that goes on when it is told to, and may be wrong."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class SimClock:
    """What a machine's clock shows, and the time that has really passed."""

    shown_s: float
    passed_s: float = 0.0

    def now_s(self) -> int:
        return int(self.shown_s)

    def monotonic_s(self) -> float:
        return self.passed_s

    def pass_by(self, seconds: float, *, pace: float = 1.0) -> None:
        """Time passes; a clock shows it at its own pace."""
        self.passed_s += seconds
        self.shown_s += seconds * pace
