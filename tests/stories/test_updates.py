"""Updates: what people do to accounts, meters, trips, findings and orders, op by op (reference, section 9)."""

from __future__ import annotations

import pytest

from stories.county import FLAT, HOME, county
from stories.language import check

AT_ONCE = 'notice = "0s"'


def check_home(story: str, policy: str = "", engine: str = "") -> None:
    """A story of the account A1 and its meter M1, in a county that differs in the lines given."""
    check(HOME + story, county(engine, policy))


def check_at_once(story: str) -> None:
    """Such a story, in which no notice holds a trip."""
    check_home(story, AT_ONCE)


def check_one_attempt(story: str) -> None:
    """Such a story, in which a command is sent once."""
    check_home(story, AT_ONCE + "\nmax_attempts = 1")


def test_set_tariff():
    # 0.9 a kWh.
    dear = FLAT.replace("tariffs.flat", "tariffs.dear").replace('"0.5"', '"0.9"')
    story = """
        read       M1 00:15 1000  -> good charge=0.5
        set_tariff A1 dear
        read       M1 00:30 2000  -> good charge=0.9
        set_tariff A1 free        -> refused unknown_tariff A1
        set_tariff A1             -> refused bad_update A1
        update set_tariff text=flat  -> refused bad_update flat
        read       M1 00:45 3000  -> good charge=0.9
    """
    check(HOME + story, county(tariffs=FLAT + dear))


def test_set_policy():
    early = '[policies.early]\nwarn_below = ["22"]\n'
    story = """
        adjustment A1 -2
        set_policy A1 late   -> refused unknown_policy A1
        set_policy A1        -> refused bad_update A1
        adjustment A1 -1
        set_policy A1 early  -> notice low_balance A1 22
        see account A1 policy=early state=warned balance=22
    """
    check(HOME + story, county(policies=early))


def test_set_protected():
    check_at_once("""
        set_protected A1 2   -> refused bad_update A1 value=2
        set_protected A1 -1  -> refused bad_update A1
        set_protected A1     -> refused bad_update A1 value=-
        set_protected A1 1
        adjustment    A1 -25 -> notice low_balance, notice trip_due
        see account A1 state=due blocked_by=protected
        set_protected A1 0   -> trip A1 M1
        set_protected A1 1   -> restore A1 M1 reason=protected
    """)


def test_set_manual_approval_and_approve_trip():
    check_at_once("""
        approve_trip        A1      -> refused bad_update A1
        set_manual_approval A1 2    -> refused bad_update A1
        set_manual_approval A1      -> refused bad_update A1
        set_manual_approval A1 1
        adjustment          A1 -25  -> notice low_balance, notice trip_due
        see account A1 state=due blocked_by=approval
        approve_trip        A1      -> trip A1 M1
        approve_trip        A1      -> refused bad_update A1
        top_up              A1 10   -> restore A1 M1
        ack                 2 done  -> notice restored
        # One approval is good for one trip; and an hour later there may be another.
        at 01:00
        adjustment          A1 -10  -> notice trip_due
        see account A1 blocked_by=approval
        set_manual_approval A1 0    -> trip A1 M1
    """)


def test_autopay_started_holds_trips_and_does_not_begin_anew_while_it_is_pending():
    check_home(
        """
        autopay_started A1
        adjustment      A1 -25  -> notice low_balance, notice trip_due
        see account A1 blocked_by=autopay
        at 00:30
        autopay_started A1
        at 00:59:59
        # This one begins as the first ends.
        autopay_started A1 now=01:00
        at 01:59:59
        at 02:00                -> trip A1 M1
        """,
        AT_ONCE + '\nautopay_hold = "1h"',
    )


def test_autopay_failed_ends_a_hold_however_old_and_the_notice_runs_anew():
    check_home(
        """
        autopay_failed  A1      -> refused bad_update A1
        adjustment      A1 -25  -> notice low_balance, notice trip_due
        at 00:30
        autopay_started A1
        at 01:00
        see account A1 blocked_by=autopay
        autopay_failed  A1      -> notice autopay_failed A1
        see account A1 blocked_by=notice
        autopay_failed  A1      -> refused bad_update A1
        at 01:59:59
        at 02:00                -> trip A1 M1
        ack 1 done              -> notice tripped
        autopay_started A1
        at 09:00
        autopay_failed  A1      -> notice autopay_failed A1
        """,
        'notice = "1h"\nautopay_hold = "2h"',
    )


def test_autopay_cleared():
    check_at_once("""
        autopay_cleared A1
        autopay_started A1
        adjustment      A1 -25  -> notice low_balance, notice trip_due
        autopay_cleared A1      -> trip A1 M1
        update autopay_cleared  -> refused bad_update
    """)


