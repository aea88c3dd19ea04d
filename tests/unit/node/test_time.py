"""The engine's time: the clock's, within its bounds; and what waits when it may not go on."""

from __future__ import annotations

from pipeline.node.internal import Credit, Settled, Welcomed
from pipeline.wire import Kind, tick_body
from unit import core_world as world
from unit.node.world import DAY_S, NOW, Shard, only, producers


def ready() -> tuple[Shard, list]:
    """A shard with its registry in, and everybody in session."""
    shard = Shard()
    everybody = producers(6)
    shard.hello(everybody[0]).send(everybody[0], 1, 2)
    for producer in everybody[1:]:
        shard.hello(producer)
    return shard, everybody


def engine_s(shard: Shard) -> int:
    return shard.node.state.now_s


def ticks(shard: Shard) -> int:
    return shard.node.state.engine.stats()["batches"].get("tick", 0)


def test_time_goes_on_when_nothing_comes():
    shard, _ = ready()
    sequence = shard.node.state.engine.sequence
    shard.now_s += 1
    shard.run()
    assert (engine_s(shard), shard.node.state.engine.sequence) == (NOW + 1, sequence + 1)
    shard.run()
    assert shard.node.state.engine.sequence == sequence + 1, "one tick a second, not one a turn"


def test_a_batch_brings_the_time_and_needs_no_tick():
    shard, (_, reads, *_) = ready()
    before = ticks(shard)
    shard.now_s += 5
    shard.send(reads, 1)
    assert engine_s(shard) == NOW + 5
    assert ticks(shard) == before


def test_a_longer_step_is_a_tick_of_its_own_before_the_batch():
    shard, (_, reads, *_) = ready()
    before = ticks(shard)
    shard.now_s += 61
    shard.send(reads, 1)
    assert engine_s(shard) == NOW + 61
    assert ticks(shard) == before + 1


def test_a_clock_that_goes_back_is_not_followed():
    shard, (_, reads, *_) = ready()
    shard.now_s -= 3600
    shard.send(reads, 1)
    assert engine_s(shard) == NOW
    assert reads.acked == 1
    assert "3600 s behind" in shard.node.writer.stuck
    shard.now_s += 3600 - 60
    shard.run()
    assert shard.node.writer.stuck is None, "a clock that was set by some seconds is no matter"


def test_a_jump_of_just_max_jump_is_taken():
    shard, (_, reads, *_) = ready()
    shard.now_s += 7 * DAY_S
    shard.send(reads, 1)
    assert engine_s(shard) == NOW + 7 * DAY_S
    assert reads.acked == 1
    assert not reads.refused


def test_after_a_longer_stop_payments_and_reads_wait_for_an_operators_tick():
    shard, (_, reads, _, payments, operator) = ready()
    shard = shard.restart()
    shard.now_s += 7 * DAY_S + 1
    for producer in (reads, payments, operator):
        shard.hello(producer)
    assert reads.session
    shard.send(reads, 1)
    shard.send(payments, 1)
    assert (reads.acked, payments.acked, engine_s(shard)) == (0, 0, NOW)
    assert "max_jump is 604800 s" in shard.node.writer.stuck

    shard.send(operator, 1)
    assert (operator.acked, engine_s(shard)) == (1, NOW), "an operator is heard, at the old time"

    operator.outbox[1] = (Kind.TICK, 0, tick_body(shard.now_s))
    heard = shard.send(operator, 2)
    assert {place.producer for m in heard if isinstance(m, Settled) for place in m.places} == {
        reads.key,
        payments.key,
        operator.key,
    }
    assert shard.node.writer.stuck is None
    assert engine_s(shard) == shard.now_s
    assert shard.node.state.engine.stats()["reasons"]["future"] == 0


def test_credit_stops_while_time_stands_still_and_comes_back():
    shard, (*_, operator) = ready()
    shard.now_s += 8 * DAY_S
    stopped = only(shard.run(), Credit)
    assert (stopped.bulk_bytes, stopped.urgent_bytes) == (0, 0)
    assert stopped.operator_bytes > 0
    operator.outbox[0] = (Kind.TICK, 0, tick_body(shard.now_s))
    back = only(shard.send(operator, 1), Credit)
    assert back.bulk_bytes > 0
    assert back.urgent_bytes > 0


def test_a_hello_is_answered_while_time_stands_still():
    shard, (_, reads, *_) = ready()
    shard.now_s += 8 * DAY_S
    reads.epoch += 1
    shard.node.say(reads.route, reads.hello())
    assert only(shard.run(), Welcomed).epoch == reads.epoch


def test_an_operators_tick_may_lead_the_clock():
    shard, (_, reads, *_, operator) = ready()
    operator.outbox[0] = (Kind.TICK, 0, tick_body(NOW + 30 * DAY_S))
    shard.send(operator, 1)
    assert engine_s(shard) == NOW + 30 * DAY_S
    shard.send(reads, 1)
    assert reads.acked == 1
    assert engine_s(shard) == NOW + 30 * DAY_S


def test_a_small_max_jump_holds_for_what_is_gathered_together():
    """With a bound of 30 s, a tick takes every step of more than half of it."""
    shard, (_, reads, _, payments, operator) = ready()
    config = shard.node.state.engine.config.text.replace('max_jump = "7d"', 'max_jump = "30s"')
    operator.outbox[0] = (Kind.CONFIG, 0, config.encode())
    shard.send(operator, 1)
    assert shard.node.state.engine.config.engine.max_jump_s == 30
    for step, seq in ((16, 1), (30, 2), (15, 3)):
        shard.now_s += step
        shard.send(reads, seq)
        shard.send(payments, seq)
    assert (reads.acked, payments.acked) == (3, 3)
    assert not reads.refused + payments.refused
    shard.now_s += 31
    shard.send(reads, 4)
    assert reads.acked == 3


def test_a_new_configuration_is_applied_before_anything_is_gathered_by_the_old_one():
    shard, (_, reads, *_, operator) = ready()
    writer, journal = shard.node.writer, shard.node.journal
    operator.outbox[0] = (Kind.CONFIG, 0, world.LATER_CONFIG.encode())
    message, body = operator.batch(1)
    shard.node.say(operator.route, message, body)
    shard.node.say(reads.route, *reads.batch(1))
    first = writer.gather(shard.now_s, journal)
    assert first.kinds == {Kind.CONFIG}
    journal.commit(first.buffers, now_s=0)
    assert writer.gather(shard.now_s, journal) is None
    writer.apply(first, journal.durable, shard.now_s)
    assert writer.gather(shard.now_s, journal).kinds == {Kind.READS}
