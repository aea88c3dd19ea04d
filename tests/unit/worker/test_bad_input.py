"""The table of bad input: each is refused with its reason, kept, counted, and costs nobody else anything."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from pipeline.links import Received
from pipeline.node.internal import Batch, Lane, NoRows, Rows, Spent, Subscribed, Turned
from pipeline.wire import (
    FINAL,
    MAY_SEND,
    Header,
    Hello,
    Kind,
    Message,
    Ready,
    Reason,
    Role,
    Subscribe,
    control,
    plain,
    write_batch,
)
from pipeline.wire.header import pack
from pipeline.wire.outputs import Cursor, Output, output_body
from unit.wire.samples import ROLES, batch, forged, reads, stream
from unit.worker.world import Caller, World


def reasons(caller: Caller) -> list[Reason]:
    return [Reason(c.content.reason) for c in caller.heard if c.header.kind is Kind.REJECTED]


def settled_world() -> tuple[World, Caller, Caller]:
    """A world with a producer that misbehaves, and one that does not."""
    world = World()
    return world, world.caller(1).hello(), world.caller(2).hello()


def still_serves(world: World, good: Caller) -> bool:
    """Whether another producer is served as if nothing were."""
    good.send(Kind.READS)
    ack = good.last(Kind.ACK)
    return ack is not None and ack.header.seq == good.seq


@pytest.mark.parametrize("count", [0, 1, 3, 4])
def test_other_numbers_of_frames(count):
    world, bad, good = settled_world()
    frames = [*bad.batch(Kind.READS), b"", b""][:count]
    bad.say(frames)
    assert reasons(bad) == [Reason.FRAMES]
    assert still_serves(world, good)


def test_truncation_of_either_frame_at_every_byte():
    world, bad, good = settled_world()
    header, data = bad.batch(Kind.READS)
    for length in range(len(header)):
        bad.say([header[:length], data])
    for length in range(len(data)):
        bad.say([header, data[:length]])
    counted = Counter(reasons(bad))
    assert counted == {Reason.HEADER_LENGTH: 128, Reason.BODY_LENGTH: len(data)}
    assert len(world.shards[0].of_kind(Batch)) == 0
    assert still_serves(world, good)


def test_every_bit_of_a_small_message_flipped():
    world, bad, good = settled_world()
    frames = bad.batch(Kind.READS)
    tried = 0
    for which, frame in enumerate(frames):
        for at in range(len(frame)):
            for bit in range(8):
                spoiled = bytearray(frame)
                spoiled[at] ^= 1 << bit
                bad.say([bytes(spoiled) if i == which else part for i, part in enumerate(frames)])
                tried += 1
    assert tried == 8 * sum(map(len, frames))
    found = Counter(reasons(bad))
    assert set(found) == {Reason.MAGIC, Reason.VERSION, Reason.HEADER_CHECKSUM, Reason.DIGEST}
    assert found.total() == tried
    assert not world.shards[0].of_kind(Batch)
    assert not world.shards[0].of_kind(Spent), "damage on the way uses up no number"
    bad.say(frames)
    world.run()
    assert bad.last(Kind.ACK).header.seq == 1
    assert still_serves(world, good)


def hostile() -> dict[str, tuple[bytes, int, Reason]]:
    """Bodies whose digest is right: what they are, their rows, why they are refused."""
    good = batch(Kind.READS)
    plain_body = write_batch(Kind.READS, good)
    many = reads(1 << 20)
    return {
        "garbage": (b"\x00" * 500, 2, Reason.SCHEMA),
        "nothing": (b"", 2, Reason.SCHEMA),
        "other columns": (stream(good.rename_columns(["a", "b", "c", "d"])), 2, Reason.SCHEMA),
        "a compressed bomb": (stream(many, compression="zstd"), 65_536, Reason.COMPRESSED),
        "more rows than told": (plain_body, 1, Reason.ROWS),
        "more rows than allowed": (stream(reads(65_537)), 65_537, Reason.ROWS),
        "two batches": (stream([reads(2), reads(2)]), 2, Reason.END_OF_STREAM),
        "something behind it": (plain_body + b"more", 2, Reason.END_OF_STREAM),
        "cut off": (plain_body[:-9], 2, Reason.END_OF_STREAM),
    }


@pytest.mark.parametrize("what", hostile())
def test_hostile_arrow_with_a_right_digest(what):
    world, bad, good = settled_world()
    data, rows, reason = hostile()[what]
    bad.send(Kind.READS, data, rows)
    assert reasons(bad) == [reason]
    assert reason in FINAL
    assert bad.last(Kind.ACK).header.seq == 1, "its number is used up"
    assert [spent.reason for spent in world.shards[0].of_kind(Spent)] == [reason]
    bad.send(Kind.READS)
    assert bad.last(Kind.ACK).header.seq == 2
    assert still_serves(world, good)


def said(role: Role, kind: Kind, caller: Caller) -> list[object]:
    place = caller.place()
    if kind is Kind.HELLO:
        return list(control(caller.key, Hello(9, 0, 0), epoch=caller.epoch))
    if kind is Kind.READY:
        return list(control(caller.key, Ready(3), **place))
    if kind is Kind.SUBSCRIBE:
        return list(control(caller.key, Subscribe(0, 0, 0, 1, "ledger"), **place))
    if kind in ROLES:
        return list(caller.batch(kind))
    return list(plain(caller.key, kind, **place))


@pytest.mark.parametrize("role", list(Role))
def test_each_role_sends_each_kind(role):
    taken = []
    for kind in Kind:
        if kind in (
            Kind.COMMAND,
            Kind.OUTPUT,
            Kind.WELCOME,
            Kind.ACK,
            Kind.CREDIT,
            Kind.REJECTED,
            Kind.CONFLICT,
        ):
            continue  # their bodies are none of a producer's; see below
        world = World()
        caller = world.caller(1, role).hello()
        before = len(caller.heard)
        caller.say(said(role, kind, caller))
        world.run()
        refused = {Reason.ROLE, Reason.KIND} & set(reasons(caller))
        if not refused:
            taken.append(kind)
            assert kind in MAY_SEND[role]
            assert len(caller.heard) > before or kind in (Kind.READY, Kind.SUBSCRIBE)
    assert set(taken) == MAY_SEND[role]


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind >= Kind.WELCOME])
@pytest.mark.parametrize("role", list(Role))
def test_nobody_says_what_only_a_node_says(role, kind):
    world = World()
    caller = world.caller(1, role).hello()
    header = pack(kind, caller.key, b"x", **caller.place(), seq=1)
    caller.say([header, b"x"])
    world.run()
    assert reasons(caller) == [Reason.KIND]


def test_a_subscriber_is_told_what_is_not_there():
    world = World()
    caller = world.caller(1, Role.SUBSCRIBER).hello()
    caller.say(control(caller.key, Subscribe(0, 0, 1, 1, "ledger"), **caller.place()))
    assert reasons(caller) == [Reason.OUTPUT]
    caller.say(said(Role.SUBSCRIBER, Kind.SUBSCRIBE, caller))
    (asked,) = world.shards[0].of_kind(Subscribed)
    assert (asked.output, asked.from_seq, asked.from_row, asked.credit) == ("ledger", 0, 0, 1)
    world.shards[0].say(NoRows(caller.key, asked.session, Reason.CURSOR, "kept from batch 7 on"))
    world.run()
    assert reasons(caller) == [Reason.OUTPUT, Reason.CURSOR]


def test_rows_go_to_the_session_that_they_are_for():
    world = World()
    caller = world.caller(1, Role.SUBSCRIBER).hello()
    caller.say(said(Role.SUBSCRIBER, Kind.SUBSCRIBE, caller))
    (asked,) = world.shards[0].of_kind(Subscribed)
    body = output_body(Output(Cursor(3), Cursor(5), 0, 1, 0, None))
    for session in (asked.session + 1, asked.session, asked.session):
        world.shards[0].say(Rows(caller.key, session, 0), body)
    world.run()
    sent = [checked for checked in caller.heard if checked.header.kind is Kind.OUTPUT]
    assert [(checked.header.seq, bytes(checked.body)) for checked in sent] == [(1, body), (2, body)]
    caller.ping()
    assert caller.last(Kind.PONG).header.seq == 2


def test_another_producers_name_another_session_another_epoch():
    world, bad, good = settled_world()
    frames = bad.batch(Kind.READS)
    bad.say([forged(frames.header, 8, "<32s", good.key), frames.body])
    bad.say([forged(frames.header, 48, "<Q", good.session), frames.body])
    bad.say([forged(frames.header, 40, "<Q", 7), frames.body])
    assert reasons(bad) == [Reason.PRODUCER, Reason.SESSION, Reason.SESSION]
    bad.say([forged(frames.header, 40, "<Q", 0), frames.body])
    assert bad.last(Kind.FENCED).header.epoch == 1
    assert still_serves(world, good)


def test_somebody_without_a_session_gets_none():
    world = World()
    caller = world.caller()
    caller.session = 1 << 32 | 1
    caller.send(Kind.READS)
    assert reasons(caller) == [Reason.SESSION]
    assert world.worker.sessions == 0


@pytest.mark.parametrize("user", ["", "zz", "00" * 31, "ff" * 32])
def test_a_connection_of_nobody(user):
    world = World()
    caller = world.caller()
    world.callers[b"stranger"] = Caller(world, bytes.fromhex(user) if len(user) == 64 else bytes(32))
    world.worker.on_producer(Received(b"stranger", user, list(caller.batch(Kind.READS))), 1.0)
    assert [Reason(c.content.reason) for c in world.callers[b"stranger"].heard] == [Reason.ROLE]


def test_a_flood_of_tiny_messages_is_refused_without_filling_anything():
    world, bad, good = settled_world()
    flood = 20_000
    for i in range(flood):
        bad.say([bytes([i % 256]) * (i % 200), b"x"])
    assert len(reasons(bad)) == flood
    assert world.worker.counts["refused: header_length"] + world.worker.counts["refused: magic"] == flood
    assert world.letters.kept + world.letters.passed_over == flood
    assert world.letters.kept <= 20
    assert still_serves(world, good)


def test_more_than_was_granted_is_refused_and_the_session_goes_on():
    world = World(at_once=False, budgets={Lane.BULK: 100_000})
    greedy = world.caller().hello()
    granted = greedy.last(Kind.WELCOME).content.credit
    assert granted == 100_000
    data = write_batch(Kind.READS, reads(1_000))
    first = greedy.seq + 1
    for _ in range(10):
        greedy.send(Kind.READS, data, 1_000)
    fit = granted // (len(data) + 128)
    assert reasons(greedy)[0] is Reason.CREDIT
    assert world.shards[0].rows(greedy.key) == [(seq, 1_000) for seq in range(first, first + fit)]
    world.shards[0].settle()
    world.run()
    greedy.seq = fit
    greedy.send(Kind.READS, data, 1_000)
    world.shards[0].settle()
    world.run()
    assert greedy.last(Kind.ACK).header.seq == fit + 1


def test_what_is_refused_for_good_counts_as_under_way_too():
    world = World(at_once=False, budgets={Lane.BULK: 100_000})
    bad = world.caller().hello()
    world.shards[0].open = False
    for _ in range(1_000):
        bad.send(Kind.READS, b"no batch at all", 1)
    assert set(reasons(bad)) == {Reason.CREDIT}
    assert 0 < waiting(world) < 1_000
    world.shards[0].open = True
    world.run(pass_s=1.0)
    world.shards[0].settle()
    world.run()
    bad.seq = bad.last(Kind.ACK).header.seq
    bad.send(Kind.READS)
    world.shards[0].settle()
    world.run()
    assert bad.last(Kind.ACK).header.seq == bad.seq


def test_one_batch_may_always_be_under_way_but_not_without_credit():
    world = World(at_once=False, budgets={Lane.BULK: 20_000})
    large = write_batch(Kind.READS, reads(10_000))
    one = world.caller(1).hello()
    one.send(Kind.READS, large, 10_000)
    assert world.shards[0].rows(one.key) == [(1, 10_000)]
    one.send(Kind.READS, large, 10_000)
    assert reasons(one) == [Reason.CREDIT]
    closed = World(at_once=False, budgets={Lane.BULK: 0})
    two = closed.caller(1).hello()
    assert two.last(Kind.WELCOME).content.credit == 0
    two.send(Kind.READS, large, 10_000)
    assert reasons(two) == [Reason.CREDIT]


def test_what_all_together_have_under_way_is_bounded_whatever_they_send():
    world = World(at_once=False, budgets={Lane.BULK: 1 << 20})
    large = write_batch(Kind.READS, reads(20_000))
    callers = [world.caller(number).hello() for number in range(1, 21)]
    for caller in callers:
        caller.send(Kind.READS, large, 20_000)
    taken = sum(len(world.shards[0].rows(caller.key)) for caller in callers)
    under_way = taken * len(large)
    assert 0 < under_way < 2 * (1 << 20) + len(large)
    assert sum(reasons(caller) == [Reason.CREDIT] for caller in callers) == len(callers) - taken - waiting(
        world
    )


def waiting(world: World) -> int:
    """Batches that are taken, and wait for the shard's credit."""
    return len(world.worker._shards[0]._lanes[Lane.BULK])


