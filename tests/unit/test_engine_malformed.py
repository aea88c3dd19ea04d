"""A malformed batch names its column, changes nothing, and takes no number: every kind, every column."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from fastcore import SchemaError
from fastcore.schemas import INPUTS, Domain
from unit.core_world import KIND_OF_IDS, START, STEP, Engine, good_batches, story, through, told

NOW = START + 8 * STEP + 86_400
COLUMNS = [(kind, column.name) for kind, columns in INPUTS.items() for column in columns]
REQUIRED = [(kind, column.name) for kind, columns in INPUTS.items() for column in columns if column.required]
DOMAINS = {(kind, column.name): column.domain for kind, columns in INPUTS.items() for column in columns}
TEXTS = [where for where in COLUMNS if DOMAINS[where] in (Domain.ID, Domain.TEXT)]


@pytest.fixture(scope="module", params=KIND_OF_IDS)
def world(request) -> tuple[Engine, dict[str, pa.RecordBatch]]:
    """An engine with something in every table, and a good batch of each kind. No test may change the engine."""
    return through(request.param), good_batches(request.param)


def with_column(batch: pa.RecordBatch, name: str, array: pa.Array) -> pa.RecordBatch:
    return batch.set_column(batch.schema.get_field_index(name), name, array)


def refuse(made: Engine, kind: str, batch: object) -> str:
    """What the engine says of a batch that it must refuse; it is as it was then."""
    before = made.digest(), made.sequence
    with pytest.raises(SchemaError) as refused:
        made.apply(kind, batch, NOW)
    assert (made.digest(), made.sequence) == before
    return str(refused.value)


def text(offsets: list[int], data: bytes) -> pa.Array:
    """Text whose offsets nobody has looked at."""
    return pa.StringArray.from_buffers(
        len(offsets) - 1, pa.py_buffer(np.array(offsets, np.int32)), pa.py_buffer(data)
    )


def indexed(places: list[int], words: pa.Array) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(places, pa.int32()), words, safe=False)


# What can be told without walking the offsets, PyArrow refuses itself: the first and the last are in order here.
HOSTILE: dict[str, Callable[[int], pa.Array]] = {
    "an offset far outside": lambda rows: text([0, 10**9] + [3] * (rows - 1), b"abc"),
    "an offset below 0": lambda rows: text([0, -(10**9)] + [3] * (rows - 1), b"abc"),
    "offsets that fall": lambda rows: text([0, 3] + [1] * (rows - 1), b"abc"),
    "bytes that are no UTF-8": lambda rows: text([0] * rows + [2], b"\xc3\x28"),
    "a dictionary index too high": lambda rows: indexed([0] * (rows - 1) + [2**31 - 1], pa.array(["a"])),
    "a dictionary index below 0": lambda rows: indexed([0] * (rows - 1) + [-1], pa.array(["a"])),
    "a dictionary that is damaged": lambda rows: indexed([0] * rows, text([0, 2], b"\xff\xfe")),
}


def test_the_good_batches_are_taken(world):
    made, batches = world
    assert set(batches) == set(INPUTS) - {"tick"}
    ids = "utf8" if pa.types.is_string(batches["reads"].schema.field("meter_id").type) else "uint64"
    for kind, batch in batches.items():
        again = through(ids)
        again.apply(kind, batch, NOW)
        assert again.sequence == made.sequence + 1


@pytest.mark.parametrize(("kind", "name"), COLUMNS)
def test_a_column_that_is_missing(world, kind, name):
    made, batches = world
    batch = batches[kind].drop_columns([name])
    if (kind, name) in REQUIRED:
        expected = f"{kind}.{name}: is missing; expected {DOMAINS[kind, name].value}"
        assert refuse(made, kind, batch) == expected
    else:
        ids = "utf8" if pa.types.is_string(batches["reads"].schema.field("meter_id").type) else "uint64"
        assert through(ids).apply(kind, batch, NOW).exceptions.num_rows <= batch.num_rows


@pytest.mark.parametrize(("kind", "name"), COLUMNS)
@pytest.mark.parametrize(
    "wrong", [pa.date32(), pa.list_(pa.int64()), pa.float32(), pa.duration("s")], ids=str
)
def test_a_column_of_a_wrong_type(world, kind, name, wrong):
    made, batches = world
    array = pa.nulls(batches[kind].num_rows, wrong)
    said = refuse(made, kind, with_column(batches[kind], name, array))
    assert said.startswith(f"{kind}.{name}: is {wrong}")
    assert DOMAINS[kind, name].value in said or "as the engine's other ids are" in said


@pytest.mark.parametrize(("kind", "name"), [where for where in COLUMNS if DOMAINS[where] is Domain.ID])
def test_ids_of_the_other_kind(world, kind, name):
    made, batches = world
    mine = batches[kind].schema.field(name).type
    other = pa.uint64() if pa.types.is_string(mine) else pa.string()
    array = pa.array([5] * batches[kind].num_rows, pa.uint64()).cast(other)
    said = refuse(made, kind, with_column(batches[kind], name, array))
    assert said.startswith(
        f"{kind}.{name}: is {other}; expected {'utf8' if mine == pa.string() else 'uint64'}"
    )


@pytest.mark.parametrize(("kind", "name"), REQUIRED)
def test_a_null_where_none_may_be(world, kind, name):
    made, batches = world
    column = batches[kind].column(name)
    last = len(column) - 1
    array = pa.concat_arrays([column.slice(0, last), pa.nulls(1, column.type)])
    said = refuse(made, kind, with_column(batches[kind], name, array))
    assert said.startswith(f"{kind}.{name}: is null in row {last}; expected")


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, name in COLUMNS if kind != "tick"])
@pytest.mark.parametrize("more", [-1, 1])
def test_a_column_of_another_length(world, kind, name, more):
    made, batches = world
    columns = dict(zip(batches[kind].schema.names, batches[kind].columns, strict=True))
    longer = pa.concat_arrays([columns[name]] * 2)
    columns[name] = longer.slice(0, batches[kind].num_rows + more)
    said = refuse(made, kind, columns)
    # The first column gives the number of rows, so that the next one is the odd one out.
    names = [column.name for column in INPUTS[kind]]
    assert said.startswith(f"{kind}.{names[1] if name == names[0] else name}: expected ")


@pytest.mark.parametrize(("kind", "name"), TEXTS)
@pytest.mark.parametrize("how", HOSTILE)
def test_text_that_is_hostile_in_its_buffers(kind, name, how):
    made, batches = through("utf8"), good_batches("utf8")
    said = refuse(made, kind, with_column(batches[kind], name, HOSTILE[how](batches[kind].num_rows)))
    assert said.startswith(f"{kind}.{name}: is damaged ")


@pytest.mark.parametrize(
    "where", [where for where in COLUMNS if DOMAINS[where] is Domain.MONEY], ids=".".join
)
def test_an_amount_beyond_its_precision(world, where):
    made, batches = world
    kind, name = where
    raw = np.full(batches[kind].num_rows, 10**18)
    array = pa.Array.from_buffers(pa.decimal64(18, 9), len(raw), [None, pa.py_buffer(raw)])
    assert refuse(made, kind, with_column(batches[kind], name, array)).startswith(
        f"{kind}.{name}: is damaged"
    )


@pytest.mark.parametrize("ids", KIND_OF_IDS)
def test_an_engine_goes_on_as_if_there_had_been_no_malformed_batch(ids):
    made, other = through(ids, 0), through(ids, 0)
    good = good_batches(ids)
    refused = 0
    for kind, batch, now in story(ids):
        for bad in good:
            with pytest.raises(SchemaError):
                made.apply(bad, good[bad].drop_columns([INPUTS[bad][0].name]), now)
            refused += 1
        assert told(made.apply(kind, batch, now)) == told(other.apply(kind, batch, now))
    assert made.digest() == other.digest()
    assert refused > 50


@pytest.mark.parametrize("first", ["reads", "payments", "updates"])
def test_only_a_registry_batch_decides_on_the_ids(first):
    made = through("utf8", 0)
    made.apply(first, good_batches("uint64")[first], START)
    made.apply(first, good_batches("utf8")[first], START)
    made.apply("accounts", good_batches("utf8")["accounts"], START)
    assert "as the engine's other ids are" in refuse(made, first, good_batches("uint64")[first])
