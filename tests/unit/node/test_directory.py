"""What workers are told of who lives in a shard, before a registry batch is acknowledged."""

from __future__ import annotations

import pyarrow as pa

from pipeline.node.directory import whose
from pipeline.node.internal import Directory, Join, Joined, Learned, Settled, Welcomed
from unit import core_world as world
from unit.node.world import Shard, producers


def told(shard: Shard, route: bytes) -> list[tuple[str, int, list[int]]]:
    """The directory messages to a worker since the last look."""
    out = []
    for to, message, body in shard.node.answers:
        if to == route and isinstance(message, Directory):
            ids = pa.ipc.open_stream(body).read_all()["id"].to_pylist()
            out.append((message.what, message.number, ids))
    return out


def settled(shard: Shard) -> list[int]:
    return [
        place.seq
        for _, message, _ in shard.node.answers
        if isinstance(message, Settled)
        for place in message.places
    ]


def ids(kind: str) -> list[int]:
    return [world.id_of("uint64", f"{kind}{i}") for i in range(4)]


def sent(shard: Shard, registry, seq: int) -> None:
    shard.node.say(registry.route, *registry.batch(seq))
    shard.node.commit(shard.now_s)


def two_workers():
    shard = Shard()
    registry, *_ = producers()
    for route in (b"worker", b"other"):
        shard.node.say(route, Join(route.decode(), True))
    shard.hello(registry)
    return shard, registry


def test_a_registry_batch_is_settled_once_all_workers_know_it():
    shard, registry = two_workers()
    sent(shard, registry, 1)
    for route in (b"worker", b"other"):
        assert told(shard, route) == [("accounts", 1, ids("A"))]
    assert settled(shard) == []
    shard.node.say(b"other", Learned(1))
    assert settled(shard) == []
    shard.node.say(b"worker", Learned(1))
    assert settled(shard) == [1]


def test_meters_are_told_and_learned_in_any_order():
    shard, registry = two_workers()
    sent(shard, registry, 1)
    sent(shard, registry, 2)
    assert told(shard, b"other") == [("accounts", 1, ids("A")), ("meters", 2, ids("M"))]
    shard.node.say(b"other", Learned(2))
    shard.node.say(b"worker", Learned(1))
    assert settled(shard) == [], "the second batch is applied, and not known to all"
    shard.node.say(b"worker", Learned(2))
    assert settled(shard) == [2]


def test_of_meters_that_were_applied_their_accounts_are_told():
    shard, registry = two_workers()
    sent(shard, registry, 1)
    sent(shard, registry, 2)
    bodies = [pa.ipc.open_stream(b).read_all() for _, m, b in shard.node.answers if isinstance(m, Directory)]
    assert [each.column_names for each in bodies[::2]] == [["id"], ["id", "account_id"]]
    assert bodies[-1]["account_id"].to_pylist() == ids("A")


def test_whose_meters_are():
    def row(number, role, account):
        return {**world.meter("uint64", f"M{number}", "A0"), "role": role, "account_id": account}

    rows = [row(0, "consumer", 7), row(1, "supply", 7), row(2, "consumer", None), row(3, "supply", None)]
    content, accounts = whose(world.rows("meters", "uint64", *rows))
    assert content["meter_id"].to_pylist() == [world.id_of("uint64", f"M{n}") for n in (0, 1, 3)]
    assert accounts.to_pylist() == [7, None, None]


def test_a_worker_that_is_gone_is_not_waited_for():
    shard, registry = two_workers()
    sent(shard, registry, 1)
    shard.node.say(b"worker", Learned(1))
    assert settled(shard) == []
    shard.node.tell(shard.node.writer.left(b"other"))
    assert settled(shard) == [1]


def test_a_worker_that_begins_anew_is_told_all():
    shard, registry = two_workers()
    sent(shard, registry, 1)
    sent(shard, registry, 2)
    shard.node.answers.clear()
    shard.node.say(b"other", Join("other", True))
    assert isinstance(shard.node.answers[0][1], Joined)
    assert told(shard, b"other") == [("accounts", 1, ids("A")), ("meters", 2, ids("M"))]


def test_nothing_else_tells_how_far_the_registry_is():
    """Neither a HELLO nor a batch that comes again gives it away."""
    shard, registry = two_workers()
    sent(shard, registry, 1)
    shard.node.say(registry.route, *registry.batch(1))
    registry.epoch += 1
    shard.node.say(registry.route, registry.hello())
    shard.node.commit(shard.now_s)
    assert settled(shard) == []
    assert not [
        message
        for _, message, _ in shard.node.answers
        if isinstance(message, Welcomed) and message.epoch == 2
    ]
    for route in (b"other", b"worker"):
        shard.node.say(route, Learned(1))
    (welcomed,) = [m for _, m, _ in shard.node.answers if isinstance(m, Welcomed) and m.epoch == 2]
    assert welcomed.last_seq == 1


def test_a_worker_that_asks_for_none_gets_none():
    shard = Shard()
    registry, *_ = producers()
    shard.hello(registry)
    sent(shard, registry, 1)
    assert told(shard, b"worker") == []
    assert settled(shard) == [1]
