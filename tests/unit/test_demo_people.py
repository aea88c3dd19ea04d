"""Customers, pay channels, the head-end and the desk, each on its own."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from pipeline.demo import county, fates, settings
from pipeline.demo.arrow import Payment, Update
from pipeline.demo.county import HOUSEHOLD, INDUSTRY, NANO, County
from pipeline.demo.customers import Customers, Message
from pipeline.demo.desk import Desk, Look, look_at
from pipeline.demo.events import Agenda
from pipeline.demo.examiner import Examiner
from pipeline.demo.headend import Command, HeadEnd
from pipeline.demo.payments import GATEWAY_DOWN_FROM_S, GATEWAY_DOWN_TO_S, HEARTBEAT_S, PayChannels

NOON_S = settings.MIDNIGHT_S + 12 * 3600


def rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


@pytest.fixture(scope="module")
def village() -> County:
    return county.build(rng(5), 0.02)


def test_an_agenda_keeps_the_order_of_time_and_of_arrival() -> None:
    agenda: Agenda[str] = Agenda()
    for at_s, thing in ((5, "b"), (3, "a"), (5, "c"), (9, "d")):
        agenda.add(at_s, thing)
    assert agenda.due(5) == [(3, "a"), (5, "b"), (5, "c")]
    assert agenda.due(8) == []
    assert agenda.due(9) == [(9, "d")]


def paid(channels: PayChannels, until_s: int) -> list[Payment]:
    rows: list[Payment] = []
    for now_s in range(NOON_S, until_s, 30):
        rows += channels.payments_due(now_s) or []
    return rows


def test_a_payment_that_is_sent_twice_keeps_its_id(village: County) -> None:
    channels = PayChannels(village, rng(1))
    for account in range(1_000):
        channels.pay(account, 50 * NANO, NOON_S + account)
    rows = paid(channels, NOON_S + 7_200)
    good = [row for row in rows if (row.kind, row.amount_nano) == ("top_up", 50 * NANO)]
    times = Counter((row.payment_id, row.account_id) for row in good)
    assert len({account for _, account in times if account < 6_000_000_000}) == 1_000
    assert 10 < sum(many == 2 for many in times.values()) < 60
    others = {row.payment_id for row in rows if row.amount_nano == 60 * NANO}
    assert others <= {row.payment_id for row in good}, "a conflict has the id of an earlier payment"


def test_the_gateway_hands_in_nothing_while_it_is_down_and_everything_after(village: County) -> None:
    channels = PayChannels(village, rng(1))
    channels.pay(3, 50 * NANO, GATEWAY_DOWN_FROM_S, "app")
    assert channels.payments_due(GATEWAY_DOWN_FROM_S) is None
    assert channels.payments_due(GATEWAY_DOWN_TO_S - 1) is None
    assert [row.account_id for row in channels.payments_due(GATEWAY_DOWN_TO_S) or []] == [
        village.account_id[3]
    ]


def test_a_silent_channel_gives_a_sign_of_life(village: County) -> None:
    channels = PayChannels(village, rng(1))
    assert channels.payments_due(NOON_S) == []
    assert channels.payments_due(NOON_S + HEARTBEAT_S - 1) is None
    assert channels.payments_due(NOON_S + HEARTBEAT_S) == []


def test_bank_debits_clear_fail_or_hang(village: County) -> None:
    channels = PayChannels(village, rng(1))
    assert all(channels.debit(account, 50 * NANO, NOON_S) for account in range(500))
    assert not channels.debit(7, 50 * NANO, NOON_S)
    ops = Counter(update.op for update in channels.updates_due(NOON_S + 86_400))
    assert ops["autopay_started"] == 500
    assert 350 < ops["autopay_cleared"] < 430
    assert 25 < ops["autopay_failed"] < 80
    assert ops["autopay_cleared"] + ops["autopay_failed"] < 490, "some hang without a word"


def test_customers_pay_what_they_owe_and_more_and_by_day(village: County) -> None:
    channels = PayChannels(village, rng(1))
    customers = Customers(village, channels, rng(2))
    homes = [
        int(i) for i in np.flatnonzero((village.kind == HOUSEHOLD) & village.prepaid & ~village.debits)[:400]
    ]
    for account in homes:
        customers.hear(Message(account, "tripped", -700 * NANO), NOON_S)
    customers.act(NOON_S + 3 * 3600)
    rows = {row.account_id: row for row in paid(channels, NOON_S + 4 * 3600) if row.kind == "top_up"}
    payers = [rows[int(village.account_id[a])] for a in homes if int(village.account_id[a]) in rows]
    assert 330 < len(payers) < 400
    enough = [row.amount_nano >= 700 * NANO for row in payers if row.amount_nano]
    assert 0.85 < np.mean(enough) < 1.0, "most pay enough, a few too little"


def test_nobody_pays_in_the_night(village: County) -> None:
    channels = PayChannels(village, rng(1))
    customers = Customers(village, channels, rng(2))
    for account in range(300):
        customers.hear(Message(account, "trip_due", -NANO), settings.EVENING_S)
    customers.act(settings.MIDNIGHT_S + 6 * 3600)
    by_hand = [
        row for row in channels.payments_due(settings.MIDNIGHT_S + 6 * 3600) or [] if row.channel != "bank"
    ]
    assert by_hand == []
    customers.act(settings.MIDNIGHT_S + 12 * 3600)
    assert channels.payments_due(settings.MIDNIGHT_S + 13 * 3600)


def answers(head: HeadEnd, until_s: int) -> list[tuple[int, str, int]]:
    return [tuple(ack) for ack in head.acks_due(until_s)]


def test_most_commands_are_done_and_the_relay_opens(village: County) -> None:
    head = HeadEnd(village, rng(3))
    for account in range(1_000):
        head.take(Command(account + 1, "trip", account, NOON_S + 600), NOON_S)
    outcomes = Counter(outcome for _, outcome, _ in answers(head, NOON_S + 900))
    assert 880 < outcomes["done"] < 960
    assert outcomes["failed"] > 10
    assert outcomes["refused"] > 2
    open_s = head.open_seconds(NOON_S, NOON_S + 900)
    assert len(open_s) == outcomes["done"]
    assert all(900 - 240 <= seconds < 900 for seconds in open_s.values())
    assert set(head.open_seconds(NOON_S + 900, NOON_S + 1_800).values()) == {900}


def test_expired_and_overtaken_commands_are_ignored(village: County) -> None:
    head = HeadEnd(village, rng(3))
    for account in range(200):
        head.take(Command(account + 1, "trip", account, NOON_S + 1), NOON_S)
    assert {outcome for _, outcome, _ in answers(head, NOON_S + 900)} <= {"failed", "refused"}
    assert head.open_seconds(NOON_S, NOON_S + 900) == {}


def test_a_newer_command_overtakes_an_older_one(village: County) -> None:
    head = HeadEnd(village, rng(3))
    for account in range(200):
        head.take(Command(account + 1, "trip", account, NOON_S + 600), NOON_S)
        head.take(Command(account + 1_001, "restore", account, NOON_S + 600), NOON_S)
    assert all(command_id > 1_000 for command_id, _, _ in answers(head, NOON_S + 5_000))
    assert head.open_seconds(NOON_S, NOON_S + 5_000) == {}


def test_an_armed_relay_closes_when_its_button_is_pressed(village: County) -> None:
    head = HeadEnd(village, rng(3))
    for account in range(400):
        head.take(Command(account + 1, "restore", account, NOON_S + 600), NOON_S)
    by_command: dict[int, list[str]] = {}
    for command_id, outcome, _ in answers(head, NOON_S + 7_200):
        by_command.setdefault(command_id, []).append(outcome)
    kinds = Counter(tuple(outcomes) for outcomes in by_command.values())
    assert 50 < kinds["armed", "done"] < 150
    assert kinds["done",] > 200
    assert ("armed",) not in kinds


def test_a_crew_restores_where_no_command_arrives(village: County) -> None:
    head = HeadEnd(village, rng(3))
    for account in range(300):
        head.take(Command(account + 1, "restore", account, NOON_S + 600), NOON_S)
    answered = {command_id for command_id, *_ in answers(head, NOON_S + 7_200)}
    silent = [account for account in range(300) if account + 1 not in answered]
    assert 5 < len(silent) < 60
    for account in silent:
        head.send_crew(account, NOON_S + 7_200)
    assert len(answers(head, NOON_S + 7_200 + 5_400)) == len(silent)


def seen(rows: list[tuple[int, str, str | None]]) -> Look:
    """What the desk sees of accounts: id, state, gate."""
    ids, states, gates = zip(*rows, strict=True)
    return look_at(
        pa.table(
            {
                "account_id": pa.array(ids, pa.uint64()),
                "state": pa.array(states).dictionary_encode(),
                "blocked_by": pa.array(gates, pa.string()).dictionary_encode(),
            }
        )
    )


def test_the_desk_counts_who_is_held_back(village: County) -> None:
    desk = Desk(village, fates.plan(village, rng(6)), rng(8))
    table = seen([(1, "due", "window"), (2, "due", "autopay"), (3, "on", None), (4, "off", None)])
    for quarter in range(3):
        assert desk.look(table, settings.MIDNIGHT_S + quarter * settings.QUARTER_S) == []
    desk.look(seen([(5, "due", "window"), (1, "due", None)]), settings.MIDNIGHT_S + 2_700)
    assert desk.held.accounts == {"window": {1, 5}, "autopay": {2}}
    assert desk.held.looks == Counter({"window": 4, "autopay": 3})
    assert desk.held.now == Counter({"window": 1})


def test_the_desk_approves_protects_and_restores(village: County) -> None:
    desk = Desk(village, fates.plan(village, rng(6)), rng(8))
    asked = seen([(i, "due", "approval") for i in range(1, 101)])
    approved = desk.look(asked, settings.MIDNIGHT_S + 10 * 3600)
    assert {update.op for update in approved} == {"approve_trip"}
    assert 20 < len(approved) < 60
    waiting = seen([(1, "due", "notice"), (2, "off", None)])
    assert desk.look(waiting, settings.MIDNIGHT_S + 11 * 3600) == [Update("set_protected", 1, value=1)]
    assert desk.look(waiting, settings.MIDNIGHT_S + 15 * 3600 + 1_800) == [Update("restore_account", 2)]


def test_line_works_suspend_and_resume_the_same_districts(village: County) -> None:
    desk = Desk(village, fates.plan(village, rng(6)), rng(8))
    updates = [
        update
        for quarter in range(settings.QUARTERS)
        for update in desk.works(settings.MIDNIGHT_S + quarter * settings.QUARTER_S)
    ]
    assert [update.op for update in updates] == ["suspend_trips", "resume_trips"]
    assert updates[0].text == updates[1].text
    assert int(updates[0].text or "0") in village.district_id


def test_a_register_that_fell_to_zero_gets_a_new_baseline(village: County) -> None:
    plan = fates.plan(village, rng(6))
    desk = Desk(village, plan, rng(8))
    (meter, quarter), *_ = plan.reset.items()
    at_s = settings.MIDNIGHT_S + (quarter + fates.RESET_QUARTERS) * settings.QUARTER_S
    (update,) = desk.rebases(at_s, np.arange(village.meters))
    assert update == Update("rebase_meter", meter_id=int(village.meter_id[meter]), value=meter, at_s=at_s)
    assert desk.rebases(at_s + settings.QUARTER_S, np.arange(village.meters)) == []


def test_the_examiner_passes_a_right_trip_and_finds_every_wrong_one(village: County) -> None:
    home = next(
        int(village.account_id[i])
        for i in range(village.accounts)
        if village.kind[i] == HOUSEHOLD and village.prepaid[i] and not village.protected[i]
    )
    plant = int(village.account_id[np.flatnonzero(village.kind == INDUSTRY)[0]])
    early_s = settings.MIDNIGHT_S + 8 * 3600
    cases: list[tuple[str, int, Decimal, int, Decimal, list[Update]]] = [
        ("", home, Decimal("-1"), NOON_S, Decimal(0), []),
        ("a balance of 1", home, Decimal("1"), NOON_S, Decimal(0), []),
        ("2 paid since", home, Decimal("-1"), NOON_S, Decimal(2), []),
        ("protection", home, Decimal("-1"), NOON_S, Decimal(0), [Update("set_protected", home, value=1)]),
        ("no approval", plant, Decimal("-1"), NOON_S, Decimal(0), []),
        ("", plant, Decimal("-1"), NOON_S, Decimal(0), [Update("approve_trip", plant)]),
        ("8:00 o'clock", home, Decimal("-1"), early_s, Decimal(0), []),
    ]
    for expected, account, balance, now_s, payment, updates in cases:
        examiner = Examiner(village)
        examiner.told(account, Decimal("-1"), settings.MIDNIGHT_S)
        examiner.decided(updates)
        examiner.paid(account, payment)
        examiner.trip(account, balance, now_s)
        assert examiner.examined == 1
        assert [expected in text for text in examiner.wrong] == [True] * bool(expected), examiner.wrong
    untold = Examiner(village)
    untold.trip(home, Decimal("-1"), NOON_S)
    assert any("a notice of 0 s" in text for text in untold.wrong)
