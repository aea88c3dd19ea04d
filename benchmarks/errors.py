"""What a benchmark raises: a wrong answer, or something missing that it needs."""

from __future__ import annotations

__all__ = ["BenchmarkError", "CannotRun", "WrongAnswer"]


class BenchmarkError(Exception):
    """Why there is no figure: what was wrong, where, and what would be right."""


class WrongAnswer(BenchmarkError):
    """An answer that was not the one expected: its time means nothing, and none is printed."""


class CannotRun(BenchmarkError):
    """Something is missing that the benchmark needs: a compiler, memory, a package."""
