"""Ids and the maps beside them: many, colliding, of every length, forgotten, and started anew."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from agreement.compare import plain
from fastcore import Engine
from fastcore.arrays import frozen
from unit.core_world import (
    CONFIG,
    NANO,
    START,
    STEP,
    account,
    engine,
    loaded,
    meter,
    payment,
    read,
    rows,
    saved,
    update,
)

NUMBERS = {
    "one after the other": lambda i: i,
    "alike in their low 32 bits": lambda i: i << 32,
    "alike in their low 48 bits": lambda i: i << 48,
    "alike in their high bits": lambda i: 2**64 - 1 - i,
    "multiples of a power of two": lambda i: (i * 2**20) % 2**64,
    "multiples of the hash's own constant": lambda i: (i * 0x9E3779B97F4A7C15) % 2**64,
}
TEXTS = {
    "one after the other": str,
    "alike but for the last byte": lambda i: "x" * 55 + f"{i:09d}",
    "alike but for the first byte": lambda i: f"{i:09d}" + "x" * 55,
    "with bytes of value 0": lambda i: "\0" * (i % 40) + f"{i}\0",
    "of every length": lambda i: f"{i}".ljust(1 + i % 64, "-")[: max(len(str(i)), 1 + i % 64)],
    "not ASCII": lambda i: f"户{i}é",
}
GROWTH = (1, 1, 5, 20, 100, 1000, 9000)


def accounts_of(ids: pa.Array) -> pa.RecordBatch:
    count = len(ids)
    columns: dict[str, Any] = {
        "account_id": ids,
        "district_id": ids.slice(0, 1).take(pa.array(np.zeros(count, int))),
        "opening_balance": pa.array(np.zeros(count, int))
        .cast(pa.decimal128(19, 0))
        .cast(pa.decimal64(18, 9)),
    }
    for name, word in (("tariff", "plain"), ("policy", "strict"), ("klass", "public")):
        columns[name] = pa.array([word] * count)
    for name in ("protected", "manual_approval"):
        columns[name] = pa.array([True] * count)
    return pa.record_batch(columns)


def top_ups(ids: pa.Array, numbers: np.ndarray) -> pa.RecordBatch:
    """A payment of so many units to each account, as many nano-units as the account's number."""
    raw = np.zeros((len(ids), 2), np.uint64)
    raw[:, 0] = numbers
    return pa.record_batch(
        {
            "payment_id": pa.Array.from_buffers(pa.binary(16), len(ids), [None, pa.py_buffer(raw)]),
            "account_id": ids,
            "kind": pa.array(["top_up"] * len(ids)),
            "amount": pa.Array.from_buffers(
                pa.decimal64(18, 9), len(ids), [None, pa.py_buffer(frozen(numbers.astype(np.int64)))]
            ),
            "at": pa.array(np.full(len(ids), START)),
        }
    )


def parts(ids: pa.Array) -> Iterator[tuple[pa.Array, np.ndarray]]:
    """The ids in batches that grow, each with the numbers of its ids, from 1."""
    start = 0
    for size in GROWTH:
        yield ids.slice(start, size), np.arange(start + 1, start + size + 1)
        start += size


def check_ids(made: Engine, ids: pa.Array) -> None:
    """Each id leads to its own account, while the index grows; after a snapshot too."""
    known = 0
    for part, numbers in parts(ids):
        made.apply("accounts", accounts_of(part), START)
        effects = made.apply("payments", top_ups(part, numbers), START)
        assert effects.exceptions.num_rows == 0
        known += len(part)
        every = made.accounts()
        assert every.num_rows == known
        assert plain(every["account_id"]) == ids.slice(0, known).to_pylist()
        assert plain(every["balance"]) == list(range(1, known + 1))
    strangers = top_ups(ids.slice(known), np.arange(10**6, 10**6 + len(ids) - known))
    for again in (made, loaded(saved(made))):
        said = again.apply("payments", strangers, START).exceptions
        assert plain(said["reason"]) == ["unknown_account"] * (len(ids) - known)
        repeated = again.apply("payments", top_ups(ids.slice(0, known), np.arange(1, known + 1)), START)
        assert plain(repeated.exceptions["reason"]) == ["duplicate"] * known


@pytest.mark.parametrize("how", NUMBERS)
def test_numbers(how):
    ids = pa.array([NUMBERS[how](i) for i in range(sum(GROWTH) + 50)], pa.uint64())
    assert len(set(ids.to_pylist())) == len(ids)
    check_ids(engine(), ids)


@pytest.mark.parametrize("how", TEXTS)
def test_texts(how):
    ids = pa.array([TEXTS[how](i) for i in range(sum(GROWTH) + 50)], pa.string())
    assert len(set(ids.to_pylist())) == len(ids)
    check_ids(engine(), ids)


