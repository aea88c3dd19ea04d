"""Outputs of different tools brought to the same form, so that they can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.answers import expect, integers
from benchmarks.peers.job import INTERVALS, Output

__all__ = ["answer_of"]


def answer_of(who: str, outputs: Sequence[Output], batches: int) -> dict[str, NDArray[Any]]:
    """All rows of the outputs of `batches` batches as columns of int64, ids of uint64, each with its batch."""
    expect(f"{who}: outputs", len(outputs), batches)
    parts: dict[str, list[NDArray[Any]]] = {}
    for seq, output in enumerate(outputs):
        columns = {name: _array(output.intervals[name]) for name in INTERVALS}
        refused = {f"refused {name}": _array(output.refused[name]) for name in ("row", "reason")}
        tripped = _array(output.tripped)
        columns |= refused | {"tripped": tripped}
        columns["refused seq"] = np.full(len(refused["refused row"]), seq)
        columns["tripped seq"] = np.full(len(tripped), seq)
        for name, column in columns.items():
            parts.setdefault(name, []).append(column.astype(np.uint64 if name.endswith("_id") else np.int64))
    return {name: np.concatenate(found) for name, found in parts.items()}


def _array(column: Any) -> NDArray[Any]:
    if isinstance(column, pa.Array | pa.ChunkedArray):
        return integers(column)
    return np.asarray(column) if len(column) else np.empty(0, np.int64)
