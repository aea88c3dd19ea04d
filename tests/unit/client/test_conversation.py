"""A producer's conversation: sessions, numbers, credit, and what becomes of all that can go wrong."""

from __future__ import annotations

import pytest

from pipeline.client import (
    BatchRefused,
    Conversation,
    Fenced,
    Frozen,
    LostAtNode,
    NodeBehind,
    NotAccepted,
    OutboxBehind,
    Patience,
    Progress,
    RefusedUnseen,
)
from pipeline.client.conversation import STRIKES_MAX
from pipeline.wire import (
    Ack,
    Credit,
    Hello,
    Kind,
    Reason,
    Rejected,
    Role,
    Welcome,
    check_answer,
    control,
    plain,
)
from simulation.disk import SimDisk
from unit.client.node import KEY, ModelNode, bodies, outbox, talk

PATIENCE = Patience(hello_s=2, silence_s=5, progress_s=15)


@pytest.fixture
def box():
    with outbox() as made:
        yield made


@pytest.fixture
def node() -> ModelNode:
    return ModelNode()


@pytest.fixture
def conversation(box) -> Conversation:
    return Conversation(KEY, box, PATIENCE)


def kind_of(message) -> str | None:
    from pipeline.wire import Header

    return None if message is None else Header.unpack(message.header).kind.name


def heard(
    conversation: Conversation, node: ModelNode, what, now_s: float = 0.0, seq: int = 0
) -> list[object]:
    return conversation.on_message(control(KEY, what, **node.place(), seq=seq), now_s)


def test_all_is_sent_once_and_acknowledged(box, node, conversation):
    box.add(*bodies(5))
    assert not conversation.settled
    events = talk(conversation, node)
    assert node.said == ["HELLO", *["READS"] * 5]
    assert node.applied == {seq: bytes(body) for seq, (_, _, body) in enumerate(bodies(5), 1)}
    assert events == [Progress(n, 0, 5) for n in range(1, 6)]
    assert conversation.settled
    box.add(*bodies(1))
    assert not conversation.settled
    talk(conversation, node)
    assert (conversation.settled, len(node.applied)) == (True, 6)


def test_after_a_restart_it_goes_on_where_the_node_is(node):
    disk = SimDisk()
    with outbox(disk) as box:
        box.add(*bodies(3))
        talk(Conversation(KEY, box), node)
        box.add(*bodies(2))
    with outbox(disk) as box:
        talk(Conversation(KEY, box), node)
    assert node.hellos == [Hello(1, 0, 3), Hello(1, 3, 5)]
    assert node.said == ["HELLO", *["READS"] * 3, "HELLO", *["READS"] * 2]
    assert (node.line.epoch, len(node.applied)) == (2, 5)


def test_a_node_that_restarts_is_greeted_anew(box, node, conversation):
    box.add(*bodies(2))
    talk(conversation, node)
    node.restart()
    box.add(*bodies(2))
    talk(conversation, node, now_s=3)
    assert node.said[3:] == ["SESSION", "HELLO", "READS", "READS"]
    assert node.hellos[1] == Hello(2, 2, 4), "what was acknowledged is told: it is evidence"
    assert len(node.applied) == 4


def test_credit_is_what_may_be_on_its_way(box, node, conversation):
    box.add(*bodies(3))
    cost = [128 + len(body) for _, _, body in bodies(3)]
    node.credit = cost[1] + cost[2]
    for answer in node.take(conversation.next_message(0)):
        conversation.sent(0)
        conversation.on_message(answer, 0)
    sent = []
    while (message := conversation.next_message(0)) is not None:
        sent.append(message)
        conversation.sent(0)
    assert len(sent) == 2
    for message in sent[:1]:
        for answer in node.take(message):
            conversation.on_message(answer, 0)
    assert kind_of(conversation.next_message(0)) == "READS"


def test_one_batch_may_always_be_on_its_way_unless_there_is_no_credit_at_all(box, node, conversation):
    box.add(*bodies(2))
    node.credit = 0
    talk(conversation, node)
    assert node.said == ["HELLO"]
    heard(conversation, node, Credit(1))
    assert kind_of(conversation.next_message(0)) == "READS"
    conversation.sent(0)
    assert conversation.next_message(0) is None
    node.credit = 1
    heard(conversation, node, Ack(0, 0), seq=1)
    assert conversation.next_message(0) is None


def test_what_could_not_be_sent_is_offered_again(box, node, conversation):
    first = conversation.next_message(0)
    assert first is conversation.next_message(0)
    conversation.sent(0)
    assert conversation.next_message(1) is None, "one HELLO at a time"
    assert conversation.wake_after_s(0.5) == 1.5
    assert kind_of(conversation.next_message(2)) == "HELLO"


