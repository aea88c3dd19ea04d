"""Credit: all have a share, all together no more than there is, and nobody starves."""

from __future__ import annotations

from collections import Counter

import numpy as np

from pipeline.worker.credit import IDLE_S, Credit

KIB, MIB = 1 << 10, 1 << 20


def keys(count: int) -> list[bytes]:
    return [bytes([i % 256, i // 256]) for i in range(count)]


def test_all_have_the_same_share_and_few_are_told_when_one_more_comes():
    credit = Credit(128 * MIB)
    assert credit.begin(keys(1)[0], 0.0) == 16 * MIB
    told = 0
    for i, key in enumerate(keys(100)[1:]):
        credit.begin(key, 0.0)
        credit.turn(i * 0.05)
        told += len(credit.changes())
    assert {credit.granted(key) for key in keys(100)} == {MIB}
    assert told < 300
    credit.turn(9.0)
    assert not credit.changes(), "what has not changed is not told again"


def test_shares_grow_when_others_go():
    credit = Credit(8 * MIB)
    for key in keys(8):
        credit.begin(key, 0.0)
    credit.turn(0.0)
    for key in keys(8)[4:]:
        credit.close(key, 0)
    credit.turn(0.05)
    assert [credit.granted(key) for key in keys(8)] == [2 * MIB] * 4 + [0] * 4


def test_a_budget_of_nothing_grants_nothing_and_one_that_comes_back_is_told():
    credit = Credit(MIB)
    for key in keys(2):
        credit.begin(key, 0.0)
    credit.turn(0.0)
    credit.changes()
    credit.budget(0, 1.0)
    credit.turn(1.4)
    assert not credit.changes(), "a moment is not worth a message to all"
    credit.budget(0, 1.4)
    credit.turn(1.5)
    assert [credit.granted(key) for key in keys(2)] == [0, 0]
    assert credit.changes() == keys(2)
    credit.budget(MIB, 2.0)
    credit.turn(2.0)
    assert [credit.granted(key) for key in keys(2)] == [512 * KIB] * 2
    assert credit.changes() == keys(2)


def test_who_is_put_off_and_let_in_again_at_once_is_not_told():
    credit = Credit(10 * MIB)
    for key in keys(10):
        credit.begin(key, 0.0)
    credit.turn(0.0)
    credit.sent(keys(1)[0], 5 * MIB, 0.0)
    credit.begin(b"one more", 0.0)
    credit.turn(0.01)
    credit.changes()
    all_of_them = [*keys(10), b"one more"]
    told = 0
    for step in range(1, 11):
        before = {key: credit.granted(key) for key in all_of_them}
        credit.turn(step * 2 * IDLE_S)
        changed = credit.changes()
        assert set(changed) == {key for key in all_of_them if credit.granted(key) != before[key]}
        told += len(changed)
    assert 0 < told < 50, "one at least waits for room, and not all are told each time"


def test_what_was_granted_is_taken_though_the_budget_has_shrunk_to_nothing():
    credit = Credit(256 * MIB)
    credit.budget(8 * MIB, 0.0)
    credit.begin(b"a", 0.0)
    credit.budget(0, 0.0)
    credit.sent(b"a", 8 * MIB, 0.1)
    assert not credit.full
    credit.sent(b"a", 9 * MIB, 0.2)
    assert credit.full, "twice the largest budget is the bound"


def test_those_that_came_while_there_was_nothing_are_told_when_there_is():
    credit = Credit(0)
    assert credit.begin(b"a", 0.0) == 0
    credit.turn(0.1)
    assert not credit.changes()
    credit.budget(MIB, 0.1)
    credit.turn(0.2)
    assert (credit.granted(b"a"), credit.changes()) == (MIB, [b"a"])


def test_a_thousand_with_large_messages_take_turns_and_fit_together():
    credit = Credit(64 * MIB)
    message = 1_700 * KIB
    sent: Counter[bytes] = Counter()
    under_way: list[bytes] = []
    for key in keys(1_000):
        credit.begin(key, 0.0)
    for turn in range(400):
        now_s = turn * 0.05
        for _ in under_way:
            credit.landed(message)
        under_way = [key for key in keys(1_000) if credit.granted(key)]
        for key in under_way:
            credit.sent(key, message, now_s)
            sent[key] += 1
        if turn > 10:  # by then it knows how large their messages are
            assert credit.flying_bytes <= 1.1 * 64 * MIB
            assert credit.flying_bytes >= 0.5 * 64 * MIB
        credit.turn(now_s)
    counts = [sent[key] for key in keys(1_000)]
    assert min(counts) >= 5
    assert max(counts) <= 3 * min(counts)


def test_one_that_says_nothing_makes_room_for_one_that_waits():
    credit = Credit(MIB)
    credit.begin(b"idle", 0.0)
    credit.sent(b"idle", MIB, 0.0)
    credit.landed(MIB)
    credit.begin(b"busy", 0.0)
    credit.turn(IDLE_S / 2)
    granted = set()
    for turn in range(2, 12):
        credit.turn(turn * IDLE_S)
        granted |= {key for key in (b"idle", b"busy") if credit.granted(key)}
    assert b"busy" in granted


def test_claims_are_counted_right_whatever_happens():
    random = np.random.default_rng(11)
    credit = Credit(4 * MIB)
    there: set[bytes] = set()
    flying: Counter[bytes] = Counter()
    for step in range(3_000):
        now_s = step * 0.01
        key = keys(60)[int(random.integers(60))]
        what = random.random()
        if key not in there:
            credit.begin(key, now_s)
            there.add(key)
        elif what < 0.1:
            credit.close(key, flying.pop(key, 0))
            there.discard(key)
        elif what < 0.6 and credit.granted(key):
            cost = int(random.integers(1, 300 * KIB))
            credit.sent(key, cost, now_s)
            flying[key] += cost
        elif flying[key]:
            credit.landed(flying.pop(key))
        if step % 7 == 0:
            credit.turn(now_s)
        assert credit.flying_bytes == flying.total()
        claims = [account.claim_bytes for account in credit._served.values()]
        assert credit._claimed_bytes == sum(claims)
        assert set(credit._served) | set(credit._waiting) == there
    assert len(there) > 10
