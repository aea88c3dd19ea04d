"""From rows of the core's structs to Arrow: one function for each output and each table of the state.

``rows`` are NumPy arrays whose dtypes are those of the structs in ``rows.pxd``. Columns keep their int64 values:
instants in seconds, energy in Wh and money in nano-units become Arrow types of the same eight bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fastcore import types
from fastcore.schemas import ENERGY, INSTANT, MONEY, OUTPUTS, PAYMENT_ID

__all__ = [
    "FRAMES",
    "Source",
    "command",
    "empty_output",
    "entries",
    "fixed",
    "instants",
    "names",
    "record_batch",
    "words",
]

Rows = NDArray[Any]
Bools = NDArray[np.bool_]

_NONE: Final = 0xFFFFFFFF
_NEVER: Final = -0x7FFFFFFFFFFFFFFF
_STATE_OF_ENTRY: Final = ("opened", "closed")
_TABLE_OF_FINDING: Final = np.array([0, 1, 0, 0, 2, 2, 2, 2, 2, 2], np.int8)
"""By `Finding`: whether its subject is a meter (0), an account (1), or a district or the engine (2)."""


class Source(Protocol):
    """What an engine lends to the functions of this module."""

    sequence: int
    now_s: int
    id_type: pa.DataType
    window_s: int
    subjects: bytes
    tariff_names: tuple[str | None, ...]
    policy_names: tuple[str | None, ...]
    level_texts: tuple[str, ...]

    def id_column(self, table: str, rows: Rows, valid: Bools | None = None) -> pa.Array:
        """Return the ids of rows of "meters", "accounts" or "districts"; null where not ``valid``."""

    def texts(self, which: str, rows: Rows) -> list[str | None]:
        """Return "name" or "grid" of districts; None for the row that is none."""

    def districts_of(self, table: str, rows: Rows) -> Rows:
        """Return the districts, as rows, of rows of "meters" or "accounts"."""


def _bits(valid: Bools | None) -> pa.Buffer | None:
    return (
        None
        if valid is None or valid.all()
        else pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())
    )


def fixed(kind: pa.DataType, values: Rows, valid: Bools | None = None) -> pa.Array:
    """Return a column of a fixed width over values of the same width."""
    return pa.Array.from_buffers(
        kind, len(values), [_bits(valid), pa.py_buffer(np.ascontiguousarray(values))]
    )


@cache
def _dictionary(vocabulary: Any) -> pa.Array:
    return pa.array(types.names(vocabulary) if isinstance(vocabulary, type) else vocabulary, pa.string())


def words(vocabulary: Any, codes: Rows, valid: Bools | None = None) -> pa.Array:
    """Return a dictionary-encoded column of the names of an enum."""
    return pa.DictionaryArray.from_arrays(
        fixed(pa.int8(), codes.astype(np.int8), valid), _dictionary(vocabulary)
    )


def names(all_names: Sequence[str | None], rows: Rows) -> pa.Array:
    """Return a dictionary-encoded column of names of tariffs or policies."""
    dictionary = pa.array([name or "" for name in all_names], pa.string())
    return pa.DictionaryArray.from_arrays(fixed(pa.int32(), rows.astype(np.int32)), dictionary, safe=False)


def instants(values: Rows) -> pa.Array:
    """Return instants; null for those that never were."""
    return fixed(INSTANT, values, values != _NEVER)


def _sequence(source: Source, rows: Rows) -> pa.Array:
    return fixed(pa.uint64(), np.full(len(rows), source.sequence, np.uint64))


def _now(source: Source, rows: Rows) -> pa.Array:
    return fixed(INSTANT, np.full(len(rows), source.now_s, np.int64))


def _ledger(source: Source, rows: Rows) -> list[pa.Array]:
    return [
        _sequence(source, rows),
        fixed(pa.uint32(), rows["row"]),
        source.id_column("accounts", rows["account"]),
        fixed(INSTANT, rows["at_s"]),
        words(types.Ledger, rows["kind"]),
        fixed(MONEY, rows["amount_nano"]),
        fixed(MONEY, rows["balance_nano"]),
        fixed(PAYMENT_ID, rows["ref"], rows["has_ref"] != 0),
    ]


def _exceptions(source: Source, rows: Rows) -> list[pa.Array]:
    has = rows["has"]
    offsets = np.concatenate([np.zeros(1, np.int64), rows["subject_end"]]).astype(np.int32)
    subject = pa.Array.from_buffers(
        pa.string(), len(rows), [_bits((has & 1) != 0), pa.py_buffer(offsets), pa.py_buffer(source.subjects)]
    )
    return [
        _sequence(source, rows),
        fixed(pa.uint32(), rows["row"]),
        words(types.Kind, rows["kind"]),
        words(types.Reason, rows["reason"]),
        subject,
        fixed(INSTANT, rows["at_s"], (has & 2) != 0),
        fixed(pa.int64(), rows["value"], (has & 4) != 0),
        fixed(MONEY, rows["amount_nano"], (has & 8) != 0),
    ]


def _notices(source: Source, rows: Rows) -> list[pa.Array]:
    level = rows["level_text"]
    return [
        _sequence(source, rows),
        source.id_column("accounts", rows["account"]),
        words(types.Notice, rows["kind"]),
        pa.array(source.level_texts, pa.string()).take(pa.array(level, mask=level < 0)),
        _now(source, rows),
        fixed(MONEY, rows["balance_nano"]),
    ]


def _commands(source: Source, rows: Rows) -> list[pa.Array]:
    return [_sequence(source, rows), *command(source, rows)]


def command(source: Source, rows: Rows | dict[str, Rows]) -> list[pa.Array]:
    """Return the columns of commands but ``seq``."""
    return [
        fixed(pa.uint64(), rows["id"]),
        words(types.Command, rows["kind"]),
        fixed(pa.uint32(), rows["attempt"]),
        source.id_column("accounts", rows["account"]),
        source.id_column("meters", rows["meter"]),
        fixed(INSTANT, rows["issued_at_s"]),
        fixed(INSTANT, rows["expires_at_s"]),
        words(types.Cause, rows["cause"]),
    ]


def _window(source: Source, rows: Rows) -> list[pa.Array]:
    start = rows["window"] * source.window_s
    return [
        fixed(INSTANT, start),
        fixed(INSTANT, start + source.window_s),
        fixed(pa.uint32(), rows["revision"]),
    ]


def _districts(source: Source, rows: Rows) -> list[pa.Array]:
    supply, loss = rows["supply_wh"], rows["supply_wh"] - rows["consumption_wh"]
    ratio = np.divide(loss, supply, out=np.zeros(len(rows)), where=supply != 0)
    return [
        _sequence(source, rows),
        source.id_column("districts", rows["district"]),
        *_window(source, rows),
        fixed(ENERGY, supply),
        fixed(ENERGY, rows["consumption_wh"]),
        fixed(ENERGY, loss),
        fixed(pa.float64(), ratio, supply != 0),
        fixed(pa.uint32(), rows["received"]),
        fixed(pa.uint32(), rows["expected"]),
    ]


def _collection(source: Source, rows: Rows) -> list[pa.Array]:
    return [
        _sequence(source, rows),
        source.id_column("districts", rows["district"]),
        words(types.Klass, rows["klass"]),
        *_window(source, rows),
        fixed(pa.uint32(), rows["received"]),
        fixed(pa.uint32(), rows["expected"]),
    ]


def _subjects(source: Source, rows: Rows, tables: Rows, valid: Bools) -> pa.Array:
    """Return as text the subjects of findings or orders: each is a row of its table, or the engine."""
    out = np.full(len(rows), None, object)
    for number, table in enumerate(("meters", "accounts", "districts")):
        at = np.flatnonzero(valid & (tables == number))
        if len(at):
            out[at] = [str(each) for each in source.id_column(table, rows["subject"][at]).to_pylist()]
    return pa.array(out, pa.string())


def entries(source: Source, rows: Rows, vocabulary: type, closed: Rows, at: pa.Array) -> list[pa.Array]:
    """Return the columns of findings or orders but ``seq``; district and grid are those of now."""
    valid = rows["subject"] != _NONE
    tables = np.ones(len(rows), np.int8) if vocabulary is types.Order else _TABLE_OF_FINDING[rows["kind"]]
    district = rows["district"].copy()
    for number, table in enumerate(("meters", "accounts")):
        here = np.flatnonzero(valid & (tables == number))
        district[here] = source.districts_of(table, rows["subject"][here])
    return [
        fixed(pa.uint64(), rows["id"]),
        words(vocabulary, rows["kind"]),
        words(_STATE_OF_ENTRY, closed),
        _subjects(source, rows, tables, valid),
        source.id_column("districts", district, valid),
        pa.array(source.texts("grid", np.where(valid, district, _NONE)), pa.string()),
        at,
        pa.nulls(len(rows), pa.string()),
    ]


def _findings(source: Source, rows: Rows) -> list[pa.Array]:
    return [
        _sequence(source, rows),
        *entries(source, rows, types.Finding, rows["closed"], _now(source, rows)),
    ]


def _orders(source: Source, rows: Rows) -> list[pa.Array]:
    return [_sequence(source, rows), *entries(source, rows, types.Order, rows["closed"], _now(source, rows))]


FRAMES: Final[dict[str, Callable[[Source, Rows], list[pa.Array]]]] = {
    "ledger": _ledger,
    "exceptions": _exceptions,
    "notices": _notices,
    "commands": _commands,
    "districts": _districts,
    "collection": _collection,
    "findings": _findings,
    "orders": _orders,
}
"""Of every output but ``intervals``, whose columns the core writes itself."""


def record_batch(output: str, source: Source, rows: Rows) -> pa.RecordBatch:
    """Return the rows of an output of the running batch."""
    return pa.RecordBatch.from_arrays(FRAMES[output](source, rows), schema=OUTPUTS[output](source.id_type))


@cache
def empty_output(output: str, id_type: pa.DataType) -> pa.RecordBatch:
    """Return an output of no rows; always the same one."""
    schema = OUTPUTS[output](id_type)
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)
