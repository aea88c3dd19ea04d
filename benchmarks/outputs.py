"""How fast a node's data set is written, against PyArrow writing the same table in one piece.

The `intervals` of a few sweeps through what follows a journal in production: rows are given their shard, gathered, cut,
made a file aside, synced and renamed (`pipeline.outputs`). Beside it `pyarrow.parquet.write_table` writes the same
table with the same options, and syncs nothing. What was written is read back and compared with what
the engine gave.
"""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.answers import expect, fingerprint, joined
from benchmarks.command import main
from benchmarks.contest import seconds
from benchmarks.core import Core
from benchmarks.county import County
from benchmarks.errors import WrongAnswer
from benchmarks.figures import ROUNDS, Figure, Question, Size
from benchmarks.machine import need_memory
from pipeline.node.layout import Layout
from pipeline.outputs.cuts import Cutter, Policy
from pipeline.outputs.dataset import DataSet
from pipeline.outputs.outside import Outside
from pipeline.outputs.places import OutputPlaces
from pipeline.outputs.rendering import OPTIONS
from pipeline.outputs.tree import Tree

QUESTION = Question(
    "outputs", "rows of intervals written to the data set", "≥ 0.8 × PyArrow writing the same table"
)
SIZES: dict[Size, tuple[int, int]] = {"smoke": (3_000, 2), "full": (1_000_000, 2)}
"""Meters, and sweeps of them."""
METER_BYTES = 1_500
DAY_S = 86_400


def run(size: Size) -> list[Figure]:
    """Measure it; who writes first changes with every round."""
    meters, sweeps = SIZES[size]
    need_memory(f"{meters:,} meters", meters * METER_BYTES)
    batches = _intervals(meters, sweeps)
    outside = Outside(Layout(1), 0)
    whole = pa.Table.from_batches([outside.batch("intervals", batch) for batch in batches])
    expect("outputs: rows of intervals", whole.num_rows, sweeps * meters)
    answer = fingerprint(joined(batches, ("row", "meter_id", "start", "end", "energy", "charge", "balance")))
    rates: dict[str, list[float]] = {"ours": [], "PyArrow": []}
    with tempfile.TemporaryDirectory(prefix="feikong-bench-") as folder:
        for number in range(ROUNDS):
            for turn in range(2):
                who = ("ours", "PyArrow")[(number + turn) % 2]
                path = Path(folder) / f"{who}-{number}"
                write = partial(_stream, path, batches) if who == "ours" else partial(_at_once, path, whole)
                spent_s = seconds(write)
                rates[who].append(whole.num_rows / spent_s / 1e6)
                _check(who, path, whole)
    what = f"{whole.num_rows:,} rows of intervals"
    return [
        Figure(what, "M rows/s", tuple(rates["ours"]), "PyArrow", tuple(rates["PyArrow"]), 0.8, answer=answer)
    ]


def _intervals(meters: int, sweeps: int) -> list[pa.RecordBatch]:
    county = County(meters)
    core = Core(county)
    core.check(county.sweep(1))
    taken = [county.sweep(number) for number in range(2, 2 + sweeps)]
    out = [
        core.engine.apply("reads", batch, sweep.now_s).intervals for sweep in taken for batch in sweep.batches
    ]
    core.check_state()
    return out


def _stream(path: Path, batches: list[pa.RecordBatch]) -> None:
    """As a follower does it: a batch at a time, cut as the rows make it; at the end, as the day does."""
    outside, data_set = Outside(Layout(1), 0), DataSet(OutputPlaces(path), 0, Tree())
    cutter = Cutter((Policy(1, DAY_S, ("intervals",)),), 0)
    cutter.begin("UTC", 0)
    ids = batches[0].schema.field("meter_id").type
    for seq, batch in enumerate(batches, 1):
        cutter.take(seq, 0, {"intervals": outside.batch("intervals", batch)}, True)
        _write(cutter, data_set, ids)
    none = pa.RecordBatch.from_arrays([], names=[])
    cutter.take(len(batches) + 1, DAY_S, {"intervals": none}, True)
    _write(cutter, data_set, ids)


def _write(cutter: Cutter, data_set: DataSet, ids: pa.DataType) -> None:
    while cutter.due:
        data_set.write(cutter.due[0], ids, None)
        cutter.sealed()


def _at_once(path: Path, table: pa.Table) -> None:
    path.mkdir()
    pq.write_table(table, path / "intervals.parquet", **OPTIONS)


def _check(who: str, path: Path, expected: pa.Table) -> None:
    """Read what was written, compare, and remove it."""
    found = pa.concat_tables(pq.ParquetFile(each).read() for each in sorted(path.rglob("*.parquet")))
    # Parquet has no seconds, and its decimals are of 128 bits wherever they are read without a schema of Arrow's.
    if not found.cast(expected.schema).combine_chunks().equals(expected.combine_chunks()):
        raise WrongAnswer(f"outputs: {path} written by {who} holds other rows; expected those of the engine")
    shutil.rmtree(path)


if __name__ == "__main__":
    main([QUESTION.name])
