"""Consumers and nodes that die at any moment, over a network that loses: every row once, in order, all the same."""

from __future__ import annotations

from random import Random

import pytest

from pipeline.feed import feed
from pipeline.wire.outputs import Cursor
from unit.feed.world import Consumer, Node, Shard, journal

KILLS = 120


@pytest.mark.parametrize(("seed", "shards"), [(1, 1), (2, 1), (3, 3)])
def test_a_consumer_that_is_killed_has_every_row_once(monkeypatch, seed, shards):
    monkeypatch.setattr(feed, "MESSAGE_BYTES", 2000)  # so that most messages end within a batch
    random = Random(seed)
    node = Node([Shard(i, shards, journal(10 * seed + i, 900), 1 << 26) for i in range(shards)])
    consumer = Consumer(node)
    kills = restarts = 0
    now_s = 0.0
    while kills < KILLS or any(shard.length < len(shard.log) for shard in node.shards):
        now_s += random.choice([0.0, 0.01, 0.3, 1.1])
        for shard in node.shards:
            shard.apply(random.randrange(4))
            if random.random() < 0.02:
                # A snapshot holds what a consumer may need that has not taken it: none moves past its cursor here.
                known = consumer.cursors.taken or [Cursor(1)] * shards
                shard.snapshot = max(shard.snapshot, min(shard.length, max(0, known[shard.number].seq - 2)))
        if random.random() < 0.05:
            node.restart()
            consumer.wire.clear()
            restarts += 1
        consumer.exchange(now_s, random if random.random() < 0.3 else None)
        if random.random() < 0.4:
            consumer.consume(random.randrange(4))
            consumer.die()
            consumer.again()
            kills += 1
        else:
            consumer.consume()
    for _ in range(400):
        now_s += 0.3
        consumer.exchange(now_s)
        consumer.consume()
    assert kills >= KILLS
    assert restarts > 10
    for shard in node.shards:
        assert sum(count for *_, count in shard.log) > 1000
        assert consumer.stored[shard.number] == shard.identities()
