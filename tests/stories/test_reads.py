"""Reads that are accepted: registers, intervals, gaps, qualities, and what is suspect (reference, section 4)."""

from __future__ import annotations

from stories.county import HOME, county
from stories.language import check

# Fifteen reads of 100 Wh a quarter of an hour, until 04:00; the sixteenth makes the meter's typical energy known.
STEADY = HOME + "read M1 00:15 100 times=15 step=100 -> good wh=100\n"


def check_home(story: str, engine: str = "") -> None:
    check(HOME + story, county(engine))


def test_a_registers_first_read_is_a_baseline():
    check_home("""
        meter M2 A1
        read  M2 00:15 5000  -> first wh=0 charge=0 balance=25 start=00:15 end=00:15
        see   meter M2 last_at=00:15 last_value=5000 quality=first
        read  M2 00:30 5400  -> good wh=400 charge=0.2 balance=24.8 start=00:15 end=00:30
        see   meter M2 last_at=00:30 last_value=5400 quality=good
    """)


def test_an_initial_read_is_where_the_first_read_starts():
    check_home("""
        meter M2 A1 initial_at=00:00 initial_value=700
        see   meter M2 last_at=00:00 last_value=700 quality=-
        # As long as it has not read, another row may say otherwise, or nothing.
        meter M2 A1 initial_at=00:00 initial_value=800
        meter M2 A1
        read  M2 00:15 1000  -> good wh=200 start=00:00
        meter M2 A1 initial_at=00:00 initial_value=1
        read  M2 00:30 1300  -> good wh=300
    """)


def test_counts_are_multiplied_to_watt_hours():
    check_home("""
        meter M2 A1 wh_per_count=200
        read  M2 00:15 10  -> first
        read  M2 00:30 13  -> good wh=600 charge=0.3
        meter I1 A1 wh_per_count=10 reading=interval
        read  I1 00:45  7  -> good wh=70 start=00:30
    """)


def test_a_stretch_of_two_intervals_is_a_gap():
    check_home("""
        meter M2 A1 interval_s=3600
        read  M2 01:00    0  -> first
        # An hour and a quarter are one interval, and so are 75 minutes after that; 90 minutes are two.
        read  M2 02:15  100  -> good wh=100
        read  M2 03:30  200  -> good wh=100
        see   gaps M2
        read  M2 05:00  300  -> gap wh=100
        see   gaps M2 03:30-05:00
        # Less than half of one counts as one too.
        read  M2 05:15  310  -> good wh=10
    """)


def test_a_late_read_of_a_register_divides_its_gap():
    check_home("""
        read M1 01:00 800  -> gap wh=800 charge=0.4 balance=24.6
        see  gaps M1 00:00-01:00
        read M1 00:30 400  -> late wh=0 charge=0 balance=24.6 start=00:00 end=00:30
        see  gaps M1 00:00-00:30 00:30-01:00
        read M1 00:45 400  -> late start=00:30
        see  gaps M1 00:00-00:30
        read M1 00:15   0  -> late start=00:00
        see  gaps M1
        # It is not the newest.
        see  meter M1 last_at=01:00 last_value=800 quality=gap
    """)


def test_a_late_read_over_a_rollover():
    check_home("""
        meter M2 A1 modulus=1000 max_w=8000
        read  M2 00:15 900  -> first
        read  M2 01:00 100  -> rollover+gap wh=200
        # From 900 to 1100: 950 lies there, and 50 as 1050; 899 as 1899 does not.
        read  M2 00:30 950  -> late wh=0
        read  M2 00:45 899  -> refused backward M2
        read  M2 00:45  50  -> late wh=0
    """)


def test_the_qualities_of_a_late_read_are_those_of_its_status():
    check_home(
        """
        read M1 01:00 800            -> gap
        read M1 00:15 100 estimated  -> late+estimated
        read M1 00:30 200 outage     -> late+outage
        read M1 00:45 300 estimated outage  -> late+estimated+outage
        read M1 01:15 900 estimated outage  -> estimated+outage
        see  meter M1 quality=estimated+outage
        """,
        "accept_estimates = true",
    )


def test_an_interval_meter_reads_energy():
    check_home("""
        meter I1 A1 reading=interval
        read  I1 00:30 300  -> good wh=300 charge=0.15 balance=24.85 start=00:15 end=00:30
        read  I1 00:45 100  -> good wh=100 start=00:30
        # Its gap is what is missing, and a read beside a gap has no bit for it.
        read  I1 02:00 100  -> good wh=100 start=01:45
        see   gaps I1 00:45-01:45
        # Late reads are charged.
        read  I1 01:15 600  -> late wh=600 charge=0.3 balance=24.45 start=01:00
        see   gaps I1 00:45-01:00 01:15-01:45
        read  I1 01:00  10  -> late wh=10
        see   gaps I1 01:15-01:45
    """)