def test_who_does_not_read_gets_nothing_and_costs_nothing():
    world, bad, good = settled_world()
    world.full.add(bad.route)
    for _ in range(100):
        bad.send(Kind.READS)
        bad.ping()
    assert bad.kinds() == ["WELCOME"]
    assert still_serves(world, good)
    world.full.clear()
    bad.send(Kind.READS, seq=1)
    assert bad.last(Kind.ACK).header.seq == 100


def test_a_dead_letter_tells_who_and_why_and_holds_the_frames():
    world, bad, _ = settled_world()
    bad.send(Kind.READS, b"no arrow", 2)
    (name,) = [name for name in world.disk.names() if name.endswith(".letter")]
    assert name == "001767268800-worker-0-000000-schema.letter"
    head, _, rest = bytes(world.disk.read(name)).partition(b"\n")
    about = json.loads(head)
    assert (about["from"], about["reason"]) == (bad.key.hex(), "schema")
    assert about["frames"] == [128, 8]
    assert Header.unpack(rest[:128]).seq == 1
    assert rest[128:] == b"no arrow"


def test_dead_letters_never_take_more_than_they_may():
    world, bad, _ = settled_world()
    for _ in range(100):
        bad.send(Kind.READS, b"x" * 60_000, 2)
        world.clock.s += 1
    names = [name for name in world.disk.names() if name.endswith(".letter")]
    assert sum(map(world.disk.size, names)) <= 1 << 20
    assert len(names) == 17
    assert world.letters.kept == 100
    assert names[-1].startswith("001767268800-worker-0-000099")


