"""Consumers and nodes that die at any moment, over a network that loses: every row once, in order, as in a replay."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fastcore.effects import Effects
from fastcore.schemas import OUTPUTS
from pipeline.batchlog import BatchLog, BatchLogWriter
from pipeline.feed import feed
from pipeline.node.export import export
from pipeline.node.state import State
from pipeline.replay import replay
from pipeline.wire.outputs import Cursor
from unit.feed.world import Consumer, Node, Shard, written
from unit.outputs import world

KILLS = 1000
OUTPUT = "intervals"
DAYS = 5


@cache
def taken(number: int) -> list[tuple[int, Effects, int]]:
    """What an engine makes of some days, each shard with accounts of its own: its batches from number 2 on."""
    state, log = State((OUTPUT,)), []
    for entry in world.history(DAYS, 6 + number):
        effects = state.apply(entry).effects
        if effects is not None:
            assert state.engine is not None
            log.append((state.engine.sequence, effects, getattr(effects, OUTPUT).num_rows))
    assert [seq for seq, *_ in log] == list(range(2, len(log) + 2))
    return log


def replayed(number: int, folder: Path) -> list[tuple[int, int, str]]:
    """The same by a journal, its export and a replay."""
    shard = world.Shard(world.node(folder / "node"), world.history(DAYS, 6 + number))
    shard.write()
    with BatchLogWriter(folder / "log") as log:
        export(shard.disk, log)
    replay(BatchLog.open(folder / "log"), folder / "out")
    table = pq.read_table(folder / "out" / "outputs" / f"{OUTPUT}.parquet").cast(OUTPUTS[OUTPUT](pa.uint64()))
    places: Counter[int] = Counter()
    found = []
    for row in table.to_pylist():
        found.append((row["seq"], places[row["seq"]], repr(row)))
        places[row["seq"]] += 1
    return found


class World:
    """Shards, a network, and consumers one after the other; counts how often each was killed where."""

    def __init__(self, random: Random, shards: int) -> None:
        self.random = random
        self.node = Node([Shard(i, shards, taken(i), 1 << 26, OUTPUT) for i in range(shards)])
        self.kills: Counter[str] = Counter()
        self.now_s = 0.0
        self.restarts = 0

    def turn(self, consumer: Consumer) -> None:
        """Time passes, and whatever it brings; maybe a death."""
        random = self.random
        self.now_s += random.choice([0.01, 0.3, 1.1])
        for shard in self.node.shards:
            shard.apply(random.randrange(3))
            if random.random() < 0.02:
                # A snapshot holds what a consumer may need that has not taken it: none moves past its cursor here.
                known = consumer.cursors.taken or [Cursor(1)] * len(self.node.shards)
                shard.snapshot = max(shard.snapshot, min(shard.length, max(0, known[shard.number].seq - 2)))
        if random.random() < 0.02:
            self.node.restart()
            consumer.wire.clear()
            self.restarts += 1
        consumer.exchange(self.now_s, random if random.random() < 0.3 else None)
        waiting = 2 * len(consumer.conversation.batches)
        if random.random() < (0.6 if waiting else 0.2):
            until = random.randint(0, waiting)
            consumer.consume(until)
            said = "said all" if until == waiting else ("before storing", "before saying")[until % 2]
            self.kills[said if waiting else "with nothing in hand"] += 1
            consumer.die()
            consumer.again()
        else:
            consumer.consume()

    def anew(self) -> Consumer:
        """Another consumer, from the start of journals that are whole; the first one while they grow."""
        for shard in self.node.shards:
            shard.snapshot = 0
        self.node.restart()
        return Consumer(self.node)


@pytest.mark.parametrize(("seed", "shards"), [(1, 1), (3, 3)])
def test_a_consumer_that_is_killed_has_every_row_once(monkeypatch, tmp_path, seed, shards):
    monkeypatch.setattr(feed, "MESSAGE_BYTES", 400)  # so that most messages end within a batch
    expected = [replayed(i, tmp_path / str(i)) for i in range(shards)]
    assert min(map(len, expected)) > 300
    lives = World(Random(seed), shards)
    whole = 0
    consumer = lives.anew()
    while lives.kills.total() < KILLS or not whole:
        lives.turn(consumer)
        if consumer.has_all:
            assert [consumer.stored[shard] for shard in range(shards)] == expected
            whole += 1
            consumer = lives.anew()
    print(f"seed {seed}: {dict(lives.kills)}, {lives.restarts} starts of the node, {whole} times all rows")
    assert min(lives.kills[where] for where in ("before storing", "before saying", "said all")) >= 20
    assert lives.restarts > 20


def test_rows_are_told_apart_by_all_that_they_hold():
    """What the test above compares is whole rows."""
    _, effects, count = next(each for each in taken(0) if each[2])
    assert len(written(effects.intervals)) == count
    assert all("'balance': " in row and "'end': " in row for row in written(effects.intervals))
