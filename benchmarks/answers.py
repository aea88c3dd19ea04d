"""Answers: compared before anything is timed, and hashed so that a change of meaning shows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.errors import WrongAnswer

__all__ = ["combined", "expect", "expect_columns", "fingerprint", "integers", "joined"]

HASH_BYTES = 8


def expect(what: str, found: object, expected: object) -> None:
    """Raise `WrongAnswer` unless the two are equal."""
    if found != expected:
        raise WrongAnswer(f"{what}: found {found}; expected {expected}")


def expect_columns(
    who: str, found: Mapping[str, NDArray[Any]], expected: Mapping[str, NDArray[Any]], where: str = ""
) -> None:
    """Raise `WrongAnswer` unless `found` has every column of `expected`, item by item the same."""
    if not expected or not any(len(column) for column in expected.values()):
        raise WrongAnswer(f"{who}{where}: nothing to compare with; expected rows")
    for name, right in expected.items():
        if name not in found:
            raise WrongAnswer(f"{who}{where}: has no {name}; expected {', '.join(expected)}")
        column = found[name]
        expect(f"{who}{where}: rows of {name}", len(column), len(right))
        wrong = np.flatnonzero(column != right)
        if len(wrong):
            row = int(wrong[0])
            raise WrongAnswer(
                f"{who}{where}: {name} of row {row} is {column[row]}; expected {right[row]} ({len(wrong):,} differ)"
            )


def integers(column: pa.Array | pa.ChunkedArray) -> NDArray[Any]:
    """The values of a column of a fixed width as integers, not copied where it lies in one piece; null: 0."""
    if isinstance(column, pa.ChunkedArray):
        chunks = [integers(chunk) for chunk in column.chunks]
        return np.concatenate(chunks) if chunks else np.empty(0, np.int64)
    width = column.type.bit_width
    dtype = np.dtype(f"{'u' if pa.types.is_unsigned_integer(column.type) else 'i'}{width // 8}")
    values = np.frombuffer(column.buffers()[1] or b"", dtype)[column.offset : column.offset + len(column)]
    if column.null_count:
        values = np.where(column.is_valid().to_numpy(zero_copy_only=False), values, dtype.type(0))
    return values


def joined(batches: Sequence[pa.RecordBatch], names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Columns of several batches, one after the other, as integers."""
    table = pa.Table.from_batches(batches)
    return {name: integers(table.column(name)) for name in names}


def fingerprint(columns: Mapping[str, NDArray[Any]]) -> str:
    """A hash over columns of integers, the same on any machine."""
    hashed = hashlib.blake2b(digest_size=HASH_BYTES)
    for name in sorted(columns):
        column = columns[name]
        hashed.update(f"{name}:{len(column)}:{column.dtype.itemsize};".encode())
        hashed.update(
            np.ascontiguousarray(column).astype(column.dtype.newbyteorder("<"), copy=False).tobytes()
        )
    return hashed.hexdigest()


def combined(hashes: Sequence[str]) -> str:
    """One hash of several, in their order."""
    return fingerprint({"hashes": np.array([int(one, 16) for one in hashes], np.uint64)})