def test_a_disk_that_is_full_loses_letters_and_nothing_else():
    world, bad, good = settled_world()
    world.disk.capacity = 0
    bad.send(Kind.READS, b"no arrow", 2)
    assert reasons(bad) == [Reason.SCHEMA]
    assert (world.letters.kept, world.letters.passed_over) == (0, 1)
    assert still_serves(world, good)


def test_a_configuration_with_rows_uses_up_its_number_like_any_other():
    world = World()
    desk = world.caller(1, Role.OPERATOR).hello()
    frames = desk.batch(Kind.TICK)
    desk.say(Message(pack(Kind.TICK, desk.key, frames.body, **desk.place(), seq=1, rows=7), frames.body))
    world.run()
    assert reasons(desk) == [Reason.ROWS]
    assert desk.last(Kind.ACK).header.seq == 1
    desk.say(Message(pack(Kind.TICK, desk.key, frames.body, **desk.place(), seq=9, rows=7), frames.body))
    assert len(world.shards[0].of_kind(Spent)) == 1, "a number that is not expected is not used up"


def test_a_session_of_a_hello_that_is_refused_is_not_open():

    world = World()
    caller = world.caller()
    world.shards[0].open = False
    caller.hello()
    world.shards[0].say(Turned(caller.key, 0, 0, Reason.NOT_NOW, "starting", 0, b""))
    world.run()
    assert reasons(caller) == [Reason.NOT_NOW]
    assert world.worker.sessions == 0
