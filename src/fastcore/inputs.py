"""Batches as they come, to the columns that the core reads (reference, "Embedding" and "Inputs").

A batch may be anything that speaks the Arrow PyCapsule interface, a mapping of names to arrays, or None for a
tick. `take` finds the columns of its kind, checks their types and nulls, and gives each as one contiguous
array. A row's own faults are not looked at here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, cast

import numpy as np
import pyarrow as pa

from fastcore.canonical import Mismatch, canonical, is_text, settled
from fastcore.errors import SchemaError
from fastcore.fromvalues import array_of
from fastcore.schemas import INPUTS, Column, Domain

__all__ = ["UNSOUND", "Ids", "Taken", "take"]

Ids = Literal["uint64", "utf8"]

_ROWS_MAX: Final = 2**31 - 1
_UINT64: Final = pa.uint64()
UNSOUND: Final = (pa.ArrowException, TypeError, ValueError, OverflowError, LookupError, NotImplementedError)
"""What PyArrow raises at data that is damaged, or of a type that it has no class for."""


class Taken(NamedTuple):
    """The columns of a batch, as the core reads them.

    Attributes
    ----------
    rows : int
        Rows of the batch, and of each column.
    ids : "uint64", "utf8" or None
        What the batch's ids are; None if it has no column of ids.
    columns : dict[str, pa.Array]
        By name. Instants and money are int64 (seconds, nano-units), flags uint8, ``status`` uint16,
        ``command_id`` uint64, ``payment_id`` fixed_size_binary(16), ``loss_limit`` float64, other numbers
        int64, ids uint64 or utf8, and the rest utf8. Each has aligned buffers, and may begin anywhere in
        them. An optional column may be absent, and may hold nulls.

    """

    rows: int
    ids: Ids | None
    columns: dict[str, pa.Array]


def take(kind: str, batch: object, ids: Ids | None) -> Taken:
    """Return the columns of a batch of one kind; ``ids`` are the engine's, None while that is open.

    Raises SchemaError, naming the column, what it is and what it must be, if the batch is malformed: an
    unknown kind, a column that is missing, twice there, of a wrong type or length, or damaged; nulls where
    none may be; ids of two kinds, or of the wrong one. Columns that already are what the core reads are not
    copied: about 20 µs for reads.
    """
    wanted = INPUTS.get(kind)
    if wanted is None:
        takes = (
            "config takes its TOML as text, not a batch"
            if kind == "config"
            else f"unknown kind of batch, {kind!r}"
        )
        raise SchemaError(f"{takes}; expected one of {', '.join(INPUTS)}")
    rows, found = _columns(kind, batch, wanted)
    if rows > _ROWS_MAX:
        raise SchemaError(f"{kind}: expected at most {_ROWS_MAX} rows; found {rows}")
    columns: dict[str, pa.Array] = {}
    for column in wanted:
        chunks = found.get(column.name)
        if chunks is None:
            if column.required:
                raise SchemaError(f"{kind}.{column.name}: is missing; expected {column.domain.value}")
            continue
        array = _column(kind, column, chunks, ids)
        if array is None:
            continue
        if len(array) != rows:
            raise SchemaError(
                f"{kind}.{column.name}: expected {rows} rows, as the other columns have; found {len(array)}"
            )
        columns[column.name] = array
        if column.domain is Domain.ID:
            # The first column of ids decides for the others.
            ids = "uint64" if array.type == _UINT64 else "utf8"
    has_ids = any(column.domain is Domain.ID and column.name in columns for column in wanted)
    return Taken(rows, ids if has_ids else None, columns)


def _column(kind: str, column: Column, chunks: list[pa.Array], ids: Ids | None) -> pa.Array | None:
    """Return the one array of a column, or None for an optional one that says nothing."""
    was = chunks[0].type
    if not column.required and pa.types.is_null(was):
        return None
    if column.domain is Domain.ID and ids is not None and is_text(was) != (ids == "utf8"):
        raise SchemaError(f"{kind}.{column.name}: is {was}; expected {ids}, as the engine's other ids are")
    try:
        arrays = [canonical(column.domain, chunk) for chunk in chunks]
        array = settled(arrays[0] if len(arrays) == 1 else pa.concat_arrays(arrays))
    except Mismatch as mismatch:
        what = f"{was} ({mismatch})" if mismatch.args else str(was)
        raise SchemaError(f"{kind}.{column.name}: is {what}; expected {column.domain.value}") from None
    except MemoryError:
        raise
    except UNSOUND as error:
        raise SchemaError(
            f"{kind}.{column.name}: is damaged {was} ({error}); expected {column.domain.value}"
        ) from None
    if column.required and array.null_count:
        row = int(np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))[0])
        raise SchemaError(
            f"{kind}.{column.name}: is null in row {row}; expected {column.domain.value} without nulls"
        )
    return array


def _columns(kind: str, batch: object, wanted: tuple[Column, ...]) -> tuple[int, dict[str, list[pa.Array]]]:
    """Return the number of rows, and one chunk or more of each wanted column that the batch has."""
    if batch is None and kind == "tick":
        return 0, {}
    if isinstance(batch, Mapping):
        return _of_mapping(kind, batch, wanted)
    try:
        arrow = _arrow(batch)
        names = arrow.schema.names if arrow is not None else []  # fails where a name is no UTF-8
    except MemoryError:
        raise
    except UNSOUND as error:
        raise SchemaError(
            f"{kind}: expected Arrow columns; found a damaged {type(batch).__name__} ({error})"
        ) from None
    if arrow is None:
        raise SchemaError(
            f"{kind}: expected Arrow data, or a mapping of column name to array; found {type(batch).__name__}"
        )
    if kind == "tick" and arrow.num_rows:
        raise SchemaError(f"tick: expected None, or a batch without rows; found {arrow.num_rows} rows")
    found: dict[str, list[pa.Array]] = {}
    for column in wanted:
        times = names.count(column.name)
        if times > 1:
            raise SchemaError(f"{kind}.{column.name}: expected one column of this name; found {times}")
        if times:
            found[column.name] = _chunks_of(kind, column, arrow, names.index(column.name))
    return arrow.num_rows, found


def _chunks_of(kind: str, column: Column, arrow: pa.RecordBatch | pa.Table, i: int) -> list[pa.Array]:
    try:
        return _chunks(arrow.column(i))
    except MemoryError:
        raise
    except UNSOUND:
        was = arrow.schema.field(i).type
        raise SchemaError(f"{kind}.{column.name}: is {was}; expected {column.domain.value}") from None


def _arrow(batch: object) -> pa.RecordBatch | pa.Table | None:
    """Return Arrow data as PyArrow's, without copying, its columns of one length; None if it is none."""
    if isinstance(batch, pa.RecordBatch | pa.Table):
        arrow = batch
    elif hasattr(batch, "__arrow_c_array__"):
        struct = pa.array(batch)
        if not pa.types.is_struct(struct.type) or struct.null_count:
            raise ValueError(f"{struct.type} is no struct without nulls, with a field for each column")
        arrow = pa.RecordBatch.from_struct_array(struct)
    elif hasattr(batch, "__arrow_c_stream__"):
        arrow = pa.RecordBatchReader.from_stream(batch).read_all()
    else:
        return None
    arrow.validate()
    return arrow


def _of_mapping(
    kind: str, batch: Mapping[str, object], wanted: tuple[Column, ...]
) -> tuple[int, dict[str, list[pa.Array]]]:
    if kind == "tick" and batch:
        raise SchemaError(
            f"tick: expected None, or a batch without rows; found the columns {', '.join(map(str, batch))}"
        )
    found: dict[str, list[pa.Array]] = {}
    for column in wanted:
        if column.name not in batch:
            continue
        try:
            found[column.name] = _chunks(array_of(column.domain, batch[column.name]))
        except MemoryError:
            raise
        except UNSOUND as error:
            raise SchemaError(f"{kind}.{column.name}: {error}; expected {column.domain.value}") from None
    rows = next((sum(map(len, chunks)) for chunks in found.values()), 0)
    return rows, found


def _chunks(column: pa.Array | pa.ChunkedArray) -> list[pa.Array]:
    if isinstance(column, pa.ChunkedArray):
        return cast("list[pa.Array]", column.chunks) or [pa.nulls(0, column.type)]
    return [column]