def test_the_least_and_the_greatest_number_are_ids_like_others():
    made = engine()
    ids = [0, 2**64 - 1, 2**63, 2**32 - 1, 2**32]
    given = [
        account("uint64", f"A{i}", i) | {"account_id": id_, "district_id": id_} for i, id_ in enumerate(ids)
    ]
    made.apply("accounts", rows("accounts", "uint64", *given), START)
    made.apply(
        "meters",
        rows(
            "meters", "uint64", *(meter("uint64", "M0", "A0") | {"meter_id": i, "account_id": i} for i in ids)
        ),
        START,
    )
    assert [int(made.balance(id_) * NANO) for id_ in ids] == list(range(5))
    assert plain(made.meters()["meter_id"]) == plain(made.districts()["district_id"]) == ids
    given = [{"meter_id": id_, "at": START, "value": 1, "status": 0} for id_ in [*ids, 1, 2**64 - 2]]
    effects = made.apply("reads", rows("reads", "uint64", *given), START)
    assert plain(effects.intervals["account_id"]) == ids
    assert plain(effects.exceptions["subject"]) == ["1", str(2**64 - 2)]


@pytest.mark.parametrize(
    ("text", "taken"), [("x" * 64, True), ("é" * 32, True), ("x" * 65, False), ("", False)]
)
def test_a_text_is_of_1_to_64_bytes(text, taken):
    made = engine()
    said = made.apply(
        "accounts", rows("accounts", "utf8", account("utf8", "A0") | {"account_id": text}), START
    )
    assert plain(said.exceptions["reason"]) == ([] if taken else ["bad_registry"])
    assert plain(made.accounts()["account_id"]) == ([text] if taken else [])


@pytest.mark.parametrize("ids", ["uint64", "utf8"])
def test_a_meter_that_starts_anew_thousands_of_times(ids):
    cycles = 2000
    made = engine(("exceptions", "intervals"))
    made.apply("accounts", rows("accounts", ids, *(account(ids, f"A{i}") for i in range(cycles + 1))), START)
    for i in range(cycles):
        effects = made.apply("meters", rows("meters", ids, meter(ids, "M0", f"A{i}")), START)
        assert effects.exceptions.num_rows == 0
        effects = made.apply("reads", rows("reads", ids, read(ids, "M0", 1, i)), START)
        assert plain(effects.intervals["quality"]) == [1]
        assert plain(effects.intervals["account_id"]) == [account(ids, f"A{i}")["account_id"]]
        assert made.apply("updates", rows("updates", ids, update(ids, "close_account", f"A{i}")), START)
    assert made.meters().num_rows == 1
    again = loaded(saved(made))
    assert again.digest() == made.digest()
    for each in (made, again):
        each.apply("meters", rows("meters", ids, meter(ids, "M0", f"A{cycles}")), START)
        state = each.meters().to_pylist()
        assert [(row["account_id"], row["in_use"], row["last_at"]) for row in state] == [
            (account(ids, f"A{cycles}")["account_id"], True, None)
        ]


def test_payments_are_remembered_for_their_time_and_then_forgotten():
    """Against a plain dictionary: ids that come again and again, while the ring turns many times."""
    rng, remembered = Random(5), dict[int, tuple[int, int, int]]()
    made = engine(None, CONFIG.replace('max_jump = "7d"', 'payment_horizon = "1h"\nfuture_tolerance = "10m"'))
    made.apply("accounts", rows("accounts", "utf8", *(account("utf8", f"A{i}", 0) for i in range(3))), START)
    now, seen = START, {"": 0, "duplicate": 0, "conflict": 0}
    for _ in range(300):
        now += rng.choice((0, 60, 600, 1800))
        batch, expected = [], []
        for _ in range(rng.choice((1, 4, 40))):
            number, owner, amount = rng.randrange(400), rng.randrange(3), rng.randint(1, 2)
            batch.append(payment("utf8", number << rng.choice((0, 64)), f"A{owner}", amount, now))
            key = int.from_bytes(batch[-1]["payment_id"], "big")
            before = remembered.get(key)
            if before is None or now > before[0] + 3600 + 600:
                remembered[key] = (now, owner, amount)
                expected.append("")
            else:
                expected.append("duplicate" if before[1:] == (owner, amount) else "conflict")
            seen[expected[-1]] += 1
        said = made.apply("payments", rows("payments", "utf8", *batch), now).exceptions
        assert dict(zip(plain(said["row"]), plain(said["reason"]), strict=True)) == {
            i: reason for i, reason in enumerate(expected) if reason
        }
    assert min(seen.values()) > 100, seen


def test_findings_open_and_close_in_any_order():
    """Against a set: the map of what is open loses and gains entries at random."""
    count, rng, open_now = 400, Random(6), set[int]()
    made = engine()
    made.apply("accounts", rows("accounts", "utf8", account("utf8", "A0")), START)
    made.apply("meters", rows("meters", "utf8", *(meter("utf8", f"M{i}", "A0") for i in range(count))), START)
    made.apply("reads", rows("reads", "utf8", *(read("utf8", f"M{i}", 0, 100) for i in range(count))), START)
    for step in range(1, 40):
        some = rng.sample(range(count), 60)
        batch = []
        for i in some:
            if i in open_now:
                batch.append(read("utf8", f"M{i}", step, 100 + step))
            else:
                batch += [read("utf8", f"M{i}", step, 1)] * 3
        effects = made.apply("reads", rows("reads", "utf8", *batch), START + step * STEP)
        open_now ^= set(some)
        assert effects.findings.num_rows == len(some)
        assert sorted(plain(made.findings()["subject"])) == sorted(f"M{i}" for i in open_now)
        assert set(plain(made.findings()["kind"])) == {"inspect_meter"}
    assert len(open_now) > 100
