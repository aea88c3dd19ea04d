"""What the writer turns back, and what it answers like the first time."""

from __future__ import annotations

import pytest

from pipeline.journal import JournalDamaged, JournalFailed
from pipeline.node.internal import (
    Batch,
    Ended,
    FencedOff,
    Gone,
    Join,
    LinkError,
    Part,
    Settled,
    Spent,
    Turned,
    Welcomed,
)
from pipeline.node.recovery import recover
from pipeline.wire import Kind, Reason, Role, tick_body, write_batch
from unit import core_world as world
from unit.node.world import ID, NOW, SEGMENT, Producer, Shard, body_of, only, producers


@pytest.fixture
def shard():
    shard = Shard()
    registry, *_ = producers()
    shard.hello(registry).send(registry, 1, 2)
    assert registry.done
    return shard


def reads() -> Producer:
    return producers(4)[1]


def test_a_hole_is_answered_with_the_number_expected(shard):
    producer = reads()
    shard.hello(producer)
    turned = only(shard.send(producer, 2), Turned)
    assert (turned.reason, turned.next_seq) == (Reason.SEQ, 1)
    assert shard.line(producer).next_seq == 1
    assert (
        only(shard.send(producer, 0 + 1), Turned).reason is Reason.SESSION if not producer.session else True
    )


def test_what_has_come_before_is_answered_and_not_applied_again(shard):
    producer = reads()
    shard.hello(producer).send(producer, 1, 2)
    frames = shard.node.journal.durable.number
    settled = only(shard.send(producer, 1), Settled)
    assert settled.places[0].seq == 2
    assert shard.node.state.engine.stats()["rows"]["reads"] == 4
    assert shard.node.journal.durable.number == frames


def test_what_has_come_before_and_is_still_under_way_is_answered_once_it_is_settled(shard):
    producer = reads()
    shard.hello(producer)
    message, body = producer.batch(1)
    for _ in range(3):
        shard.node.say(producer.route, message, body)
    assert not shard.node.answers
    assert only(shard.run(), Settled).places[0].seq == 1
    assert shard.node.state.engine.stats()["rows"]["reads"] == 2


def test_another_batch_of_one_number_freezes_its_producer_for_good(shard):
    producer, other = reads(), producers()[3]
    shard.hello(producer).send(producer, 1, 2)
    kind, rows, body = producer.outbox[2]
    forged = Batch(kind, [Part(producer.key, 1, producer.session, 2, rows, b"another digest..")])
    shard.node.say(producer.route, forged, body)
    assert not shard.node.answers, "told only once it is in the journal"
    turned = only(shard.run(), Turned)
    assert (turned.reason, turned.seq) == (Reason.CONFLICT, 2)
    assert turned.digest == producer.part(2).digest
    assert shard.line(producer).frozen
    assert only(shard.send(producer, 3), Turned).reason is Reason.FROZEN
    shard.hello(other).send(other, 1)
    assert other.acked == 1

    shard.disk.kill()
    again = Shard(shard.disk, shard.shelf)
    producer.epoch += 1
    again.node.say(producer.route, producer.hello())
    welcomed = only(again.run(), Welcomed)
    assert welcomed.frozen
    producer.take(welcomed)
    assert only(again.send(producer, 3), Turned).reason is Reason.FROZEN


def test_an_epoch_that_is_over_is_fenced_off(shard):
    producer = reads()
    producer.epoch = 5
    shard.hello(producer).send(producer, 1)
    producer.epoch = 4
    shard.node.say(producer.route, producer.hello())
    assert only(shard.run(), FencedOff).epoch == 5
    shard.disk.kill()
    again = Shard(shard.disk, shard.shelf)
    again.node.say(producer.route, producer.hello())
    assert only(again.run(), FencedOff).epoch == 5


def test_a_new_session_ends_the_old_one_wherever_it_is(shard):
    producer = reads()
    shard.hello(producer)
    old = producer.batch(1)
    producer.route = b"another worker"
    shard.node.say(producer.route, Join("another", False))
    shard.run()
    shard.node.say(producer.route, producer.hello())
    assert [type(m) for m in shard.run()] == [Ended, Welcomed]
    assert shard.routes == [b"worker", b"another worker"]
    shard.node.say(b"worker", *old)
    assert only(shard.run(), Turned).reason is Reason.SESSION


