"""A command leaves when it was looked at, or not at all: none waits in a queue until it is wrong."""

from __future__ import annotations

import pytest

from pipeline.links import Sent
from pipeline.node.internal import Commands
from pipeline.node.outlet import CommandBody
from unit.node.test_shard import Loop
from unit.node.world import Producer, producers


class Gateway:
    """One that has a command for a producer, again and again."""

    def __init__(self):
        self.to: Producer | None = None
        self.back: list[CommandBody] = []

    def start(self, desk, commands, now_s):
        """Nothing to begin."""

    def heard(self, kind, batch):
        """Nothing to hear."""

    def take(self, seq, effects):
        """Nothing to take."""

    def gone(self, producer, session):
        self.to = None

    def poll(self, now_s):
        return [CommandBody(self.to.key, self.to.session, 1, b"trip")] if self.to else []

    def unsent(self, bodies):
        self.back += bodies


@pytest.fixture
def loop():
    gateway = Gateway()
    loop = Loop(gateway=gateway).run()
    producer = producers()[1]
    loop.welcome(producer)
    gateway.to = producer
    loop.gateway = gateway
    loop.post.sent.clear()
    return loop


def later(loop):
    loop.clock.s += 0.3
    loop.run(1)


def test_it_leaves_where_there_is_room(loop):
    later(loop)
    assert len(loop.post.of(Commands)) == 1
    assert loop.gateway.back == []


def test_where_the_queue_is_full_it_goes_back_and_is_not_sent_later(loop):
    loop.post.state = Sent.FULL
    later(loop)
    assert len(loop.gateway.back) == 1
    loop.gateway.to = None
    loop.post.state = Sent.SENT
    for _ in range(3):
        later(loop)
    assert loop.post.of(Commands) == []


def test_behind_answers_that_wait_it_does_not_wait(loop):
    producer = loop.gateway.to
    loop.post.state = Sent.FULL
    loop.post.say(b"worker", producer.hello())
    loop.gateway.to = None
    loop.run()
    loop.gateway.to = producer
    loop.post.state = Sent.FULL
    later(loop)
    assert len(loop.gateway.back) == 1
    assert loop.post.of(Commands) == []


def test_where_the_worker_is_gone_its_sessions_end(loop):
    loop.post.state = Sent.GONE
    later(loop)
    assert len(loop.gateway.back) == 1
    assert not loop.node.writer._intake.sessions[producers()[1].key].number
