"""The rows of a file, typed as the engine takes them; what cannot be typed is a reject, the rest goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import SourceError
from pipeline.sources.columns import COLUMNS, Column, Ids, arrow_type
from pipeline.sources.files import Block, blocks, column_names
from pipeline.sources.mapping import FileMapping
from pipeline.sources.numbers import counts, typed
from pipeline.sources.rejects import Rejects
from pipeline.sources.times import Clock

__all__ = ["Rows", "check_file", "read_rows", "schema_of"]

# Whose rows a stamp of an hour that runs twice is told apart by.
_OWNER = {"reads": "meter_id", "payments": "account_id", "meters": "meter_id"}


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of one kind, and how many of their energies were rounded to whole counts."""

    table: pa.Table
    rounded: int = 0


def schema_of(kind: str, ids: Ids) -> pa.Schema:
    """The schema of the rows of `kind`."""
    return pa.schema([(column.name, arrow_type(column, ids)) for column in COLUMNS[kind]])


def check_file(kind: str, path: Path, mapping: FileMapping) -> list[str]:
    """Our columns that the file has; raises `SourceError` for one that it lacks and must have."""
    theirs = column_names(path, mapping)
    present = []
    for column in COLUMNS[kind]:
        missing = [name for name in mapping.theirs(column.name) if name not in theirs]
        if not missing:
            present.append(column.name)
        named = column.name in mapping.columns
        if missing and (
            named or not (column.optional or column.default is not None or column.name in mapping.fixed)
        ):
            near = get_close_matches(missing[0], theirs, n=1)
            hint = f" (meant {near[0]!r}?)" if near else ""
            raise SourceError(
                f"{path}: no column {missing[0]!r} for {kind}.{column.name}{hint}; "
                f"it has {', '.join(theirs)}; expected that name, or one of these in the mapping's [{kind}]"
            )
        if any(theirs.count(name) > 1 for name in mapping.theirs(column.name)):
            raise SourceError(
                f"{path}: several columns called {mapping.theirs(column.name)}; expected one of each"
            )
    return present


def read_rows(kind: str, path: Path, mapping: FileMapping, ids: Ids, rejects: Rejects) -> Iterator[Rows]:
    """The rows of a CSV, Parquet or Arrow file, block by block, with columns as in `schema_of`.

    Rejects are told with line, column and text. Raises `SourceError` for a file that lacks a column.
    """
    present = check_file(kind, path, mapping)
    names = list(dict.fromkeys(name for ours in present for name in mapping.theirs(ours)))
    reader = _Reader(kind, path, mapping, ids, rejects, present)

    def told(line: int | None, text: str, reason: str) -> None:
        rejects.add(kind, path, line, None, text, reason)

    for block in blocks(path, mapping, names, told):
        yield reader.rows(block)


class _Reader:
    """Types one file's blocks."""

    def __init__(
        self, kind: str, path: Path, mapping: FileMapping, ids: Ids, rejects: Rejects, present: list[str]
    ) -> None:
        self._kind = kind
        self._path = path
        self._mapping = mapping
        self._ids = ids
        self._rejects = rejects
        self._present = present
        self._clock = Clock(mapping, marks_interval=kind == "reads")

    def rows(self, block: Block) -> Rows:
        """The block's good rows; tells its bad ones."""
        problems: dict[int, tuple[str, str]] = {}
        columns: dict[str, pa.Array] = {}
        rounded = 0
        for want in COLUMNS[self._kind]:
            cells = self._cells(want, block)
            values, wrong, also_rounded = self._typed(want, cells, block, columns)
            rounded += also_rounded
            for theirs in self._mapping.theirs(want.name):
                for row in block.undecodable.get(theirs, ()):
                    wrong[row] = f"not in {self._mapping.encoding}; expected text in it, or another encoding"
            for row, reason in wrong.items():
                problems.setdefault(row, (want.name, reason))
            columns[want.name] = values
        table = pa.table(columns, schema=schema_of(self._kind, self._ids))
        if not problems:
            return Rows(table, rounded)
        good = np.ones(block.rows, bool)
        for row in sorted(problems):
            good[row] = False
            name, reason = problems[row]
            self._tell(block, row, name, reason)
        return Rows(table.filter(pa.array(good)), rounded)

    def _tell(self, block: Block, row: int, name: str, reason: str) -> None:
        theirs = self._mapping.theirs(name)
        cells = [block.columns[part][row].as_py() for part in theirs if part in block.columns]
        text = " ".join("" if cell is None else str(cell) for cell in cells)
        self._rejects.add(self._kind, self._path, int(block.lines[row]), ", ".join(theirs), text, reason)

    def _cells(self, want: Column, block: Block) -> pa.Array:
        """The file's cells for a column, or what the mapping fixes; null where there is nothing."""
        if want.name in self._mapping.fixed:
            return pa.repeat(str(self._mapping.fixed[want.name]), block.rows)
        if want.name not in self._present:
            return pa.nulls(block.rows, pa.string())
        parts = [block.columns[name] for name in self._mapping.theirs(want.name)]
        if len(parts) > 1:
            parts = [pc.binary_join_element_wise(*(part.cast(pa.string()) for part in parts), " ")]
        [cells] = parts
        if pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type):
            cells = pc.if_else(pc.equal(cells, ""), None, cells)
        return cells

    def _typed(
        self, want: Column, cells: pa.Array, block: Block, so_far: dict[str, pa.Array]
    ) -> tuple[pa.Array, dict[int, str], int]:
        kind = arrow_type(want, self._ids)
        if cells.null_count == 0:
            return self._filled(want, cells, np.arange(block.rows), so_far)
        filled = cells.is_valid().to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(filled)
        values, wrong, rounded = self._filled(want, cells.filter(pa.array(filled)), rows, so_far)
        places = pa.array(np.cumsum(filled) - 1, mask=~filled)
        values = values.take(places) if len(values) else pa.nulls(block.rows, kind)
        wrong = {int(rows[row]): reason for row, reason in wrong.items()}
        if want.default is not None:
            value, _ = typed(pa.array([want.default]), want, self._ids, self._mapping)
            values = pc.if_else(pa.array(filled), values, value[0])
        elif not want.optional:
            wrong.update(dict.fromkeys(map(int, np.flatnonzero(~filled)), "empty; expected a value"))
        return values, wrong, rounded

    def _filled(
        self, want: Column, cells: pa.Array, rows: npt.NDArray[np.int64], so_far: dict[str, pa.Array]
    ) -> tuple[pa.Array, dict[int, str], int]:
        """The typed values of cells without nulls, which stand in the block's `rows`."""
        try:
            return self._read(want, cells, rows, so_far)
        except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as error:
            raise SourceError(
                f"{self._path}: column {self._mapping.theirs(want.name)} for {self._kind}.{want.name} is of "
                f"type {cells.type}; expected texts or {arrow_type(want, self._ids)}"
            ) from error

    def _read(
        self, want: Column, cells: pa.Array, rows: npt.NDArray[np.int64], so_far: dict[str, pa.Array]
    ) -> tuple[pa.Array, dict[int, str], int]:
        if want.meaning == "energy":
            return counts(cells, self._mapping)
        if want.meaning != "instant":
            values, wrong = typed(cells, want, self._ids, self._mapping)
            return values, wrong, 0
        first, second, wrong = self._clock.read(cells)
        twice = np.flatnonzero(first != second)
        if len(twice):
            owners = so_far[_OWNER[self._kind]].take(pa.array(rows[twice])).to_pylist()
            self._clock.settle(owners, first, second)
        return pa.array(first, pa.int64()).cast(arrow_type(want, self._ids)), wrong, 0
