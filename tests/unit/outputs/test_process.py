"""The process of the outputs: begun, ended, begun again; on a full disk, beside another, after shards have changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pytest

from pipeline.journal import RealDisk
from pipeline.node.config_outputs import OutputsConfig
from pipeline.node.layout import Layout, LayoutError, Places, write_layout
from pipeline.node.mark import Applied, MarkFile
from pipeline.outputs import process
from pipeline.outputs.description import read_description
from pipeline.outputs.places import OutputPlaces
from pipeline.outputs.process import serve
from pipeline.outputs.status import read_outputs_status
from unit.outputs.world import LAYOUT, Outputs, Shard, files, history, node

CONFIG = OutputsConfig(cut_s=3600, checkpoint_every_s=1)


class Served:
    """A process of the outputs in a thread, and what it says; `tables` is what a service is handed."""

    def __init__(self, data, config: OutputsConfig = CONFIG) -> None:
        self.places = OutputPlaces(data)
        self.ending = Event()
        self.said: list[str] = []
        self.error: BaseException | None = None
        self.tables: Any = None
        self.closed = False
        self._ready = Event()
        self.thread = Thread(target=self._run, args=(config,))
        self.thread.start()
        assert self._ready.wait(30)

    def _run(self, config: OutputsConfig) -> None:
        def start(tables):
            self.tables = tables
            self._ready.set()
            return self

        try:
            serve(config, self.places, [start], ending=self.ending, say=self.said.append)
        except BaseException as error:
            self.error = error
        self._ready.set()

    @property
    def frame(self) -> int:
        """The last frame of shard 0 that is taken; 0 as long as it is not followed."""
        position = self.tables.positions().get(0)
        return position.frame if position is not None else 0

    def close(self) -> None:
        self.closed = True

    def until(self, what) -> None:
        for _ in range(3000):
            if what():
                return
            assert self.thread.is_alive(), self.error
            self.ending.wait(0.01)
        raise AssertionError(f"not so after 30 s; said: {self.said}")


@contextmanager
def served(data, config: OutputsConfig = CONFIG) -> Iterator[Served]:
    made = Served(data, config)
    try:
        yield made
    finally:
        made.ending.set()
        made.thread.join(30)


@pytest.fixture
def shard(tmp_path):
    (tmp_path / "run").mkdir()
    return Shard(node(tmp_path), history())


def mark(shard: Shard, incarnation: int = 1) -> int:
    with MarkFile(shard.places.mark) as file:
        file.write(Applied(shard.last, incarnation, shard.state.engine.sequence))
    return shard.last


def test_it_follows_what_the_engine_says_and_goes_on_where_it_ended(shard, tmp_path):
    data = tmp_path
    shard.write(20)
    with served(data) as outputs:
        shard.write(10)
        assert outputs.frame == 0
        last = mark(shard)
        outputs.until(lambda: outputs.frame == last)
    assert outputs.closed
    assert outputs.error is None
    shard.write()
    last = mark(shard)
    with served(data) as outputs:
        outputs.until(lambda: outputs.frame == last)
        outputs.until(lambda: read_outputs_status(data).shards[0].frame == last)
    status = read_outputs_status(data)
    assert status.alarms == {}
    assert (status.shards[0].running, status.shards[0].lag_frames, status.shards[0].gaps) == (True, 0, ())
    alone = node(tmp_path / "alone")
    other = Shard(alone, history())
    other.write()
    Outputs(alone).follow(other.last)
    assert files(data) == files(alone)


def test_a_disk_that_is_full_is_tried_again(shard, tmp_path, monkeypatch):
    monkeypatch.setattr(process, "AGAIN_S", 0.05)
    shard.write()
    last = mark(shard)
    folder = tmp_path / "outputs" / "ledger"
    folder.parent.mkdir()
    folder.write_bytes(b"in the way")
    with served(tmp_path) as outputs:
        outputs.until(lambda: (read_outputs_status(tmp_path) or status()).alarms)
        assert "what waits is tried again" in read_outputs_status(tmp_path).alarms["outputs of shard 0"]
        assert outputs.tables.tail("ledger").rows.num_rows > 0
        folder.unlink()
        outputs.until(lambda: outputs.frame == last)
        outputs.until(lambda: not read_outputs_status(tmp_path).alarms)
    assert outputs.said[-1] == "outputs of shard 0: all right again"


def status():
    class Nothing:
        alarms = None

    return Nothing


def test_a_file_that_is_not_what_it_was_stops_the_shard_and_not_the_process(shard, tmp_path):
    shard.write()
    last = mark(shard)
    Outputs(tmp_path).follow(last, 1 << 30)
    name = sorted(name for name in files(tmp_path) if name.startswith("intervals"))[3]
    (tmp_path / "outputs" / name).write_bytes(b"altered")
    with served(tmp_path) as outputs:
        outputs.until(lambda: (read_outputs_status(tmp_path) or status()).alarms)
        found = read_outputs_status(tmp_path)
        assert "made again from the journal" in found.alarms["outputs of shard 0"]
        assert not found.shards[0].running
        assert outputs.tables.state("accounts").num_rows == 6


def test_what_nobody_thought_of_ends_the_process(shard, tmp_path, monkeypatch):
    def fail(path):
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(process, "read_mark", fail)
    outputs = Served(tmp_path)
    outputs.thread.join(30)
    assert isinstance(outputs.error, RuntimeError)


def test_two_of_them_do_not_run_on_one_data_set(shard, tmp_path):
    with served(tmp_path):
        other = Served(tmp_path)
        other.thread.join(30)
    assert isinstance(other.error, LayoutError)
    assert "another process makes the outputs" in str(other.error)


def test_other_shards_begin_a_data_set_of_their_own(shard, tmp_path):
    shard.write()
    mark(shard)
    Outputs(tmp_path).follow(shard.last)
    before = files(tmp_path)
    write_layout(RealDisk(tmp_path), Layout(2, LAYOUT.generation + 1))
    (tmp_path / "shard-0").rename(tmp_path / "old")
    shards = [Shard(tmp_path, history(), shard=number) for number in (0, 1)]
    for each in shards:
        each.write()
        mark(each)
    with served(tmp_path) as outputs:
        outputs.until(lambda: sorted(outputs.tables.positions()) == [0, 1])
        outputs.until(lambda: all(p.frame == shards[0].last for p in outputs.tables.positions().values()))
        assert outputs.tables.state("accounts")["shard"].to_pylist() == [0] * 6 + [1] * 6
    kept = tmp_path / f"before-{LAYOUT.generation}"
    assert files(kept) == before
    assert read_description(OutputPlaces(tmp_path).description).generation == LAYOUT.generation + 1
    assert {name.rpartition("/")[2][0] for name in files(tmp_path)} == {"0", "1"}
    assert Places(tmp_path, 0).mark.exists()


def test_a_journal_that_is_pruned_beneath_it_leaves_a_gap_that_is_told(shard, tmp_path, monkeypatch):
    monkeypatch.setattr(process, "AGAIN_S", 0.05)
    shard.write(15)
    mark(shard)
    with served(tmp_path) as outputs:
        outputs.until(lambda: outputs.frame == 15)
        sealed = outputs.tables.positions()[0].sealed
    for path in OutputPlaces(tmp_path).of_shard(0).glob("checkpoint-*"):
        path.unlink()
    shard.write(20)
    snapshot, seq = shard.snapshot(), shard.state.engine.sequence
    shard.write()
    assert shard.journal.prune(snapshot + 1)
    last = mark(shard)
    with served(tmp_path) as outputs:
        outputs.until(lambda: outputs.frame == last)
        outputs.until(lambda: read_outputs_status(tmp_path).shards[0].gaps)
    (gap,) = read_outputs_status(tmp_path).shards[0].gaps
    assert (gap.first <= sealed + 1, gap.last) == (True, seq)
    assert any(
        f"the rows of the batches {gap.first} to {gap.last} are missing" in said for said in outputs.said
    )


def test_a_journal_that_is_pruned_while_it_is_followed_is_begun_anew(shard, tmp_path, monkeypatch):
    monkeypatch.setattr(process, "AGAIN_S", 0.05)
    shard.write(5)
    mark(shard)
    with served(tmp_path) as outputs:
        outputs.until(lambda: outputs.frame == 5)
        shard.write(40)
        snapshot = shard.snapshot()
        shard.write(5)
        assert shard.journal.prune(snapshot + 1)
        last = mark(shard)
        outputs.until(lambda: outputs.frame == last)
        outputs.until(lambda: read_outputs_status(tmp_path).shards[0].gaps)
    assert any(f"begins at snapshot {snapshot}" in said for said in outputs.said)
