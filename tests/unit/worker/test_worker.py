"""A worker's part in a conversation: sessions, numbers, answers."""

from __future__ import annotations

import pytest

from pipeline.node.internal import Batch, Credit, Ended, Gone, Greet, Join, Place, Settled, Spent, Turned
from pipeline.wire import (
    Conflict,
    Header,
    Hello,
    Kind,
    Reason,
    Role,
    control,
    read_batch,
    tick_body,
    write_batch,
)
from unit.wire.samples import ROLES, body, reads
from unit.worker.world import Caller, World


def test_a_batch_is_passed_on_and_acknowledged_when_it_is_settled():
    world = World(at_once=False)
    (shard,) = world.shards
    feeder = world.caller().hello()
    assert feeder.last(Kind.WELCOME).header.seq == 0
    assert feeder.last(Kind.WELCOME).content.credit > 0
    feeder.send(Kind.READS)
    (batch,) = shard.of_kind(Batch)
    assert [(part.producer, part.seq, part.rows) for part in batch.parts] == [(feeder.key, 1, 2)]
    assert read_batch(Kind.READS, shard.bodies[-1], 2)["value"].to_pylist() == [400, 9000]
    assert feeder.last(Kind.ACK) is None, "nothing is acknowledged before it is settled"
    shard.settle()
    world.run()
    assert feeder.last(Kind.ACK).header.seq == 1


@pytest.mark.parametrize("kind", sorted(ROLES))
def test_each_kind_passes_byte_by_byte(kind):
    world = World()
    caller = world.caller(1, ROLES[kind]).hello()
    caller.send(kind)
    assert world.shards[0].bodies[-1] == body(kind) or kind is Kind.READS
    assert caller.last(Kind.ACK).header.seq == 1
    assert world.shards[0].of_kind(Batch)[0].kind is kind


def test_a_large_message_of_reads_passes_as_it_came():
    world = World()
    feeder = world.caller().hello()
    data = write_batch(Kind.READS, reads(65_536))
    feeder.send(Kind.READS, data, 65_536)
    assert world.shards[0].bodies[-1] == data
    assert feeder.last(Kind.ACK).header.seq == 1


def test_a_worker_joins_before_anything():
    world = World()
    assert world.shards[0].said == [Join("worker-0", directory=False)]
    assert world.worker.ready


def test_what_comes_again_is_answered_like_the_first_time():
    world = World(at_once=False)
    (shard,) = world.shards
    feeder = world.caller().hello()
    feeder.send(Kind.READS)
    feeder.send(Kind.READS, seq=1)
    assert feeder.kinds() == ["WELCOME"], "what is under way is acknowledged once it is settled"
    shard.settle()
    world.run()
    feeder.send(Kind.READS, seq=1)
    assert [ack.header.seq for ack in feeder.heard[1:]] == [1, 1]
    assert shard.rows(feeder.key) == [(1, 2)]


def test_a_hole_is_answered_with_the_number_that_is_expected():
    world = World()
    feeder = world.caller().hello()
    feeder.send(Kind.READS, seq=3)
    assert feeder.last(Kind.NACK).header.seq == 1
    assert not world.shards[0].of_kind(Batch)


def test_another_batch_of_the_same_number_freezes_and_the_shard_remembers():
    world = World()
    feeder = world.caller().hello()
    first = feeder.batch(Kind.READS)
    feeder.say(first)
    world.run()
    feeder.send(Kind.READS, write_batch(Kind.READS, reads(2)), 2, seq=1)
    assert world.shards[0].frozen == {feeder.key}
    assert feeder.last(Kind.CONFLICT).content == Conflict(Header.unpack(first.header).digest)
    feeder.send(Kind.READS, seq=2)
    assert feeder.last(Kind.REJECTED).content.reason == Reason.FROZEN
    feeder.hello()
    feeder.send(Kind.READS, seq=2)
    assert feeder.last(Kind.REJECTED).content.reason == Reason.FROZEN
    assert world.shards[0].rows(feeder.key) == [(1, 2)]


def test_a_batch_that_is_refused_for_good_uses_up_its_number_first():
    world = World(at_once=False)
    (shard,) = world.shards
    feeder = world.caller().hello()
    feeder.send(Kind.READS, b"no arrow", 2)
    (spent,) = shard.of_kind(Spent)
    assert (spent.part.seq, spent.reason) == (1, Reason.SCHEMA)
    assert feeder.last(Kind.REJECTED) is None, "it is answered when it is in the journal"
    feeder.send(Kind.READS)
    shard.settle()
    world.run()
    assert feeder.last(Kind.REJECTED).content.reason == Reason.SCHEMA
    assert feeder.last(Kind.ACK).header.seq == 2
    assert feeder.kinds() == ["WELCOME", "REJECTED", "ACK"]
    assert world.letters.kept == 1


def test_an_engine_that_refuses_a_batch_is_heard():
    world = World(at_once=False)
    (shard,) = world.shards
    feeder = world.caller().hello()
    feeder.send(Kind.READS)
    shard.say(Turned(feeder.key, shard.sessions[feeder.key], 1, Reason.MALFORMED, "ids", 2, b""))
    shard.settle()
    world.run()
    assert feeder.kinds() == ["WELCOME", "REJECTED", "ACK"]
    assert feeder.last(Kind.REJECTED).header.seq == 1


