"""Messages to a node: each check, their order, who may send what, and what becomes of numbers."""

from __future__ import annotations

import pytest

from pipeline.wire import (
    BATCHES,
    MAY_SEND,
    Ack,
    Conflict,
    Hello,
    Kind,
    Line,
    Message,
    Ready,
    Reason,
    Refused,
    Rejected,
    Role,
    Sender,
    Subscribe,
    Welcome,
    check,
    check_answer,
    control,
    pack,
    plain,
    refusal,
)
from unit.wire.samples import (
    EPOCH,
    KEY,
    NOON,
    ROLES,
    SEQ,
    SESSION,
    batch,
    body,
    forged,
    line,
    message,
    reason,
)

OTHER = bytes(32)
CONTROLS = {
    Kind.HELLO: control(KEY, Hello(1, 4, 6), epoch=EPOCH),
    Kind.PING: plain(KEY, Kind.PING, epoch=EPOCH, session=SESSION),
    Kind.READY: control(KEY, Ready(100), epoch=EPOCH, session=SESSION),
    Kind.SUBSCRIBE: control(KEY, Subscribe(5, 2, 0, 1 << 20, "intervals"), epoch=EPOCH, session=SESSION),
}


@pytest.mark.parametrize("kind", sorted(BATCHES))
@pytest.mark.parametrize("ids", ["uint64", "utf8"])
def test_a_good_batch_is_taken_whole(kind, ids):
    sent = message(kind, body(kind, ids))
    checked = check(sent, Sender(KEY, ROLES[kind]), line())
    assert (checked.header.seq, checked.again, checked.body) == (SEQ, False, sent.body)
    if kind is Kind.CONFIG:
        assert checked.content.startswith("[engine]")
    elif kind is Kind.TICK:
        assert checked.content == NOON
    else:
        wanted = batch(kind, ids)
        assert checked.content.select(wanted.schema.names).to_pylist() == wanted.to_pylist()


def test_control_messages_say_what_was_said():
    for kind, role, said in [
        (Kind.HELLO, Role.PAYMENTS, Hello(1, 4, 6)),
        (Kind.PING, Role.OPERATOR, None),
        (Kind.READY, Role.HEADEND, Ready(100)),
        (Kind.SUBSCRIBE, Role.SUBSCRIBER, Subscribe(5, 2, 0, 1 << 20, "intervals")),
    ]:
        assert check(CONTROLS[kind], Sender(KEY, role), line()).content == said


def test_who_may_send_what():
    taken = {role: set() for role in Role}
    for kind in Kind:
        sent = CONTROLS.get(kind) or (
            message(kind) if kind in BATCHES else plain(KEY, kind, epoch=EPOCH, session=SESSION)
        )
        for role in Role:
            found = reason(sent, role)
            assert found in (None, Reason.ROLE, Reason.KIND), (kind, role)
            if found is None:
                taken[role].add(kind)
    assert taken == {
        Role.READS: {Kind.HELLO, Kind.PING, Kind.READS},
        Role.PAYMENTS: {Kind.HELLO, Kind.PING, Kind.PAYMENTS},
        Role.REGISTRY: {Kind.HELLO, Kind.PING, Kind.ACCOUNTS, Kind.METERS, Kind.DISTRICTS},
        Role.HEADEND: {Kind.HELLO, Kind.PING, Kind.READY, Kind.ACKS},
        Role.OPERATOR: {Kind.HELLO, Kind.PING, Kind.UPDATES, Kind.CONFIG, Kind.TICK},
        Role.SUBSCRIBER: {Kind.HELLO, Kind.PING, Kind.SUBSCRIBE},
    }
    assert not any(Kind.COMMAND in kinds for kinds in MAY_SEND.values())


