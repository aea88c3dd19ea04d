"""Which head-end gets an account's commands: by the district, by its grid, or whatever no other gets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from pipeline.node.config import EVERYTHING, HeadEndConfig

__all__ = ["Allowed", "Route", "Routes"]

Allowed = Callable[[], Mapping[str, bytes]]
"""The keys of head-ends that may connect now: 32 bytes by name."""

ONLY: Final = ""
"""Stands for the name of the only head-end there is, where none is configured."""


class Route(NamedTuple):
    """Where commands go: whose key, None where no such key may connect now, and how they are written."""

    key: bytes | None
    config: HeadEndConfig


class Routes:
    """The ways to head-ends.

    `headends` are those that the configuration names. Where it names none and one head-end may connect, that one gets
    all; where several may, nobody can tell which is meant, and commands wait.
    """

    def __init__(self, headends: Mapping[str, HeadEndConfig], allowed: Allowed) -> None:
        self._headends = dict(headends) or {ONLY: HeadEndConfig(name=ONLY, districts=frozenset({EVERYTHING}))}
        self._only = not headends
        self._allowed = allowed
        self._by_district = {each: name for name, of in self._headends.items() for each in of.districts}
        self._by_grid = {each: name for name, of in self._headends.items() for each in of.grids}

    @property
    def by_grid(self) -> bool:
        """Whether the grid of a district is needed."""
        return bool(self._by_grid)

    def name(self, district_id: int | str, grid: str | None) -> str | None:
        """Which head-end gets the commands of a district; None: no one."""
        found = self._by_district.get(str(district_id))
        if found is None and grid is not None:
            found = self._by_grid.get(grid)
        return self._by_district.get(EVERYTHING) if found is None else found

    def to(self, name: str) -> Route:
        """The way to a head-end, as it is now."""
        allowed = self._allowed()
        if not self._only:
            return Route(allowed.get(name), self._headends[name])
        key = next(iter(allowed.values())) if len(allowed) == 1 else None
        return Route(key, self._headends[name])
