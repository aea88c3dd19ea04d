"""What stops the trips of many: mass trips, clocks that jump, people, and rates per hour (reference, section 7)."""

from __future__ import annotations

from stories.county import county
from stories.language import check

# Four accounts with a switch each.
STREET = "".join(f"account A{i} 25\nmeter M{i} A{i}\nread M{i} 00:00 0 -> first\n" for i in range(1, 5))
QUARTER = "mass_trip_fraction = 0.25"
RISES = """
    adjustment A1 -25 -> notice low_balance, notice trip_due, trip A1 M1 id=1
    ack 1 done        -> notice tripped A1
    adjustment A2 -25 -> notice low_balance, notice trip_due, opens mass_trip id=1
    see account A2 state=due blocked_by=suspended
"""


def check_street(story: str, engine: str = QUARTER, policy: str = 'notice = "0s"') -> None:
    """A story of four accounts, in which no notice holds a trip."""
    check(STREET + story, county(engine, policy))


# ---- mass trips: of four switches a quarter is one, and the second is more


def test_a_mass_trip_lasts_until_a_person_resumes():
    story = """
        see findings mass_trip:None
        at 05:00
        see account A2 state=due blocked_by=suspended
        close_finding 1   -> refused bad_update
        top_up A1 5       -> restore A1 M1 id=2
        ack 2 done        -> notice restored
        resume_trips      -> closes mass_trip id=1, trip A2 M2 id=3
        see findings
    """
    check_street(RISES + story)


def test_a_mass_trip_counts_anew_once_trips_are_resumed():
    story = """
        resume_trips      -> closes mass_trip, trip A2 M2
        ack 2 done        -> notice tripped A2
        adjustment A3 -25 -> notice low_balance, notice trip_due, trip A3 M3
        ack 3 done        -> notice tripped A3
        adjustment A4 -25 -> notice low_balance, notice trip_due, opens mass_trip id=2
        see account A4 blocked_by=suspended
    """
    check_street(RISES + story)


def test_a_mass_trip_is_seen_before_any_trip_of_its_batch():
    told = ", ".join(f"notice low_balance {name}, notice trip_due {name}" for name in ("A1", "A2"))
    story = f"""
        adjustment A2 -25
        & adjustment A1 -25 -> {told}, opens mass_trip
        see account A1 state=due blocked_by=suspended
        see account A2 state=due blocked_by=suspended
    """
    check_street(story)


def test_a_mass_trip_counts_within_a_clock_hour():
    story = """
        at 00:59:59
        adjustment A1 -25 -> notice low_balance, notice trip_due, trip A1 M1
        ack 1 done        -> notice tripped
        at 01:00
        adjustment A2 -25 -> notice low_balance, notice trip_due, trip A2 M2
    """
    check_street(story)


def test_a_mass_trip_counts_times_not_accounts():
    story = """
        adjustment A1 -25 -> notice low_balance, notice trip_due
        top_up     A1 1
        adjustment A1 -1  -> notice trip_due, opens mass_trip
    """
    check_street(story, policy="")


def test_a_mass_trip_counts_only_accounts_with_a_switch():
    # The three switches that stay make ⌈0.75⌉ = 1 of a quarter.
    story = """
        meter M4 A4 switchable=no
        adjustment A4 -25 -> notice low_balance, notice trip_due
        adjustment A1 -25 -> notice low_balance, notice trip_due
        adjustment A2 -25 -> notice low_balance, notice trip_due, opens mass_trip
    """
    check_street(story, policy="")


def test_a_trip_under_way_is_not_repeated_in_a_mass_trip():
    story = """
        adjustment A1 -25 -> notice low_balance, notice trip_due, trip A1 M1
        adjustment A2 -25 -> notice low_balance, notice trip_due, opens mass_trip
        +60s
        see account A1 state=due unsure=yes blocked_by=suspended
        ack 1 done        -> notice tripped A1
    """
    check_street(story)


# ---- a clock that jumps

JUMP = 'clock_jump = "1h"'
NOTICE = 'notice = "90m"'


def test_a_jump_suspends_before_anybody_is_tripped():
    story = """
        adjustment A1 -25  -> notice low_balance, notice trip_due
        +3600s
        see findings
        +3601s             -> opens clock_jump id=1
        see account A1 state=due blocked_by=suspended
        +2h
        see findings clock_jump:None
        close_finding 1    -> refused bad_update
        resume_trips       -> closes clock_jump id=1, trip A1 M1
    """
    check_street(story, JUMP, NOTICE)


