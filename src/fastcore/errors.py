"""The exceptions of fastcore: what a *call* did wrong.

A bad *row* never raises; it becomes a row of ``exceptions`` with a reason (reference, section 3). What is
raised here leaves the engine as it was: nothing has changed and no number has been taken.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["ConfigError", "FeikongError", "InvariantError", "SchemaError", "SnapshotError"]


class FeikongError(Exception):
    """What every exception of this package is."""


class ConfigError(FeikongError):
    """A configuration, or a change of one, that is refused.

    ``mistakes`` holds all of them at once, in the order of the file, each as ``"key: what is wrong; expected
    …; found …"``.
    """

    mistakes: tuple[str, ...]

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__(self.mistakes)

    def __str__(self) -> str:
        if len(self.mistakes) == 1:
            return self.mistakes[0]
        return "\n".join(
            [f"{len(self.mistakes)} mistakes in the configuration:", *(f"  {m}" for m in self.mistakes)]
        )


class SchemaError(FeikongError):
    """A malformed batch: of an unknown kind, with wrong columns, types or nulls, or too far ahead in time."""


class SnapshotError(FeikongError):
    """A snapshot that cannot be loaded: cut short, damaged, or of another version."""


class InvariantError(FeikongError):
    """The engine found its own books wrong (reference, section 10). This is a bug, never bad input."""
