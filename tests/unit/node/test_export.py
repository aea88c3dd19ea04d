"""A journal as a batch log: `replay` takes it, and ends with the same digest."""

from __future__ import annotations

import pytest

from pipeline.batchlog import BatchLog, BatchLogWriter
from pipeline.errors import LogError
from pipeline.node.export import export
from pipeline.replay import replay
from unit import core_world as world
from unit.node.world import NOW, Producer, Run, Shard, body_of, producers


@pytest.mark.parametrize("file_format", ["parquet", "arrow"])
def test_the_log_of_a_run_ends_with_its_digest(tmp_path, file_format):
    run = Run(3, again=0.2)
    run.settle(run.node())
    run.die(power=False)
    node = run.node()
    run.settle(node)
    operator = run.all[-1]
    assert isinstance(operator, Producer)
    operator.outbox += [
        body_of("config", "not toml"),
        body_of("config", world.LATER_CONFIG),
        body_of("tick", NOW + 9999),
    ]
    run.settle(node)
    with BatchLogWriter(tmp_path / "log", file_format) as log:
        exported = export(run.disk, log)
    assert exported.frames == node.state.mark.number
    assert exported.batches == node.state.batches
    assert exported.unreadable == 0
    done = replay(BatchLog.open(tmp_path / "log"), tmp_path / "out")
    assert done.digest == node.state.engine.digest()
    assert done.sequence == node.state.engine.sequence
    assert [broken.kind for broken in done.malformed] == ["config"]


def test_a_journal_that_was_cut_back_is_no_log(tmp_path):
    shard = Shard()
    registry, *_ = producers()
    shard.hello(registry).send(registry, 1, 2)
    for _ in range(30):
        shard.now_s += 1
        shard.run()
    shard.node.journal.prune(shard.node.state.mark.number)
    assert shard.disk.names()[1] != "segment-000000000001.journal"
    with (
        BatchLogWriter(tmp_path / "log") as log,
        pytest.raises(LogError, match=r"begins with frame .* since snapshots hold"),
    ):
        export(shard.disk, log)