def test_any_batch_can_carry_the_clock_off():
    check_street("top_up A1 1 now=01:00:01 -> opens clock_jump\n", JUMP)


def test_the_first_time_is_no_jump():
    story = """
        account A1 25 now=2026-03-01T00:00
        see findings
        top_up  A1 1  now=2026-03-01T01:00
        see findings
        +3601s        -> opens clock_jump
    """
    check(story, county(JUMP))


def test_without_a_limit_no_clock_jumps():
    check_street("+59d\nsee findings\ntop_up A1 1\n", "")


def test_resuming_ends_every_reason():
    story = """
        +3601s       -> opens clock_jump id=2
        resume_trips -> closes mass_trip id=1, closes clock_jump id=2, trip A2 M2
        see findings
    """
    check_street(RISES + story, f"{QUARTER}\n{JUMP}")


# ---- people


def test_a_restore_goes_out_while_trips_are_suspended():
    story = """
        adjustment A1 -25 -> notice low_balance, notice trip_due, trip A1 M1
        suspend_trips
        suspend_trips D1
        top_up A1 1       -> restore A1 M1 id=2
        +60s              -> restore A1 M1 id=2 attempt=2
    """
    check_street(story, "")


def test_engine_and_district_are_suspended_and_resumed_apart():
    story = """
        account A9 25 district_id=D9
        meter   M9 A9
        read    M9 00:00 0  -> first
        suspend_trips
        suspend_trips D1
        see district D1 suspended=yes
        see district D9 suspended=no
        adjustment A1 -25   -> notice low_balance A1, notice trip_due A1
        adjustment A9 -25   -> notice low_balance A9, notice trip_due A9
        see account A9 blocked_by=suspended
        resume_trips        -> trip A9 M9
        see account A1 blocked_by=suspended
        resume_trips D1     -> trip A1 M1
        see district D1 suspended=no
        suspend_trips D7    -> refused unknown_district D7
    """
    check_street(story, "")


# ---- rates per clock hour: a half of four switches is two, and so is 0.3 of them

DUE = "-> notice low_balance, notice trip_due"
THREE = f"""
    adjustment A1 -25 {DUE}, trip A1 M1
    ack 1 done        -> notice tripped
    adjustment A2 -25 {DUE}, trip A2 M2
    ack 2 done        -> notice tripped
    adjustment A3 -25 {DUE}
    see account A3 blocked_by=rate
"""


def test_a_rate_is_rounded_up():
    for rate in ("trip_rate_district", "trip_rate_engine"):
        for fraction in ("0.5", "0.3"):
            check_street(f"{THREE}\nat 00:59:59\nat 01:00 -> trip A3 M3\n", f"{rate} = {fraction}")


def test_restores_and_repetitions_use_no_budget():
    story = f"""
        adjustment A1 -25 {DUE}, trip A1 M1 id=1
        +60s              -> trip A1 M1 id=1 attempt=2
        top_up     A1 5   -> restore A1 M1 id=2
        +60s              -> restore A1 M1 id=2 attempt=2
        ack 2 done        -> notice restored
        adjustment A2 -25 {DUE}, trip A2 M2 id=3
        ack 3 done        -> notice tripped
        adjustment A3 -25 {DUE}
        see account A3 blocked_by=rate
    """
    check_street(story, "trip_rate_engine = 0.5")


def test_a_trip_in_vain_is_of_the_budget_all_the_same():
    story = """
        top_up A2 5  -> restore A2 M2
        see account A3 blocked_by=rate
    """
    check_street(THREE + story, "trip_rate_engine = 0.5")


def test_closed_accounts_have_no_switch_to_count():
    story = f"""
        close_account A4
        close_account A3
        adjustment A1 -25 {DUE}, trip A1 M1
        ack 1 done        -> notice tripped
        adjustment A2 -25 {DUE}
        see account A2 blocked_by=rate
    """
    check_street(story, "trip_rate_district = 0.5")


def test_the_hours_are_those_of_utc():
    # 00:30 in Kolkata is 19:00 UTC.
    story = "at 00:29:59\nsee account A3 blocked_by=rate\nat 00:30 -> trip A3 M3\n"
    check_street(THREE + story, 'trip_rate_engine = 0.5\ntimezone = "Asia/Kolkata"')
