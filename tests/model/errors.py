"""What the twin raises: a configuration that cannot be, a batch that cannot be."""

from __future__ import annotations


class TwinConfigError(Exception):
    """A configuration is refused; ``mistakes`` names every one of them, each with its key."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = tuple(mistakes)


class TwinSchemaError(Exception):
    """A batch is malformed: its kind, a column, a type, a null, or its ``now``."""
