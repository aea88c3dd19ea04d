"""Snapshots that somebody has changed, and checksummed again."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np

from fastcore import Engine, snapshot
from fastcore.views import DTYPES
from unit.core_world import loaded

Sections = dict[str, Any]
Change = Callable[[dict[str, Any], Sections], None]
PLACES = ("older", "newer", "live")
"""Fields that lead to places in memory: they are not written."""


def damaged(content: bytes, change: Change) -> Engine:
    """The engine of a snapshot that somebody has changed, and checksummed again."""
    header, views = snapshot.read(io.BytesIO(content))
    sections = {name: np.array(view, np.uint8) for name, view in views.items()}
    change(header, sections)
    file = io.BytesIO()
    snapshot.write(file, header, sections.items())
    made = loaded(file.getvalue())
    assert made.digest() == file.getvalue()[-16:].hex() != content[-16:].hex()
    return made


def add(section: str, name: str, field: str, amount: int) -> Change:
    """A change that adds to a field of a table's first row."""

    def change(_: dict[str, Any], sections: Sections) -> None:
        full = DTYPES[name]
        kept = [each for each in full.names or () if each not in PLACES]
        kind = np.dtype([(each, full[each]) for each in kept])
        table = sections[section].view(full if kind.itemsize == full.itemsize else kind)
        assert len(table) > 0
        table[field][0] += amount

    return change


def count(name: str, place: int) -> Change:
    """A change that adds one to a counter."""

    def change(header: dict[str, Any], _: Sections) -> None:
        header["numbers"][name][place] += 1

    return change
