"""Findings: what a person should look at, opened once and closed again (reference, sections 4, 7 and 8)."""

from __future__ import annotations

from stories.county import HOME, county
from stories.language import check

# An account that has been tripped: off since 10 s after midnight.
OFF = """
    account    A1 25
    meter      M1 A1
    read       M1 00:00 0  -> first
    adjustment A1 -25      -> notice low_balance A1 20, notice trip_due A1, trip A1 M1 id=1
    +10s
    ack        1 done      -> notice tripped A1
"""
AT_ONCE = 'notice = "0s"'
# A transformer that gives 400 Wh an hour until 05:00, and a customer to be read; windows close six hours late.
FED = """
    district D1 loss_limit=0.25 grid=G1
    account  A1 25
    meter    M1 A1
    supply   S1 D1
    read     M1 00:00 0    -> first
    & read   S1 00:00 0    -> first
    read     S1 00:15 100 times=20 step=100  -> good
"""
LOSS = """
allowed_lateness = "6h"
loss_windows = 2
"""


def check_with(story: str, engine: str = "", policy: str = "") -> None:
    """Run a story in a county whose settings, or whose policy's, differ in the lines given."""
    check(story, county(engine, policy))


def check_home(story: str, engine: str = "") -> None:
    check_with(HOME + story, engine)


def check_fed(story: str, engine: str = LOSS) -> None:
    check_with(FED + story, engine)


# ---- about a meter


def test_three_backward_reads_in_a_row_ask_for_an_inspection():
    check_home("""
        read M1 00:15 500  -> good
        read M1 00:30 499  -> refused backward M1
        read M1 00:30 498  -> refused backward M1
        read M1 00:30 497  -> refused backward M1, opens inspect_meter M1 id=1 district=D1
        # It is open once.
        read M1 00:30 496  -> refused backward M1
        see  findings inspect_meter:M1
        read M1 00:30 600  -> good, closes inspect_meter M1 id=1
        see  findings
        # The row begins anew, and has an id of its own.
        read M1 00:45 599 times=2 every=0s  -> refused backward
        read M1 00:45 599  -> refused backward, opens inspect_meter M1 id=2
    """)


def test_spikes_count_with_backward_reads_and_other_refusals_do_not():
    # At most 4 kW: 1,000 Wh in a quarter of an hour.
    check_with("""
        account A1 25
        meter   M1 A1 max_w=4000
        read    M1 00:00 100   -> first
        read    M1 00:15 1101  -> refused spike
        read    M1 00:15 99    -> refused backward
        read    M1 00:15 -1    -> refused bad_value
        read    M1 00:17 500   -> refused misaligned
        read    M1 00:15 1101  -> refused spike, opens inspect_meter M1
        read    M1 00:15 1100  -> good wh=1000, closes inspect_meter M1
    """)


def test_an_accepted_read_breaks_the_row_of_refusals():
    check_home("""
        read M1 00:15 500  -> good
        read M1 00:30 499  -> refused backward
        read M1 00:30 499  -> refused backward
        read M1 00:30 501  -> good
        read M1 00:45 499  -> refused backward
        read M1 00:45 499  -> refused backward
        read M1 00:45 499  -> refused backward, opens inspect_meter M1
    """)


def test_a_meter_is_silent_once_its_newest_read_is_too_old_at_a_windows_end():
    check_home(
        """
        # The window to 02:00 closes at 04:00; two hours before its end is 00:00.
        at 03:59:59
        at 04:00           -> opens silent_meter M1 district=D1
        at 05:00
        read M1 02:15 100  -> gap, closes silent_meter M1
        # The window to 04:00 ends an hour and three quarters after the read, the next one later still.
        at 06:00
        at 07:00           -> opens silent_meter M1 id=2
        """,
        'silent_after = "2h"',
    )


def test_a_meter_that_never_read_is_silent_from_its_arrival():
    # The district has windows through M1; M2 came at 01:00, M3 at 02:00.
    check_home(
        """
        at 01:00
        meter M2 A1
        at 02:00
        meter M3 A1
        read  M1 02:00 800  -> gap
        at 04:59:59
        at 05:00            -> opens silent_meter M2
        at 05:59:59
        # By the meters' arrival: M1 read at 02:00, M3 came at 02:00.
        at 06:00            -> opens silent_meter M1, opens silent_meter M3
        read  M3 03:00 0    -> first, closes silent_meter M3
        read  M2 03:00 0    -> first, closes silent_meter M2
        """,
        'silent_after = "2h"',
    )


def test_a_meter_without_energy_for_long_is_unused():
    check_home(
        """
        read M1 00:15 10  -> good
        read M1 00:30 10  -> good wh=0
        read M1 00:45 10  -> good wh=0
        # Since 00:15, an hour has passed now.
        read M1 01:15 10  -> gap wh=0, opens zero_usage M1 district=D1
        read M1 01:30 10  -> good wh=0
        read M1 01:45 11  -> good wh=1, closes zero_usage M1
        """,
        'zero_usage = "1h"',
    )


def test_a_read_while_the_account_is_off_breaks_the_row_without_energy():
    check_with(
        """
        account    A1 25
        meter      M1 A1
        read       M1 00:00 0            -> first
        read       M1 00:15 0 times=3    -> good wh=0
        adjustment A1 -25                -> notice low_balance, notice trip_due, trip A1 M1
        ack        1 done                -> notice tripped
        read       M1 01:00 0            -> good wh=0
        top_up     A1 25                 -> restore A1 M1
        ack        2 done                -> notice restored
        read       M1 01:15 0 times=3    -> good wh=0
        read       M1 02:00 0            -> good wh=0, opens zero_usage M1
        """,
        'zero_usage = "1h"',
        AT_ONCE,
    )


