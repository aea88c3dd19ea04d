"""A PONG tells a head-end how many commands were sent to it."""

from __future__ import annotations

from pipeline.node.internal import Commands
from pipeline.wire import Kind, Role
from pipeline.wire.commands import Command, Signer, commands_body
from unit.worker.world import World

BODY = commands_body([Signer(bytes(32)).sign(Command(1, "trip", 1, 2, 3, 4, 5, "balance", 0, 0, 6))])


def test_it_counts_those_that_have_left():
    world = World()
    headend = world.caller(role=Role.HEADEND).hello()
    shard = world.shards[0]
    for _ in range(2):
        shard.say(Commands(headend.key, shard.sessions[headend.key], 1), BODY)
    world.run()
    headend.ping()
    assert headend.last(Kind.PONG).header.seq == 2
    world.full.add(headend.route)
    shard.say(Commands(headend.key, shard.sessions[headend.key], 1), BODY)
    world.run()
    world.full.clear()
    headend.heard.clear()
    headend.ping()
    assert (headend.kinds().index("PONG"), headend.last(Kind.PONG).header.seq) == (0, 2)


def test_to_all_others_it_is_nought():
    world = World()
    caller = world.caller().hello()
    caller.ping()
    assert caller.last(Kind.PONG).header.seq == 0
