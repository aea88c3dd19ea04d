"""The figures: counted right from outputs, whole on a narrow page; and the thread that writes in between."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline.demo import county, figures_windows
from pipeline.demo.arrow import Payment, Update, instants, money, payments_batch, raw_int64, updates_batch
from pipeline.demo.background import WAITING_MAX, Background
from pipeline.demo.county import County
from pipeline.demo.figures_control import percentile
from pipeline.demo.report import duration


@pytest.fixture(scope="module")
def village() -> County:
    return county.build(np.random.Generator(np.random.PCG64(5)), 0.02)


def wh(values: list[int]) -> pa.Array:
    return pa.Array.from_buffers(pa.decimal64(18, 3), len(values), [None, pa.py_buffer(np.array(values))])


def test_only_a_window_s_last_revision_counts(village: County) -> None:
    district = int(village.district_id[2])
    table = pa.table(
        {
            "district_id": pa.array([district] * 4, pa.uint64()),
            "klass": pa.array(["low_voltage", "low_voltage", "public", "low_voltage"]).dictionary_encode(),
            "start": instants(np.array([0, 0, 0, 3600])),
            "revision": pa.array([1, 0, 0, 0], pa.uint32()),
            "received": pa.array([40, 38, 4, 39], pa.uint32()),
            "expected": pa.array([40, 40, 4, 40], pa.uint32()),
        }
    )
    special, public, low_voltage = figures_windows.collected(village, table)
    assert (special.expected, special.received, special.success) == (0, 0, 1.0)
    assert (public.expected, public.received) == (4, 4)
    assert (low_voltage.expected, low_voltage.received) == (80, 79)
    assert low_voltage.success == pytest.approx(79 / 80)


def test_line_loss_is_summed_over_the_day_and_districts_are_ranked(village: County) -> None:
    table = pa.table(
        {
            "district_id": village.district_id[[0, 1, 1, 2]],
            "start": instants(np.array([0, 0, 0, 0])),
            "revision": pa.array([0, 0, 1, 0], pa.uint32()),
            "supply": wh([1_000, 1_000, 1_000, 1_000]),
            "consumption": wh([900, 500, 980, 1_100]),
        }
    )
    findings = [("high_loss", "opened", str(village.district_id[0]))]
    loss = figures_windows.line_loss(village, table, findings)
    assert (loss.county.supply_wh, loss.county.consumption_wh) == (3_000, 2_980)
    assert (loss.windows, loss.revised) == (3, 1)
    assert loss.worst[0].name == village.district_name[0]
    assert loss.worst[0].ratio == pytest.approx(0.1)
    assert loss.worst[0].finding == "high_loss"
    assert [entry.name for entry in loss.negative] == [village.district_name[2]]


def test_a_day_without_windows_has_figures_too(village: County) -> None:
    assert [row.success for row in figures_windows.collected(village, None)] == [1.0, 1.0, 1.0]
    assert figures_windows.line_loss(village, None, []).county.ratio == 0.0


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([], 50, 0),
        ([7], 95, 7),
        ([1, 2, 3, 4], 50, 2),
        (list(range(1, 101)), 95, 95),
        ([1, 2], 100, 2),
        (list(range(1_000)), 95, 949),
    ],
)
def test_percentiles_are_of_the_nearest_rank(values: list[int], percent: int, expected: int) -> None:
    assert percentile(values, percent) == expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (3599, "59 min 59 s"), (4800, "1 h 20 min")],
)
def test_durations_read_as_people_say_them(seconds: int, text: str) -> None:
    assert duration(seconds) == text


def test_raw_values_go_there_and_back_through_slices_and_chunks() -> None:
    amounts = money([1, -2, 3, 4])
    assert raw_int64(amounts[1:3]).tolist() == [-2, 3]
    assert raw_int64(pa.chunked_array([amounts[:1], amounts[3:]])).tolist() == [1, 4]
    assert raw_int64(pa.chunked_array([], pa.decimal64(18, 9))).tolist() == []


def test_batches_have_the_types_that_the_engine_takes() -> None:
    empty = payments_batch([])
    assert empty.num_rows == 0
    assert empty.schema.field("amount").type == pa.decimal64(18, 9)
    one = payments_batch([Payment(b"0123456789abcdef", 7, "top_up", 10**9, 60, "app")])
    assert one.schema == empty.schema
    assert str(one["amount"][0]) == "1.000000000"
    updates = updates_batch([Update("approve_trip", 7), Update("suspend_trips", text="3")])
    assert updates["account_id"].to_pylist() == [7, None]
    assert updates.schema.field("at").type == pa.timestamp("s", "UTC")


def test_the_background_works_in_order() -> None:
    done: list[int] = []
    with Background() as background:
        for number in range(3 * WAITING_MAX):
            background.do(partial(done.append, number))
    assert done == list(range(3 * WAITING_MAX))


def test_a_failure_in_the_background_is_raised_where_one_waits() -> None:
    done: list[str] = []

    def fail() -> None:
        raise OSError("no space left")

    def give(background: Background) -> None:
        background.do(partial(done.append, "before"))
        background.do(fail)
        for _ in range(3 * WAITING_MAX):
            background.do(partial(done.append, "after"))

    with pytest.raises(OSError, match="no space left"), Background() as background:
        give(background)
    assert done == ["before"]


def test_the_background_leaves_the_rest_when_the_day_breaks_off() -> None:
    begun, left, done = threading.Event(), threading.Event(), list[str]()

    def wait() -> None:
        begun.set()
        left.wait(60)

    class Leaving(Background):
        def __exit__(self, *error: Any) -> None:
            self.do(partial(done.append, "after"))
            threading.Thread(target=self._let_go).start()
            super().__exit__(*error)

        def _let_go(self) -> None:
            while self._failure is None:
                time.sleep(0.001)
            left.set()

    def break_off() -> None:
        with Leaving() as background:
            background.do(wait)
            assert begun.wait(60)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        break_off()
    assert left.is_set()
    assert done == []
