"""Accounts, meters and districts: refused rows, and what may change (reference, section 3)."""

from __future__ import annotations

import pytest

from stories.county import HOME, county
from stories.language import check

AT_ONCE = 'notice = "0s"'


def check_home(story: str, engine: str = "") -> None:
    check(HOME + story, county(engine))


# ---- accounts


def test_an_account_opens_once():
    check_home("""
        account A2 -3  -> opening A2 balance=-3
        account A3  0  -> opening A3 amount=0 balance=0
        # Later rows change what is not only for new accounts.
        account A2 opening_balance=90 klass=special protected=yes
        see     account A2 balance=-3 klass=special
        account A4 0 tariff=free     -> refused unknown_tariff A4
        account A4 0 policy=mild     -> refused unknown_policy A4
        account A4 0 klass=private   -> refused bad_registry A4
        account A4 0 tariff=free policy=mild klass=private  -> refused unknown_tariff A4
        account A4 0 policy=mild klass=private              -> refused unknown_policy A4
    """)


def test_protection_and_approval_of_a_new_account_only():
    check(
        """
        account A1 -1 protected=yes
        meter   M1 A1     -> notice low_balance A1 20, notice trip_due A1
        see     account A1 state=due blocked_by=protected
        account A1 protected=no
        see     account A1 blocked_by=protected
        account A2 -1 manual_approval=yes
        meter   M2 A2     -> notice low_balance A2 20, notice trip_due A2
        see     account A2 state=due blocked_by=approval
        account A2 manual_approval=no
        see     account A2 blocked_by=approval
        """,
        county(policy=AT_ONCE),
    )


def test_an_account_with_meters_keeps_its_district():
    check_home("""
        account A1 district_id=D2  -> refused needs_exchange A1
        account A2 0
        account A2 district_id=D2
        see     account A2 district_id=D2
        account A1 district_id=D1 klass=public
    """)


def test_an_account_moves_once_no_meter_is_left():
    check_home("""
        meter   M2 A1
        account A2 100
        meter   M2 A2
        account A1 district_id=D2  -> refused needs_exchange A1
        account A3 100
        meter   M3 A3
        meter   M3 A2
        account A3 district_id=D2
        see     meter M3 account_id=A2 district_id=D1
    """)


# ---- meters


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("meter M2 A9", "unknown_account"),
        ("meter M2 A9 role=spy", "unknown_account"),
        ("meter M2 -", "bad_registry"),
        ("meter M2 A1 role=spy", "bad_registry"),
        ("meter M2 A1 reading=guess", "bad_registry"),
        ("meter M2 A1 interval_s=0", "bad_registry"),
        ("meter M2 A1 interval_s=1000", "bad_registry"),
        # 45 minutes neither divide an hour nor are they a multiple of it.
        ("meter M2 A1 interval_s=2700", "bad_registry"),
        ("meter M2 A1 interval_s=90000", "bad_registry"),
        ("meter M2 A1 wh_per_count=0", "bad_registry"),
        ("meter M2 A1 modulus=-1", "bad_registry"),
        ("meter M2 A1 max_w=-1", "bad_registry"),
        ("supply S2 -", "bad_registry"),
        # Initial reads, as rules 3 to 6 of reads would have them, and both columns or none.
        ("meter M2 A1 initial_at=00:00", "bad_registry"),
        ("meter M2 A1 initial_value=5", "bad_registry"),
        ("meter M2 A1 initial_at=00:01 initial_value=5", "bad_registry"),
        ("meter M2 A1 initial_at=2025-12-31T23:45 initial_value=5", "bad_registry"),
        ("meter M2 A1 initial_at=01:15 initial_value=5", "bad_registry"),
        ("meter M2 A1 initial_at=00:00 initial_value=-1", "bad_registry"),
        ("meter M2 A1 initial_at=00:00 initial_value=50 modulus=50", "bad_registry"),
        ("meter M2 A1 initial_at=00:00 initial_value=5 reading=interval", "bad_registry"),
    ],
)
def test_a_meter_that_is_refused(row, reason):
    check_home(f"""
        {row}  -> refused {reason} {row.split()[1]}
        read {row.split()[1]} 00:15 1  -> refused unknown_meter
    """)


@pytest.mark.parametrize(
    "row",
    [
        "meter M2 A1 interval_s=86400",
        "meter M2 A1 interval_s=1800",
        "meter M2 A1 interval_s=7200",
        "meter M2 A1 wh_per_count=120000",
        "meter M2 A1 initial_at=01:00 initial_value=49 modulus=50",
        "meter M2 A1 reading=interval",
        # A consumer's district is its account's: what the row says is not looked at.
        "meter M2 A1 district_id=D9",
    ],
)
def test_a_meter_that_is_taken(row):
    check_home(f"""
        {row}
        see meter M2 account_id=A1 district_id=D1 in_use=yes
    """)


@pytest.mark.parametrize(
    "change",
    [
        "A2",
        "A1 role=supply district_id=D1",
        "A1 reading=interval",
        "A1 interval_s=1800",
        "A1 wh_per_count=10",
        "A1 modulus=1000",
    ],
)
def test_a_meter_that_has_read_keeps_what_its_reads_mean(change):
    check_home(f"""
        account A2 100
        meter M1 {change}  -> refused needs_exchange M1
        meter M1 A1 max_w=5000 switchable=no
        # What was refused changed nothing: 15 minutes, 1 Wh a count.
        read  M1 00:15 100 -> good wh=100
        meter M3 A1
        meter M3 {change}
    """)


def test_a_supply_meter_that_has_read_keeps_its_district():
    check_home("""
        supply S1 D1
        supply S1 D2
        read   S1 00:15 5  -> first
        supply S1 D1       -> refused needs_exchange S1
        see    meter S1 district_id=D2 account_id=-
    """)


# ---- districts


def test_districts():
    check_home("""
        district D1 name=Mill grid=North loss_limit=0.05
        see      district D1 name=Mill grid=North loss_limit=0.05 suspended=no
        # A row says all of it.
        district D1 name=Mill
        see      district D1 name=Mill grid=- loss_limit=-
        district D1 loss_limit=-0.1  -> refused bad_registry D1
        district D1 loss_limit=inf   -> refused bad_registry D1
        see      district D1 name=Mill
        supply   S1 D7
        see      district D7 name=-
    """)


# ---- primary and switch


def test_the_first_switchable_meter_is_the_switch():
    check(
        """
        account A1 25
        meter M1 A1 switchable=no
        & meter M2 A1
        & meter M3 A1
        read M1 00:00 0  -> first
        & read M2 00:00 0  -> first
        & read M3 00:00 0  -> first
        adjustment A1 -25  -> notice low_balance, notice trip_due, trip A1 M2
        top_up A1 5        -> restore A1 M2
        ack 2 done         -> notice restored
        meter M2 A1 switchable=no
        +1h
        adjustment A1 -5   -> notice trip_due, trip A1 M3 id=3
        """,
        county(policy=AT_ONCE),
    )
