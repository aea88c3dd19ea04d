"""The demo's node: real processes, whose end is told and not waited out."""

from __future__ import annotations

import time
from multiprocessing import active_children
from pathlib import Path

import pytest

from pipeline.demo import settings
from pipeline.demo.driver import CountyClock, DemoError, Driver
from pipeline.demo.parts import Node


@pytest.fixture
def county() -> CountyClock:
    return CountyClock(settings.EVENING_S)


def test_time_passes_by_ticks_alone_and_an_engine_that_dies_is_told(
    tmp_path: Path, county: CountyClock
) -> None:
    before = set(active_children())
    with Node(tmp_path / "node", tmp_path, None, county) as node:
        driver = Driver(node.station, node.reports, county, time.perf_counter)
        driver.begin()
        begun = driver.sequence
        (took,) = driver.time(settings.EVENING_S + 60)
        assert (took.seq, took.now_s, took.outputs) == (begun + 1, settings.EVENING_S + 60, {})
        assert driver.time(settings.EVENING_S + 60) == []
        for part in set(active_children()) - before:
            part.kill()
        with pytest.raises(DemoError, match="has ended"):
            driver.time(settings.EVENING_S + 120)
    assert set(active_children()) == before


def test_the_node_is_asked_how_it_ended(tmp_path: Path, county: CountyClock) -> None:
    with Node(tmp_path / "node", tmp_path, tmp_path / "out", county) as node:
        Driver(node.station, node.reports, county, time.perf_counter).begin()
        ended = node.end()
    assert ended.rows == dict.fromkeys(ended.rows, 0)
    assert len(ended.rows) == 9
    assert ended.tables["accounts"].num_rows == 0
    assert len(ended.digest) == 32
    assert (tmp_path / "out" / "outputs" / "commands.parquet").exists()


def test_what_a_part_says_at_its_end_is_told(tmp_path: Path, county: CountyClock) -> None:
    (tmp_path / "node" / "shard-0").mkdir(parents=True)
    (tmp_path / "node" / "shard-0" / "journal").write_text("no folder")
    with pytest.raises(DemoError, match="has ended"), Node(tmp_path / "node", tmp_path, None, county) as node:
        Driver(node.station, node.reports, county, time.perf_counter).begin()
