"""The loop that runs in production, driven by hand: a post in memory, commits that take as long as the test says."""

from __future__ import annotations

from collections import deque

import pytest

from pipeline.journal import JournalFailed
from pipeline.links import Received, Sent
from pipeline.node.intake import Answer
from pipeline.node.internal import Credit, Join, Joined, Settled, Turned, Welcomed, pack, unpack_from_shard
from pipeline.node.postbox import WAITING_MAX, Postbox
from pipeline.node.shard import Shard
from simulation.disk import SimDisk
from unit.node.world import CONFIG, NOW, Node, producers


class Post:
    """What serves workers: queues that a test fills, and may close."""

    def __init__(self):
        self.inbox: deque[Received] = deque()
        self.sent: list[tuple[bytes, object]] = []
        self.state = Sent.SENT

    def say(self, route, message, *bodies):
        self.inbox.append(Received(route, "", pack(message, *bodies)))

    def receive(self):
        return self.inbox.popleft() if self.inbox else None

    def send(self, route, frames):
        if self.state is Sent.SENT:
            self.sent.append((route, unpack_from_shard(frames)[0]))
        return self.state

    def of(self, kind):
        return [message for _, message in self.sent if isinstance(message, kind)]


class Clock:
    def __init__(self):
        self.s = 0.0

    def now_s(self):
        return NOW + int(self.s)

    def monotonic_s(self):
        return self.s


class Disk:
    """Commits that end when the test lets them."""

    def __init__(self, journal):
        self.journal = journal
        self.under_way = None
        self.done = None
        self.groups = 0

    @property
    def idle(self):
        return self.under_way is None and self.done is None

    def commit(self, group):
        self.under_way = group
        self.groups += 1

    def finish(self):
        group, self.under_way = self.under_way, None
        if group is not None:
            self.journal.commit(group.buffers, now_s=group.now_s or 0)
            self.done = (group, self.journal.durable)

    def taken(self):
        done, self.done = self.done, None
        return done


class Loop:
    def __init__(self, keys=(), gateway=None):
        self.node = Node(SimDisk(), SimDisk(), payments_keys=keys, gateway=gateway)
        self.post, self.clock, self.disk = Post(), Clock(), Disk(self.node.journal)
        self.said = []
        self.shard = Shard(
            self.node.writer,
            self.node.journal,
            self.post,
            self.disk,
            self.clock,
            lambda: keys,
            self.said.append,
        )
        self.node.writer.begin(CONFIG, NOW)
        self.post.say(b"worker", Join("worker", False))

    def run(self, turns=8):
        for _ in range(turns):
            self.shard.turn()
            self.disk.finish()
        return self

    def welcome(self, producer):
        self.post.say(b"worker", producer.hello())
        self.run()
        producer.take(self.post.of(Welcomed)[-1])


@pytest.fixture
def loop():
    loop = Loop().run()
    registry, *_ = producers()
    loop.welcome(registry)
    for seq in (1, 2):
        loop.post.say(b"worker", *registry.batch(seq))
    loop.run()
    assert loop.post.of(Settled)[-1].places[0].seq == 2
    return loop


def test_nothing_is_answered_while_the_disk_is_at_work(loop):
    _, reads, *_ = producers()
    loop.welcome(reads)
    loop.post.sent.clear()
    loop.post.say(b"worker", *reads.batch(1))
    for _ in range(5):
        loop.shard.turn()
    assert loop.post.sent == []
    assert loop.node.state.engine.stats()["rows"].get("reads") is None
    loop.disk.finish()
    loop.shard.turn()
    assert loop.post.of(Settled)[0].places[0].seq == 1


def test_what_comes_meanwhile_is_the_next_group_and_payments_go_first(loop):
    _, reads, other, payments, _ = producers()
    for producer in (reads, other, payments):
        loop.welcome(producer)
    loop.post.say(b"worker", *reads.batch(1))
    loop.shard.turn()
    groups = loop.disk.groups
    loop.post.say(b"worker", *reads.batch(2))
    loop.post.say(b"worker", *other.batch(1))
    loop.post.say(b"worker", *payments.batch(1))
    loop.shard.turn()
    assert loop.disk.groups == groups, "one at a time"
    loop.disk.finish()
    loop.shard.turn()
    kinds = [item.entry.kind.name for item in loop.disk.under_way.items]
    assert kinds == ["PAYMENTS", "READS", "READS"]


