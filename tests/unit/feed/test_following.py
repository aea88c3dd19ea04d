"""A subscriber's conversation: what it does about what is lost, damaged, old, or of other shards."""

from __future__ import annotations

import pytest

from pipeline.client import CursorGone, Cursors, CursorsError, NotAccepted
from pipeline.wire import Kind, Message, pack
from pipeline.wire.outputs import NEWEST, Cursor, Output, output_body
from simulation.disk import SimDisk
from unit.feed.world import KEY, Consumer, Node, Shard, effects, journal, rows

LOG = journal(5, 60)


def world(shards: int = 1, batches: int = 60) -> tuple[Node, Consumer]:
    node = Node([Shard(i, shards, LOG, 1 << 26) for i in range(shards)])
    for shard in node.shards:
        shard.apply(batches)
    return node, Consumer(node)


def settle(consumer: Consumer, since_s: float = 0.0) -> None:
    for step in range(40):
        consumer.exchange(since_s + step * 0.3)
        consumer.consume()


def whole(node: Node, consumer: Consumer) -> bool:
    return all(consumer.stored.get(shard.number, []) == shard.identities() for shard in node.shards)


@pytest.mark.parametrize("shards", [1, 4])
def test_all_shards_are_followed_once_the_first_has_told_how_many_there_are(shards):
    node, consumer = world(shards)
    settle(consumer)
    assert whole(node, consumer)
    assert consumer.cursors.taken == [Cursor(62)] * shards
    assert Cursors(consumer.folder, "ledger").taken == [Cursor(62)] * shards


def test_the_last_message_is_lost_and_nothing_comes_behind_it():
    node, consumer = world()
    settle(consumer)
    node.shards[0].log = [*LOG, *[(seq, what, count) for seq, what, count in journal(6, 70)[60:] if count]]
    node.shards[0].apply(100)
    lost = node.poll(12.0)
    assert lost
    assert not whole(node, consumer)
    settle(consumer, 12.0)
    assert whole(node, consumer)
    assert node.sessions == 2


class Loses:
    """A network that loses one message."""

    def __init__(self, number: int) -> None:
        self.left = number

    def random(self) -> float:
        self.left -= 1
        return float(self.left != 0)


def test_a_message_in_the_middle_is_lost(monkeypatch):
    monkeypatch.setattr("pipeline.feed.feed.MESSAGE_BYTES", 1000)
    node, consumer = world()
    consumer.exchange(0.0)
    consumer.exchange(0.0, Loses(3))  # SUBSCRIBE, the first OUTPUT, the second
    assert len(consumer.conversation.batches) == 1
    settle(consumer, 1.0)
    assert whole(node, consumer)
    assert node.sessions == 2


def test_what_the_caller_holds_does_not_come_again_in_a_new_session(monkeypatch):
    monkeypatch.setattr("pipeline.feed.feed.MESSAGE_BYTES", 1000)
    node, consumer = world()
    consumer.exchange(0.0)
    consumer.exchange(0.0)
    held = consumer.conversation.give()
    assert held
    node.restart()
    for second in range(1, 20):
        consumer.exchange(float(second))
    (follows, *_) = consumer.conversation.give()
    assert follows.start == held[-1].end
    assert consumer.cursors.taken == [held[0].start]


def test_what_came_and_was_not_given_comes_again_in_a_new_session(monkeypatch):
    monkeypatch.setattr("pipeline.feed.feed.MESSAGE_BYTES", 1000)
    node, consumer = world()
    consumer.exchange(0.0)
    consumer.exchange(0.0)
    assert consumer.conversation.batches
    node.restart()
    for second in range(1, 10):
        consumer.exchange(float(second))
    assert node.sessions == 2
    settle(consumer, 10.0)
    assert whole(node, consumer)


