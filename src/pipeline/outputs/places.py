"""Where a node's outputs lie: the data set, and what the process that makes it keeps beside.

::

    DATA/outputs/description.json               what it holds: see `pipeline.outputs.description`
    DATA/outputs/ledger/day=2026-01-01/0-000000000012-000000000340.parquet
    DATA/outputs/balances/day=2026-01-01/0.parquet
    DATA/outputs/.state/                        the process' own: no reader looks into it
    DATA/run/outputs.json                       how it stands
    DATA/run/outputs.sock                       where it answers this machine's programs

A file holds rows of one shard, of the batches from one number to another, both included; numbers of files of a shard
and output never overlap. `day` is the local date of the engine's time when the rows were made. `balances` has the
state table ``accounts`` at the end of each day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["BALANCES", "OutputPlaces", "Piece", "day_of", "day_text", "piece_of"]

BALANCES: Final = "balances"
"""The accounts at the end of each day, beside the outputs."""
_PIECE: Final = re.compile(r"([0-9]{1,2})-([0-9]{12,20})-([0-9]{12,20})\.parquet")
_DAY: Final = re.compile(r"day=([0-9]{4}-[0-9]{2}-[0-9]{2})")


class Piece(NamedTuple):
    """A file of the data set by its name: a shard's rows of the batches `first` to `last`."""

    shard: int
    first: int
    last: int

    @property
    def name(self) -> str:
        """The name of the file."""
        return f"{self.shard}-{self.first:012d}-{self.last:012d}.parquet"


def piece_of(name: str) -> Piece | None:
    """The piece that a file is, by its name; None if it is none."""
    found = _PIECE.fullmatch(name)
    return Piece(int(found[1]), int(found[2]), int(found[3])) if found else None


def day_text(day: date) -> str:
    """The name of a day's folder."""
    return f"day={day.isoformat()}"


def day_of(name: str) -> date | None:
    """The day of a folder, by its name; None if it is none's."""
    found = _DAY.fullmatch(name)
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class OutputPlaces:
    """Where the outputs of a node's data directory lie."""

    data: Path

    @property
    def root(self) -> Path:
        """The folder of the data set."""
        return self.data / "outputs"

    @property
    def description(self) -> Path:
        """What the data set holds."""
        return self.root / "description.json"

    @property
    def own(self) -> Path:
        """What the process keeps for itself, on the same file system."""
        return self.root / ".state"

    @property
    def status(self) -> Path:
        """How the process stands."""
        return self.data / "run" / "outputs.json"

    @property
    def socket(self) -> Path:
        """Where the process answers programs of this machine."""
        return self.data / "run" / "outputs.sock"

    def of_shard(self, shard: int) -> Path:
        """The folder of a shard's checkpoints and cursor."""
        return self.own / f"shard-{shard}"

    def output(self, name: str) -> Path:
        """The folder of an output, or of `BALANCES`."""
        return self.root / name

    def day(self, name: str, day: date) -> Path:
        """The folder of a day of an output."""
        return self.root / name / day_text(day)

    def days(self, name: str) -> list[date]:
        """The days of an output that are there, the oldest first."""
        folder = self.output(name)
        if not folder.is_dir():
            return []
        return sorted(day for each in folder.iterdir() if (day := day_of(each.name)) is not None)

    def pieces(self, name: str, day: date) -> list[Piece]:
        """The pieces of a day of an output, by shard and number; none where the day is not there."""
        folder = self.day(name, day)
        if not folder.is_dir():
            return []
        return sorted(piece for each in folder.iterdir() if (piece := piece_of(each.name)) is not None)

    def files(self, name: str) -> Iterator[Path]:
        """Every file of an output, or of `BALANCES`, the oldest day first; a listing, of this moment."""
        for day in self.days(name):
            folder = self.day(name, day)
            yield from sorted(each for each in folder.iterdir() if each.name[0] not in "._")
