"""Reading a TOML document key by key, collecting every mistake with its key instead of stopping at the first.

A `Reader` stands on one table. Each ``take`` reads a key, notes what is wrong with it and then returns None;
`done` notes the keys that nobody took. A mistake reads ``"engine.cell: expected a duration …; found 15"``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from fastcore.config_limits import NAME_BYTES
from fastcore.config_values import Misfit, shown

__all__ = ["REQUIRED", "Mistakes", "Reader"]

T = TypeVar("T")


class _Required:
    """The type of `REQUIRED`."""


REQUIRED = _Required()
"""Given as a default: a key without which the table is a mistake."""


class Mistakes(list[str]):
    """What is wrong so far, in the order of the reading."""

    def note(self, key: str, what: str) -> None:
        """Add a mistake about a key."""
        self.append(f"{key}: {what}")


class Reader:
    """One table of the document, its key, and where its mistakes go."""

    def __init__(self, key: str, table: Mapping[str, object], mistakes: Mistakes) -> None:
        self.key = key
        self.mistakes = mistakes
        self._table = table
        self._taken: list[str] = []

    def __len__(self) -> int:
        return len(self._table)

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def path(self, name: str) -> str:
        """Return a key of this table as it is called from the top of the document."""
        return f"{self.key}.{name}" if self.key else name

    def note(self, name: str, what: str) -> None:
        """Add a mistake about a key of this table."""
        self.mistakes.note(self.path(name), what)

    def take(self, name: str, parse: Callable[[object], T], default: T | _Required = REQUIRED) -> T | None:
        """Return what ``parse`` makes of a key, the default if it is left out, or None if it is a mistake."""
        self._taken.append(name)
        if name not in self._table:
            if isinstance(default, _Required):
                self.note(name, "is required, and is missing")
                return None
            return default
        try:
            return parse(self._table[name])
        except Misfit as misfit:
            self.note(name, str(misfit))
            return None

    def table(self, name: str, required: bool = True) -> Reader | None:
        """Return the reader of a table inside this one; an empty one if it may be left out and is."""
        default: dict[str, object] | _Required = REQUIRED if required else {}
        found = self.take(name, _table, default)
        return None if found is None else Reader(self.path(name), found, self.mistakes)

    def tables(self, most: int) -> Iterator[tuple[str, Reader]]:
        """Yield every key of this table, each a table itself, with its reader, in the order of the file."""
        if len(self) > most:
            self.mistakes.note(self.key, f"expected at most {most}; found {len(self)}")
            return
        for name in self:
            if not 1 <= len(name.encode()) <= NAME_BYTES:
                self.note(name, f"expected a name of 1 to {NAME_BYTES} bytes; found {len(name.encode())}")
            reader = self.table(name)
            if reader is not None:
                yield name, reader

    def list_of_tables(self, name: str, least: int, most: int, required: bool = True) -> list[Reader] | None:
        """Return the readers of a list of tables; of an empty one if it may be left out and is."""
        default: list[object] | _Required = REQUIRED if required else []
        found = self.take(name, _list, default)
        if found is None:
            return None
        if not least <= len(found) <= most:
            self.note(name, f"expected {least} to {most} of them; found {len(found)}")
            return None
        out: list[Reader] = []
        for i, item in enumerate(found):
            key = f"{self.path(name)}[{i}]"
            if isinstance(item, dict):
                out.append(Reader(key, item, self.mistakes))
            else:
                self.mistakes.note(key, f"expected a table; found {shown(item)}")
        return out if len(out) == len(found) else None

    def done(self) -> None:
        """Note every key that was not taken."""
        for name in self:
            if name not in self._taken:
                self.note(name, f"unknown key; expected one of {', '.join(dict.fromkeys(self._taken))}")


def _table(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise Misfit("a table", value)
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise Misfit("a list", value)
    return value