def test_silence_is_asked_about_then_given_up(box, node, conversation):
    talk(conversation, node)
    assert conversation.next_message(4.9) is None
    assert conversation.wake_after_s(4) == 1
    assert kind_of(conversation.next_message(5)) == "PING"
    conversation.sent(5)
    assert conversation.next_message(9.9) is None
    assert kind_of(conversation.next_message(10)) == "HELLO"


def test_an_answer_to_a_ping_is_enough(box, node, conversation):
    talk(conversation, node)
    for now_s in range(5, 100, 5):
        talk(conversation, node, now_s)
    assert node.said.count("HELLO") == 1
    assert node.said.count("PING") == 19


def test_a_batch_that_nobody_acknowledges_is_sent_again(box, node, conversation):
    talk(conversation, node)
    box.add(*bodies(1))
    assert kind_of(conversation.next_message(1)) == "READS"
    conversation.sent(1)
    for now_s in (5, 10, 15):  # the node is there, but that message was lost
        heard(conversation, node, Credit(1000), now_s)
    assert kind_of(conversation.next_message(16)) == "HELLO"
    talk(conversation, node, 16)
    assert list(node.applied) == [1]


def test_a_gap_is_sent_again_once(box, node, conversation):
    box.add(*bodies(5))
    (welcome,) = node.take(conversation.next_message(0))
    conversation.sent(0)
    conversation.on_message(welcome, 0)
    sent = []
    while (message := conversation.next_message(0)) is not None:
        sent.append(message)
        conversation.sent(0)
    nacks = [answer for message in sent[1:] for answer in node.take(message)]  # the first is lost
    assert [check_answer(nack, KEY).header.kind for nack in nacks] == [Kind.NACK] * 4
    again = []
    for late in nacks:
        conversation.on_message(late, 0)
        while (message := conversation.next_message(0)) is not None:
            again.append(message)
            conversation.sent(0)
    assert again == sent
    for message in again:
        for answer in node.take(message):
            conversation.on_message(answer, 0)
    assert conversation.settled
    conversation.on_message(nacks[0], 0)
    assert conversation.next_message(0) is None, "that was said before"


def test_a_batch_that_is_refused_for_good_stops_nothing(box, node, conversation):
    node.refuse = {2}
    box.add(*bodies(3))
    events = talk(conversation, node)
    assert BatchRefused(2, Reason.MALFORMED, "ids of the other type") in events
    assert (list(node.applied), box.refused, box.acked) == ([1, 3], 1, 3)


def test_a_refusal_that_comes_twice_is_told_once(box, node, conversation):
    box.add(*bodies(1))
    talk(conversation, node)
    box.add(*bodies(1))
    refused = Rejected(Reason.NULLS, "column a has nulls")
    assert heard(conversation, node, refused, seq=2) == [BatchRefused(2, Reason.NULLS, "column a has nulls")]
    assert heard(conversation, node, refused, seq=2) == []
    assert box.refused == 1


def test_refusals_that_nobody_heard_are_counted(node):
    disk = SimDisk()
    node.refuse = {1, 2}
    with outbox(disk) as box:
        box.add(*bodies(2))
        deaf = Conversation(KEY, box)
        for answer in node.take(deaf.next_message(0)):
            deaf.sent(0)
            deaf.on_message(answer, 0)
        for _ in range(2):
            node.take(deaf.next_message(0))
            deaf.sent(0)
    with outbox(disk) as box:
        assert RefusedUnseen(2) in talk(Conversation(KEY, box), node)
    with outbox(disk) as box:
        box.add(*bodies(1))
    with outbox(disk) as box:
        box.refused = 2
        assert not [e for e in talk(Conversation(KEY, box), node) if isinstance(e, RefusedUnseen)]


def test_a_higher_epoch_fences(box, conversation):
    node = ModelNode()
    node.line.epoch = 9
    with pytest.raises(Fenced, match="epoch 1 is over, the node knows 9"):
        talk(conversation, node)
    assert conversation.on_message(plain(KEY, Kind.FENCED, epoch=1), 0) == []


def test_a_conflict_freezes(box, node, conversation):
    box.add(*bodies(2))
    talk(conversation, node)
    box.add(*bodies(1, first=9))
    node.digests[3] = bytes(16)
    node.line.next_seq = 4
    with pytest.raises(Frozen, match="another batch 3"):
        talk(conversation, node)
    with pytest.raises(Frozen, match="since yesterday"):
        heard(conversation, node, Rejected(Reason.FROZEN, "since yesterday"))


def test_an_old_copy_of_an_outbox_stops(box, node, conversation):
    box.add(*bodies(3))
    talk(conversation, node)
    with (
        outbox(SimDisk()) as old,
        pytest.raises(OutboxBehind, match="up to 3, and this outbox has given numbers up to 0"),
    ):
        talk(Conversation(KEY, old), node)


