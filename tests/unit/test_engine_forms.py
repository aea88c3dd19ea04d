"""A batch in any form does the same, and what comes out owns its memory."""

from __future__ import annotations

import gc
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import duckdb
import numpy as np
import pandas
import polars
import pyarrow as pa
import pytest

from fastcore import Effects, Engine
from unit.core_world import (
    KIND_OF_IDS,
    START,
    STEP,
    engine,
    id_of,
    payment,
    rows,
    story,
    through,
    told,
)


class ArrayOnly:
    """A batch as a foreign library gives it: one struct array, through the C data interface alone."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self.batch = batch

    def __arrow_c_array__(self, requested_schema: Any = None) -> Any:
        return self.batch.__arrow_c_array__(requested_schema)


class StreamOnly:
    """A batch as a stream of pieces, among them empty ones."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        third = batch.num_rows // 3
        pieces = [batch.slice(0, 0), batch.slice(0, third), batch.slice(third, 1), batch.slice(third + 1)]
        self.table = pa.Table.from_batches([*pieces, batch.slice(0, 0)])

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self.table.__arrow_c_stream__(requested_schema)


def of_numpy(batch: pa.RecordBatch) -> dict[str, Any]:
    """A mapping of NumPy arrays; what NumPy has no type for stays a list."""
    out: dict[str, Any] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_timestamp(column.type) and not column.null_count:
            out[name] = column.cast(pa.timestamp("s")).to_numpy()
        elif pa.types.is_integer(column.type) and not column.null_count:
            out[name] = column.to_numpy()
        elif pa.types.is_boolean(column.type):
            out[name] = column.to_numpy(zero_copy_only=False)
        elif pa.types.is_floating(column.type):
            out[name] = pa.array(column)
        else:
            out[name] = column.to_pylist()
    return out


