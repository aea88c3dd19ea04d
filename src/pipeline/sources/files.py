"""A source file as blocks of columns, each of which knows its rows' line numbers.

Text files come as texts, whatever their columns hold: what a cell means is decided where it can be told which
row it is wrong in. Lines with too many or too few columns, and cells that are not text, are rejects here;
blank lines are nothing.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from pipeline.batchlog import ARROW_ENDINGS
from pipeline.errors import SourceError
from pipeline.sources.mapping import FileMapping

__all__ = ["Block", "blocks", "column_names", "file_format"]

BLOCK_ROWS = 131_072
BLOCK_BYTES = 8 << 20
_NEM_STARTS = (b"100,NEM12", b"100,NEM13")

Told = Callable[[int | None, str, str], None]  # line, text, reason: one reject


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a file: equally long columns by the file's names, and the line of each row."""

    columns: dict[str, pa.Array]
    lines: npt.NDArray[np.int64]
    undecodable: dict[str, set[int]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows these are."""
        return len(self.lines)


def file_format(path: Path, mapping: FileMapping) -> str:
    """`csv`, `parquet`, `arrow` or `nem`: as the mapping says, or by the ending and the first bytes."""
    if mapping.format != "auto":
        return mapping.format
    ending = path.suffix.lower()
    if ending == ".parquet":
        return "parquet"
    if ending in ARROW_ENDINGS:
        return "arrow"
    with path.open("rb") as file:
        start = file.read(len(_NEM_STARTS[0]))
    return "nem" if ending == ".zip" or start in _NEM_STARTS else "csv"


def column_names(path: Path, mapping: FileMapping) -> list[str]:
    """The names of the file's columns; raises `SourceError` where the file is none."""
    form = file_format(path, mapping)
    try:
        if form == "csv":
            return _header(path, mapping)
        if form == "parquet":
            return list(pq.read_schema(path).names)
        with _arrow_reader(path) as reader:
            return list(reader.schema.names)
    except (pa.ArrowException, UnicodeDecodeError, LookupError, csv.Error) as error:
        raise SourceError(f"{path}: cannot be read as {form}: {error}") from error


def blocks(path: Path, mapping: FileMapping, names: list[str], told: Told) -> Iterator[Block]:
    """The columns `names` of a CSV, Parquet or Arrow file, block by block; rejects go to `told`."""
    form = file_format(path, mapping)
    if form == "csv":
        yield from _csv_blocks(path, mapping, names, told)
        return
    start = 1
    try:
        for batch in _batches(path, form, names):
            yield Block(
                dict(zip(names, batch.select(names).columns, strict=True)),
                np.arange(start, start + len(batch)),
            )
            start += len(batch)
    except (pa.ArrowException, OSError) as error:
        told(None, "", f"cannot be read after row {start - 1}: {error}")


def _batches(path: Path, form: str, names: list[str]) -> Iterator[pa.RecordBatch]:
    if form == "parquet":
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(batch_size=BLOCK_ROWS, columns=names)
    else:
        with _arrow_reader(path) as reader:
            yield from reader


class _ArrowReader:
    """An Arrow IPC file or stream: its schema, and its batches one by one."""

    def __init__(self, path: Path) -> None:
        self._source = pa.OSFile(str(path), "rb")
        try:
            self._file: Any = pa.ipc.open_file(self._source)
            self._stream: Any = None
        except pa.ArrowInvalid:
            self._source.seek(0)
            self._stream = pa.ipc.open_stream(self._source)
        self.schema: pa.Schema = (self._stream or self._file).schema

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        if self._stream is not None:
            return iter(self._stream)
        return map(self._file.get_batch, range(self._file.num_record_batches))

    def __enter__(self) -> _ArrowReader:
        return self

    def __exit__(self, *error: object) -> None:
        self._source.close()


def _arrow_reader(path: Path) -> _ArrowReader:
    return _ArrowReader(path)


def _header(path: Path, mapping: FileMapping) -> list[str]:
    with path.open(encoding=_encoding(mapping), errors="replace", newline="") as file:
        for _ in range(mapping.skip_lines):
            file.readline()
        header = next(csv.reader(file, delimiter=mapping.delimiter), None)
    if not header:
        raise SourceError(
            f"{path}: has no header in line {mapping.skip_lines + 1}; expected the names of its columns"
        )
    return header


def _encoding(mapping: FileMapping) -> str:
    name = codecs.lookup(mapping.encoding).name
    return "utf-8-sig" if name == "utf-8" else name


def _csv_blocks(path: Path, mapping: FileMapping, names: list[str], told: Told) -> Iterator[Block]:
    lines = _Lines(first=mapping.skip_lines + 2)

    def ragged(row: pa_csv.InvalidRow) -> str:
        lines.skipped.append(row.number)
        told(
            row.number,
            row.text,
            f"{row.actual_columns} columns; expected {row.expected_columns}, as in the header",
        )
        return "skip"

    try:
        with _bytes_of(path, mapping) as source:
            reader = pa_csv.open_csv(
                source,
                read_options=pa_csv.ReadOptions(
                    block_size=BLOCK_BYTES, skip_rows=mapping.skip_lines, use_threads=False
                ),
                parse_options=pa_csv.ParseOptions(
                    delimiter=mapping.delimiter,
                    ignore_empty_lines=False,
                    newlines_in_values=True,
                    invalid_row_handler=ragged,
                ),
                convert_options=pa_csv.ConvertOptions(
                    include_columns=names, column_types=dict.fromkeys(names, pa.binary())
                ),
            )
            for batch in reader:
                yield _texts(dict(zip(names, batch.columns, strict=True)), lines.of(len(batch)))
    except pa.ArrowInvalid as error:
        told(None, "", f"cannot be read after line {lines.last}: {error}")


def _bytes_of(path: Path, mapping: FileMapping) -> Any:
    """The file as UTF-8; what another encoding cannot say becomes U+FFFD."""
    if _encoding(mapping) == "utf-8-sig":
        return path.open("rb")
    return codecs.EncodedFile(path.open("rb"), "utf8", mapping.encoding, errors="replace")


class _Lines:
    """Line numbers of the rows that a CSV reader hands out, given those that it passed over."""

    def __init__(self, first: int) -> None:
        self.skipped: list[int] = []
        self.last = first - 1
        self._first = first
        self._handed_out = 0

    def of(self, rows: int) -> npt.NDArray[np.int64]:
        """The lines of the next `rows` rows."""
        places = np.arange(self._handed_out, self._handed_out + rows, dtype=np.int64)
        skipped = np.sort(np.array(self.skipped, np.int64)) - self._first
        # The i-th skipped line stands before every row whose place is at least its own less i.
        places += np.searchsorted(skipped - np.arange(len(skipped)), places, side="right")
        self._handed_out += rows
        lines = places + self._first
        self.last = int(lines[-1]) if rows else self.last
        return lines


def _texts(columns: dict[str, pa.Array], lines: npt.NDArray[np.int64]) -> Block:
    """Cells as trimmed texts; rows in which every cell is empty are left out."""
    texts: dict[str, pa.Array] = {}
    undecodable: dict[str, set[int]] = {}
    for name, column in columns.items():
        try:
            text = column.cast(pa.string())
        except pa.ArrowInvalid:
            text, undecodable[name] = _decode(column)
        texts[name] = pc.utf8_trim_whitespace(text)
    filled = np.zeros(len(lines), bool)
    for text in texts.values():
        filled |= pc.not_equal(text, "").to_numpy(zero_copy_only=False)
    if filled.all():
        return Block(texts, lines, undecodable)
    place = np.cumsum(filled) - 1
    kept = pa.array(filled)
    return Block(
        {name: text.filter(kept) for name, text in texts.items()},
        lines[filled],
        {name: {int(place[row]) for row in rows if filled[row]} for name, rows in undecodable.items()},
    )


def _decode(column: pa.Array) -> tuple[pa.Array, set[int]]:
    cells = [cell.decode("utf8", "replace") for cell in column.to_pylist()]
    return pa.array(cells, pa.string()), {row for row, cell in enumerate(cells) if "\ufffd" in cell}
