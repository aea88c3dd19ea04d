"""What moves an account from state to state, commands and their acks (reference, section 7)."""

from __future__ import annotations

import pytest

from stories.county import HOME, county
from stories.language import check

AT_ONCE = 'notice = "0s"'
DUE = "    adjustment A1 -25 -> notice low_balance A1 20, notice trip_due A1"
# A neighbour makes two trips an hour ordinary.
HOUSES = HOME + "    account A9 25\n    meter M9 A9\n"
TRIPPED = f"{HOUSES}{DUE}, trip A1 M1 id=1\n"
OFF = TRIPPED + "    ack 1 done -> notice tripped A1\n"
RESTORING = OFF + "    top_up A1 5 -> restore A1 M1 id=2\n"


def check_at_once(story: str, policy: str = "", engine: str = "") -> None:
    """A story in which no notice holds a trip."""
    check(story, county(engine, f"{AT_ONCE}\n{policy}"))


# ---- on, warned, due


def test_a_level_is_said_at_it_and_again_after_a_rise_above_it():
    story = """
        adjustment A1 -4.99
        see account A1 state=on balance=20.01
        adjustment A1 -0.01  -> notice low_balance A1 20 balance=20
        see account A1 state=warned
        adjustment A1 -1
        top_up     A1 1
        see account A1 state=warned balance=20
        top_up     A1 0.000000001
        see account A1 state=on
        adjustment A1 -1     -> notice low_balance A1 20
    """
    check(HOME + story, county())


def test_levels_are_remembered_one_by_one():
    story = """
        adjustment A1 -15  -> notice low_balance A1 20, notice low_balance A1 10
        top_up     A1 5
        see account A1 state=warned balance=15
        adjustment A1 -6   -> notice low_balance A1 10
        top_up     A1 12
        see account A1 state=on balance=21
        adjustment A1 -7   -> notice low_balance A1 20
    """
    check(HOME + story, county(policy='warn_below = ["20", "10"]'))


def test_due_at_the_limit_and_back_above_it():
    story = """
        adjustment A1 -24.99 -> notice low_balance
        see account A1 state=warned
        adjustment A1 -0.01  -> notice trip_due A1 balance=0
        see account A1 state=due blocked_by=notice unsure=no
        +47h
        top_up     A1 0.01
        see account A1 state=warned blocked_by=-
        adjustment A1 -0.01  -> notice trip_due
        +47h                                       # the notice runs anew
        see account A1 state=due blocked_by=notice
        +1h                  -> trip A1 M1
    """
    check(HOME + story, county())


def test_due_to_on_in_one_step():
    check(HOME + DUE + "\n top_up A1 25\n see account A1 state=on blocked_by=-\n", county())


def test_an_account_without_a_consumer_meter_does_not_move():
    story = """
        account    A1 25
        adjustment A1 -25
        see account A1 state=on
        meter      M1 A1  -> notice low_balance, notice trip_due
        see account A1 state=due blocked_by=reading
    """
    check_at_once(story)


def test_around_once():
    story = """
        +48h             -> trip A1 M1 id=1 reason=balance issued=+0s expires=+10m
        see account A1 state=tripping blocked_by=-
        see commands trip:A1
        ack 1 done       -> notice tripped A1
        see account A1 state=off unsure=no
        top_up A1 0.01   -> restore A1 M1 id=2 reason=balance issued=+0s expires=+10m
        see account A1 state=restoring
        ack 2 done       -> notice restored A1
        see account A1 state=warned unsure=no
        see commands
    """
    check(HOME + DUE + "\n" + story, county())


def test_credit_and_hysteresis():
    story = """
        adjustment A1 -29.99 -> notice low_balance
        see account A1 state=warned balance=-4.99
        adjustment A1 -0.01  -> notice trip_due, trip A1 M1
        ack 1 done           -> notice tripped
        top_up A1 15
        see account A1 state=off balance=10
        top_up A1 0.01       -> restore A1 M1
    """
    check_at_once(HOME + story, 'trip_below = "-5"\nrestore_above = "10"')


def test_a_trip_under_way_is_superseded_above_the_lower_limit():
    story = """
        adjustment A1 -30 -> notice low_balance, notice trip_due, trip A1 M1
        top_up     A1 0.01 -> restore A1 M1 id=2
        see account A1 state=restoring balance=-4.99
    """
    check_at_once(HOME + story, 'trip_below = "-5"\nrestore_above = "10"')