def of_slices(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The middle of a longer batch, whose columns begin at an offset that is no multiple of eight."""
    table = pa.Table.from_batches([batch.slice(0, 1)] * 3 + [batch] + [batch.slice(0, 1)] * 2)
    return table.combine_chunks().to_batches()[0].slice(3, batch.num_rows)


def with_bytes(batch: pa.RecordBatch, frame: Any) -> Any:
    """A foreign frame; as a table with the payment ids put back, since they are no type of its library's."""
    if "payment_id" not in batch.schema.names:
        return frame
    return pa.table(frame).append_column("payment_id", batch["payment_id"])


def of_duckdb(batch: pa.RecordBatch) -> Any:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    names = [name for name in batch.schema.names if name != "payment_id"]
    connection.register("batch", pa.Table.from_batches([batch.select(names)]))
    return with_bytes(batch, connection.sql("SELECT * FROM batch").to_arrow_table())


def of_polars(batch: pa.RecordBatch) -> Any:
    names = [name for name in batch.schema.names if name != "payment_id"]
    return with_bytes(batch, polars.from_arrow(pa.Table.from_batches([batch.select(names)])))


def of_pandas(batch: pa.RecordBatch) -> pandas.DataFrame:
    return batch.to_pandas(types_mapper=pandas.ArrowDtype)


FORMS: dict[str, Callable[[pa.RecordBatch], Any]] = {
    "an array of the C data interface": ArrayOnly,
    "a stream of pieces": StreamOnly,
    "a PyArrow table": lambda batch: pa.Table.from_batches([batch.slice(0, 1), batch.slice(1)]),
    "NumPy": of_numpy,
    "slices": of_slices,
    "Polars": of_polars,
    "pandas": of_pandas,
    "DuckDB": of_duckdb,
    "columns the other way round": lambda batch: batch.select(batch.schema.names[::-1]),
}


@pytest.mark.parametrize("ids", KIND_OF_IDS)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_does_the_same(ids, form):
    made, other = engine(), engine()
    formed = 0
    for kind, batch, now in story(ids, 20):
        again = FORMS[form](batch) if isinstance(batch, pa.RecordBatch) else batch
        formed += again is not batch
        assert told(made.apply(kind, again, now)) == told(other.apply(kind, batch, now))
    assert made.digest() == other.digest()
    assert formed == 9


def test_a_batch_is_read_and_not_kept():
    made, other = through("uint64", 3), through("uint64", 3)
    columns = of_numpy(story("uint64")[3][1])
    columns["value"] = columns["value"].copy()
    effects = made.apply("reads", columns, START)
    before = told(effects)
    columns["value"][:] = -1
    assert told(effects) == before == told(other.apply(*story("uint64")[3]))
    assert made.digest() == other.digest()


# ---- what comes out


def reads(ids: str, step: int, meters: int = 40) -> pa.RecordBatch:
    given = [
        {"meter_id": id_of(ids, f"M{i}"), "at": START + step * STEP, "value": 1000 * step + i, "status": 0}
        for i in range(meters)
    ]
    return rows("reads", ids, *given)


def lasting(ids: str, batches: int, made: Engine) -> list[Effects]:
    """The effects of many batches of reads, all kept."""
    return [made.apply("reads", reads(ids, step), START + step * STEP) for step in range(10, 10 + batches)]


@pytest.mark.parametrize("ids", KIND_OF_IDS)
def test_effects_outlive_later_batches_and_the_engine(ids):
    made = through(ids, 3, size=40)
    kept = lasting(ids, 60, made)
    first = [told(effects) for effects in kept]
    lasting(ids, 20, made)
    assert [told(effects) for effects in kept] == first
    del made
    gc.collect()
    again = through(ids, 3, size=40)
    assert [told(effects) for effects in lasting(ids, 60, again)] == first
    assert [told(effects) for effects in kept] == first
    assert sum(len(each["intervals"]["row"]) for each in first) == 60 * 40
    assert sum(len(each["commands"]["seq"]) for each in first) > 0


@pytest.mark.parametrize("ids", KIND_OF_IDS)
def test_one_column_keeps_what_it_needs(ids):
    made = through(ids, 3, size=40)
    names = ("meter_id", "account_id", "end", "energy", "quality", "charge", "balance", "row")
    kept, copies = [], []
    for i, effects in enumerate(lasting(ids, 80, made)):
        column = effects.intervals.column(names[i % len(names)])
        kept.append(column.slice(3, 20))
        copies.append(column.slice(3, 20).to_pylist())
    del effects, column, made
    gc.collect()
    lasting(ids, 40, through(ids, 3, size=40))
    assert [column.to_pylist() for column in kept] == copies
    assert all(len(copy) == 20 for copy in copies)


@pytest.mark.parametrize("ids", KIND_OF_IDS)
def test_no_two_columns_that_live_share_memory(ids):
    made = through(ids, 3, size=40)
    kept = lasting(ids, 50, made)
    spans: set[tuple[int, int]] = set()
    for effects in kept:
        for column in effects.intervals.columns:
            spans |= {(b.address, b.address + b.size) for b in column.buffers() if b is not None and b.size}
    ordered = sorted(spans)
    assert len(ordered) > 50 * 10
    assert all(end <= start for (_, end), (start, _) in pairwise(ordered))


def test_blocks_are_used_again_when_nobody_holds_them():
    made = through("uint64", 3, size=40)
    seen = set()
    for step in range(10, 60):
        seen.add(made.apply("reads", reads("uint64", step), START).intervals["energy"].buffers()[1].address)
    assert len(seen) < 10


def test_outputs_that_are_empty_are_well_formed():
    effects = through("utf8").apply("tick", None, START)
    for _, batch in effects:
        batch.validate(full=True)
        assert batch.num_rows == 0 or batch.schema.names[0] == "seq"
    assert len(list(effects)) == 9


@pytest.mark.parametrize("ids", KIND_OF_IDS)
def test_every_output_and_state_table_is_valid_arrow(ids):
    made = engine()
    seen: set[str] = set()
    for batch in story(ids, 40):
        for name, output in made.apply(*batch):
            output.validate(full=True)
            seen |= {name} if output.num_rows else set()
        for table in ("accounts", "meters", "districts", "gaps", "findings", "orders", "commands"):
            state = getattr(made, table)()
            state.validate(full=True)
            seen |= {f"state {table}"} if state.num_rows else set()
    assert len(seen) == 9 + 7


def test_a_payment_id_is_the_ref_of_its_ledger_row():
    made = through("utf8", 3)
    effects = made.apply("payments", rows("payments", "utf8", payment("utf8", 2**128 - 1, "A0", 5)), START)
    assert effects.ledger["ref"].to_pylist() == [b"\xff" * 16]
    assert not np.any(effects.ledger["row"].to_numpy())
