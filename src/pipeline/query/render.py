"""What a query gives, written down: CSV, JSON, Parquet, Arrow, each exact to the last digit.

Money and energy are never floating-point numbers: in CSV and JSON they are decimals as text, in JSON in quotes.
Instants are ISO 8601 with the offset of the engine's zone. Null is an empty field in CSV.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.query.catalog import Result

__all__ = ["BINARY", "FORMATS", "plain", "save", "write"]

ASIDE: Final = ".part"


def write(result: Result, form: str, out: IO[bytes]) -> int:
    """Write all rows in a format of `FORMATS`, batch by batch; how many they were. Raises `QueryError`, `OSError`."""
    return FORMATS[form](result, out)


def save(result: Result, form: str, path: Path) -> int:
    """Write all rows to a file: whole, or not at all. Raises `QueryError`, `OSError`."""
    aside = path.with_name(f".{path.name}{ASIDE}")
    try:
        with open(aside, "wb") as out:
            rows = write(result, form, out)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return rows


def plain(value: Any) -> Any:
    """A value as JSON has it; see the module."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return value


def _csv(result: Result, out: IO[bytes]) -> int:
    rows = 0
    text = io.TextIOWrapper(out, "utf8", newline="", write_through=True)
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(result.schema.names)
    for batch in result:
        columns = [map(_field, column.to_pylist()) for column in batch.columns]
        writer.writerows(zip(*columns, strict=True))
        rows += batch.num_rows
    text.flush()
    text.detach()
    return rows


def _field(value: Any) -> Any:
    found = plain(value)
    if isinstance(found, bool):
        return str(found).lower()
    return json.dumps(found, ensure_ascii=False) if isinstance(found, list | dict) else found


def _json(result: Result, out: IO[bytes]) -> int:
    """A list of objects, one a line."""
    rows = 0
    out.write(b"[")
    for row in _dicts(result):
        out.write(b",\n " if rows else b"\n ")
        out.write(json.dumps(row, ensure_ascii=False, default=str).encode())
        rows += 1
    out.write(b"\n]\n" if rows else b"]\n")
    return rows


def _dicts(result: Result) -> Iterator[dict[str, Any]]:
    for batch in result:
        for row in batch.to_pylist():
            yield {key: plain(value) for key, value in row.items()}


def _parquet(result: Result, out: IO[bytes]) -> int:
    rows = 0
    with pq.ParquetWriter(out, result.schema, compression="zstd") as writer:
        for batch in result:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def _arrow(result: Result, out: IO[bytes]) -> int:
    """The stream format of Arrow IPC."""
    rows = 0
    with pa.ipc.new_stream(out, result.schema) as writer:
        for batch in result:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


FORMATS: Final[dict[str, Callable[[Result, IO[bytes]], int]]] = {
    "csv": _csv,
    "json": _json,
    "parquet": _parquet,
    "arrow": _arrow,
}
BINARY: Final = ("parquet", "arrow")