def test_each_check_has_its_place():
    """A message in which everything is wrong is put right step by step: each step meets the next check."""
    good = message()
    data = bytes([good.body[0] ^ 1]) + good.body[1:]
    steps = [
        ("frames", [b"x"], Reason.FRAMES),
        ("header length", [b"x", data], Reason.HEADER_LENGTH),
        ("magic", [bytes(128), data], Reason.MAGIC),
        ("version", [b"FKWM" + bytes(124), data], Reason.VERSION),
        ("checksum", [b"FKWM\x01" + bytes(123), data], Reason.HEADER_CHECKSUM),
    ]
    fields = [  # what is put right, one after the other
        (Reason.RESERVED, 68, "<I", 1, 0),
        (Reason.KIND, 6, "<H", 99, Kind.WELCOME),
        (Reason.BODY_LENGTH, 72, "<Q", 1, len(data)),
        (Reason.KIND, 6, "<H", Kind.WELCOME, Kind.PAYMENTS),
        (Reason.ROLE, 6, "<H", Kind.PAYMENTS, Kind.READS),
        (Reason.PRODUCER, 8, "<32s", OTHER, KEY),
        (Reason.EPOCH, 40, "<Q", EPOCH - 1, EPOCH),
        (Reason.SESSION, 48, "<Q", 1, SESSION),
        (Reason.SEQ, 56, "<Q", SEQ + 1, SEQ),
    ]
    header = good.header
    for _, at, form, wrong, _ in reversed(fields):
        header = forged(header, at, form, wrong)
    for found, at, form, _, right in fields:
        steps.append((found.name, [header, data], found))
        header = forged(header, at, form, right)
    steps.append(("digest", [header, data], Reason.DIGEST))
    steps.append(("nothing", good, None))
    assert header == good.header
    assert [(what, reason(frames)) for what, frames, _ in steps] == [
        (what, found) for what, _, found in steps
    ]


@pytest.mark.parametrize("frames", [0, 1, 3, 4, 100])
def test_a_message_is_two_frames(frames):
    assert reason([*message(), *[b""] * 100][:frames]) is Reason.FRAMES


def test_an_unknown_producer_begins_with_hello():
    sender = Sender(KEY, Role.READS)
    assert check(CONTROLS[Kind.HELLO], sender, None).content == Hello(1, 4, 6)
    for sent in (message(), CONTROLS[Kind.PING]):
        with pytest.raises(Refused) as caught:
            check(sent, sender, None)
        assert caught.value.reason is Reason.SESSION


def test_without_a_session_nothing_is_taken():
    assert reason(message(session=0), at=line(session=0)) is Reason.SESSION
    assert reason(message(epoch=EPOCH + 1)) is Reason.SESSION


@pytest.mark.parametrize(("epoch", "found"), [(0, Reason.EPOCH), (2, Reason.EPOCH), (3, None), (4, None)])
def test_an_epoch_that_is_over_is_fenced(epoch, found):
    assert reason(control(KEY, Hello(1, 0, 0), epoch=epoch)) is found


@pytest.mark.parametrize(
    ("seq", "found"), [(0, Reason.SEQ), (SEQ - 1, None), (SEQ, None), (SEQ + 1, Reason.SEQ)]
)
def test_numbers_follow_each_other(seq, found):
    assert reason(message(seq=seq)) is found


def test_what_has_come_before_is_not_looked_into_again():
    spoilt = message(Kind.READS, b"no Arrow at all", seq=SEQ - 1)
    known = {SEQ - 1: check(spoilt, Sender(KEY, Role.READS), line()).header.digest}
    for digests in ({}, known):
        checked = check(spoilt, Sender(KEY, Role.READS), line(digests=digests))
        assert (checked.again, checked.content) == (True, None)


def test_another_batch_of_the_same_number_is_a_conflict():
    assert reason(message(seq=SEQ - 1), at=line(digests={SEQ - 1: bytes(16)})) is Reason.CONFLICT
    damaged = Message(message(seq=SEQ - 1).header, b"\0" * len(message().body))
    assert reason(damaged, at=line(digests={SEQ - 1: bytes(16)})) is Reason.DIGEST, "damage is no conflict"