def test_a_superseded_trip_is_stale():
    story = """
        top_up A1 5   -> restore A1 M1 id=2 attempt=1
        ack 1 done    -> refused stale_ack 1
        see account A1 state=restoring
        ack 2 done    -> notice restored
        see account A1 state=warned
    """
    check_at_once(TRIPPED + story)


def test_a_restored_account_may_be_due_at_once():
    story = """
        adjustment A1 -5
        see account A1 state=restoring balance=0
        ack 2 done    -> notice restored, notice trip_due, trip A1 M1 id=3
    """
    check_at_once(RESTORING + story)


def test_protection_restores_who_is_off():
    story = """
        set_protected A1 1  -> restore A1 M1 reason=protected
        ack 2 done          -> notice restored, notice trip_due
        see account A1 state=due blocked_by=protected unsure=no
    """
    check_at_once(OFF + story)


def test_commands_keep_their_meter():
    story = """
        meter M2 A1
        read  M2 00:00 0            -> first
        meter M1 A1 switchable=no
        +60s                        -> trip A1 M1 id=1 attempt=2
        ack 1 done                  -> notice tripped
        top_up A1 5                 -> restore A1 M1 id=2
        ack 2 done                  -> notice restored
        adjustment A1 -5            -> notice trip_due, trip A1 M2 id=3
    """
    check_at_once(TRIPPED + story)


# ---- a trip's attempts


def test_a_trip_is_sent_five_times_then_given_up():
    story = """
        +59s
        +1s     -> trip A1 M1 id=1 attempt=2 issued=+0s expires=+10m
        +119s
        +1s     -> trip A1 M1 id=1 attempt=3 expires=+10m
        +239s
        +1s     -> trip A1 M1 id=1 attempt=4
        +479s
        +1s     -> trip A1 M1 id=1 attempt=5
        +959s
        see account A1 state=tripping
        +1s     -> opens trip_failed A1
        see account A1 state=due unsure=yes blocked_by=cooldown
        +86399s
        +1s     -> trip A1 M1 id=2 attempt=1
        see account A1 state=tripping unsure=yes
        ack 2 done  -> notice tripped
        top_up A1 1 -> restore A1 M1 id=3
        ack 3 done  -> notice restored
        see account A1 unsure=no state=warned
        see orders trip_failed:A1
    """
    check_at_once(TRIPPED + story)


def test_the_wait_is_never_more_than_an_hour():
    story = """
        +29m
        +1m   -> trip A1 M1 attempt=2
        +59m
        +1m   -> trip A1 M1 attempt=3
    """
    check_at_once(TRIPPED + story, 'ack_timeout = "30m"')


def test_the_order_trip_failed_opens_once_and_the_cooldown_each_time():
    story = """
        +60s          -> opens trip_failed A1 id=1
        +24h          -> trip A1 M1 id=2
        +60s
        see account A1 state=due blocked_by=cooldown
        close_order 1 -> closes trip_failed A1
        +86399s
        +1s           -> trip A1 M1 id=3
        +60s          -> opens trip_failed A1 id=2
    """
    check_at_once(TRIPPED + story, "max_attempts = 1")


def test_without_a_cooldown_the_next_trip_goes_in_the_same_step():
    check_at_once(
        TRIPPED + "+60s -> opens trip_failed A1, trip A1 M1 id=2\n", 'max_attempts = 1\ntrip_cooldown = "0s"'
    )


@pytest.mark.parametrize(
    ("closes", "gate", "opens"),
    [
        ("suspend_trips", "suspended", "resume_trips"),
        ("autopay_started A1", "autopay", "autopay_cleared A1"),
        ("+30s", "payments", "feed"),
    ],
)
def test_a_trip_is_not_repeated_through_a_gate_that_matters(closes, gate, opens):
    story = f"""
        {closes}
        at 00:00:59
        see account A1 state=tripping
        +1s
        see account A1 state=due unsure=yes blocked_by={gate}
        see orders
        {opens} -> trip A1 M1 id=2 attempt=1
    """
    check_at_once(TRIPPED + story, engine='payment_feed_timeout = "59s"' if gate == "payments" else "")


def test_a_trip_is_neither_repeated_nor_valid_outside_its_window():
    story = """
        at 00:14:30
        adjustment A1 -25 -> notice low_balance, notice trip_due, trip A1 M1 id=1 expires=00:15
        +60s
        see account A1 state=due unsure=yes blocked_by=window
        at 01-02T00:00    -> trip A1 M1 id=2 expires=+10m
        top_up A1 1       -> restore A1 M1 id=3
        at 01-02T00:14:30 -> restore A1 M1 id=3 attempt=2 expires=+10m
    """
    check_at_once(HOME + story, 'windows = [{ from = "00:00", to = "00:15" }]')


