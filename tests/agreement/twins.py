"""The twin dressed as an engine, so that generator and comparison can be tried without one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from model import Twin
from model.schemas import OUTPUT_TYPES, STATE_TYPES, table


class TwinEngine:
    """A twin that takes and gives Arrow, as the engine does."""

    def __init__(self, text: str) -> None:
        self.twin = Twin(text)

    def apply(self, kind: str, batch: Any, now: int) -> Any:
        """Apply one batch; effects with a record batch per output."""
        effects = self.twin.apply(kind, batch, now)
        ids = self.twin.world.ids
        return SimpleNamespace(**{n: table(rows, OUTPUT_TYPES[n], ids) for n, rows in effects.items()})

    def audit(self) -> None:
        """Assert the twin's invariants."""
        self.twin.check()

    def __getattr__(self, name: str) -> Any:
        if name not in STATE_TYPES:
            raise AttributeError(name)
        return lambda: table(getattr(self.twin, name)(), STATE_TYPES[name], self.twin.world.ids)
