"""A connection that breaks takes READYs and commands with it; the head-end gets commands all the same."""

from __future__ import annotations

import pytest

from pipeline.client import HeadEndConversation, Patience
from pipeline.client.headend import WINDOW
from pipeline.wire import Kind, Role, plain
from unit.client.node import KEY, ModelNode, outbox, talk
from unit.client.test_commands import commands_message

SILENCE_S = Patience().silence_s


@pytest.fixture
def node() -> ModelNode:
    return ModelNode(role=Role.HEADEND)


def pong(node: ModelNode, sent: int):
    return plain(KEY, Kind.PONG, **node.place(), seq=sent)


def test_a_ready_that_was_lost_is_said_again(node):
    with outbox() as box:
        conversation = HeadEndConversation(KEY, box)
        talk(conversation, node)
        node.ready = 0
        talk(conversation, node, SILENCE_S - 0.1)
        assert node.ready == 0
        assert conversation.wake_after_s(SILENCE_S - 0.1) == pytest.approx(0.1)
        talk(conversation, node, SILENCE_S)
        assert node.ready == WINDOW


def test_to_say_it_again_and_again_is_no_reason_not_to_ask_whether_the_node_is_there(node):
    with outbox() as box:
        conversation = HeadEndConversation(KEY, box)
        talk(conversation, node)
        session = conversation.session
        for tenth in range(1, 600):
            talk(conversation, node, tenth / 10)
        assert conversation.session == session
        assert node.said.count("PING") > 8
        assert node.said.count("READY") > 8
        assert node.said.count("HELLO") == 1


def test_commands_that_never_came_make_room(node):
    with outbox() as box:
        conversation = HeadEndConversation(KEY, box)
        talk(conversation, node)
        conversation.on_message(pong(node, WINDOW), 1.0)
        talk(conversation, node, 1.0)
        assert node.ready == 2 * WINDOW
        assert not conversation.batches
        conversation.on_message(commands_message(node, WINDOW + 1), 1.0)
        assert len(conversation.batches) == 1


def test_what_has_come_is_not_counted_twice(node):
    with outbox() as box:
        conversation = HeadEndConversation(KEY, box)
        talk(conversation, node)
        conversation.on_message(commands_message(node, 1), 0)
        conversation.on_message(pong(node, 1), 0)
        conversation.on_message(pong(node, 0), 0)
        talk(conversation, node, SILENCE_S)
        assert node.ready == WINDOW


def test_a_pong_of_another_session_tells_nothing(node):
    with outbox() as box:
        conversation = HeadEndConversation(KEY, box)
        talk(conversation, node)
        late = pong(node, WINDOW)
        node.restart()
        talk(conversation, node, 60)
        conversation.on_message(late, 60)
        talk(conversation, node, 60 + SILENCE_S)
        assert node.ready == WINDOW
