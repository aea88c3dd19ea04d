"""Sessions that end in the middle of something: nobody waits for ever, and what is under way is answered."""

from __future__ import annotations

import pytest

from pipeline.node.internal import Gone, Join, Joined, Settled, Welcomed
from unit.node.world import NOW, Node, Producer, Shard, only, producers


@pytest.fixture
def shard():
    shard = Shard()
    registry, *_ = producers()
    shard.hello(registry).send(registry, 1, 2)
    shard.node.say(b"other", Join("other", False))
    shard.run()
    return shard


def reads() -> Producer:
    return producers(4)[1]


def answers(node: Node, kind: type) -> list[tuple[bytes, object]]:
    """To whom, and what; each is told once."""
    found = [(route, message) for route, message, _ in node.answers if isinstance(message, kind)]
    node.answers.clear()
    return found


def test_a_hello_whose_worker_died_before_it_was_answered_is_answered_when_it_is_said_again(shard):
    producer = reads()
    shard.node.say(b"worker", producer.hello())
    shard.node.tell(shard.node.writer.left(b"worker"))
    assert not [message for message in shard.run() if isinstance(message, Welcomed)]
    producer.route = b"other"
    for _ in range(2):
        shard.node.say(b"other", producer.hello())
        assert only(shard.run(), Welcomed).attempt == producer.attempt


def test_a_hello_said_again_while_the_first_is_on_its_way_to_the_disk_has_one_answer(shard):
    producer, node = reads(), shard.node
    node.say(b"worker", producer.hello())
    assert node.overlap(NOW)
    node.say(b"other", producer.hello())
    while node.overlap(NOW):
        pass
    ((route, welcomed),) = answers(node, Welcomed)
    assert (route, welcomed.attempt) == (b"other", 2)


@pytest.mark.parametrize("how", ["taken over", "said again", "gone"])
def test_a_worker_is_told_what_becomes_of_a_session_that_is_over(shard, how):
    producer, node = reads(), shard.node
    shard.hello(producer)
    number = producer.session
    for seq in (1, 2):
        node.say(b"worker", *producer.batch(seq))
    if how == "gone":
        node.say(b"worker", Gone(producer.key, number))
    else:
        node.say(b"worker" if how == "said again" else b"other", producer.hello())
    shard.run()
    places = [
        (route, place.seq)
        for route, message in zip(shard.routes, shard.heard, strict=True)
        if isinstance(message, Settled)
        for place in message.places
        if place.session == number
    ]
    assert places == [(b"worker", 1), (b"worker", 2)]


def test_a_worker_that_is_dead_is_told_nothing(shard):
    producer, node = reads(), shard.node
    shard.hello(producer)
    node.say(b"worker", *producer.batch(1))
    node.tell(node.writer.left(b"worker"))
    shard.run()
    assert b"worker" not in shard.routes
    assert shard.line(producer).next_seq == 2


def test_a_worker_that_is_not_known_here_is_told_so_and_not_heard(shard):
    producer, node = reads(), shard.node
    producer.route = b"stranger"
    node.say(b"stranger", producer.hello())
    ((route, joined),) = answers(node, Joined)
    assert (route, joined.shard, joined.shards, joined.incarnation) == (b"stranger", 0, 1, 0)
    shard.run()
    assert producer.key not in node.state.lines


def test_so_is_one_that_was_given_up(shard):
    producer, node = reads(), shard.node
    shard.hello(producer)
    node.tell(node.writer.left(b"worker"))
    node.answers.clear()
    node.say(b"worker", *producer.batch(1))
    assert [joined.incarnation for _, joined in answers(node, Joined)] == [0]
    node.say(b"worker", Join("worker", False))
    assert [joined.incarnation for _, joined in answers(node, Joined)] == [1]
