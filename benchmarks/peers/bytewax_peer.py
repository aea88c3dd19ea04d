"""In Bytewax, a keyed stream engine: reads keyed by meter, a stateful map, one worker.

A read's registry row is looked up on the way in, as its documentation enriches; the state of a key is the
meter with its account. What comes out of the flow is gathered by batch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa

from benchmarks.answers import integers
from benchmarks.errors import CannotRun
from benchmarks.peers.job import INTERVALS, Emit, Job, Output
from benchmarks.peers.python_peer import Meter, meters_of, take_read

try:
    from bytewax import operators as op
    from bytewax.dataflow import Dataflow
    from bytewax.testing import TestingSink, TestingSource, run_main
except ImportError:
    op = None  # type: ignore[assignment]

__all__ = ["make"]

Item = tuple[str, tuple[int, int, int, int, int, Meter | None]]
"""A key, and of a read the number of its batch, its row, id, instant and value, with its registry row."""


class BytewaxPeer:
    """A flow over all batches; its state begins at the baseline."""

    def __init__(self, job: Job) -> None:
        self.registry = meters_of(job)

    def run(self, batches: list[pa.RecordBatch], now_s: list[int], emit: Emit) -> None:
        """Take all batches."""
        done: list[Any] = []
        flow = Dataflow("prepaid")
        stream = op.input("batches", flow, TestingSource(list(enumerate(batches))))
        keyed = op.flat_map("reads", stream, self._reads)
        taken = op.stateful_map("meters", keyed, _step)
        op.output("out", taken, TestingSink(done))
        run_main(flow)  # type: ignore[no-untyped-call]
        by_batch: defaultdict[int, list[Any]] = defaultdict(list)
        for _, (seq, *result) in done:
            by_batch[seq].append(result)
        for seq in range(len(batches)):
            emit(_gathered(seq, by_batch[seq]))

    def _reads(self, numbered: tuple[int, pa.RecordBatch]) -> Iterator[Item]:
        seq, batch = numbered
        find = self.registry.get
        columns = (integers(batch.column(name)).tolist() for name in ("meter_id", "at", "value"))
        for row, (id_, at, value) in enumerate(zip(*columns, strict=True)):
            yield str(id_), (seq, row, id_, at, value, find(id_))


def _step(
    state: Meter | None, read: tuple[int, int, int, int, int, Meter | None]
) -> tuple[Meter | None, Any]:
    seq, row, id_, at, value, registered = read
    if registered is None:
        return None, (seq, row, id_, at, 1, None)
    meter = state if state is not None else replace(registered)
    return meter, (seq, row, id_, at, take_read(meter, at, value), registered)


def _gathered(seq: int, results: list[Any]) -> Output:
    out: list[tuple[int, ...]] = []
    refused: dict[str, Any] = {"row": [], "reason": []}
    tripped: list[tuple[int, int]] = []
    results.sort(key=lambda result: result[0])
    for row, id_, at, done, meter in results:
        if isinstance(done, int):
            refused["row"].append(row)
            refused["reason"].append(done)
            continue
        start, energy, quality, charge, balance, trips = done
        out.append(
            (seq, row, id_, meter.account_id, meter.district_id, start, at, energy, quality, charge, balance)
        )
        if trips:
            tripped.append((meter.row, meter.account_id))
    columns = zip(*out, strict=True) if out else ((),) * len(INTERVALS)
    return Output(
        dict(zip(INTERVALS, columns, strict=True)), refused, [account for _, account in sorted(tripped)]
    )


def make(job: Job) -> BytewaxPeer:
    """One over the registry of `job`, at the baseline; raises `CannotRun` without Bytewax."""
    if op is None:
        raise CannotRun("bytewax is not installed")
    return BytewaxPeer(job)
