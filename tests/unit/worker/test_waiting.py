"""What waits in a worker is bounded, and no trip waits longer than a network may take."""

from __future__ import annotations

from collections import Counter

from pipeline.node.internal import Commands, Greet, Spent, Subscribed
from pipeline.node.internal import Ready as Promised
from pipeline.wire import Hello, Kind, Ready, Reason, Role, Subscribe, control
from pipeline.wire.commands import Command, Signer, commands_body, commands_of
from pipeline.worker.sessions import SPENT_MAX
from unit.worker.world import World

TRIP, RESTORE = (
    commands_body([Signer(bytes(32)).sign(Command(1, kind, 1, 2, 3, 4, 5, "balance", 0, 0, 6))])
    for kind in ("trip", "restore")
)


def ready_headend(world: World, window: int):
    headend = world.caller(role=Role.HEADEND).hello()
    headend.say(control(headend.key, Ready(window), **headend.place()))
    world.run()
    headend.heard.clear()
    return headend


def commanded(headend) -> list[tuple[int, str]]:
    """Number and kind of each command that came."""
    found = [each for each in headend.heard if each.header.kind is Kind.COMMAND]
    return [(each.header.seq, signed.command.kind) for each in found for signed in commands_of(each.content)]


def test_a_trip_that_waited_too_long_is_not_sent_and_restores_are():
    world = World()
    shard, headend = world.shards[0], ready_headend(world, 4)
    session = shard.sessions[headend.key]
    world.full.add(headend.route)
    for body, trips in ((TRIP, True), (RESTORE, False), (TRIP, True)):
        shard.say(Commands(headend.key, session, 1, trips), body)
    world.run(0.01)
    world.run(0.2)
    shard.say(Commands(headend.key, session, 1, True), TRIP)
    world.run(0.01)
    world.full.clear()
    world.run(0.06)
    assert commanded(headend) == [(1, "restore"), (2, "trip")]
    assert world.worker.counts["trips: waited too long"] == 2
    assert shard.of_kind(Promised)[-1].until == 6, "what was not sent takes no place in the window"
    headend.ping()
    assert headend.last(Kind.PONG).header.seq == 2
    headend.say(control(headend.key, Ready(5), **headend.place()))
    world.run()
    assert shard.of_kind(Promised)[-1].until == 7


def test_a_trip_whose_queue_has_room_again_soon_is_sent():
    world = World()
    shard, headend = world.shards[0], ready_headend(world, 4)
    world.full.add(headend.route)
    shard.say(Commands(headend.key, shard.sessions[headend.key], 1, True), TRIP)
    world.run(0.01)
    world.full.clear()
    world.run(0.06)
    assert commanded(headend) == [(1, "trip")]


def test_what_is_said_again_and_again_waits_once_where_a_shard_does_not_listen():
    world = World()
    shard = world.shards[0]
    headend = world.caller(1, Role.HEADEND).hello()
    subscriber = world.caller(2, Role.SUBSCRIBER).hello()
    greeting = world.caller(3, Role.READS)
    shard.open = False
    shard.said.clear()
    for count in range(1, 1001):
        headend.say(control(headend.key, Ready(count), **headend.place()))
        asked = Subscribe(0, 0, 0, count, "ledger")
        subscriber.say(control(subscriber.key, asked, **subscriber.place()))
        greeting.say(control(greeting.key, Hello(1, 0, 0), epoch=count))
    shard.open = True
    world.run(0.06)
    assert Counter(type(message) for message in shard.said) == {Promised: 1, Subscribed: 1, Greet: 1}
    assert shard.of_kind(Promised)[0].until == 1000
    assert shard.of_kind(Subscribed)[0].credit == 1000
    assert shard.of_kind(Greet)[0].epoch == 1000


def test_few_refused_batches_are_under_way_to_the_journal_at_a_time():
    world = World()
    shard, caller = world.shards[0], world.caller().hello()
    shard.at_once = False
    for seq in range(1, 101):
        caller.say(caller.batch(Kind.READS, b"no stream", seq=seq))
    world.run()
    assert len(shard.of_kind(Spent)) == SPENT_MAX
    assert [each.header.seq for each in caller.heard if each.header.kind is Kind.REJECTED] == [SPENT_MAX + 1]
    assert caller.last(Kind.REJECTED).content.reason == Reason.CREDIT
    assert caller.kinds().count("NACK") == 100 - SPENT_MAX - 1
    shard.settle()
    world.run()
    caller.say(caller.batch(Kind.READS, b"no stream", seq=SPENT_MAX + 1))
    caller.say(caller.batch(Kind.READS, seq=SPENT_MAX + 2))
    world.run()
    shard.settle()
    world.run()
    assert len(shard.of_kind(Spent)) == SPENT_MAX + 1
    assert caller.last(Kind.ACK).header.seq == SPENT_MAX + 2


def test_of_two_batches_of_one_number_the_shards_are_asked_once():
    world = World()
    shard, caller = world.shards[0], world.caller().hello()
    caller.send(Kind.READS)
    shard.at_once = False
    for count in range(100):
        caller.say(caller.batch(Kind.READS, bytes([count]), seq=1))
    world.run()
    assert len(shard.of_kind(Spent)) == 1
    shard.settle()
    world.run()
    assert caller.kinds().count("CONFLICT") == 1
