"""No trip after a start until the payments are in; and whose suspension is whose."""

from __future__ import annotations

from copy import deepcopy

import pytest

from pipeline.keys import Keyring, allow, new_pair
from pipeline.node.hold import UNREADABLE, Payers
from pipeline.wire import Role
from unit import core_world as world
from unit.node.world import DAY_S, NOW, Producer, Shard, body_of, producers

PAYMENTS = Producer("payments", Role.PAYMENTS)
KEYS = {PAYMENTS.key}


def update(op: str, **given):
    return body_of("updates", world.rows("updates", "uint64", world.update("uint64", op, **given)))


def started(keys=KEYS, **kwargs) -> tuple[Shard, Producer, Producer]:
    """A shard that has run before and starts again; its payments and its operator."""
    shard = Shard(**kwargs)
    registry, _, _, payments, operator = producers()
    shard.hello(registry).send(registry, 1, 2)
    return shard.restart(payments_keys=keys), payments, operator


def trips(shard: Shard) -> tuple[bool, bool, bool]:
    """Held, suspended by the node, suspended by anything."""
    writer = shard.node.writer
    return writer.held, shard.node.state.suspended_by_node, writer.suspended


def engine_says_suspended(shard: Shard) -> bool:
    """What the engine itself keeps, as its snapshot says."""
    return b'"suspended":true' in world.saved(shard.node.state.engine)


def test_a_start_suspends_trips_until_the_payments_are_in():
    shard, payments, _ = started()
    assert trips(shard) == (True, True, True)
    assert engine_says_suspended(shard)
    shard.hello(payments)
    assert trips(shard)[0], "it has two batches that are not here yet"
    shard.send(payments, 1)
    assert trips(shard) == (True, True, True)
    shard.send(payments, 2)
    assert trips(shard) == (False, False, False)
    assert not engine_says_suspended(shard)


def test_without_a_payments_key_nothing_is_held():
    shard, _, _ = started(keys=set())
    assert trips(shard) == (False, False, False)


def test_a_first_start_holds_too():
    shard = Shard(payments_keys=KEYS)
    shard.run()
    assert trips(shard) == (True, True, True)
    assert engine_says_suspended(shard)
    registry, _, _, payments, _ = producers()
    shard.hello(registry).send(registry, 1, 2)
    shard.hello(payments).send(payments, 1, 2)
    assert trips(shard) == (False, False, False)


def test_a_key_that_is_revoked_is_not_waited_for():
    shard, _, _ = started()
    shard.node.keys = set()
    shard.run()
    assert trips(shard) == (False, False, False)


def test_a_payments_key_that_is_frozen_is_not_waited_for():
    shard, payments, _ = started(keys=set())
    shard.hello(payments).send(payments, 1)
    forged = payments.batch(1)[0]
    part = type(forged.parts[0])(payments.key, 1, payments.session, 1, 1, b"x" * 16)
    shard.node.say(payments.route, type(forged)(forged.kind, [part]), payments.outbox[0][2])
    shard.run()
    shard = shard.restart(payments_keys=KEYS)
    assert trips(shard)[0]
    payments.epoch += 1
    shard.hello(payments)
    assert trips(shard) == (False, False, False)


def test_an_operator_says_go():
    shard, _, operator = started()
    operator.outbox[0] = update("resume_trips")
    shard.hello(operator).send(operator, 1)
    assert trips(shard) == (False, False, False)
    assert not engine_says_suspended(shard)


def test_resuming_a_district_is_no_go():
    shard, _, operator = started()
    operator.outbox[0] = update("resume_trips", text=str(world.id_of("uint64", "D0")))
    shard.hello(operator).send(operator, 1)
    assert trips(shard) == (True, True, True)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_what_an_operator_suspended_stays_so(when):
    shard, payments, operator = started()
    operator.outbox[:2] = [update("suspend_trips"), update("resume_trips")]
    if when == "before":
        shard = shard.restart()
        shard.hello(operator).send(operator, 1)
        shard = shard.restart(payments_keys=KEYS)
        operator.epoch += 1
    shard.hello(operator).send(operator, 1) if when == "meanwhile" else shard.hello(operator)
    shard.hello(payments).send(payments, 1, 2)
    assert not shard.node.writer.held
    assert shard.node.writer.suspended
    assert engine_says_suspended(shard)
    shard.send(operator, 2)
    assert trips(shard) == (False, False, False)
    assert not engine_says_suspended(shard)


