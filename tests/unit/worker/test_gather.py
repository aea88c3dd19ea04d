"""Small messages become large ones, in their order, and wait neither long nor for what does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.node.internal import PARTS_MAX, Batch
from pipeline.wire import Kind, read_batch, write_batch
from unit.wire.samples import batch, reads
from unit.worker.world import World


def small(first: int, rows: int) -> bytes:
    """Reads of these meters, 1 value each."""
    table = reads(first + rows).slice(first)
    return write_batch(Kind.READS, table)


def batches(world: World) -> list[Batch]:
    return world.shards[0].of_kind(Batch)


def meters(world: World) -> list[int]:
    found: list[int] = []
    for message, data in zip(world.shards[0].said, world.shards[0].bodies, strict=True):
        if isinstance(message, Batch):
            rows = sum(part.rows for part in message.parts)
            found += read_batch(Kind.READS, data, rows)["meter_id"].to_pylist()
    return found


def test_many_senders_become_one_batch_in_the_order_of_their_messages():
    world = World()
    callers = [world.caller(number).hello() for number in range(1, 6)]
    sizes = [3, 1, 0, 5, 2]
    at = 0
    for caller, rows in zip(callers, sizes, strict=True):
        caller.say(caller.batch(Kind.READS, small(at, rows), rows))
        at += rows
    callers[1].say(callers[1].batch(Kind.READS, small(at, 4), 4))
    assert not batches(world), "they wait for others"
    world.run()
    (one,) = batches(world)
    found = [(part.producer, part.seq, part.rows) for part in one.parts]
    expected = [(caller.key, 1, rows) for caller, rows in zip(callers, sizes, strict=True)]
    assert found == [*expected, (callers[1].key, 2, 4)]
    assert meters(world) == list(range(15))
    assert [caller.last(Kind.ACK).header.seq for caller in callers] == [1, 2, 1, 1, 1]


def test_no_message_waits_longer_than_twenty_milliseconds():
    world = World()
    feeder = world.caller().hello()
    began_s = world.clock.s
    feeder.say(feeder.batch(Kind.READS))
    assert 0 < world.worker.wake_after_s(began_s) <= 0.02
    world.worker.on_time(began_s + 0.019)
    assert not batches(world)
    world.worker.on_time(began_s + 0.0201)
    assert len(batches(world)) == 1


def test_a_batch_that_is_full_does_not_wait():
    world = World()
    feeder, other = world.caller(1).hello(), world.caller(2).hello()
    data = write_batch(Kind.READS, reads(8_000))
    for _ in range(8):
        feeder.say(feeder.batch(Kind.READS, data, 8_000))
    assert not batches(world)
    other.say(other.batch(Kind.READS, write_batch(Kind.READS, reads(1_537)), 1_537))
    assert [sum(part.rows for part in message.parts) for message in batches(world)] == [64_000]
    world.run()
    assert [len(message.parts) for message in batches(world)] == [8, 1]


def test_senders_of_single_rows_do_not_make_a_head_without_end():
    world = World()
    feeder = world.caller().hello()
    data = small(0, 1)
    for _ in range(PARTS_MAX):
        feeder.say(feeder.batch(Kind.READS, data, 1))
    assert [len(message.parts) for message in batches(world)] == [PARTS_MAX]


def test_a_large_message_does_not_overtake_small_ones_of_its_sender():
    world = World()
    feeder, other = world.caller(1).hello(), world.caller(2).hello()
    feeder.say(feeder.batch(Kind.READS, small(0, 2), 2))
    other.say(other.batch(Kind.READS, write_batch(Kind.READS, reads(10_000)), 10_000))
    feeder.say(feeder.batch(Kind.READS, write_batch(Kind.READS, reads(10_000)), 10_000))
    found = [[(part.producer, part.seq) for part in message.parts] for message in batches(world)]
    assert found == [[(other.key, 1)], [(feeder.key, 1)], [(feeder.key, 2)]]


def test_what_is_refused_for_good_does_not_overtake_either():
    world = World()
    feeder = world.caller().hello()
    feeder.say(feeder.batch(Kind.READS))
    feeder.send(Kind.READS, b"no arrow", 2)
    assert world.shards[0].rows(feeder.key) == [(1, 2), (2, 0)]
    assert feeder.last(Kind.ACK).header.seq == 2


def test_ids_of_text_are_gathered_apart():
    world = World()
    callers = [world.caller(number).hello() for number in range(1, 5)]
    text = write_batch(Kind.READS, batch(Kind.READS, "utf8"))
    for caller, data in zip(callers, (text, text, small(0, 2), text), strict=True):
        caller.say(caller.batch(Kind.READS, data, 2))
    world.run()
    assert [len(message.parts) for message in batches(world)] == [2, 1, 1]
    assert meters(world) == ["17", "18", "17", "18", 0, 1, "17", "18"]


@pytest.mark.parametrize("seed", range(3))
def test_any_mixture_arrives_whole_and_in_order(seed):
    random = np.random.default_rng(seed)
    world = World()
    callers = [world.caller(number).hello() for number in range(1, 8)]
    sent: dict[bytes, list[tuple[int, int]]] = {caller.key: [] for caller in callers}
    for _ in range(200):
        caller = callers[int(random.integers(len(callers)))]
        rows = int(random.choice([0, 1, 64, 500, 8_191, 8_192, 20_000]))
        caller.say(caller.batch(Kind.READS, write_batch(Kind.READS, reads(rows)), rows))
        sent[caller.key].append((caller.seq, rows))
        if random.random() < 0.1:
            world.run()
    world.run()
    assert {key: world.shards[0].rows(key) for key in sent} == sent
    assert all(caller.last(Kind.ACK).header.seq == caller.seq for caller in callers if caller.seq)
    assert all(sum(part.rows for part in message.parts) <= 65_536 for message in batches(world))
