"""Meters that were exchanged, or whose account is closed, go elsewhere and start anew (reference, section 3)."""

from __future__ import annotations

from stories.county import HOME, county
from stories.language import check

AT_ONCE = 'notice = "0s"'
# Another switch, so that one trip is no alarm; and an account whose trip was sent at midnight.
TRIPPED = (
    f"account A9 100\nmeter M9 A9\n{HOME}"
    + "adjustment A1 -25 -> notice low_balance A1 20, notice trip_due A1, trip A1 M1 id=1\n"
)


def check_home(story: str) -> None:
    check(HOME + story, county())


def test_an_exchanged_meter_elsewhere_starts_anew():
    check_home("""
        account A2 100
        meter M2 A1
        read  M1 00:15 100       -> good
        exchange_meter M1 M2
        meter M1 A1              -> refused closed M1
        read  M1 00:30 200       -> refused closed M1
        meter M1 A2 wh_per_count=10 interval_s=3600
        see   meter M1 account_id=A2 in_use=yes last_at=- typical=0
        read  M1 00:15 7         -> first
        read  M1 00:30 8         -> good wh=10
        # What it was is no ground to refuse it any more; what it is now is.
        meter M1 A1              -> refused needs_exchange M1
    """)


def test_a_meter_of_a_closed_account_starts_anew():
    check_home("""
        account A2 100
        read    M1 00:15 100   -> good
        close_account A1
        meter   M1 A1          -> refused closed M1
        meter   M1 A9          -> refused unknown_account M1
        meter   M1 A2
        read    M1 00:30 150   -> first
    """)


def test_a_meter_of_a_closed_account_may_feed_a_district():
    check_home("""
        close_account A1
        supply  M1 D1
        see     meter M1 account_id=- district_id=D1 in_use=yes
        read    M1 00:15 5  -> first
    """)


def test_an_exchanged_supply_meter_starts_anew_in_another_district():
    check_home("""
        supply S1 D1
        & supply S2 D1
        read   S1 00:15 5  -> first
        exchange_meter S1 S2
        supply S1 D1       -> refused closed S1
        supply S1 D2
        read   S1 00:30 1  -> first
    """)


def test_a_relay_that_may_be_open_is_closed_by_the_next_customers_money():
    check(
        TRIPPED
        + """
        ack 1 done        -> notice tripped A1
        close_account A1
        account A2 0
        meter   M1 A2
        see     account A2 state=due unsure=yes blocked_by=reading
        top_up  A2 10     -> restore A2 M1 id=2 reason=balance
        ack 2 done        -> notice restored A2, notice low_balance A2 20
        see     account A2 state=warned unsure=no
        """,
        county(policy=AT_ONCE),
    )


def test_a_relay_that_may_be_open_comes_to_an_account_whose_trip_waits():
    check(
        TRIPPED
        + """
        ack 1 done        -> notice tripped A1
        close_account A1
        account A2 0 manual_approval=yes
        meter   M2 A2 switchable=no  -> notice low_balance A2 20, notice trip_due A2
        see     account A2 state=due unsure=no blocked_by=approval
        meter   M1 A2
        see     account A2 state=due unsure=yes blocked_by=approval
        top_up  A2 10     -> restore A2 M1 id=2 reason=balance
        """,
        county(policy=AT_ONCE),
    )


def test_a_relay_that_was_closed_again_is_not_in_doubt():
    check(
        TRIPPED
        + """
        top_up A1 30      -> restore A1 M1 id=2
        ack 2 done        -> notice restored A1
        close_account A1
        account A2 100
        meter   M1 A2
        see     account A2 state=on unsure=no
        """,
        county(policy=AT_ONCE),
    )


def test_a_doubted_meter_that_is_not_the_switch_leaves_its_new_account_alone():
    check(
        TRIPPED
        + """
        close_account A1
        account A2 100
        & account A3 100
        meter   M2 A2
        meter   M1 A2
        see     account A2 state=on unsure=no
        """,
        county(policy=AT_ONCE),
    )
