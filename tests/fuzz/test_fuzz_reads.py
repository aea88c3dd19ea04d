"""Reads that something has gnawed at: refused whole, or taken with every row accounted for. No crash."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fastcore import Effects, Engine, SchemaError
from unit.core_world import KIND_OF_IDS, START, STEP, id_of, through

ROUNDS, TURNS = 1000, 50
NOW = START + 8 * TURNS * STEP
"""After so many turns a new engine goes on: its meters have been read up to here."""
TYPES = (
    pa.int8(),
    pa.uint16(),
    pa.uint32(),
    pa.uint64(),
    pa.int64(),
    pa.float64(),
    pa.string(),
    pa.large_string(),
    pa.string_view(),
    pa.binary(),
    pa.timestamp("s", "UTC"),
    pa.timestamp("ms", "UTC"),
    pa.timestamp("ns", "UTC"),
    pa.timestamp("s"),
    pa.bool_(),
    pa.decimal64(18, 0),
    pa.dictionary(pa.int8(), pa.string()),
)


def good(ids: str, rng: Random, turn: int) -> pa.RecordBatch:
    """Some reads, most of them new, of eight meters; text plain or by a dictionary."""
    count = rng.choice((0, 1, 2, 7, 8, 9, 33, 64))
    kind = pa.string() if ids == "utf8" else pa.uint64()
    meters = pa.array([id_of(ids, f"M{i % 8}") for i in range(count)], kind)
    if ids == "utf8":
        meters = rng.choice((meters, meters.dictionary_encode(), meters.cast(pa.large_string())))
    steps = [max(0, 8 * turn + i // 8 - (rng.random() < 0.1)) for i in range(count)]
    return pa.record_batch(
        {
            "meter_id": meters,
            "at": pa.array([START + step * STEP for step in steps], pa.timestamp("s", "UTC")),
            "value": pa.array([10 * step for step in steps], pa.int64()),
            "status": pa.array([rng.choice((0, 0, 0, 4, 65535)) for _ in range(count)], pa.uint16()),
        }
    )


def written(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue().to_pybytes())


def gnawed(batch: pa.RecordBatch, rng: Random) -> Any:
    """The batch's bytes, as a stream, with some changed, cut or doubled; None where Arrow itself gives up."""
    content = bytearray(written(batch))
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        place = rng.randrange(len(content))
        how = rng.random()
        if how < 0.6:
            content[place] ^= 1 << rng.randrange(8)
        elif how < 0.9:
            content[place : place + 4] = rng.randbytes(len(content[place : place + 4]))
        else:
            del content[place : place + 8]
    try:
        return pa.ipc.open_stream(bytes(content)).read_all()
    except (pa.ArrowException, OSError, ValueError, OverflowError, KeyError, MemoryError):
        return None


def another(column: pa.Array, rng: Random) -> pa.Array:
    """A column in the place of one: nulls, another type, another length, other bytes under the same type."""
    count, how = len(column), rng.randrange(6)
    if how == 0:
        return pa.nulls(count, rng.choice(TYPES))
    if how == 1:
        kind = rng.choice(TYPES)
        try:
            return column.cast(kind, safe=False)
        except (pa.ArrowException, NotImplementedError):
            return pa.nulls(count, kind)
    if how == 2:
        return column.slice(rng.randint(0, count))
    if how == 3:
        return pa.concat_arrays([column, column]).slice(rng.randint(0, count), count)
    if how == 4 and pa.types.is_string(column.type) and count:
        offsets = pa.py_buffer(np.array([rng.randint(-4, 40) for _ in range(count + 1)], np.int32))
        try:
            return pa.StringArray.from_buffers(count, offsets, pa.py_buffer(rng.randbytes(40)))
        except pa.ArrowException:
            return column
    if how == 5 and pa.types.is_dictionary(column.type) and count:
        places = pa.array([rng.randint(-2, 9) for _ in range(count)], pa.int32())
        return pa.DictionaryArray.from_arrays(places, column.dictionary, safe=False)
    bits = pa.py_buffer(rng.randbytes(8 * count + 8))
    fixed = pa.types.is_integer(column.type) or pa.types.is_timestamp(column.type)
    return pa.Array.from_buffers(column.type, count, [None, bits]) if fixed else column


def changed(batch: pa.RecordBatch, rng: Random) -> Any:
    """The batch with some columns replaced, as a mapping, a batch or a table of pieces."""
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    for name in rng.sample(list(columns), rng.choice((1, 1, 2, 4))):
        if rng.random() < 0.1:
            del columns[name]
        else:
            columns[name] = another(columns[name], rng)
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1 or rng.random() < 0.3:
        return columns
    table = pa.table(columns)
    cut = rng.randint(0, table.num_rows)
    return pa.concat_tables([table.slice(cut), table.slice(0, cut)]) if rng.random() < 0.5 else table


def rows_of(form: Any) -> int:
    return len(next(iter(form.values()))) if isinstance(form, dict) else form.num_rows


def check(made: Engine, form: Any, met: Counter[str]) -> None:
    """One batch: refused without a trace, or each of its rows accounted for, once and in order."""
    before, sequence = made.digest(), made.sequence
    try:
        effects: Effects | None = made.apply("reads", form, NOW)
    except SchemaError as error:
        said = str(error)
        effects = None
    if effects is None:
        assert re.match(r"reads(\.(meter_id|at|value|status))?: ", said)
        assert (made.digest(), made.sequence) == (before, sequence)
        met["refused"] += 1
        return
    taken, refused = effects.intervals["row"].to_pylist(), effects.exceptions["row"].to_pylist()
    assert taken == sorted(taken)
    assert refused == sorted(refused)
    assert sorted(taken + refused) == list(range(rows_of(form)))
    for _, batch in effects:
        batch.validate(full=True)
    assert made.sequence == sequence + 1
    met["taken"] += 1
    met["rows taken"] += len(taken)
    met["rows refused"] += len(refused)


@pytest.mark.parametrize("ids", KIND_OF_IDS)
@pytest.mark.parametrize("spoil", [gnawed, changed])
def test_gnawed_reads_are_refused_or_accounted_for(ids: str, spoil: Callable[..., Any]) -> None:
    rng, met = Random(f"{ids} {spoil.__name__}"), Counter[str]()
    made = through(ids, 3, size=8)
    for number in range(ROUNDS):
        form = spoil(good(ids, rng, number % TURNS), rng)
        if form is None:
            met["no Arrow"] += 1
        else:
            check(made, form, met)
        if number % TURNS == TURNS - 1:
            made.audit()
            made = through(ids, 3, size=8)
    made.audit()
    assert min(met["taken"], met["refused"]) > 20, met
    assert min(met["rows taken"], met["rows refused"]) > 500, met


@pytest.mark.parametrize("ids", KIND_OF_IDS)
def test_good_reads_are_taken(ids: str) -> None:
    rng, met = Random(1), Counter[str]()
    made = through(ids, 3, size=8)
    for turn in range(TURNS):
        check(made, good(ids, rng, turn), met)
    assert met["refused"] == 0
    assert met["taken"] == TURNS
    assert met["rows taken"] > met["rows refused"] > 0
