"""A folder with outputs, whichever way they came there: what a query is asked of.

Two layouts hold the same: what `feikong replay` and `feikong demo` leave (a file for each output and state table), and
a node's data directory (a data set of many files, and what its outputs process still has in memory). Here both become
a `Folder`: for each output its files, and rows that are in no file; for each state table its rows.

Each row is there once. In a node rows move from memory into files all the time: the tail is asked for first and the
files are listed after it, so that a row may be in both, and none in neither; of the files only what the tail calls
sealed is taken (`pipeline.outputs.tables`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from fastcore import Config
from fastcore.errors import FeikongError

__all__ = ["Folder", "QueryError", "Rows"]


class QueryError(FeikongError):
    """A question that cannot be answered: what is wrong with it or with the folder, and what would be right."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a table: those of some files, and some in memory.

    Attributes:
        schema: of the table, without a column for the shard.
        files: Parquet files; a pattern of no files is an empty tuple.
        tail: rows beside those of the files, with the column `shard` last; None where there are none.
        sealed: of the files only rows up to this batch count, by shard; empty: all rows do.
        sharded: whether the files have the column `shard`; else all their rows are of shard 0.
    """

    schema: pa.Schema
    files: tuple[Path, ...] = ()
    tail: pa.Table | None = None
    sealed: Mapping[int, int] = field(default_factory=dict)
    sharded: bool = False


class Folder(Protocol):
    """What a query is asked of.

    Attributes:
        path: where it is.
        outputs: the outputs that it has.
        states: the state tables that it has.
        daily: whether it has the accounts of each day's end.
    """

    path: Path
    outputs: tuple[str, ...]
    states: tuple[str, ...]
    daily: bool

    def rows(self, output: str) -> Rows:
        """The rows of an output, as of this moment; raises `QueryError`."""

    def state(self, name: str) -> Rows:
        """A state table, as of now; raises `QueryError`."""

    def balances(self) -> Rows:
        """The accounts at the end of each day, if they are kept; raises `QueryError`."""

    def config(self) -> Config | None:
        """The configuration in force, None where the folder does not say."""

    def note(self) -> str | None:
        """What a reader must know of these rows, such as that they are old; None if there is nothing."""

    def close(self) -> None:
        """Let go of what was opened."""