def test_other_gates_do_not_hold_a_repetition():
    story = """
        set_manual_approval A1 1
        read M1 00:15 100 outage -> outage, trip A1 M1 id=1 attempt=2
    """
    check_at_once(TRIPPED + story)


# ---- unsure


GIVEN_UP = TRIPPED + "    +60s -> opens trip_failed A1\n    see account A1 state=due unsure=yes\n"


@pytest.mark.parametrize(
    "story",
    [
        """
        ack 1 failed
        see account A1 state=due
        ack 1 done     -> notice tripped A1
        see account A1 state=off unsure=yes
        top_up A1 1    -> restore A1 M1 id=2
        """,
        """
        top_up A1 1    -> restore A1 M1 id=2 reason=balance
        ack 1 done     -> refused stale_ack
        ack 2 done     -> notice restored
        see account A1 state=warned unsure=no
        """,
        """
        set_protected A1 1 -> restore A1 M1 id=2 reason=protected
        """,
    ],
    ids=["late_done", "paid", "protected"],
)
def test_what_ends_a_trip_that_was_given_up(story):
    check_at_once(GIVEN_UP + story, "max_attempts = 1")


# ---- a restore's attempts


def test_a_restore_is_repeated_until_it_is_done():
    story = """
        +60s        -> restore A1 M1 id=2 attempt=2
        +119s
        +1s         -> restore A1 M1 id=2 attempt=3, opens field_restore A1
        +59m
        +1m         -> restore A1 M1 id=2 attempt=4
        +1h         -> restore A1 M1 id=2 attempt=5 expires=+10m
        ack 2 done  -> notice restored, closes field_restore A1
        see orders
    """
    check_at_once(RESTORING + story, "max_attempts = 2")


def test_a_field_restore_that_was_closed_does_not_open_again_for_its_command():
    story = """
        +60s          -> restore A1 M1 attempt=2, opens field_restore A1 id=1
        close_order 1 -> closes field_restore A1
        +1h           -> restore A1 M1 attempt=3
        ack 2 done    -> notice restored
    """
    check_at_once(RESTORING + story, "max_attempts = 1")


def test_an_armed_relay_waits_for_the_hand():
    story = """
        +30s
        ack 2 armed  -> notice press_button A1
        +86399s
        +1s          -> restore A1 M1 id=2 attempt=2
        +119s
        +1s          -> restore A1 M1 id=2 attempt=3
        ack 2 done   -> notice restored
    """
    check_at_once(RESTORING + story)


def test_done_comes_before_armed():
    check_at_once(RESTORING + "ack 2 armed\n& ack 2 done -> notice restored\nsee account A1 state=warned\n")


def test_failed_refused_and_an_armed_trip_let_the_wait_go_on():
    story = """
        ack 1 failed
        ack 1 refused
        ack 1 armed
        see account A1 state=tripping
        +59s
        +1s           -> trip A1 M1 id=1 attempt=2
        ack 7 done    -> refused unknown_command 7
        ack 1 perhaps -> refused bad_value 1
        ack 1 done    -> notice tripped
    """
    check_at_once(TRIPPED + story)


# ---- restored by what the meter says

LONG = 'ack_timeout = "1h"'


def test_consumption_after_the_trip_expired_is_a_restore():
    # The trip expires at 00:10, so the interval from 00:00 proves nothing; one without energy neither.
    story = """
        read M1 00:15 100 -> good
        see account A1 state=restoring
        read M1 00:30 100 -> good wh=0
        see account A1 state=restoring
        read M1 00:45 101 -> good wh=1, notice restored
        see account A1 state=warned
    """
    check_at_once(RESTORING + story, LONG)


def test_consumption_before_the_restore_was_issued_proves_nothing():
    story = """
        at 00:31
        top_up A1 5       -> restore A1 M1 id=2
        read M1 00:30 10  -> gap
        read M1 00:45 20  -> good
        see account A1 state=restoring
        read M1 01:00 30  -> good, notice restored
    """
    check_at_once(OFF + story, LONG)


def test_an_estimate_restores_nobody():
    story = """
        read M1 00:15 0              -> good
        read M1 00:30 100 estimated  -> estimated
        see account A1 state=restoring
        read M1 00:45 200            -> good, notice restored
    """
    check_at_once(RESTORING + story, LONG, "accept_estimates = true")
