"""Columns that do not come as Arrow: NumPy arrays, and plain lists (reference, "Embedding")."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from fastcore.schemas import PAYMENT_ID, Domain

__all__ = ["array_of"]

_AS: Final[dict[Domain, pa.DataType]] = {
    Domain.INT64: pa.int64(),
    Domain.INT32: pa.int32(),
    Domain.UINT16: pa.uint16(),
    Domain.UINT64: pa.uint64(),
    Domain.FLAG: pa.bool_(),
    Domain.FLOAT64: pa.float64(),
    Domain.TEXT: pa.string(),
}
"""What plain Python values become. A NumPy array has a type of its own, and keeps it."""


def array_of(domain: Domain, values: object) -> pa.Array | pa.ChunkedArray:
    """Return a column as Arrow, without judging its type.

    A NumPy array keeps its type; ``datetime64`` has no zone and is UTC. Payment ids may be ``S16``, ``V16``
    or ``uint8[n, 16]``. A list or a tuple, and an array of objects, holds plain values: aware datetimes,
    Decimals, text, numbers, None. Anything else must speak the Arrow PyCapsule interface. Raises TypeError,
    ValueError, OverflowError or ``pa.ArrowException`` where that cannot be.
    """
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if isinstance(values, np.ndarray):
        return _of_numpy(domain, values)
    if isinstance(values, list | tuple):
        return _of_values(domain, list(values))
    if hasattr(values, "__arrow_c_array__"):
        return pa.array(values)
    if hasattr(values, "__arrow_c_stream__"):
        return pa.chunked_array(values)
    raise TypeError(f"is {type(values).__name__}, not an array")


def _of_numpy(domain: Domain, values: np.ndarray) -> pa.Array | pa.ChunkedArray:
    if domain is Domain.PAYMENT_ID and values.dtype.kind in "SVu" and values.size:
        return _of_bytes(values)
    if values.dtype.kind == "O":
        return _of_values(domain, values.tolist())
    array = pa.array(values)
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.timestamp(array.type.unit, "UTC"))
    return array


def _of_bytes(values: np.ndarray) -> pa.Array:
    """Return 16 bytes a row, as they lie in memory: NumPy would cut zeros off the end of ``S16``."""
    width = values.dtype.itemsize * (values.shape[1] if values.ndim == 2 else 1)
    if values.ndim > 2 or width != PAYMENT_ID.byte_width or (values.ndim == 2) != (values.dtype == np.uint8):
        raise ValueError(f"is {values.dtype}{list(values.shape)}, not 16 bytes a row")
    return pa.FixedSizeBinaryArray.from_buffers(
        PAYMENT_ID, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))]
    )


def _of_values(domain: Domain, values: list[object]) -> pa.Array:
    if domain is Domain.PAYMENT_ID:
        return pa.array(
            [getattr(value, "bytes", value) for value in values], PAYMENT_ID
        )  # a uuid.UUID has its bytes
    if domain is Domain.ID and any(isinstance(value, int) for value in values):
        return pa.array(values, pa.uint64())
    array = pa.array(values, _AS.get(domain))
    if pa.types.is_timestamp(array.type) and array.type.tz is not None:
        array = array.cast(pa.timestamp(array.type.unit, "UTC"))
    return array