def test_a_node_that_lost_something_is_given_it_again(node):
    with outbox(keep_covered=True) as box:
        box.add(*bodies(4))
        conversation = Conversation(KEY, box)
        talk(conversation, node)
        node.restart()
        node.line.next_seq = 3
        del node.applied[3], node.applied[4]
        box.add(*bodies(1))
        events = talk(conversation, node, 60)
        assert LostAtNode(3) in events
        assert list(node.applied) == [1, 2, 3, 4, 5]
        assert conversation.settled


def test_a_node_that_lost_what_nobody_has_any_more_needs_a_person(box, node, conversation):
    box.add(*bodies(4))
    talk(conversation, node)
    node.restart()
    node.line.next_seq = 3
    box.add(*bodies(1))
    with pytest.raises(
        NodeBehind, match="up to 2, had acknowledged them up to 4, and this outbox has them from 5"
    ):
        talk(conversation, node, 60)


def test_a_late_welcome_proves_nothing(box, node, conversation):
    box.add(*bodies(4))
    (first,) = node.take(conversation.next_message(0))
    conversation.sent(0)
    (second,) = node.take(conversation.next_message(2))
    conversation.sent(2)
    conversation.on_message(second, 2)
    talk(conversation, node, 2)
    assert conversation.on_message(first, 3) == []
    node.restart()
    box.add(*bodies(1))
    assert kind_of(conversation.next_message(3)) == "READS"
    node.take(conversation.next_message(3))
    conversation.sent(3)
    conversation.on_message(
        control(KEY, Rejected(Reason.SESSION, ""), epoch=1, session=conversation.session), 3
    )
    assert kind_of(conversation.next_message(60)) == "HELLO"
    conversation.sent(60)
    assert conversation.on_message(first, 61) == [], "an answer to an earlier HELLO would look like a loss"


def test_a_node_that_cannot_take_anything_now_is_asked_later(box, node, conversation):
    node.open = False
    for now_s in (0, 1, 2, 3, 4):
        talk(conversation, node, now_s)
    assert node.said == ["HELLO"] * 3
    node.open = True
    box.add(*bodies(1))
    talk(conversation, node, 6)
    node.open = False
    box.add(*bodies(1))
    talk(conversation, node, 7)
    node.open = True
    talk(conversation, node, 9)
    assert list(node.applied) == [1, 2]


def test_what_is_damaged_on_the_way_is_sent_again(box, node, conversation):
    box.add(*bodies(3))
    (welcome,) = node.take(conversation.next_message(0))
    conversation.sent(0)
    conversation.on_message(welcome, 0)
    message = conversation.next_message(0)
    conversation.sent(0)
    (answer,) = node.take([message.header, bytes(len(message.body))])
    conversation.on_message(answer, 0)
    talk(conversation, node)
    assert list(node.applied) == [1, 2, 3]


@pytest.mark.parametrize("reason", [Reason.ROLE, Reason.PRODUCER, 999])
def test_what_no_repetition_mends_is_raised(box, node, conversation, reason):
    talk(conversation, node)
    with pytest.raises(NotAccepted, match="the node refuses what this client sends: mend it"):
        heard(conversation, node, Rejected(reason, "mend it"))


def test_a_message_that_arrives_as_none_is_an_accident_until_it_is_none(box, node, conversation):
    refused = Rejected(Reason.VERSION, "this end speaks 2")

    def refuse(now_s: int) -> None:
        talk(conversation, node, now_s)
        heard(conversation, node, refused, now_s)

    for now_s in range(0, 3 * STRIKES_MAX, 3):
        refuse(now_s)
    box.add(*bodies(1))  # something gets through, so it was an accident
    for now_s in range(100, 100 + 3 * STRIKES_MAX, 3):
        refuse(now_s)
    with pytest.raises(NotAccepted, match="speaks 2"):
        refuse(200)


def test_a_key_of_another_role_is_not_accepted(box):
    box.add(*bodies(1))
    with pytest.raises(NotAccepted, match="READS from a key of the role payments"):
        talk(Conversation(KEY, box), ModelNode(role=Role.PAYMENTS))


def test_what_is_no_answer_is_passed_over(box, node, conversation):
    talk(conversation, node)
    other = control(bytes(32), Welcome(9, 9, 9, 9), epoch=1, session=4)
    stale = control(KEY, Ack(1, 9), epoch=1, session=4, seq=1)
    old = control(KEY, Ack(1, 9), epoch=7, session=node.line.session, seq=1)
    over = control(KEY, Rejected(Reason.SESSION, "no such session"), epoch=1, session=4)
    box.add(*bodies(1))
    for frames in ([], [b"x"], [b"x", b"y"], other, stale, old, over, [stale.header, b"damaged"]):
        assert conversation.on_message(frames, 0) == []
    assert (box.acked, conversation.session) == (0, node.line.session)
    talk(conversation, node)
    heard(conversation, node, Ack(99, 1000), seq=99)
    assert (box.acked, box.covered) == (1, 1), "what was never given cannot be acknowledged"
