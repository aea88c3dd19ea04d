"""What becomes of days that are over: compacted once every shard is beyond them, dropped once they have been kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from pipeline.outputs.compact import Compactor
from pipeline.outputs.places import OutputPlaces, day_text
from pipeline.outputs.tree import Tree

__all__ = ["GRACE_S", "Keeper"]

GRACE_S: Final = 600.0
"""So long does a folder that was replaced or dropped stay aside, for readers that have begun to list it."""


class Keeper:
    """Looks after the days of a data set, from one thread; `keep_days` has outputs whose days do not stay for ever."""

    def __init__(
        self,
        places: OutputPlaces,
        tree: Tree,
        outputs: Collection[str],
        keep_days: Mapping[str, int],
        monotonic_s: Callable[[], float],
    ) -> None:
        self._places = places
        self._tree = tree
        self._outputs = outputs
        self._keep_days = keep_days
        self._monotonic_s = monotonic_s
        self._compactor = Compactor(places, tree)
        self._dropped = places.own / "dropped"
        self._seen: dict[Path, float] = {}

    def recover(self) -> None:
        """After a start, before anything is written: remove what was written aside. Raises `OSError`."""
        for path in sorted(self._places.root.glob("*/day=*/_*.tmp")):
            self._tree.remove(path)
        self._compactor.recover()

    def look(self, day: date | None) -> None:
        """Do what can be done; `day` is that of the shard that is furthest behind. Raises `OSError`."""
        if day is not None:
            for name, days in self._keep_days.items():
                self._drop(name, day - timedelta(days))
            for name in self._outputs:
                for over in self._compactor.open_days(name, day):
                    self._compactor.compact(name, over)
        self._forget()

    def _drop(self, name: str, before: date) -> None:
        for day in self._places.days(name):
            if day < before:
                aside = self._dropped / name / day_text(day)
                self._tree.clear(self._compactor.before / name / day_text(day))
                self._tree.clear(aside)
                self._tree.move(self._places.day(name, day), aside)

    def _forget(self) -> None:
        """Remove what has stood aside for long enough."""
        now_s = self._monotonic_s()
        for root in (self._compactor.before, self._dropped):
            for folder in sorted(root.glob("*/day=*")):
                if now_s >= self._seen.setdefault(folder, now_s) + GRACE_S:
                    self._tree.clear(folder)
                    del self._seen[folder]
