"""The benchmarks are honest: an answer that is wrong anywhere ends a measurement before anything is timed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import bench_peers, dirty, memory, outputs, recovery
from benchmarks.answers import expect_columns, fingerprint, integers
from benchmarks.command import ask
from benchmarks.contest import WARM_SWEEPS, Contestant, contest
from benchmarks.core import Core
from benchmarks.county import County
from benchmarks.dirt import DirtyFeed
from benchmarks.errors import BenchmarkError, WrongAnswer
from benchmarks.ground import Ground
from benchmarks.peers.job import Emit, Output, Peer, make_job
from benchmarks.sweeps import Sweep
from fastcore import Engine

COUNTY = 600
COLUMNS = ("energy_wh", "charge_nano", "balance_nano")


def ready(county: County) -> Core:
    """A core that has taken all sweeps but the last of the warm-up."""
    core = Core(county)
    for number in range(1, WARM_SWEEPS):
        core.take(county.sweep(number))
    return core


def spoilt(sweep: Sweep, column: str, row: int = 7) -> Sweep:
    """The sweep with one number of what it must come to off by one."""
    values = getattr(sweep, column).copy()
    values[row] += 1
    return replace(sweep, **{column: values})


@pytest.mark.parametrize("order", ["grouped", "random"])
@pytest.mark.parametrize("id_type", ["uint64", "utf8"])
def test_the_core_gives_the_countys_answers_over_midnight(order: Any, id_type: Any) -> None:
    county = County(COUNTY, order, id_type)
    core = Core(county)
    hashes = {core.check(county.sweep(number)) for number in range(1, 22)}
    assert len(hashes) == 21
    core.check_state()
    assert core.engine.stats()["ledger"]["standing"] == int((county.tariff[county.consumer] == 1).sum()) > 0


@pytest.mark.parametrize("column", COLUMNS)
def test_one_wrong_number_among_the_rows_is_found(column: str) -> None:
    county = County(COUNTY)
    core = ready(county)
    name = column.partition("_")[0]
    with pytest.raises(
        WrongAnswer, match=rf"core, sweep 4, batch 0: {name} of row 7 is .*; expected .*\(1 differ\)"
    ):
        core.check(spoilt(county.sweep(WARM_SWEEPS), column))


def test_a_row_that_is_missing_or_refused_is_found() -> None:
    county = County(COUNTY)
    core = ready(county)
    sweep = county.sweep(WARM_SWEEPS)
    core.take(sweep)
    with pytest.raises(WrongAnswer, match="rows of exceptions: found 600; expected 0"):
        core.check(sweep)


@pytest.mark.parametrize(("name", "row"), [("value", 3), ("balance_nano", 4)])
def test_a_state_that_went_wrong_while_it_was_timed_is_found(name: str, row: int) -> None:
    county = County(COUNTY)
    core = ready(county)
    core.check_state()
    getattr(county, name)[row] += 1
    with pytest.raises(WrongAnswer, match="core, state: "):
        core.check_state()


def test_reads_that_were_never_taken_are_found_by_the_state() -> None:
    county = County(COUNTY)
    core = ready(county)
    contest([Contestant("idle", county.sweep, lambda reads: None)], WARM_SWEEPS, rounds=1)
    with pytest.raises(WrongAnswer, match="last_value of row 0"):
        core.check_state()


@pytest.mark.parametrize("known_rows", [False, True])
def test_the_floor_gives_the_countys_answers_and_a_wrong_one_is_found(known_rows: bool) -> None:
    county = County(COUNTY, "random")
    ground = Ground(county)
    county.sweep(0)
    assert ground.check(county.sweep(1), known_rows) != ground.check(county.sweep(2), known_rows)
    with pytest.raises(WrongAnswer, match="floor, sweep 3, batch 0: energy_wh of row 7"):
        ground.check(spoilt(county.sweep(3), "energy_wh"), known_rows)


def test_the_floor_says_how_many_ids_it_does_not_know() -> None:
    county, other = County(COUNTY), County(COUNTY + 5)
    ground = Ground(county)
    sweep = other.sweep(0)
    assert sum(ground.floor.take(batch) for batch in sweep.batches) == 5
    assert (ground.floor.output["row"][: COUNTY + 5] == -1).sum() == 5
    with pytest.raises(ValueError, match="65,537 reads; expected at most 65,536"):
        ground.floor.take(
            pa.RecordBatch.from_pydict({n: np.zeros(65_537, np.int64) for n in ("meter_id", "at", "value")})
        )


@pytest.mark.parametrize("count", ["twice", "spiking", "sent"])
def test_a_dirty_read_that_is_not_accounted_for_is_found(count: str) -> None:
    feed = DirtyFeed(County(COUNTY))
    core = dirty.DirtyCore(feed)
    for number in range(1, 9):
        core.take(feed.sweep(number))
    core.check_counts()
    assert min(feed.twice, feed.spiking, feed.late, feed.missing) > 20
    assert core.engine.stats()["qualities"]["late"] > 20
    setattr(feed, count, getattr(feed, count) + 1)
    with pytest.raises(WrongAnswer, match="core, dirty: "):
        core.check_counts()


def test_a_dirty_register_that_stands_wrong_is_found() -> None:
    feed = DirtyFeed(County(COUNTY))
    core = dirty.DirtyCore(feed)
    for number in range(1, 5):
        core.take(feed.sweep(number))
    feed.newest[5] += 1
    with pytest.raises(WrongAnswer, match="last_value of row 5"):
        core.check_counts()


JOB = make_job(2_000, 4)
TWO = ("core", "numpy", "python")


class Wrong:
    """A peer whose outputs have been tampered with."""

    def __init__(self, peer: Peer, tamper: Callable[[Output], Output]) -> None:
        self.peer, self.tamper = peer, tamper

    def run(self, batches: list[pa.RecordBatch], now_s: list[int], emit: Emit) -> None:
        self.peer.run(batches, now_s, lambda output: emit(self.tamper(output)))


def off_by_one(output: Output) -> Output:
    balance = output.intervals["balance"].copy()
    balance[-1] -= 1
    return replace(output, intervals=output.intervals | {"balance": balance})


def one_trip_less(output: Output) -> Output:
    return replace(output, tripped=output.tripped[1:])


def nothing_refused(output: Output) -> Output:
    return replace(output, refused={"row": np.empty(0, np.int64), "reason": np.empty(0, np.int64)})


def without_a_column(output: Output) -> Output:
    return replace(output, intervals=output.intervals | {"charge": np.empty(0, np.int64)})


@pytest.mark.parametrize("tamper", [off_by_one, one_trip_less, nothing_refused, without_a_column])
def test_a_wrong_peer_is_found_and_nobody_is_timed(
    tamper: Callable[[Output], Output], monkeypatch: Any
) -> None:
    monkeypatch.setattr(
        bench_peers, "seconds", lambda work: pytest.fail("timed before all answers were compared")
    )
    peers = {name: bench_peers.PEERS[name] for name in TWO}
    right = peers["numpy"]
    peers["numpy"] = lambda job: Wrong(right(job), tamper)
    with pytest.raises(WrongAnswer, match=r"^numpy: "):
        bench_peers.measure(JOB, peers, 1)


class Generous(Engine):
    """An engine that reads one count less than was sent, in one row of each batch."""

    def apply(self, kind: str, batch: Any, now: Any) -> Any:
        if kind == "reads":
            values = integers(batch.column("value")).copy()
            values[0] -= 1
            batch = batch.set_column(batch.schema.get_field_index("value"), "value", pa.array(values))
        return super().apply(kind, batch, now)


def test_a_wrong_core_is_found_among_the_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.peers.core_peer.Engine", Generous)
    with pytest.raises(WrongAnswer, match=r"^core: "):
        bench_peers.measure(JOB, {name: bench_peers.PEERS[name] for name in TWO}, 1)


@pytest.mark.parametrize("name", ["grouped", "random", "utf8", "dirty", "growth", "threads", "outputs"])
def test_a_wrong_core_answers_no_question(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.core.Engine", Generous)
    with pytest.raises(WrongAnswer):
        ask(name, "smoke")


def test_a_wrong_core_is_found_after_recovery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "Engine", Generous)
    with pytest.raises(WrongAnswer, match="recovery, state"):
        ask("recovery", "smoke")


def test_a_job_that_asks_too_little_is_refused() -> None:
    with pytest.raises(WrongAnswer, match="reasons and trips of the job"):
        bench_peers.measure(make_job(50, 1), {name: bench_peers.PEERS[name] for name in TWO}, 1)


def test_a_file_of_other_rows_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def short(path: Path, table: pa.Table) -> None:
        path.mkdir()
        pq.write_table(table.slice(1), path / "intervals.parquet")

    monkeypatch.setattr(outputs, "_at_once", short)
    with pytest.raises(WrongAnswer, match="written by PyArrow holds other rows"):
        ask("outputs", "smoke")


def test_memory_is_not_told_where_the_process_that_measures_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_write", lambda path, county: None)
    with pytest.raises(BenchmarkError, match=r"memory, 400 meters: .*LogError: batch log .* does not exist"):
        memory.bytes_a_meter(400)


def test_memory_is_not_told_where_other_reads_were_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    write = memory._write

    def wrong(path: Path, county: County) -> None:
        county.sweep(0)
        write(path, County(county.meters, seed=2))

    monkeypatch.setattr(memory, "_write", wrong)
    with pytest.raises(WrongAnswer, match="memory, 400 meters: hash of the registers and balances"):
        memory.bytes_a_meter(400)


def test_columns_are_compared_to_the_last_row_and_nothing_is_not_enough() -> None:
    right = {"a": np.arange(5), "b": np.arange(5)}
    expect_columns("x", {**right, "c": np.arange(2)}, right)
    for wrong in ({"a": right["a"]}, {**right, "b": np.arange(4)}, {**right, "b": np.array([0, 1, 2, 3, 5])}):
        with pytest.raises(WrongAnswer, match=r"^x: "):
            expect_columns("x", wrong, right)
    for nothing in ({}, {"a": np.arange(0)}):
        with pytest.raises(WrongAnswer, match="nothing to compare with"):
            expect_columns("x", nothing, nothing)


def test_a_fingerprint_tells_names_lengths_and_values_apart() -> None:
    columns = [{"a": np.arange(4)}, {"b": np.arange(4)}, {"a": np.arange(5)}, {"a": np.array([0, 1, 2, 4])}]
    columns += [{"a": np.arange(2), "b": np.arange(2, 4)}, {"a": np.arange(3), "b": np.arange(3, 4)}]
    assert len({fingerprint(one) for one in columns}) == len(columns)
    assert fingerprint(columns[4]) == fingerprint(dict(reversed(columns[4].items())))


def test_integers_of_a_slice_with_nulls() -> None:
    column = pa.array([7, 8, None, 10], pa.int64()).slice(1)
    assert integers(column).tolist() == [8, 0, 10]
    assert integers(pa.chunked_array([column, column])).tolist() == [8, 0, 10] * 2