def test_rows_begin_where_those_before_them_ended_whatever_was_said_in_between():
    node, consumer = world(1, 0)
    shard = node.shards[0]
    shard.log = [(2, effects(2, 3), 3), (3, effects(3, 0), 0), (4, effects(4, 2), 2)]
    shard.apply(1)
    for _ in range(3):
        consumer.exchange(0.0)
    held = consumer.conversation.give()
    assert [each.end for each in held] == [Cursor(3)]
    node.restart()
    shard.apply(1)
    for second in range(1, 9):
        consumer.exchange(float(second))
    shard.apply(1)
    for second in range(9, 12):
        consumer.exchange(float(second))
    assert node.sessions == 2
    more = consumer.conversation.give()
    assert [(each.start, each.end, each.places().tolist()) for each in more] == [
        (Cursor(3), Cursor(5), [0, 1])
    ]


def test_damage_on_the_way_is_mended_by_a_new_session():
    node, consumer = world()
    consumer.exchange(0.0)
    for body in (
        b"short",
        output_body(Output(Cursor(9), Cursor(10), 0, 1, 0, rows(9, 2))),
        output_body(Output(Cursor(1), Cursor(10), 7, 1, 0, rows(9, 2))),
    ):
        sessions = node.sessions
        header = pack(Kind.OUTPUT, KEY, body, **node.place(), seq=node.sent + 1, rows=2)
        consumer.wire.append(Message(header, body))
        settle(consumer, 20.0 * sessions)
        assert node.sessions > sessions
    assert whole(node, consumer)


def test_a_cursor_that_is_too_old_is_an_error_and_not_a_hole():
    node, consumer = world()
    settle(consumer)
    consumer.cursors.taken = [Cursor(5)]
    consumer.cursors.keep()
    node.shards[0].snapshot = 20
    node.restart()
    consumer.die()
    consumer.again()
    with pytest.raises(
        CursorGone, match="ledger is kept from batch 22 on, up to 61; asked for from row 0 of batch 5"
    ):
        settle(consumer, 100.0)


def test_another_number_of_shards_is_an_error():
    _, consumer = world(2)
    settle(consumer)
    consumer.node = Node([Shard(0, 1, LOG, 1 << 26)])
    consumer.node.shards[0].apply(60)
    consumer.die()
    consumer.again()
    with pytest.raises(CursorGone, match="with 2 shards; the node has 1 now"):
        settle(consumer, 100.0)


def test_another_number_of_shards_while_it_is_connected():
    _, consumer = world(1)
    settle(consumer)
    consumer.node = Node([Shard(i, 2, LOG, 1 << 26) for i in range(2)])
    consumer.node.shards[0].apply(60)
    consumer.node.sessions = 10  # no number of a session comes twice
    with pytest.raises(CursorGone, match="with 1 shards; the node has 2 now"):
        settle(consumer, 100.0)


def test_from_the_newest_row_on():
    node, _ = world(1, 40)
    consumer = Consumer(node, NEWEST)
    settle(consumer)
    assert consumer.stored == {}
    node.shards[0].apply(20)
    settle(consumer, 50.0)
    assert consumer.stored[0] == [each for each in node.shards[0].identities() if each[0] >= 42]
    assert consumer.stored[0]


def test_cursors_of_another_output_and_damaged_ones():
    disk = SimDisk()
    cursors = Cursors(disk, "ledger")
    cursors.taken = [Cursor(3, 1)]
    cursors.keep()
    with pytest.raises(CursorsError, match="is for ledger; expected notices"):
        Cursors(disk, "notices")
    file = disk.create("x.tmp")
    file.write(0, [b'{"output": "ledger"'])
    file.close()
    disk.replace("x.tmp", "cursors.json")
    with pytest.raises(CursorsError, match="cannot be read"):
        Cursors(disk, "ledger")


def test_an_output_that_the_node_does_not_feed():
    _, consumer = world()
    consumer.conversation._output = "notices"
    with pytest.raises(NotAccepted, match="'notices' is no output of this node's feed: ledger"):
        settle(consumer)
