"""The named moments at which something may be killed, and how often that really happened.

A point is ``before``, ``during`` or ``after`` something: an operation on a disk, told apart by the file that it
concerns, or a step of the program. `Points` counts which are reached, and kills at the one that the plan names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from simulation.disk import Faults, Killed


def _around(*what: str) -> list[str]:
    """Before and after, of what a disk does in parts also during it."""
    in_parts = ("write", "sync", "sync_names")
    return [
        f"{when} {each}"
        for each in what
        for when in ("before", *(["during"] if each.split()[0] in in_parts else []), "after")
    ]


MAKING = ("create {} aside", "write {} aside", "sync {} aside", "replace {} aside")
"""What is done to a file that is made whole or not at all."""


def _making(what: str) -> list[str]:
    return [each.format(what) for each in MAKING]


RUNNING = _around(
    *("write segment", "sync segment", *_making("segment"), "sync_names segment", "remove segment"),
    *(
        *_making("engine"),
        *_making("lines"),
        "replace lines",
        "sync_names lines",
        "remove lines",
        "remove engine",
    ),
    *("remove segment aside", "remove engine aside", "remove lines aside"),
    *("apply", "answer", "command", "rows", "switch of segments", "prune", "snapshot"),
)
"""Where the processes of a node are killed while they run."""
RECOVERING = [
    f"{point} in recovery"
    for point in [
        "before replay",
        "during replay",
        *_around(
            *(*_making("torn end"), *_making("segment"), "sync_names segment", "remove segment"),
            *("remove torn end aside", "remove segment aside"),
            *("remove engine", "remove lines", "remove engine aside", "remove lines aside"),
        ),
    ]
]
"""Where they are killed while they recover."""
CLIENT = [
    f"client {point}"
    for point in _around(
        *("write segment", "sync segment", *_making("segment"), "sync_names segment", "remove segment"),
        *(*_making("torn end"), "remove torn end aside", "remove segment aside"),
        *(*_making("cursors"), "sync_names cursors", "remove cursors aside", "store"),
    )
]
"""Where clients are."""

FULL = [
    *(f"full write {what} aside" for what in ("segment", "engine", "lines")),
    *(f"full write {what} aside in recovery" for what in ("torn end", "segment")),
    *(f"client full write {what} aside" for what in ("segment", "torn end", "cursors")),
]
"""Where a disk has no room; what is written in place has it already."""

_SUBJECTS = (
    ("torn", "torn end"),
    ("segment", "segment"),
    ("lines", "lines"),
    ("engine", "engine"),
    ("cursors", "cursors"),
)


class Kill(NamedTuple):
    """A kill, or an EIO, at a point: how often that is passed, and the chance that the power fails too."""

    point: str
    nth: int = 1
    power: float = 0.5


@dataclass
class Points(Faults):
    """Faults whose kills are named; several disks and a program share one.

    Attributes:
        who: in front of each name, empty for a node's.
        phase: behind each name, such as `` in recovery``.
        kills: what is to come, one after the other.
        struck: the chance that the power fails too, if one has come since somebody looked.
        reached: how often each point was.
    """

    who: str = ""
    phase: str = ""
    kills: list[Kill] = field(default_factory=list)
    struck: float | None = None
    reached: Counter[str] = field(default_factory=Counter)
    _passed: int = 0

    def reach(self, point: str) -> None:
        """The program is here."""
        if self._due(point):
            self._kill(point)

    def step(self, what: str, act: Callable[[], None], partly: Callable[[], None] | None = None) -> None:
        self.operations += 1
        point = _point(what)
        self.reach(f"before {point}")
        if partly is not None and self._due(f"during {point}"):
            partly()
            self._kill(f"during {point}")
        act()
        self.reach(f"after {point}")

    def fails(self, what: str) -> bool:
        return self._due(f"EIO {_point(what)}") or super().fails(what)

    def full(self, what: str) -> bool:
        point = f"full {_point(what)}"
        due = self._due(point)
        if due:
            self.injected[self.who + point + self.phase] += 1
        return due

    def _due(self, point: str) -> bool:
        name = self.who + point + self.phase
        self.reached[name] += 1
        if not self.kills or name != self.kills[0].point:
            return False
        self._passed += 1
        if self._passed < self.kills[0].nth:
            return False
        self.struck, self._passed = self.kills.pop(0).power, 0
        return True

    def _kill(self, where: str) -> None:
        name = self.who + where + self.phase
        self.injected[f"kill {name}"] += 1
        raise Killed(name)


def _point(what: str) -> str:
    """The operation, and what it concerns: of a file its part in the whole, of names the directory."""
    operation, _, name = what.partition(" ")
    subject = next((words for part, words in _SUBJECTS if part in name), name)
    aside = " aside" if name.endswith(".tmp") else ""
    return f"{operation} {subject}{aside}"
