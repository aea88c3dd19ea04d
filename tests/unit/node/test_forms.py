"""Ids of text, and batches that were split among shards: what differs from the plain case."""

from __future__ import annotations

import pytest

from pipeline.node.internal import Batch, Part, Settled
from pipeline.wire import Kind, Role, write_batch
from unit import core_world as world
from unit.node.world import Producer, Shard, body_of, only, producers

PAYMENTS = Producer("payments", Role.PAYMENTS)


def deployment(ids: str, **kwargs) -> Shard:
    """A shard whose registry has ids of this type."""
    shard = Shard(**kwargs)
    registry = Producer("registry", Role.REGISTRY)
    accounts = world.rows("accounts", ids, *(world.account(ids, f"A{i}") for i in range(4)))
    meters = world.rows("meters", ids, *(world.meter(ids, f"M{i}", f"A{i}") for i in range(4)))
    registry.outbox = [
        (Kind.ACCOUNTS, 4, write_batch(Kind.ACCOUNTS, accounts, ids)),
        (Kind.METERS, 4, write_batch(Kind.METERS, meters, ids)),
    ]
    shard.hello(registry).send(registry, 1, 2)
    assert not registry.refused
    return shard


@pytest.mark.parametrize("ids", world.KIND_OF_IDS)
def test_the_nodes_own_suspension_suits_either_type_of_ids(ids):
    shard = deployment(ids).restart(payments_keys={PAYMENTS.key})
    assert shard.node.state.suspended_by_node
    assert shard.node.writer.refused == 0
    shard.node.keys = set()
    shard.run()
    assert not shard.node.state.suspended_by_node
    assert shard.node.writer.refused == 0


@pytest.mark.parametrize("ids", world.KIND_OF_IDS)
def test_a_part_is_cut_out_of_a_batch_of_either_type_of_ids(ids):
    shard = deployment(ids)
    first, second = (Producer(f"reads-{n}", Role.READS) for n in range(2))
    shard.hello(first).hello(second)
    rows = world.rows("reads", ids, *(world.read(ids, f"M{i}", 0, 100 + i) for i in range(3)))
    parts = [
        Part(first.key, 1, first.session, 1, 2, b"a" * 16),
        Part(second.key, 1, second.session, 9, 1, b"b" * 16),
    ]
    shard.node.say(first.route, Batch(Kind.READS, parts), write_batch(Kind.READS, rows, ids))
    assert only(shard.run(), Settled).places[0].producer == first.key
    meters = shard.node.state.engine.meters()
    read = [
        m for m, v in zip(meters["meter_id"].to_pylist(), meters["last_value"].to_pylist(), strict=True) if v
    ]
    assert read == [world.id_of(ids, "M0"), world.id_of(ids, "M1")]


def test_a_batch_whose_rows_all_went_to_other_shards_uses_its_number_up():
    shard = deployment("uint64")
    reads = producers()[1]
    shard.hello(reads)
    _, _, empty = body_of(
        "reads", world.rows("reads", "uint64", world.read("uint64", "M0", 0, 1)).slice(0, 0)
    )
    part = Part(reads.key, 1, reads.session, 1, 0, reads.part(1).digest)
    shard.node.say(reads.route, Batch(Kind.READS, [part]), empty)
    shard.send(reads, 2)
    assert reads.acked == 2
    assert shard.line(reads).digests[1] == reads.part(1).digest
    assert shard.node.state.engine.stats()["rows"]["reads"] == 2


def test_payments_of_no_rows_say_that_the_channel_is_up():
    shard = deployment("uint64")
    payments = producers()[3]
    batch = world.rows("payments", "uint64", world.payment("uint64", 1, "A0", 1)).slice(0, 0)
    payments.outbox = [body_of("payments", batch)]
    shard.hello(payments).send(payments, 1)
    assert payments.acked == 1
    assert shard.node.state.engine.stats()["batches"]["payments"] == 1