def test_a_baseline_is_passed_over_in_the_row_without_energy():
    check_home(
        """
        read         M1 00:15 0 times=3  -> good wh=0
        rebase_meter M1 500 00:45        -> first
        read         M1 01:00 500        -> good wh=0, opens zero_usage M1
        """,
        'zero_usage = "1h"',
    )


def test_findings_of_one_read_stand_in_order():
    check_home(
        """
        read M1 00:15 10           -> good wh=10
        read M1 00:30 10           -> good wh=0
        read M1 00:45 10           -> good wh=0, opens zero_usage M1 id=1
        read M1 01:00 9 times=3 every=0s  -> refused backward, opens inspect_meter M1 id=2
        at 05:00                   -> opens silent_meter M1 id=3
        read M1 01:00 20           -> good, closes inspect_meter M1, closes silent_meter M1, closes zero_usage M1
        """,
        'zero_usage = "30m"\nsilent_after = "2h"',
    )


# ---- about an account


def test_a_meter_that_was_tripped_and_still_counts():
    check_with(
        OFF
        + """
        # It begins before the relay was open; the next is not above the tolerance.
        read   M1 00:15 500   -> good
        read   M1 00:30 600   -> good wh=100
        read   M1 00:45 701   -> good wh=101, opens off_but_consuming A1 district=D1
        read   M1 01:00 900   -> good wh=199
        # Leaving `off` closes it, whether or not the relay has closed.
        top_up A1 25          -> restore A1 M1, closes off_but_consuming A1
        """,
        "off_tolerance_wh = 100",
        AT_ONCE,
    )


# ---- about a district


def test_loss_above_the_limit_in_windows_in_a_row():
    check_fed("""
        read M1 00:15 75 times=4 step=75    -> good
        read M1 01:15 350 times=4 step=50   -> good
        read M1 02:15 550 times=3 step=50   -> good
        read M1 03:15 750                   -> gap wh=100
        read M1 03:30 800 times=3 step=50   -> good
        read M1 04:15 1000 times=4 step=100 -> good
        watch districts
        at 06:00  -> window D1 ratio=-
        # As much as the limit is not above it.
        at 07:00  -> window D1 ratio=0.25
        at 08:00  -> window D1 ratio=0.5
        # A read is missing, 7 of 8 is less than 0.98: passed over.
        at 09:00  -> window D1 ratio=0.5 received=7 expected=8
        at 10:00  -> window D1 ratio=0.5 received=8, opens high_loss D1 district=D1 grid=G1
        at 11:00  -> window D1 ratio=0, closes high_loss D1
    """)


def test_less_supplied_than_used_in_windows_in_a_row():
    check_fed("""
        read M1 00:15 125 times=8 step=125   -> good
        read M1 02:15 1100 times=4 step=100  -> good
        at 07:59:59
        at 08:00  -> opens negative_loss D1
        at 09:00  -> closes negative_loss D1
    """)


def test_a_window_ends_one_alarm_before_it_begins_the_other():
    # 200 of 400 in the first hour; in the second 500.
    check_fed(
        """
        read M1 00:15 50 times=4 step=50    -> good
        read M1 01:15 325 times=4 step=125  -> good
        at 07:00  -> opens high_loss D1
        at 08:00  -> closes high_loss D1, opens negative_loss D1
        """,
        LOSS.replace("2", "1"),
    )


def test_no_window_is_judged_that_is_shorter_than_a_meters_interval():
    check_fed("""
        meter M2 A1 interval_s=7200
        read  M1 00:15 125 times=8 step=125   -> good
        at 09:00
        see findings
    """)


def test_few_reads_are_an_outage():
    # Of four: two in the first hour, one in the second, two in the third.
    check_home(
        """
        read M1 00:15 100 times=2 step=100  -> good
        read M1 01:15 300                   -> gap
        read M1 02:15 400                   -> gap
        read M1 02:30 500                   -> good
        at 03:59:59
        at 04:00           -> opens outage D1 district=D1
        # A revision changes no finding.
        read M1 01:30 310  -> late
        at 05:00           -> closes outage D1
        """,
        "outage_coverage = 0.5",
    )


# ---- about the engine


def test_more_accounts_due_in_an_hour_than_is_likely():
    # A quarter of four switches is one: a second one is too many.
    accounts = "".join(f"account A{i} 25\nmeter M{i} A{i}\n" for i in range(1, 5))
    check_with(
        accounts
        + """
        adjustment A1 -25    -> notice low_balance A1, notice trip_due A1
        adjustment A2 -25    -> notice low_balance A2, notice trip_due A2, opens mass_trip
        see account A1 blocked_by=suspended
        adjustment A3 -25    -> notice low_balance A3, notice trip_due A3
        resume_trips         -> closes mass_trip
        see account A1 blocked_by=notice
        # What came before is forgotten.
        adjustment A4 -25    -> notice low_balance A4, notice trip_due A4
        """,
        "mass_trip_fraction = 0.25",
    )


def test_a_clock_that_jumps():
    check_with(
        """
        account A1 25
        +1h
        +3601s        -> opens clock_jump
        +3601s
        resume_trips  -> closes clock_jump
        +3601s        -> opens clock_jump id=2
        """,
        'clock_jump = "1h"',
    )


def test_the_calendar_ends_in_thirty_days():
    longer = county("calendar = { from = 2026-01-01, to = 2027-01-01 }")
    story = """
        account A1 25
        at 2026-05-31T23:59:59
        at 2026-06-01T00:00     -> opens calendar_ends
        +1d
        config longer           -> closes calendar_ends
        at 2026-12-02T00:00     -> opens calendar_ends id=2
    """
    check(story, county(), configs={"longer": longer})