def test_a_gap_is_forgotten_when_its_end_is_as_old_as_the_horizon():
    check_home(
        """
        read M1 01:00 800  -> gap
        read M1 01:15 800  -> good
        read M1 02:45 800  -> gap
        see  gaps M1 00:00-01:00 01:15-02:45
        # 03:00 less two hours is where the first one ends.
        read M1 03:00 800  -> good
        see  gaps M1 01:15-02:45
        """,
        'late_horizon = "2h"',
    )


def test_a_baseline_may_be_newer_than_reads_that_come_after_it():
    check_home("""
        meter M2 A1
        read  M2 02:00 500  -> first
        read  M2 01:00 400  -> refused duplicate M2
        see   gaps M2
    """)


def test_suspect_is_eight_times_what_is_typical_once_sixteen_are_known():
    # After 15 reads c is 15; the sixteenth is not judged, and s is 16 · 100 before it: 1600 + 2500 − 100.
    check(
        STEADY
        + """
        see  meter M1 typical=0.1
        read M1 04:00  4000  -> good wh=2500
        see  meter M1 typical=0.25
        # Eight times 250 are 2000, and the floor is 2000 too.
        read M1 04:15  6001  -> suspect wh=2001 charge=1.0005
        see  meter M1 typical=0.25 quality=suspect
        read M1 04:30  8001  -> good wh=2000
        # 4000 + 2000 − 250 are 16 · 359 and some.
        see  meter M1 typical=0.359
        """,
        county(),
    )


def test_no_read_is_suspect_up_to_the_floor():
    story = (
        STEADY
        + """
        read M1 04:00 1600  -> good wh=100
        read M1 04:15 2400  -> good wh=800
        """
    )
    check(story + "read M1 04:30 4000 -> good wh=1600", county())
    # 1600 + 800 − 100 are 16 · 143 and some; eight times that are 1144.
    check(story + "read M1 04:30 3545 -> suspect wh=1145", county("suspect_floor_wh = 0"))
    check(story + "read M1 04:30 3544 -> good wh=1144", county("suspect_floor_wh = 0"))


def test_the_fourth_in_a_row_is_what_is_typical_now():
    check(
        STEADY
        + """
        read M1 04:00  1600  -> good wh=100
        read M1 04:15  4600  -> suspect wh=3000
        read M1 04:30  7600  -> suspect wh=3000
        read M1 04:45 10600  -> suspect wh=3000, notice low_balance A1 20
        read M1 05:00 13600  -> good wh=3000
        see  meter M1 typical=3
        read M1 05:15 16600  -> good wh=3000
        """,
        county(),
    )


def test_a_good_read_breaks_the_row_of_suspects():
    check(
        STEADY
        + """
        read M1 04:00  1600  -> good wh=100
        read M1 04:15  4600  -> suspect
        read M1 04:30  7600  -> suspect
        read M1 04:45  7700  -> good wh=100
        read M1 05:00 10700  -> suspect, notice low_balance A1 20
        read M1 05:15 13700  -> suspect
        read M1 05:30 16700  -> suspect
        read M1 05:45 19700  -> good wh=3000
        """,
        county(),
    )


def test_a_gap_is_judged_by_its_mean_and_counts_once():
    check(
        STEADY
        + """
        read M1 04:00  1600  -> good wh=100
        # Four intervals of 2000 each; then of 2001.
        read M1 05:00  9603  -> gap wh=8003
        # s = 1600 + 2000 − 100, so that 218 are typical.
        see  meter M1 typical=0.218
        read M1 06:00 17607  -> gap+suspect wh=8004, notice low_balance A1 20
        see  meter M1 typical=0.218 quality=gap+suspect
        # Late reads teach nothing.
        read M1 05:30 13000  -> late
        see  meter M1 typical=0.218
        """,
        county(),
    )


def test_first_reads_and_baselines_teach_nothing():
    check_home("""
        meter I1 A1 reading=interval
        see   meter M1 typical=0
        read  M1 00:15 300   -> good
        see   meter M1 typical=0.3
        # An interval meter's first read is like any other.
        read  I1 00:30 70    -> good
        see   meter I1 typical=0.07
        rebase_meter M1 5000 00:45  -> first wh=0
        see   meter M1 typical=0.3
    """)


def test_a_suspect_read_proves_no_relay_closed():
    check(
        STEADY
        + """
        read       M1 04:00 1600  -> good wh=100
        adjustment A1 -25         -> notice low_balance A1 20, notice trip_due A1, trip A1 M1 id=1 expires=04:10
        ack        1 done         -> notice tripped A1
        top_up     A1 30          -> restore A1 M1 id=2
        # It starts before the trip has expired.
        read       M1 04:15 1700  -> good, restore A1 M1 id=2 attempt=2
        read       M1 04:30 4700  -> suspect wh=3000, restore A1 M1 id=2 attempt=3
        read       M1 04:45 4800  -> good wh=100, notice restored A1
        """,
        county(policy='notice = "0s"'),
    )