def test_restore_account():
    check_at_once("""
        restore_account A1      -> refused bad_update A1
        adjustment      A1 -25  -> notice low_balance, notice trip_due, trip A1 M1 id=1
        restore_account A1      -> restore A1 M1 id=2 reason=operator
        restore_account A1      -> refused bad_update A1
        # Nothing has been paid, so it all begins again.
        ack 2 done now=01:00    -> notice restored, notice trip_due, trip A1 M1 id=3
        ack 3 done              -> notice tripped
        restore_account A1      -> restore A1 M1 id=4 reason=operator
        suspend_trips
        ack 4 done now=02:00    -> notice restored, notice trip_due
        # In `due`, but nothing was given up.
        restore_account A1      -> refused bad_update A1
    """)


def test_restore_account_of_a_trip_that_was_given_up():
    check_at_once("""
        adjustment A1 -25     -> notice low_balance, notice trip_due, trip A1 M1 id=1
        suspend_trips
        +60s
        see account A1 state=due unsure=yes blocked_by=suspended
        restore_account A1  -> restore A1 M1 reason=operator
    """)


def test_suspend_and_resume_trips_of_a_district_and_of_the_engine():
    check_at_once("""
        suspend_trips
        suspend_trips D1
        suspend_trips D9        -> refused unknown_district D9
        resume_trips  D9        -> refused unknown_district D9
        adjustment    A1 -25    -> notice low_balance, notice trip_due
        resume_trips
        see account   A1 blocked_by=suspended
        see district  D1 suspended=yes
        resume_trips  D1        -> trip A1 M1
    """)


def test_close_account():
    check_one_attempt("""
        account A2 25
        meter M3 A2
        meter M2 A1
        read  M2 00:00 9                   -> first
        read  M2 00:15 8 times=3 every=0s  -> refused backward, opens inspect_meter M2 id=1
        read  M1 00:15 7                   -> good
        read  M1 00:30 6 times=3 every=0s  -> refused backward, opens inspect_meter M1 id=2
        adjustment    A1 -30   -> notice low_balance, notice trip_due, trip A1 M1 id=1
        top_up        A1 30    -> restore A1 M1 id=2
        +60s                   -> restore A1 M1 id=2 attempt=2, opens field_restore A1
        close_account A1       -> closes inspect_meter M2, closes inspect_meter M1, closes field_restore A1
        see account A1 state=closed
        see commands
        +1d
        ack 2 done             -> refused stale_ack
        read     M1 00:45 100  -> refused closed M1
        top_up   A1 10         -> refused closed A1
        reversal A1 -1
        close_account   A1     -> refused closed A1
        autopay_started A1     -> refused closed A1
    """)


def test_rebase_meter():
    check_home("""
        read  M1 00:15 100          -> good
        read  M1 01:00 400          -> gap
        see gaps M1 00:15-01:00
        rebase_meter M1 7 01:15     -> first wh=0 charge=0 start=01:15 end=01:15
        see meter M1 last_at=01:15 last_value=7
        see gaps M1
        read  M1 01:30 17           -> good wh=10
        # At the newest read's instant, but not before it.
        rebase_meter M1 0 01:30     -> first
        rebase_meter M1 0 01:15     -> refused bad_update M1 value=0 at=01:15
        read  M1 01:45 5            -> good wh=5
    """)


def test_rebase_meter_is_refused_as_a_read_would_be():
    check_home("""
        meter M2 A1 reading=interval
        meter M3 A1 modulus=1000
        rebase_meter M1 7            -> refused bad_update M1
        update rebase_meter meter_id=M1 at=00:15  -> refused bad_update M1
        update rebase_meter value=1 at=00:15      -> refused bad_update
        rebase_meter M2 7 00:15      -> refused bad_update M2
        rebase_meter M1 7 00:17      -> refused misaligned M1
        rebase_meter M1 7 07-01T00:15  -> refused out_of_calendar M1
        rebase_meter M1 7 01:15      -> refused future M1
        rebase_meter M1 -1 00:15     -> refused bad_value M1
        rebase_meter M3 1000 00:15   -> refused bad_value M3
        rebase_meter M3 999 00:15    -> first
    """)


def test_exchange_meter_with_a_last_read():
    check_home("""
        meter M2 A1 initial_at=00:30 initial_value=0
        read  M1 00:15 100                -> good
        exchange_meter M1 M2 150 00:30    -> good wh=50 charge=0.025
        see meter M1 in_use=no last_value=150
        read  M1 00:45 200                -> refused closed M1
        read  M2 00:45 20                 -> good wh=20
        # The new one is the account's switch.
        adjustment A1 -25                 -> notice low_balance, notice trip_due
        +48h                              -> trip A1 M2
    """)


def test_exchange_meter_with_nothing_or_what_was_read_already():
    check_home("""
        meter M2 A1
        meter M3 A1
        read  M1 00:15 100              -> good
        exchange_meter M1 M2 100 00:15
        see meter M1 in_use=no
        exchange_meter M2 M3
        see meter M2 in_use=no
    """)


