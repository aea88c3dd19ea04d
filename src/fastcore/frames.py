"""From rows of the core's structs to Arrow, for the tables of the state.

``rows`` are NumPy arrays whose dtypes are those of the structs in ``rows.pxd``. Columns keep their int64 values:
instants in seconds, energy in Wh and money in nano-units become Arrow types of the same eight bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fastcore import types
from fastcore.schemas import INSTANT, OUTPUTS

__all__ = [
    "Source",
    "empty_output",
    "fixed",
    "instants",
    "names",
    "schema_of",
    "words",
]

Rows = NDArray[Any]
Bools = NDArray[np.bool_]

_NEVER: Final = -0x7FFFFFFFFFFFFFFF


class Source(Protocol):
    """What an engine lends to the functions of this module."""

    sequence: int
    now_s: int
    id_type: pa.DataType
    tariff_names: tuple[str | None, ...]
    policy_names: tuple[str | None, ...]

    def id_column(self, table: str, rows: Rows, valid: Bools | None = None) -> pa.Array:
        """Return the ids of rows of "meters", "accounts" or "districts"; null where not ``valid``."""

    def texts(self, which: str, rows: Rows) -> list[str | None]:
        """Return "name" or "grid" of districts; None for the row that is none."""


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


@cache
def schema_of(output: str, id_type: pa.DataType) -> pa.Schema:
    """Return the schema of an output; always the same one."""
    return OUTPUTS[output](id_type)


@cache
def empty_output(output: str, id_type: pa.DataType) -> pa.RecordBatch:
    """Return an output of no rows; always the same one."""
    schema = schema_of(output, id_type)
    return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)