def test_a_session_of_another_worker_is_none(shard):
    producer = reads()
    shard.hello(producer)
    shard.node.say(b"thief", Join("thief", False))
    shard.node.say(b"thief", *producer.batch(1))
    assert only(shard.run(), Turned).reason is Reason.SESSION
    assert shard.line(producer).next_seq == 1


def test_a_session_that_ended_takes_nothing(shard):
    producer = reads()
    shard.hello(producer)
    shard.node.say(producer.route, Gone(producer.key, producer.session))
    shard.send(producer, 1)
    assert producer.turned[0].reason is Reason.SESSION


def test_numbers_of_sessions_are_unique_over_starts(shard):
    producer = reads()
    shard.hello(producer)
    first = producer.session
    shard.disk.kill()
    again = Shard(shard.disk, shard.shelf)
    again.hello(producer)
    assert (first >> 32, producer.session >> 32) == (1, 2)


def test_no_key_sends_what_its_role_may_not(shard):
    producer = reads()
    shard.hello(producer)
    producer.outbox[0] = body_of(
        "updates", world.rows("updates", "uint64", world.update("uint64", "suspend_trips"))
    )
    turned = only(shard.send(producer, 1), Turned)
    assert turned.reason is Reason.ROLE
    assert not shard.node.state.suspended


def test_what_no_producer_sends_breaks_the_link(shard):
    producer = reads()
    shard.hello(producer)
    with pytest.raises(LinkError, match="kind HELLO"):
        shard.node.say(producer.route, Batch(Kind.HELLO, [producer.part(1)]), b"")
    with pytest.raises(LinkError, match="0 bodies"):
        shard.node.say(producer.route, Batch(Kind.READS, [producer.part(1)]))
    with pytest.raises(LinkError, match="none of this version"):
        shard.node.writer.take(b"worker", [b"\xc1"])
    assert shard.line(producer).next_seq == 1


def test_of_gathered_batches_only_those_are_taken_that_can_be(shard):
    first, second = producers(4)[1:3]
    shard.hello(first).hello(second)
    batch = world.rows(
        "reads", "uint64", *(world.read("uint64", m, 0, 100) for m in ("M0", "M1", "M2", "M3"))
    )
    kind, _, body = body_of("reads", batch)
    parts = [
        Part(first.key, 1, first.session, 1, 1, b"a" * 16),
        Part(second.key, 1, second.session, 5, 2, b"b" * 16),
        Part(first.key, 1, first.session, 2, 1, b"c" * 16),
    ]
    shard.node.say(first.route, Batch(kind, parts), body)
    heard = shard.run()
    turned, settled = only(heard, Turned), only(heard, Settled)
    assert (turned.producer, turned.reason, turned.seq) == (second.key, Reason.SEQ, 5)
    assert [(place.producer, place.seq) for place in settled.places] == [(first.key, 2)]
    meters = shard.node.state.engine.meters()
    read = {
        m for m, at in zip(meters["meter_id"].to_pylist(), meters["last_at"].to_pylist(), strict=True) if at
    }
    assert read == {world.id_of("uint64", "M0"), world.id_of("uint64", "M3")}


def test_a_gathered_batch_is_settled_for_each_of_its_senders(shard):
    first, second = producers(4)[1:3]
    shard.hello(first).hello(second)
    batch = world.rows("reads", "uint64", *(world.read("uint64", m, 0, 100) for m in ("M0", "M1")))
    kind, _, body = body_of("reads", batch)
    parts = [Part(p.key, 1, p.session, 1, 1, b"a" * 16) for p in (first, second)]
    shard.node.say(first.route, Batch(kind, parts), body)
    settled = only(shard.run(), Settled)
    assert {(place.producer, place.session, place.seq) for place in settled.places} == {
        (p.key, p.session, 1) for p in (first, second)
    }


def test_a_number_that_a_worker_spends_is_used_up_for_good(shard):
    producer = reads()
    shard.hello(producer)
    spent = Spent(Kind.READS, producer.part(1), Reason.NULLS, "column at has nulls")
    shard.node.say(producer.route, spent)
    assert not shard.node.answers
    heard = shard.run()
    assert [type(m) for m in heard] == [Turned, Settled]
    assert (heard[0].reason, heard[0].text) == (Reason.NULLS, "column at has nulls")
    assert heard[1].places[0].seq == 1
    shard.disk.kill()
    again = Shard(shard.disk, shard.shelf)
    assert (again.line(producer).next_seq, again.line(producer).refused) == (2, 1)


