"""Reads in the order of the registry, and out of it: the core guesses the next row, and must not be fooled."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pytest

from fastcore import Engine
from unit.core_world import KIND_OF_IDS, START, STEP, account, engine, meter, read, rows, update

METERS = 300
GONE = range(20, METERS, 37)
"""Meters whose id goes by another row now: their account was closed, and they went to another."""


def county(ids: str) -> Engine:
    made = engine()
    made.apply("accounts", rows("accounts", ids, *(account(ids, f"A{i}") for i in range(2 * METERS))), START)
    made.apply("meters", rows("meters", ids, *(meter(ids, f"M{i}", f"A{i}") for i in range(METERS))), START)
    made.apply("updates", rows("updates", ids, *(update(ids, "close_account", f"A{i}") for i in GONE)), START)
    moved = made.apply(
        "meters", rows("meters", ids, *(meter(ids, f"M{i}", f"A{METERS + i}") for i in GONE)), START
    )
    assert moved.exceptions.num_rows == 0
    return made


def in_order(draw: random.Random) -> list[int]:
    return list(range(METERS))


def with_strangers(draw: random.Random) -> list[int]:
    out = list(range(METERS))
    for _ in range(9):
        out.insert(draw.randrange(METERS), METERS + draw.randrange(40))
    return out


def by_district(draw: random.Random) -> list[int]:
    blocks = [list(range(first, min(first + 45, METERS))) for first in range(0, METERS, 45)]
    draw.shuffle(blocks)
    return [number for block in blocks for number in block]


def twice_and_backwards(draw: random.Random) -> list[int]:
    return [*range(80), *range(40, METERS), *reversed(range(METERS))]


def anywhere(draw: random.Random) -> list[int]:
    return [draw.randrange(METERS + 5) for _ in range(METERS)]


def applied(made: Engine, kind: str, batch: pa.RecordBatch, now_s: int, cut: int) -> list[dict[str, Any]]:
    """The rows of intervals and exceptions, without the batch's number and the row's place in it."""
    out: list[dict[str, Any]] = []
    for first in range(0, batch.num_rows, cut):
        effects = made.apply(kind, batch.slice(first, cut), now_s)
        for table in (effects.intervals, effects.exceptions):
            out += table.drop_columns(["seq", "row"]).to_pylist()
    return sorted(out, key=repr)


@pytest.mark.parametrize("ids", KIND_OF_IDS)
@pytest.mark.parametrize("order", [in_order, with_strangers, by_district, twice_and_backwards, anywhere])
def test_reads_in_any_order_come_to_what_they_come_to_one_by_one(ids, order):
    draw = random.Random(order.__name__)
    whole, single = county(ids), county(ids)
    for step in range(1, 6):
        order_now = order(draw)
        batch = rows("reads", ids, *(read(ids, f"M{number}", step, 10 * step) for number in order_now))
        now_s = START + step * STEP
        found = applied(whole, "reads", batch, now_s, len(order_now))
        assert found == applied(single, "reads", batch, now_s, 1)
        assert len(found) == len(order_now)
    for table in ("meters", "accounts", "findings"):
        assert getattr(whole, table)().equals(getattr(single, table)())
    whole.audit()
