"""Reads that are refused: each rule on both sides of its bound, and which comes first (reference, section 4)."""

from __future__ import annotations

from stories.county import HOME, county
from stories.language import check

# An interval meter that has read its first quarter of an hour, and one that counts whole hours.
INTERVALS = """
    account  A1  25
    meter    I1  A1  reading=interval
    meter    H1  A1  reading=interval interval_s=3600
"""


def check_home(story: str, engine: str = "") -> None:
    check(HOME + story, county(engine))


def check_intervals(story: str) -> None:
    check(INTERVALS + story, county())


def test_rule_1_the_meter_is_unknown_or_closed():
    check_home("""
        read           M9 00:15 1     -> refused unknown_meter M9 value=1 at=00:15
        meter          M2 A1
        exchange_meter M1 M2
        read           M1 00:15 1     -> refused closed M1
        read           M2 00:15 1     -> first
        close_account  A1
        read           M2 00:30 2     -> refused closed M2
    """)


def test_rule_2_the_status():
    check_home("""
        read M1 00:15 100 clock_invalid            -> refused bad_status M1
        read M1 00:15 100 test_mode                -> refused bad_status M1
        read M1 00:15 100 test_mode estimated      -> refused bad_status M1
        read M1 00:15 100 estimated                -> refused estimated M1
        read M1 00:15 100 outage                   -> outage wh=100
        # Bits 16 and 32768 mean nothing here.
        read M1 00:30 200 status=32784             -> good
    """)
    check_home("read M1 00:15 100 estimated -> estimated wh=100 charge=0.05", "accept_estimates = true")


def test_rule_3_the_grid_of_cells():
    check_home("""
        read M1 00:14    100  -> refused misaligned M1
        read M1 00:15:01 100  -> refused misaligned M1
        read M1 00:15    100  -> good
    """)


def test_rule_4_the_calendar():
    story = """
        account A1 25                              -> opens calendar_ends
        meter   M1 A1
        read    M1 2025-12-31T23:45 0              -> refused out_of_calendar M1
        read    M1 00:00 0                         -> first
        read    M1 24:15 100 now=24:00             -> refused out_of_calendar M1
        read    M1 24:00 100 now=24:00             -> gap wh=100
    """
    check(story, county("calendar = { from = 2026-01-01, to = 2026-01-02 }"))
    check_intervals("""
        # The first quarter of an hour of the calendar ends at 00:15, the first hour at 01:00.
        read I1 00:00 7  -> refused out_of_calendar I1
        read I1 00:15 7  -> good start=00:00
        read H1 00:45 7  -> refused out_of_calendar H1
        read H1 01:00 7  -> good start=00:00
    """)


def test_rule_5_the_future():
    check_home("""
        read M1 01:15 100 now=00:00    -> refused future M1
        read M1 01:00 100 now=00:00    -> gap
        read M1 01:15 200 now=00:14:59 -> refused future M1
        read M1 01:15 200 now=00:15    -> good
    """)


def test_rule_6_the_value():
    check_home("""
        read  M1 00:15 -1     -> refused bad_value M1 value=-1
        meter M2 A1 modulus=10000
        read  M2 00:15 10000  -> refused bad_value M2
        read  M2 00:15 9999   -> first
    """)


def test_rule_7_the_newest_read_again():
    check_home("""
        read M1 00:15 400  -> good
        read M1 00:15 400  -> refused duplicate M1
        read M1 00:15 401  -> refused conflict M1
    """)


def test_rule_8_too_late():
    check_home(
        """
        read M1 00:15  400  -> good
        read M1 04:00 1900  -> gap
        read M1 02:00 1000  -> refused too_late M1
        read M1 02:15 1000  -> late
        """,
        'late_horizon = "2h"',
    )


def test_rule_9_not_in_a_gap():
    check_home("""
        read M1 00:15  400  -> good
        read M1 01:00 1000  -> gap
        # The ends of a register's gap are reads that came.
        read M1 00:15  999  -> refused duplicate M1
        read M1 00:00  999  -> refused duplicate M1
        read M1 00:30  600  -> late
        read M1 00:30  700  -> refused duplicate M1
    """)
    check_intervals("""
        read I1 00:15 100  -> good
        read I1 01:00 100  -> good
        see  gaps I1 00:15-00:45
        # The end of an interval meter's gap is missing, its start is not.
        read I1 00:15 999  -> refused duplicate I1
        read I1 00:45 100  -> late
        read I1 00:45 100  -> refused duplicate I1
    """)