def test_a_batch_that_the_engine_refuses_whole_is_refused_by_every_replay(shard):
    producer = producers()[4]
    batch = world.rows("updates", "utf8", world.update("utf8", "approve_trip", "A0"))
    producer.outbox = [
        (Kind.UPDATES, 1, write_batch(Kind.UPDATES, batch, "utf8")),
        body_of("config", "[engine]\nno = 1\n"),
        producer.outbox[0],
    ]
    shard.hello(producer).send(producer, 1, 2, 3)
    assert [(t.seq, t.reason) for t in producer.refused] == [(1, Reason.MALFORMED), (2, Reason.MALFORMED)]
    assert "no" in producer.refused[1].text
    assert producer.acked == 3
    digest = shard.node.state.engine.digest()
    shard.disk.kill()
    again = Shard(shard.disk, shard.shelf)
    assert (again.line(producer).next_seq, again.line(producer).refused) == (4, 2)
    assert again.node.state.engine.digest() == digest
    assert again.node.writer.refused == 0


@pytest.mark.parametrize("at_s", [2**62, -(2**62)])
def test_a_tick_out_of_all_bounds_is_refused(shard, at_s):
    producer = producers()[4]
    producer.outbox = [(Kind.TICK, 0, tick_body(at_s))]
    shard.hello(producer).send(producer, 1)
    assert producer.refused[0].reason is Reason.MALFORMED
    assert producer.acked == 1


def test_a_hello_that_knows_of_more_halts_the_node(shard):
    producer = reads()
    shard.hello(producer).send(producer, 1)
    producer.acked = 2
    with pytest.raises(JournalDamaged, match=r"has seen batch 2 acknowledged, and 1 is the newest here"):
        shard.node.say(producer.route, producer.hello())
    with pytest.raises(JournalFailed):
        shard.node.journal.commit([b"more"], now_s=NOW)


def test_a_loss_that_an_operator_accepts_is_sent_again(shard):
    proofs = []
    shard.disk.kill()
    again = Shard(shard.disk, shard.shelf, lost=proofs.append)
    producer = reads()
    producer.acked = 2
    again.node.say(producer.route, producer.hello())
    welcomed = only(again.run(), Welcomed)
    assert welcomed.last_seq == 0
    assert len(proofs) == 1
    assert producer.key.hex() in proofs[0]


def test_a_hello_said_twice_has_one_answer(shard):
    producer = reads()
    shard.node.say(producer.route, producer.hello())
    shard.node.say(producer.route, producer.hello())
    shard.node.say(producer.route, producer.hello())
    assert only(shard.run(), Welcomed).attempt == 3


def test_a_welcome_waits_for_what_came_before(shard):
    producer = reads()
    shard.hello(producer)
    shard.node.say(producer.route, *producer.batch(1))
    shard.node.say(producer.route, producer.hello())
    heard = shard.run()
    welcomed = only(heard, Welcomed)
    assert welcomed.last_seq == 1
    settled = [place for message in heard if isinstance(message, Settled) for place in message.places]
    assert [place.session for place in settled if place.session == welcomed.session] == []


def test_nothing_is_told_before_it_is_on_the_disk_and_applied(shard):
    producer = reads()
    shard.hello(producer)
    shard.node.say(producer.route, *producer.batch(1))
    group = shard.node.writer.gather(NOW, shard.node.journal)
    assert not shard.node.answers
    assert shard.node.state.engine.stats()["rows"].get("reads") is None
    shard.node.journal.commit(group.buffers, now_s=NOW)
    shard.node.tell(shard.node.writer.apply(group, shard.node.journal.durable, NOW))
    assert shard.node.answers
    assert shard.node.state.engine.stats()["rows"]["reads"] == 2


def test_recovery_gives_what_was_there(shard):
    producer = reads()
    shard.hello(producer).send(producer, 1, 2, 3)
    state = shard.node.state
    shard.disk.kill()
    again = recover(shard.disk, shard.node.snapshots, new_id=ID, segment_bytes=SEGMENT)
    assert dict(again.state.lines) == dict(state.lines)
    assert again.state.mark == state.mark
    assert again.state.batches == state.batches
    assert again.state.engine.digest() == state.engine.digest()
    assert producer.role is Role.READS
