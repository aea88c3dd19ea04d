"""The figures of workers, outputs, subscribers, disks and accounts: each as its file says, and of how many by name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.clock import RealClock
from pipeline.metrics.families import NodeCollector
from pipeline.node.layout import Places
from pipeline.node.status import OLD_S, StatusFile, Subscriber
from pipeline.outputs.figures import Figures, Held, ShardFigures, Window
from pipeline.worker.status import NAMED_MAX, OTHER, Producing
from unit.metrics import county

FIGURES = ShardFigures(
    shard=0,
    held=(Held("on", "", 40, 12_500_000_000), Held("due", "notice", 2, -1_000_000_000)),
    findings={"calendar_ends": 1},
    orders={"trip_failed": 3},
    window=Window(900, {"low_voltage": (90, 100)}),
)


def write_figures(data: Path) -> None:
    StatusFile(data / "run" / "figures.json").write(Figures(77, (FIGURES,)))


@pytest.fixture
def data(tmp_path):
    county.write_all(tmp_path)
    write_figures(tmp_path)
    return tmp_path


def figures(data, collector=None):
    """Each sample by its name and the values of its labels, in their order."""
    collector = collector or NodeCollector(data, RealClock())
    return {
        (each.name.removeprefix("feikong_"), *each.labels.values()): each.value
        for family in collector.collect()
        for each in family.samples
    }


def test_every_part_says_what_its_file_says(data):
    os.utime(Places(data, 0).snapshots / "snapshot-000000000020.lines", (1, RealClock().now_s() - 500))
    found = figures(data)
    assert 500 <= found.pop(("snapshot_age_seconds", "0")) < 600
    expected = {
        ("worker_running", "0"): 1, ("restarts_total", "worker-0"): 6, ("restarts_total", "outputs"): 1,
        ("worker_rows_total", "0", "reads"): 41_000, ("worker_batches_total", "0", "reads"): 9,
        ("worker_refused_total", "0", "schema"): 3,
        ("dead_letters_total", "0", "kept"): 2, ("dead_letters_total", "0", "passed_over"): 1,
        ("connected", "0", "reads"): 2, ("credit_bytes", "0", "bulk"): 1000, ("flying_bytes", "0", "bulk"): 300,
        ("producer_lag_batches", "feeder-1"): 2, ("producer_lag_bytes", "feeder-1"): 300,
        ("producer_credit_bytes", "feeder-2"): 500,
        ("subscriber_lag_batches", "0", "reports", "ledger"): 17,
        ("subscriber_flying_bytes", "0", "reports", "ledger"): 4096,
        ("outputs_running",): 1, ("outputs_followed", "0"): 1, ("outputs_lag_frames", "0"): 8,
        ("outputs_lag_seconds", "0"): 2.5, ("outputs_gaps", "0"): 1, ("outputs_missing_batches", "0"): 3,
        ("outputs_alarms",): 0, ("journal_bytes", "0"): 1500, ("journal_segments", "0"): 2,
        ("accounts", "0", "on", ""): 40, ("accounts", "0", "due", "notice"): 2,
        ("balance", "0", "on", ""): 12.5, ("balance", "0", "due", "notice"): -1,
        ("findings_open", "0", "calendar_ends"): 1, ("orders_open", "0", "trip_failed"): 3,
        ("window_start_seconds", "0"): 900, ("window_received", "0", "low_voltage"): 90,
        ("window_expected", "0", "low_voltage"): 100, ("figures_time_seconds",): 77,
    }  # fmt: skip
    assert {key: found[key] for key in expected} == pytest.approx(expected)


def test_what_does_not_run_says_so_and_no_more(data):
    old_s = RealClock().now_s() - OLD_S - 60
    county.write_worker(data, at_s=old_s)
    county.write_outputs(data, at_s=old_s, alarms={"outputs of shard 0": "no room"})
    county.write_engine(data, at_s=old_s)
    found = figures(data)
    assert found["worker_running", "0"] == found["outputs_running",] == 0
    assert found["outputs_alarms",] == 1
    assert not [key for key in found if key[0] in ("worker_rows_total", "producer_lag_bytes")]
    assert not [key for key in found if key[0] == "subscriber_lag_batches"]


def test_a_node_without_outputs_says_nothing_of_them(tmp_path):
    county.folder(tmp_path)
    assert not [key for key in figures(tmp_path) if key[0].startswith("outputs")]


def test_however_many_producers_and_subscribers_few_are_named(data):
    producers = {f"p-{n:05d}": Producing(1, 10, 100) for n in range(NAMED_MAX)}
    county.write_worker(data, 0, producers={**producers, OTHER: Producing(5, 50, 500)})
    county.write_worker(data, 1, producers={f"q-{n:05d}": Producing(1, 10, 100) for n in range(NAMED_MAX)})
    county.write_engine(data, subscribers=tuple(Subscriber(f"s-{n}", "ledger", 1, 1) for n in range(1500)))
    collector = NodeCollector(data, RealClock())
    found = figures(data, collector)
    named = {key[1] for key in found if key[0] == "producer_lag_batches"}
    assert len(named) == NAMED_MAX + 1
    assert found["producer_lag_batches", OTHER] == 5 + NAMED_MAX
    assert found["producer_credit_bytes", "p-00000"] == 100
    assert sum(1 for key in found if key[0] == "subscriber_lag_batches") == NAMED_MAX + 1
    assert found["subscriber_lag_batches", "0", OTHER, "ledger"] == 500
    county.write_worker(data, 0, producers={"a": Producing(7, 7, 7), **producers})
    assert found["producer_lag_batches", OTHER] == 1005
    again = figures(data, collector)
    assert {key[1] for key in again if key[0] == "producer_lag_batches"} == named, "names stay"
    assert again["producer_lag_batches", OTHER] == 7 + NAMED_MAX
