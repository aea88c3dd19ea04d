"""How fast outputs are written as Parquet, against PyArrow writing the same table in one piece.

The `intervals` of a few sweeps through `pipeline.outputs.parquet`, as they come batch by batch, and by
`pyarrow.parquet.write_table` with the same compression and row groups. Both files are read back and
compared with what the engine gave.
"""

from __future__ import annotations

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
from pipeline.outputs.parquet import COMPRESSION, ROW_GROUP_ROWS, OutputFiles

QUESTION = Question(
    "outputs", "rows of intervals written as Parquet", "≥ 0.8 × PyArrow writing the same table"
)
SIZES: dict[Size, tuple[int, int]] = {"smoke": (3_000, 2), "full": (1_000_000, 2)}
"""Meters, and sweeps of them."""
METER_BYTES = 1_500


def run(size: Size) -> list[Figure]:
    """Measure it; who writes first changes with every round."""
    meters, sweeps = SIZES[size]
    need_memory(f"{meters:,} meters", meters * METER_BYTES)
    batches = _intervals(meters, sweeps)
    whole = pa.Table.from_batches(batches)
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
                _check(who, next(path.rglob("*.parquet")), whole)
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
    files = OutputFiles(path, ["intervals"])
    for batch in batches:
        files.add("intervals", batch)
    files.close({})


def _at_once(path: Path, table: pa.Table) -> None:
    path.mkdir()
    pq.write_table(table, path / "intervals.parquet", row_group_size=ROW_GROUP_ROWS, **COMPRESSION)


def _check(who: str, path: Path, expected: pa.Table) -> None:
    """Read a file back, compare, and remove it."""
    found = pq.read_table(path)
    instants = ("start", "end")  # Parquet has no seconds
    for name in instants:
        place = found.schema.get_field_index(name)
        found = found.set_column(
            place, expected.schema.field(name), found[name].cast(expected.schema.field(name).type)
        )
    if not found.combine_chunks().equals(expected.combine_chunks()):
        raise WrongAnswer(
            f"outputs: {path.name} written by {who} holds other rows; expected those of the engine"
        )
    path.unlink()


if __name__ == "__main__":
    main([QUESTION.name])