def test_a_shard_that_takes_nothing_now_ends_the_session_and_a_hello_mends_it():
    world = World(at_once=False)
    (shard,) = world.shards
    feeder = world.caller().hello()
    session = shard.sessions[feeder.key]
    feeder.send(Kind.READS)
    feeder.send(Kind.READS)
    shard.taken.clear()
    shard.unsettled.clear()
    shard.say(Turned(feeder.key, session, 1, Reason.NOT_NOW, "the disk is full", 1, b""))
    shard.say(Turned(feeder.key, session, 2, Reason.SEQ, "batch 2; expected 1", 1, b""))
    world.run()
    assert feeder.kinds() == ["WELCOME", "REJECTED"]
    assert feeder.last(Kind.REJECTED).content.reason == Reason.NOT_NOW
    assert shard.of_kind(Gone) == [Gone(feeder.key, session)]
    feeder.send(Kind.READS, seq=3)
    assert feeder.last(Kind.REJECTED).content.reason == Reason.SESSION
    feeder.hello()
    assert feeder.seq == 0
    feeder.send(Kind.READS)
    shard.settle()
    world.run()
    assert feeder.last(Kind.ACK).header.seq == 1


def test_an_old_epoch_is_fenced():
    world = World()
    feeder = world.caller()
    feeder.epoch = 5
    feeder.hello()
    feeder.epoch = 4
    feeder.attempt = 0
    feeder.hello()
    assert feeder.last(Kind.FENCED).header.epoch == 5


def test_only_the_shard_knows_an_epoch_that_another_worker_saw():
    world = World()
    feeder = world.caller()
    world.shards[0].epochs[feeder.key] = 9
    feeder.hello()
    assert feeder.last(Kind.FENCED).header.epoch == 9
    assert feeder.last(Kind.WELCOME) is None


def test_a_later_hello_counts_and_an_answer_to_an_earlier_one_does_not():
    world = World(at_once=False)
    (shard,) = world.shards
    feeder = world.caller()
    feeder.hello()
    welcomes = len(feeder.heard)
    feeder.attempt += 1
    feeder.say(control(feeder.key, Hello(feeder.attempt, 0, 0), epoch=1))
    late = list(shard.answers)
    world.clock.s += 2
    feeder.attempt += 1
    feeder.say(control(feeder.key, Hello(feeder.attempt, 0, 0), epoch=1))
    assert len(shard.of_kind(Greet)) == 3
    assert late
    world.run()
    answers = [checked.content.attempt for checked in feeder.heard[welcomes:]]
    assert answers == [3]


def test_a_session_that_another_worker_took_over_is_over_here():
    world = World()
    feeder = world.caller().hello()
    world.shards[0].say(Ended(feeder.key, world.shards[0].sessions[feeder.key]))
    world.run()
    assert not world.worker.sessions
    feeder.send(Kind.READS)
    assert feeder.last(Kind.REJECTED).content.reason == Reason.SESSION


def test_a_revoked_key_has_no_session_and_gets_no_answer_but_one():
    world = World()
    feeder = world.caller().hello()
    other = world.caller(2).hello()
    world.worker.allowed({other.key: world.keys[other.key]})
    assert world.shards[0].of_kind(Gone) == [Gone(feeder.key, world.shards[0].sessions[feeder.key])]
    feeder.send(Kind.READS)
    assert feeder.last(Kind.REJECTED).content.reason == Reason.ROLE
    other.send(Kind.READS)
    assert other.last(Kind.ACK).header.seq == 1


def test_who_says_nothing_for_long_is_gone():
    world = World()
    feeder = world.caller().hello()
    other = world.caller(2).hello()
    for _ in range(13):
        world.run(5.0)
        other.ping()
    assert world.shards[0].of_kind(Gone) == [Gone(feeder.key, world.shards[0].sessions[feeder.key])]
    assert other.last(Kind.PONG) is not None


def test_a_new_connection_of_the_same_session_is_told_where_it_stands():
    world = World()
    feeder = world.caller().hello()
    world.gone.add(feeder.route)
    feeder.send(Kind.READS)
    assert feeder.last(Kind.ACK) is None
    feeder.route = b"another"
    world.callers[feeder.route] = feeder
    feeder.ping()
    assert feeder.last(Kind.ACK).header.seq == 1


def test_acknowledgements_are_gathered_too():
    world = World(at_once=False)
    feeder = world.caller().hello()
    for _ in range(20):
        feeder.send(Kind.READS)
    world.shards[0].settle()
    world.run()
    assert [ack.header.seq for ack in feeder.heard if ack.header.kind is Kind.ACK] == [20]


def test_an_acknowledgement_that_found_the_queue_full_is_sent_when_it_is_not():
    world = World()
    feeder = world.caller().hello()
    world.full.add(feeder.route)
    feeder.send(Kind.READS)
    assert feeder.last(Kind.ACK) is None
    world.full.clear()
    world.run(0.2)
    assert feeder.last(Kind.ACK).header.seq == 1


def test_covered_travels_along():
    world = World()
    till = world.caller(1, Role.PAYMENTS).hello()
    till.send(Kind.PAYMENTS)
    assert till.last(Kind.ACK).content.covered == 0
    world.shards[0].say(Settled([place_of(world, till, 1, covered=1)]))
    world.run()
    assert till.last(Kind.ACK).content.covered == 1


def place_of(world: World, caller: Caller, seq: int, covered: int) -> Place:
    return Place(caller.key, world.shards[0].sessions[caller.key], seq, covered)


def test_an_operator_is_not_behind_reads_that_wait_for_credit():
    world = World(at_once=False, grant=Credit(1 << 20, 1 << 20, 1))
    feeder = world.caller().hello()
    desk = world.caller(2, Role.OPERATOR).hello()
    data = write_batch(Kind.READS, reads(20_000))
    for _ in range(3):
        feeder.send(Kind.READS, data, 20_000)
    desk.send(Kind.TICK, tick_body(5))
    kinds = [batch.kind for batch in world.shards[0].of_kind(Batch)]
    assert kinds == [Kind.READS, Kind.TICK]
