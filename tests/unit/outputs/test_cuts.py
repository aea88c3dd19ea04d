"""Where rows are cut: by day, by time, by their number; the same whatever it began with."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.outputs import cuts
from pipeline.outputs.cuts import Cutter, Policy

DAY_S = 86_400
START = 1_767_225_600  # midnight, UTC
ONE = (Policy(1, 3600, ("a", "b")),)


def rows(count, seq):
    return pa.record_batch({"seq": pa.array([seq] * count, pa.uint64())})


def batch(seq, a=0, b=0):
    return {"a": rows(a, seq), "b": rows(b, seq)}


def cutter(policies=ONE, seq=0, now_s=None, zone="UTC", written=0):
    made = Cutter(policies, seq, written)
    made.begin(zone, now_s)
    return made


def taken(made):
    """What is due, as written."""
    out = []
    while made.due:
        cut = made.due[0]
        out.append(
            (cut.first, cut.last, cut.day, {n: sum(map(len, r)) for n, r in cut.rows.items()}, cut.day_ends)
        )
        made.sealed()
    return out


def test_a_cut_comes_behind_the_batch_that_enters_another_stretch():
    made = cutter()
    for seq, now_s in enumerate((START + 1, START + 2, START + 3599, START + 3600, START + 3601), 1):
        made.take(seq, now_s, batch(seq, a=seq), True)
    day = date(2026, 1, 1)
    assert taken(made) == [(1, 1, day, {"a": 1}, False), (2, 4, day, {"a": 9}, False)]
    assert made.sealed_seq == 4
    assert not made.clean
    assert [len(each) for each in made.waiting("a")] == [5]


def test_a_day_ends_before_the_batch_that_begins_another(monkeypatch):
    made = cutter(zone="Asia/Shanghai")
    midnight_s = START + 16 * 3600
    for seq, now_s in enumerate(
        (midnight_s - 3, midnight_s - 2, midnight_s - 1, midnight_s, midnight_s + 1), 1
    ):
        made.take(seq, now_s, batch(seq, b=1), True)
    first, second = date(2026, 1, 1), date(2026, 1, 2)
    assert taken(made) == [
        (1, 1, first, {"b": 1}, False),
        (2, 3, first, {"b": 2}, True),
        (4, 4, second, {"b": 1}, False),
    ]
    assert made.day == second


def test_so_many_rows_are_cut_at_once(monkeypatch):
    monkeypatch.setattr(cuts, "ROWS_MOST", 10)
    made = cutter(now_s=START)
    for seq in range(1, 8):
        made.take(seq, START + 1, batch(seq, a=3, b=1), True)
    assert [cut[:2] for cut in taken(made)] == [(1, 4)]
    made.take(8, START + 1, batch(8, a=1), True)
    assert [cut[:2] for cut in taken(made)] == [(5, 8)]


def test_rows_wait_until_the_type_of_ids_is_known():
    made = cutter()
    made.take(1, START, batch(1, a=1), False)
    made.take(2, START + DAY_S, batch(2, a=1), False)
    made.take(3, START + DAY_S + 9, batch(3, a=1), True)
    assert taken(made) == []
    made.take(4, START + 2 * DAY_S, batch(4, b=1), True)
    assert taken(made) == [
        (1, 3, date(2026, 1, 2), {"a": 3}, True),
        (4, 4, date(2026, 1, 3), {"b": 1}, False),
    ]


def test_the_day_does_not_come_again_where_clocks_go_back():
    """In Havana the clock goes from 1:00 back to 0:00; here, the engine's time is what goes on."""
    made = cutter(zone="America/Santiago")
    assert made.day_at(1_775_357_940) == date(
        2026, 4, 4
    )  # 23:59, an hour before the clock goes back to 23:00
    made.take(1, 1_775_357_940 + 2 * 3600, batch(1), True)
    assert made.day == date(2026, 4, 5)
    assert made.day_at(1_775_357_940) == date(2026, 4, 5)


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York"])
@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from((0, 1, 30, 3000, 40_000, 90_000)), st.integers(0, 4), st.integers(0, 2)),
        min_size=1,
        max_size=40,
    ),
    data=st.data(),
)
def test_cuts_are_the_same_whichever_of_them_it_began_behind(zone, steps, data):
    def run(made, skipped):
        now_s, out = START, []
        for seq, (step_s, a, b) in enumerate(steps, 1):
            now_s += step_s
            if seq > skipped:
                made.take(seq, now_s, batch(seq, a, b), True)
                out += [(cut, now_s) for cut in taken(made)]
        return out

    whole = run(cutter(zone=zone), 0)
    ends = [(cut[1], now_s) for cut, now_s in whole if not cut[4] and cut[1]]
    seqs = [seq for cut, _ in whole for seq in range(cut[0], cut[1] + 1)]
    assert seqs == [*range(1, len(seqs) + 1)]
    if ends:
        seq, now_s = data.draw(st.sampled_from(ends))
        rest = run(cutter(seq=seq, now_s=now_s, zone=zone), seq)
        assert rest == [(cut, at_s) for cut, at_s in whole if cut[0] > seq]