def test_exchange_meter_is_refused_and_nothing_else_happens():
    check_home("""
        account A2 25
        meter M2 A1
        meter M3 A2
        read  M1 00:15 100              -> good
        exchange_meter M1 M2 99 00:30   -> refused backward M1
        exchange_meter M1 M2 101 00:15  -> refused conflict M1
        exchange_meter M1 M2 200 00:31  -> refused misaligned M1
        exchange_meter M1 M2 200        -> refused bad_update M1
        exchange_meter M1               -> refused bad_update M1
        exchange_meter M1 M1            -> refused bad_update M1
        exchange_meter M1 M3            -> refused bad_update M1
        see meter M1 in_use=yes
        read  M1 00:30 200              -> good wh=100
        exchange_meter M1 M2
        exchange_meter M1 M2            -> refused bad_update M1
        exchange_meter M2 M1            -> refused bad_update M2
    """)


def test_an_exchanged_meter_takes_its_doubts_and_findings_with_it():
    check_one_attempt("""
        adjustment A1 -25     -> notice low_balance, notice trip_due, trip A1 M1 id=1
        ack 1 done            -> notice tripped
        meter M2 A1
        read  M1 00:15 5                   -> good
        read  M1 00:30 4 times=3 every=0s  -> refused backward, opens inspect_meter M1
        top_up A1 30                       -> restore A1 M1 id=2
        +60s                               -> restore A1 M1 id=2 attempt=2, opens field_restore A1
        exchange_meter M1 M2               -> closes inspect_meter M1, closes field_restore A1
        see account A1 state=on unsure=no
        see commands
        ack 2 done                         -> refused stale_ack
        +1d
    """)


def test_the_new_relay_is_closed_so_that_the_notice_runs_anew():
    check_at_once("""
        adjustment A1 -25     -> notice low_balance, notice trip_due, trip A1 M1 id=1
        ack 1 done            -> notice tripped
        meter M2 A1
        exchange_meter M1 M2 now=01:00  -> notice trip_due A1
        see account A1 state=due unsure=no blocked_by=reading
    """)


def test_close_finding():
    check_home("""
        read M1 00:15 100                   -> good
        read M1 00:30 99 times=3 every=0s   -> refused backward, opens inspect_meter M1 id=1
        close_finding 2  -> refused bad_update
        close_finding 0  -> refused bad_update
        close_finding    -> refused bad_update
        close_finding 1  -> closes inspect_meter M1 id=1
        close_finding 1  -> refused bad_update
        # The row goes on.
        read M1 00:30 98                    -> refused backward, opens inspect_meter M1 id=2
    """)


@pytest.mark.parametrize(
    ("opens", "kind", "setting"),
    [
        ("+2h", "clock_jump", 'clock_jump = "1h"'),
        ("at 06-01T00:00", "calendar_ends", ""),
        ("adjustment A1 -25  -> notice low_balance, notice trip_due", "mass_trip", "mass_trip_fraction = 0"),
    ],
)
def test_no_hand_closes_what_is_about_the_engine(opens, kind, setting):
    told = f"{opens}{', ' if '->' in opens else ' -> '}opens {kind}"
    check_home(f"{told}\nclose_finding 1 -> refused bad_update\nsee findings {kind}:None\n", engine=setting)


def test_close_order():
    check_one_attempt("""
        adjustment A1 -25     -> notice low_balance, notice trip_due, trip A1 M1 id=1
        +60s            -> opens trip_failed A1 id=1
        close_order 2   -> refused bad_update
        close_order     -> refused bad_update
        close_order 1   -> closes trip_failed A1 id=1
        close_order 1   -> refused bad_update
        # The gate is another matter.
        see orders
        see account A1 state=due unsure=yes blocked_by=cooldown
    """)


def test_updates_are_refused_in_order():
    check_home("""
        account A2 25
        account A3 25
        meter   M2 A2
        meter   M3 A1 reading=interval
        meter   M4 A3
        close_account A2
        set_tariff A9 free           -> refused unknown_account A9
        set_policy A9 late           -> refused unknown_account A9
        set_tariff A2 free           -> refused unknown_tariff A2
        set_policy A2 late           -> refused unknown_policy A2
        set_tariff A2                -> refused closed A2
        set_protected A2 7           -> refused closed A2
        approve_trip  A2             -> refused closed A2
        rebase_meter  M9             -> refused unknown_meter M9
        exchange_meter M9 M9         -> refused unknown_meter M9
        exchange_meter M2 M9         -> refused unknown_meter M2
        rebase_meter  M3 -1 00:17    -> refused bad_update M3 value=-1 at=00:17
        rebase_meter  M2 -1 00:17    -> refused bad_update M2
        exchange_meter M1 M4 -1 00:17  -> refused bad_update M1
        update mend_meter meter_id=M1  -> refused bad_update M1
        update mend_meter              -> refused bad_update
    """)


def test_numbers_as_ids_are_written_plainly():
    story = """
        account 1 25 district_id=7
        meter   10 1
        meter   11 1
        suspend_trips  07        -> refused unknown_district 07
        suspend_trips  text=+7   -> refused unknown_district +7
        suspend_trips  7
        see district   7 suspended=yes
        exchange_meter 10 011    -> refused unknown_meter 10
        exchange_meter 10 x      -> refused unknown_meter 10
        exchange_meter 10 11
        see meter      10 in_use=no
    """
    check(story, county(), ids="uint64")
