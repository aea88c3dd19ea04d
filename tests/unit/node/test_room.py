"""A disk that fills up: reads wait first, payments last, and nothing that was acknowledged is lost."""

from __future__ import annotations

import pytest

from pipeline.journal import JournalFull
from pipeline.node.internal import Credit
from unit.node import world as here
from unit.node.world import Producer, Shard, only, producers


def filled(room_bytes: int) -> tuple[Shard, Producer, Producer]:
    """A shard whose disk takes no new segment, and has so many bytes left in the open one."""
    shard = Shard()
    registry, reads, _, payments, _ = producers(40)
    shard.hello(registry).send(registry, 1, 2)
    shard.hello(reads).hello(payments)
    shard.disk.capacity = shard.disk.used()
    while shard.node.journal.room > room_bytes:
        shard.now_s += 60
        shard.run()
    with pytest.raises(JournalFull):
        shard.node.journal.prepare_next()
    return shard, reads, payments


@pytest.fixture
def quiet(monkeypatch):
    """The thread that makes segments meets a full disk, and goes on trying."""
    commit = here.Node.commit

    def patient(node, now_s):
        try:
            return commit(node, now_s)
        except JournalFull:
            return True

    monkeypatch.setattr(here.Node, "commit", patient)


def test_reads_wait_while_payments_go_on(quiet):
    shard, reads, payments = filled(2 * 4096)
    shard.node.say(reads.route, *reads.batch(1))
    shard.send(payments, 1)
    assert (reads.acked, payments.acked) == (0, 1)
    assert shard.node.writer._gatherer.scarce


def test_credit_for_reads_stops_first_and_comes_back(quiet):
    shard, reads, payments = filled(3 * 4096)
    credit = [m for m in (*shard.heard, *shard.run()) if isinstance(m, Credit)]
    while not credit:
        shard.now_s += 60
        credit = [m for m in shard.run() if isinstance(m, Credit)]
    assert credit[-1].bulk_bytes == 0
    assert credit[-1].urgent_bytes > 0
    shard.send(reads, 1)
    assert reads.acked == 0
    shard.disk.capacity = None
    shard.node.journal.prepare_next()
    shard.node.commit(shard.now_s)
    for _, message, _ in shard.node.answers:
        if getattr(message, "producer", reads.key) == reads.key:
            reads.take(message)
    assert only([m for _, m, _ in shard.node.answers], Credit).bulk_bytes > 0
    assert reads.acked == 1
    shard.send(payments, 1)
    assert payments.acked == 1


def test_with_no_room_at_all_everything_waits_and_nothing_is_lost(quiet):
    shard, reads, payments = filled(0)
    shard.node.say(reads.route, *reads.batch(1))
    shard.send(payments, 1)
    assert (reads.acked, payments.acked) == (0, 0)
    frame = shard.node.journal.durable.number
    assert shard.node.state.mark.number == frame
    shard.disk.capacity = None
    shard.node.journal.prepare_next()
    shard.run()
    assert shard.node.state.engine.stats()["rows"]["payments"] == 1
    assert shard.node.state.engine.stats()["rows"]["reads"] == 2


def test_ticks_are_rare_when_there_is_little_room(quiet):
    shard, _, _ = filled(2 * 4096)
    shard.now_s += 60
    shard.run()
    before = shard.node.state.now_s
    for _ in range(59):
        shard.now_s += 1
        shard.node.commit(shard.now_s)
    assert shard.node.state.now_s == before
