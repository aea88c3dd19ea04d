"""A sweep: the reads of one quarter-hour, as batches for an engine, and what each of them must come to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["BATCH_ROWS", "LATENCY_S", "Sweep", "instants", "read_batches"]

Ints = NDArray[np.int64]

BATCH_ROWS: Final = 65_536
LATENCY_S: Final = 60
"""How long after its instant a read is in the engine."""
INSTANT: Final = pa.timestamp("s", "UTC")


@dataclass
class Sweep:
    """Reads of one instant in the order in which they arrive; all arrays have one item a read.

    `rows` are the meters' places in the registry; `energy_wh`, `charge_nano` and `balance_nano` (after the
    charge) what the read must come to. A supply meter is charged nothing.
    """

    number: int
    at_s: int
    rows: NDArray[np.uint32]
    ids: pa.Array
    values: Ints
    energy_wh: Ints
    charge_nano: Ints
    balance_nano: Ints

    @property
    def now_s(self) -> int:
        """When its batches reach the engine."""
        return self.at_s + LATENCY_S

    @property
    def reads(self) -> int:
        """How many there are."""
        return len(self.rows)

    @cached_property
    def batches(self) -> list[pa.RecordBatch]:
        """The reads in batches of 65,536, made once."""
        return read_batches(self.ids, np.full(self.reads, self.at_s), self.values)


def instants(at_s: Ints) -> pa.Array:
    """Seconds since the epoch as instants, without a copy."""
    return pa.Array.from_buffers(INSTANT, len(at_s), [None, pa.py_buffer(np.ascontiguousarray(at_s))])


def read_batches(ids: pa.Array, at_s: Ints, values: Ints) -> list[pa.RecordBatch]:
    """Reads as batches of at most 65,536 rows, slices of one allocation."""
    status = np.zeros(len(values), np.uint16)
    whole = pa.RecordBatch.from_arrays(
        [ids, instants(at_s), pa.array(values), pa.array(status)], ["meter_id", "at", "value", "status"]
    )
    return [whole.slice(first, BATCH_ROWS) for first in range(0, whole.num_rows, BATCH_ROWS)]
