"""What time it is: the only module that asks, so that everything else can be told."""

from __future__ import annotations

import time
from typing import Protocol

__all__ = ["Clock", "RealClock"]


class Clock(Protocol):
    """A clock; a test hands in its own."""

    def now_s(self) -> int:
        """Seconds since 1970 UTC, as far as this machine knows."""

    def monotonic_s(self) -> float:
        """Seconds since some moment, which never go back: for measuring."""


class RealClock:
    """The clock of the machine."""

    def now_s(self) -> int:
        """Seconds since 1970 UTC, as far as this machine knows."""
        return int(time.time())

    def monotonic_s(self) -> float:
        """Seconds since some moment, which never go back."""
        return time.monotonic()