def test_the_next_group_is_on_its_way_before_this_one_is_applied(loop):
    _, reads, *_ = producers()
    loop.welcome(reads)
    loop.post.say(b"worker", *reads.batch(1))
    loop.shard.turn()
    loop.post.say(b"worker", *reads.batch(2))
    loop.disk.finish()
    applied = []
    apply = loop.node.writer.apply
    loop.node.writer.apply = lambda *args: applied.append(loop.disk.under_way) or apply(*args)
    loop.shard.turn()
    assert applied
    assert applied[0] is not None


def test_an_error_of_the_journal_ends_the_loop_and_answers_nothing(loop):
    _, reads, *_ = producers()
    loop.welcome(reads)
    loop.post.sent.clear()
    loop.post.say(b"worker", *reads.batch(1))
    loop.shard.turn()

    def fail():
        raise JournalFailed("the disk")

    loop.disk.taken = fail
    with pytest.raises(JournalFailed):
        loop.shard.turn()
    assert loop.post.sent == []


def test_a_worker_that_says_nonsense_is_left(loop):
    _, reads, *_ = producers()
    loop.welcome(reads)
    loop.post.inbox.append(Received(b"worker", "", [b"\xff\xff"]))
    loop.run()
    assert "no longer listened to" in loop.said[0]
    loop.post.say(b"worker", *reads.batch(1))
    loop.run()
    assert loop.post.of(Joined)[-1].incarnation == 0
    assert loop.node.state.lines[reads.key].next_seq == 1


def test_a_slow_worker_keeps_nobody_waiting_and_loses_nothing(loop):
    _, reads, *_ = producers()
    loop.welcome(reads)
    loop.post.sent.clear()
    loop.post.state = Sent.FULL
    loop.post.say(b"worker", *reads.batch(1))
    loop.run()
    assert loop.node.state.engine.stats()["rows"]["reads"] == 2
    assert loop.post.sent == []
    loop.post.say(b"worker", *reads.batch(2))
    loop.run()
    loop.post.state = Sent.SENT
    loop.run()
    assert [message.places[0].seq for message in loop.post.of(Settled)] == [1, 2]


def test_the_sessions_of_a_worker_that_is_gone_end(loop):
    _, reads, *_ = producers()
    loop.welcome(reads)
    loop.post.state = Sent.GONE
    loop.post.say(b"worker", *reads.batch(1))
    loop.run()
    loop.post.state = Sent.SENT
    loop.post.say(b"worker", Join("worker", False))
    loop.post.say(b"worker", *reads.batch(2))
    loop.run()
    assert loop.post.of(Turned)[-1].text == "no such session; begin one with HELLO"
    assert loop.node.state.lines[reads.key].next_seq == 2


def test_time_goes_on_while_nothing_comes(loop):
    before = loop.node.state.now_s
    loop.clock.s += 2
    loop.run()
    assert loop.node.state.now_s == before + 2
    assert loop.shard.turn() > 0
    assert loop.shard.quiet


def test_answers_that_nobody_reads_are_not_kept_for_ever():
    post = Post()
    post.state = Sent.FULL
    box = Postbox(post)
    gone = set()
    for _ in range(WAITING_MAX + 1):
        gone |= box.send([Answer(b"w", Credit(0, 0, 0))])
    assert gone == {b"w"}
    assert not box.waiting


def test_after_standing_still_trips_wait_for_what_came_meanwhile(loop):
    writer = loop.node.writer
    loop.clock.s += 5.0
    loop.run()
    assert (writer.unapplied, loop.said) == (False, [])
    loop.clock.s += 6.0
    loop.shard.turn()
    assert writer.unapplied
    assert loop.said == ["stood still for 6 s: trips wait 5 s for what came meanwhile"]
    loop.clock.s += 4.9
    loop.run()
    assert writer.unapplied
    loop.clock.s += 0.2
    loop.run()
    assert not writer.unapplied