def test_a_frozen_producer_may_still_talk_but_send_nothing():
    assert reason(message(), at=line(frozen=True)) is Reason.FROZEN
    assert reason(CONTROLS[Kind.PING], at=line(frozen=True)) is None


@pytest.mark.parametrize(
    ("kind", "length"),
    [(Kind.TICK, 7), (Kind.TICK, 9), (Kind.CONFIG, (4 << 20) + 1), (Kind.HELLO, 23), (Kind.PING, 1)],
)
def test_bodies_have_a_length_that_fits_their_kind(kind, length):
    sent = message(kind, bytes(length), session=0 if kind is Kind.HELLO else SESSION)
    assert reason(sent, Role.OPERATOR) is Reason.BODY_LENGTH


def test_what_has_no_rows_says_so():
    assert reason(message(Kind.TICK, rows=1), Role.OPERATOR) is Reason.ROWS


def test_texts_are_utf8():
    assert reason(message(Kind.CONFIG, b"\xff"), Role.OPERATOR) is Reason.CONTENT
    ask = CONTROLS[Kind.SUBSCRIBE].body
    assert reason(message(Kind.SUBSCRIBE, ask + b"\xff"), Role.SUBSCRIBER) is Reason.CONTENT


ANSWERS = [
    control(KEY, Welcome(1, 1 << 20, 5, 1), epoch=EPOCH, session=SESSION, seq=6),
    control(KEY, Ack(5, 1 << 20), epoch=EPOCH, session=SESSION, seq=7),
    control(KEY, Rejected(Reason.SCHEMA, "columns a"), epoch=EPOCH, session=SESSION, seq=7),
    plain(KEY, Kind.NACK, epoch=EPOCH, session=SESSION, seq=7),
]


def test_a_client_takes_answers_alone():
    for answer in ANSWERS:
        assert check_answer(answer, KEY).header.epoch == EPOCH
        assert reason(answer) is Reason.KIND
    with pytest.raises(Refused, match="kind: HELLO"):
        check_answer(CONTROLS[Kind.HELLO], KEY)
    with pytest.raises(Refused, match="producer"):
        check_answer(ANSWERS[0], OTHER)
    with pytest.raises(Refused, match="digest"):
        check_answer(Message(ANSWERS[0].header, bytes(32)), KEY)
    assert check_answer(Message(pack(Kind.OUTPUT, KEY, b"later", rows=3), b"later"), KEY).content is None


@pytest.mark.parametrize(
    ("sent", "at", "kind", "seq", "content"),
    [
        (message(epoch=1), line(), Kind.FENCED, 0, None),
        (message(seq=9), line(), Kind.NACK, SEQ, None),
        (message(seq=6), line(digests={6: bytes(16)}), Kind.CONFLICT, 6, Conflict(bytes(16))),
        (message(Kind.PAYMENTS), line(), Kind.REJECTED, SEQ, Reason.ROLE),
        (message(session=1), None, Kind.REJECTED, SEQ, Reason.SESSION),
        ([b"garbage"], line(), Kind.REJECTED, 0, Reason.FRAMES),
        ([], line(), Kind.REJECTED, 0, Reason.FRAMES),
    ],
)
def test_a_refusal_is_answered(sent, at, kind, seq, content):
    with pytest.raises(Refused) as caught:
        check(sent, Sender(KEY, Role.READS), at)
    answer = check_answer(refusal(caught.value, KEY, sent[0] if sent else None, at), KEY)
    assert (answer.header.kind, answer.header.seq) == (kind, seq)
    if isinstance(answer.content, Rejected):
        assert answer.content == Rejected(content, caught.value.text)
        assert caught.value.final is False
    else:
        assert answer.content == content


def test_words_for_a_person_are_cut_where_they_are_too_long():
    said = check_answer(control(KEY, Rejected(Reason.SCHEMA, "é" * 1000)), KEY).content
    assert said == Rejected(Reason.SCHEMA, "é" * 512)


def test_a_line_begins_with_batch_one():
    assert reason(message(seq=1, epoch=1), at=Line(epoch=1, session=SESSION)) is None