def test_rule_10_intervals_that_overlap():
    check_intervals("""
        read H1 01:00 10  -> good start=00:00
        read H1 01:45 10  -> refused overlap H1
        read H1 02:00 10  -> good start=01:00
        read H1 06:00 10  -> good start=05:00
        see  gaps H1 02:00-05:00
        read H1 02:45 10  -> refused overlap H1
        # Its end lies after the gap, and so in no gap.
        read H1 05:15 10  -> refused duplicate H1
        read H1 04:15 10  -> late start=03:15
        see  gaps H1 02:00-03:15 04:15-05:00
        read H1 05:00 10  -> refused overlap H1
        read H1 03:00 10  -> late start=02:00
        see  gaps H1 03:00-03:15 04:15-05:00
    """)


def test_rule_11_backward():
    check_home("""
        read M1 00:15  400  -> good
        read M1 00:30  399  -> refused backward M1
        read M1 00:30  400  -> good wh=0
        read M1 01:30 1000  -> gap
        # Late, a count must lie between those at the gap's ends, themselves included.
        read M1 01:00  399  -> refused backward M1
        read M1 01:00 1001  -> refused backward M1
    """)


def test_rule_11_needs_a_limit_to_tell_a_rollover():
    check_home("""
        meter M2 A1 modulus=10000
        & meter M3 A1 modulus=10000 max_w=8000
        read  M2 00:15 9900  -> first
        & read M3 00:15 9900 -> first
        # 8000 W are 2000 Wh in a quarter of an hour.
        read  M2 00:30  100  -> refused backward M2
        read  M3 00:30 1901  -> refused backward M3
        read  M3 00:30 1900  -> rollover wh=2000 charge=1
    """)


def test_rule_12_more_than_the_installation_can_draw():
    check_home("""
        meter M2 A1 max_w=10000
        read  M2 00:15     0  -> first
        # 10 kW for a quarter of an hour are 2500 Wh, for half an hour 5000.
        read  M2 00:30  2501  -> refused spike M2
        read  M2 00:30  2500  -> good wh=2500
        read  M2 01:00  7501  -> refused spike M2
        read  M2 01:00  7500  -> gap wh=5000
        # Late reads of registers only divide what was taken as possible already.
        read  M2 00:45  7500  -> late wh=0
    """)
    check_intervals("""
        meter I2 A1 reading=interval max_w=10000
        read  I2 01:00  2500  -> good
        read  I2 02:00  2501  -> refused spike I2
        read  I2 02:00  2500  -> good
        read  I2 01:30  2501  -> refused spike I2
        read  I2 01:30  2500  -> late wh=2500
    """)


def test_rule_13_out_of_range():
    # 99,999,999.999 kWh at 0.5.
    check_home("""
        read M1 00:15 100000000000 -> refused out_of_range M1
        read M1 00:15  99999999999 -> good charge=49999999.9995, notice low_balance, notice trip_due
        see  account A1 balance=-49999974.9995
    """)
    check_home("""
        account A2 -999999999.75
        meter   M2 A2          -> notice low_balance A2, notice trip_due A2
        read    M2 00:00    0  -> first
        # A balance stays above -10^9: 500 Wh cost 0.25.
        read    M2 00:15  500  -> refused out_of_range M2
        read    M2 00:15  499  -> good balance=-999999999.9995
    """)


def test_the_first_rule_that_matches_decides():
    check_home("""
        read M9 00:07     -1 test_mode now=00:00             -> refused unknown_meter M9
        read M1 00:07     -1 test_mode estimated now=00:00   -> refused bad_status M1
        read M1 00:07     -1 estimated now=00:00             -> refused estimated M1
        read M1 2027-01-01T00:07 -1 now=00:00                -> refused misaligned M1
        read M1 2027-01-01T00:15 -1 now=00:00                -> refused out_of_calendar M1
        read M1 12:00     -1 now=00:00                       -> refused future M1
        read M1 00:00     -1                                 -> refused bad_value M1
        meter M2 A1 max_w=4000
        read M2 00:15    500                                 -> first
        # 4 kW are 1000 Wh a quarter of an hour.
        read M2 00:30    499                                 -> refused backward M2
        read M2 00:30 200000000000                           -> refused spike M2
    """)
    check_home(
        """
        read M1 04:00 1900  -> gap
        # In no gap, and too late.
        read M1 00:00    5  -> refused too_late M1
        """,
        'late_horizon = "2h"',
    )