def test_an_operator_who_resumes_and_suspends_in_one_batch_has_suspended():
    shard, _, operator = started()
    rows = [world.update("uint64", op) for op in ("resume_trips", "set_protected", "suspend_trips")]
    operator.outbox[0] = body_of("updates", world.rows("updates", "uint64", *rows))
    shard.hello(operator).send(operator, 1)
    assert shard.node.writer.suspended
    assert engine_says_suspended(shard)


def test_an_alarm_of_the_engine_is_not_ended_by_the_end_of_the_hold():
    shard, payments, operator = started(keys=set())
    config = shard.node.state.engine.config.text.replace(
        'max_jump = "7d"', 'max_jump = "7d"\nclock_jump = "1h"'
    )
    operator.outbox[0] = body_of("config", config)
    shard.hello(operator).send(operator, 1)
    shard = shard.restart(payments_keys=KEYS)
    assert trips(shard) == (True, True, True)
    shard.now_s += DAY_S
    shard.run()
    assert shard.node.state.suspended, "the clock has jumped"
    shard.hello(payments).send(payments, 1, 2)
    assert not shard.node.writer.held
    assert shard.node.writer.suspended
    assert engine_says_suspended(shard)


def test_a_start_during_the_hold_of_another_goes_on_with_it():
    shard, payments, _ = started()
    for _ in range(2):
        batches = shard.node.state.engine.stats()["batches"].get("updates", 0)
        shard = shard.restart(payments_keys=KEYS)
        assert trips(shard) == (True, True, True)
        assert shard.node.state.engine.stats()["batches"]["updates"] == batches, "it is suspended already"
    payments.epoch += 1
    shard.hello(payments).send(payments, 1, 2)
    assert trips(shard) == (False, False, False)
    shard = shard.restart()
    assert trips(shard) == (False, False, False)


def test_trips_are_suspended_before_time_goes_on():
    """An account that is due when the node starts is not tripped by the tick of the start."""
    shard = Shard()
    registry, *_ = producers()
    owing = [world.account("uint64", "A0", -(10**9))]
    registry.outbox[0] = body_of("accounts", world.rows("accounts", "uint64", *owing))
    registry.outbox[1] = body_of("meters", world.rows("meters", "uint64", world.meter("uint64", "M0", "A0")))
    shard.hello(registry).send(registry, 1, 2)
    reads = producers()[1]
    reads.outbox = [body_of("reads", world.rows("reads", "uint64", world.read("uint64", "M0", 4, 100)))]
    config = shard.node.state.engine.config.text
    assert 'notice = "0s"' in config
    shard.now_s = NOW + DAY_S
    for keys, expected in ((set(), 1), (KEYS, 0)):
        again = Shard(*_copies(shard), now_s=shard.now_s, payments_keys=keys)
        again.run()
        again.hello(reads).send(reads, 1)
        reads.acked = 0
        assert again.node.state.engine.stats()["commands_sent"]["trip"] == expected


def _copies(shard):
    shard.disk.kill()
    shard.shelf.kill()
    return deepcopy(shard.disk), deepcopy(shard.shelf)


def test_a_payments_key_that_the_journal_does_not_know_yet_is_waited_for():
    """Somebody looks at the hold between its first HELLO of all and the frame that says so."""
    shard = Shard(payments_keys=KEYS)
    shard.run()
    _, _, _, payments, _ = producers()
    shard.node.say(payments.route, payments.hello())
    shard.node.tell(shard.node.writer.look(KEYS))
    assert trips(shard)[0], "it has two batches that are not here yet"
    shard.hello(payments).send(payments, 1)
    assert trips(shard)[0]
    shard.send(payments, 2)
    assert not trips(shard)[0]


def test_a_key_file_that_is_damaged_is_no_word_that_nobody_is_waited_for(tmp_path):
    """Whoever cannot come in because of it may have payments that nobody knows."""
    pairs = {name: new_pair(name, Role.PAYMENTS) for name in ("pay-1", "pay-2")}
    paths = {name: allow(tmp_path, pair.public) for name, pair in pairs.items()}
    keys = {name: pair.public.curve for name, pair in pairs.items()}
    ring = Keyring(tmp_path)
    payers = Payers(ring)
    assert payers.wanted() == set(keys.values())
    whole = paths["pay-1"].read_bytes()
    for harmed in (b"", whole[:-20], paths["pay-2"].read_bytes()):
        paths["pay-1"].unlink()
        paths["pay-1"].write_bytes(harmed)
        ring.refresh()
        ring.refresh()
        assert payers.wanted() == {*keys.values(), UNREADABLE}
        assert UNREADABLE in Payers(Keyring(tmp_path)).wanted(), "a start cannot know more"
    paths["pay-1"].unlink()
    ring.refresh()
    ring.refresh()
    assert payers.wanted() == {keys["pay-2"]}, "to take a file away is such a word"
