"""The feed behind a shard's writer: nothing leaves before it is durable and applied, and only to who is there."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.feed import Feed
from pipeline.journal import Mark
from pipeline.node.internal import Gone, Greet, Join, Joined, NoRows, Rows, Subscribed, Welcomed, pack
from pipeline.node.state import State
from pipeline.node.writer import Writer
from pipeline.wire import Reason, Role
from pipeline.wire.outputs import read_output
from unit.node.world import CONFIG, LIMITS, NOW, Producer
from unit.node.world import producers as everybody

KEY = b"subscriber".ljust(32, b".")


class Room:
    """A journal with room for all."""

    has_next = True
    room = 1 << 30

    def fits(self, buffers: int, body_bytes: int) -> bool:
        return buffers > 0 <= body_bytes


class World:
    def __init__(self, feed: Feed | None) -> None:
        outputs = ["commands", *(feed.outputs if feed else ())]
        self.writer = Writer(State(outputs), joined=Joined(0, 1, 1), lost=print, limits=LIMITS, feed=feed)
        if feed:
            feed.begin(True, 0)
        self.room = Room()
        self.frames = 0
        self.writer.begin(CONFIG, NOW)
        self.writer.take(b"worker", pack(Join("worker", False)))
        self.settle()

    def gather(self) -> Any:
        return self.writer.gather(NOW, self.room)

    def apply(self, group: Any) -> list[Any]:
        self.frames += 1
        return self.writer.apply(group, Mark(self.frames, b""), NOW)

    def settle(self) -> list[Any]:
        out = []
        while (group := self.gather()) is not None:
            out += self.apply(group)
        return out

    def hello(self, producer: Producer) -> Producer:
        self.writer.take(b"worker", pack(producer.hello()))
        for answer in self.settle():
            producer.take(answer.message)
        return producer

    def subscriber(self, attempt: int = 1) -> int:
        greet = Greet(KEY, Role.SUBSCRIBER, 1, attempt, 0, 0)
        self.writer.take(b"worker", pack(greet))
        (welcomed,) = [each.message for each in self.settle() if isinstance(each.message, Welcomed)]
        return int(welcomed.session)

    def subscribe(self, session: int, output: str = "ledger", seq: int = 0) -> list[Any]:
        asked = Subscribed(KEY, session, output, seq, 0, 1 << 20)
        return [answer.message for answer in self.writer.take(b"worker", pack(asked))]

    def fed(self, now_s: float = 0.0) -> list[Any]:
        return self.writer.feed(now_s)[0]


def test_nothing_leaves_before_it_is_durable_and_applied():
    world = World(Feed(["ledger"], 1 << 20))
    session = world.subscriber()
    assert world.subscribe(session) == []
    ((answer, fed),) = world.fed()
    assert (answer.route, answer.message) == (b"worker", Rows(KEY, session, 0))
    registry = world.hello(everybody()[0])
    message, body = registry.batch(1)
    world.writer.take(b"worker", pack(message, body))
    world.subscribe(session, seq=read_output(fed.body, 0).end.seq)
    group = world.gather()
    assert group is not None
    assert world.fed() == []
    world.apply(group)
    ((answer, fed),) = world.fed()
    rows = read_output(answer.body, answer.message.rows).rows
    assert rows["kind"].to_pylist() == ["opening"] * 4
    assert rows["seq"].to_pylist() == [world.writer.engine.sequence] * 4
    world.writer.unfed(fed)
    ((again, _),) = world.fed()
    assert again == answer


def test_who_has_gone_is_sent_nothing():
    world = World(Feed(["ledger"], 1 << 20))
    for end in ("gone", "hello", "worker"):
        session = world.subscriber({"gone": 1, "hello": 2, "worker": 4}[end])
        world.subscribe(session)
        if end == "gone":
            world.writer.take(b"worker", pack(Gone(KEY, session)))
        elif end == "hello":
            assert world.subscriber(3) != session
        else:
            world.writer.left(b"worker")
        assert world.fed(100.0) == []
        assert world.subscribe(session) == [] or end == "worker"
        assert world.fed(100.0) == []


@pytest.mark.parametrize("feed", [None, Feed(["notices"], 1 << 20)])
def test_an_output_that_is_not_fed(feed):
    world = World(feed)
    session = world.subscriber()
    (refused,) = world.subscribe(session)
    assert isinstance(refused, NoRows)
    assert (refused.producer, refused.session, refused.reason) == (KEY, session, Reason.OUTPUT)
    assert world.fed() == []
