"""The twelve gates of a trip, each closed and then open (reference, section 7)."""

from __future__ import annotations

from stories.county import HOME, county
from stories.language import check

DUE = "    adjustment A1 -25 -> notice low_balance, notice trip_due"
TRIP = f"{DUE}, trip A1 M1\n"


def check_gate(story: str, policy: str = "", engine: str = "", notice: str = "0s", start: str = HOME) -> None:
    """A story in which no other gate is closed."""
    check(start + story, county(engine, f'notice = "{notice}"\n{policy}'))


def closed(name: str) -> str:
    """The account falls due, and that gate holds its trip."""
    return f"{DUE}\n    see account A1 state=due blocked_by={name} unsure=no\n"


def test_no_gate_is_closed():
    check_gate(TRIP + "see account A1 state=tripping blocked_by=-\n")


def test_protected():
    check_gate("set_protected A1 1\n" + closed("protected") + "set_protected A1 0 -> trip A1 M1\n")


def test_approval():
    check_gate("set_manual_approval A1 1\n" + closed("approval") + "approve_trip A1 -> trip A1 M1\n")


def test_an_approval_is_good_for_one_command():
    story = """
        approve_trip A1     -> trip A1 M1 id=1
        +60s                -> opens trip_failed A1
        see account A1 state=due blocked_by=approval unsure=yes
        approve_trip A1
        see account A1 state=due blocked_by=cooldown
        +24h                -> trip A1 M1 id=2
    """
    check_gate("set_manual_approval A1 1\n" + closed("approval") + story, "max_attempts = 1")


def test_an_approval_ends_on_leaving_due():
    story = """
        approve_trip A1
        see account A1 state=due blocked_by=notice
        top_up     A1 1
        see account A1 state=warned
        +1h
        adjustment A1 -1  -> notice trip_due
        +48h
        see account A1 state=due blocked_by=approval
        approve_trip A1   -> trip A1 M1
    """
    check_gate("set_manual_approval A1 1\n" + closed("approval") + story, notice="48h")


def test_suspended_engine():
    check_gate("suspend_trips\n" + closed("suspended") + "resume_trips -> trip A1 M1\n")


def test_suspended_district():
    check_gate("suspend_trips D1\n" + closed("suspended") + "resume_trips D1 -> trip A1 M1\n")


def test_cooldown():
    # 60 s for the answer, then 2 h from the order on: the rate's hour is another by then.
    story = """
        +60s   -> opens trip_failed A1
        see account A1 state=due blocked_by=cooldown
        +7199s
        see account A1 state=due blocked_by=cooldown
        +1s    -> trip A1 M1 id=2
    """
    check_gate(TRIP + story, 'max_attempts = 1\ntrip_cooldown = "2h"')


def test_autopay_until_the_hold_is_over():
    story = """
        +259199s
        see account A1 state=due blocked_by=autopay
        +1s  -> trip A1 M1
    """
    check_gate("autopay_started A1\n" + closed("autopay") + story)


def test_autopay_cleared():
    check_gate("autopay_started A1\n" + closed("autopay") + "autopay_cleared A1 -> trip A1 M1\n")


def test_autopay_failed_gives_a_new_notice():
    story = """
        +3h
        autopay_failed A1  -> notice autopay_failed A1
        see account A1 state=due blocked_by=notice
        +3599s
        +1s                -> trip A1 M1
    """
    check_gate("autopay_started A1\n" + closed("autopay") + story, notice="1h")


def test_notice():
    story = """
        +172799s
        see account A1 state=due blocked_by=notice
        +1s  -> trip A1 M1
    """
    check_gate(closed("notice") + story, notice="48h")


def test_window():
    # 2026-01-01 is a Thursday, 01-04 a Sunday. Two lines that follow each other are one window.
    windows = """[
        { days = "thu", from = "09:00", to = "12:00" }, { days = "thu", from = "12:00", to = "16:00" },
        { days = "sun", from = "10:00", to = "11:00" },
    ]""".replace("\n", " ")
    story = """
        at 08:59:59
        see account A1 state=due blocked_by=window
        at 09:00     -> trip A1 M1 expires=09:10
        ack 1 done   -> notice tripped
        top_up A1 5  -> restore A1 M1 id=2
        ack 2 done   -> notice restored
        at 11:55
        adjustment A1 -5 -> notice trip_due, trip A1 M1 id=3 expires=12:05
        top_up     A1 5  -> restore A1 M1 id=4
        ack 4 done       -> notice restored
        at 16:00
        adjustment A1 -5 -> notice trip_due
        see account A1 state=due blocked_by=window
        at 01-04T09:59:59
        see account A1 state=due blocked_by=window
        at 01-04T10:59   -> trip A1 M1 id=5 expires=01-04T11:00
    """
    check_gate(closed("window") + story, f"windows = {windows}")


def test_a_window_that_begins_with_the_next_cell():
    story = """
        at 08:59:59
        see account A1 state=due blocked_by=window
        at 09:00     -> trip A1 M1
    """
    windows = 'windows = [{ days = "thu", from = "09:00", to = "16:00" }]'
    check_gate(f"at 08:50\n{closed('window')}{story}", windows)


def test_payments_that_were_never_heard_of():
    # 2 kWh cost the 1 that there is.
    story = """
        account A1 1
        meter   M1 A1             -> notice low_balance
        read    M1 00:00    0     -> first
        read    M1 00:15 2000     -> good charge=1 balance=0, notice trip_due
        see account A1 state=due blocked_by=payments
        feed                      -> trip A1 M1
    """
    check_gate(story, engine='payment_feed_timeout = "1h"', start="")


def test_payments_silent_for_longer_than_the_limit():
    limit = 'payment_feed_timeout = "1h"'
    check_gate(f"{closed('notice')}+3600s -> trip A1 M1\n", engine=limit, notice="1h")
    story = """
        +3601s
        see account A1 state=due blocked_by=payments
        feed  -> trip A1 M1
    """
    check_gate(closed("notice") + story, engine=limit, notice="1h")


def test_reading_that_is_stale():
    limit = 'max_staleness = "1h"'
    check_gate(f"{closed('notice')}+3600s -> trip A1 M1\n", limit, notice="1h")
    story = """
        +3601s
        see account A1 state=due blocked_by=reading
        read M1 01:00 0 -> gap, trip A1 M1
    """
    check_gate(closed("notice") + story, limit, notice="1h")


def test_reading_that_is_estimated():
    story = f"""
        read M1 00:15 100 estimated -> estimated
        {closed("reading")}
        read M1 00:30 200           -> good, trip A1 M1
    """
    check_gate(story, engine="accept_estimates = true")


def test_reading_that_tells_of_an_outage():
    story = f"""
        read M1 00:15 100 outage -> outage
        {closed("reading")}
        read M1 00:30 200        -> good, trip A1 M1
    """
    check_gate(story)


def test_reading_that_is_suspect():
    # After 16 intervals of 100 Wh, one of 10 kWh: above 2 kWh, and above 8 times 100 Wh.
    # 1.6 kWh and 10 kWh cost 5.8 of 25.
    story = """
        read M1 00:15   100 times=16 step=100 -> good wh=100
        read M1 04:15 11600                   -> suspect wh=10000 balance=19.2, notice low_balance
        adjustment A1 -25                     -> notice trip_due
        see account A1 state=due blocked_by=reading
        read M1 04:30 11700                   -> good, trip A1 M1
    """
    check_gate(story)


def test_reading_of_each_meter():
    story = f"""
        meter M2 A1 switchable=no
        {closed("reading")}
        read  M2 00:00 0  -> first, trip A1 M1
    """
    check_gate(story)


def test_a_late_read_says_nothing_of_now():
    # The stretch from 00:00 to 01:00 is a gap; a read of its inside is neither the newest nor forward.
    story = f"""
        read M1 01:00 400           -> gap
        read M1 01:15 500 outage    -> outage
        {closed("reading")}
        read M1 00:30 200           -> late
        see account A1 state=due blocked_by=reading
        read M1 01:30 600           -> good, trip A1 M1
    """
    check_gate(story)


def test_outage():
    # Nothing comes of the window 00:00-01:00, all four reads of 01:00-02:00; each closes 2 h later.
    story = """
        +3h                       -> opens outage D1
        see account A1 state=due blocked_by=outage
        read M1 01:15 0           -> gap
        read M1 01:30 0 times=3   -> good
        +59m
        see account A1 state=due blocked_by=outage
        +1m                       -> closes outage D1, trip A1 M1
    """
    check_gate(closed("notice") + story, engine="outage_coverage = 0.5", notice="3h")


def test_switch():
    start = """
        account A1 25
        meter   M1 A1 switchable=no
        read    M1 00:00 0 -> first
    """
    check_gate(closed("switch") + "meter M1 A1 -> trip A1 M1\n", start=start)


STREET = "".join(
    f"account A{i} 25 district_id=D{d}\nmeter M{i} A{i}\nread M{i} 00:00 0 -> first\n"
    for i, d in [(1, 1), (2, 1), (3, 1), (4, 2)]
)


def test_rate_of_the_district():
    # 0.3 of the district's 3 switches is 0.9, so one an hour; the other district has one of its own.
    story = """
        adjustment A2 -25   -> notice low_balance, notice trip_due, trip A2 M2
        ack 1 done          -> notice tripped
        adjustment A1 -25   -> notice low_balance, notice trip_due
        see account A1 state=due blocked_by=rate
        adjustment A4 -25   -> notice low_balance, notice trip_due, trip A4 M4
        ack 2 done          -> notice tripped
        at 00:59:59
        see account A1 state=due blocked_by=rate
        at 01:00            -> trip A1 M1
    """
    check_gate(story, engine="trip_rate_district = 0.3", start=STREET)


def test_rate_of_the_engine():
    # 0.25 of 4 switches: one an hour, wherever it is.
    story = """
        adjustment A4 -25   -> notice low_balance, notice trip_due, trip A4 M4
        ack 1 done          -> notice tripped
        adjustment A1 -25   -> notice low_balance, notice trip_due
        see account A1 state=due blocked_by=rate
        at 00:59:59
        at 01:00            -> trip A1 M1
    """
    check_gate(story, engine="trip_rate_engine = 0.25", start=STREET)


def test_the_first_closed_gate_is_the_one_named():
    story = """
        account A1 0 protected=yes manual_approval=yes
        meter   M1 A1 switchable=no  -> notice low_balance, notice trip_due
        suspend_trips
        autopay_started A1
        see account A1 state=due blocked_by=protected
        set_protected A1 0
        see account A1 blocked_by=approval
        approve_trip A1
        see account A1 blocked_by=suspended
        resume_trips
        see account A1 blocked_by=autopay
        autopay_cleared A1
        see account A1 blocked_by=notice
        at 01:00
        see account A1 blocked_by=window
        at 02:00
        see account A1 blocked_by=payments
        feed
        see account A1 blocked_by=reading
        read M1 02:00 0 -> first
        see account A1 blocked_by=switch
        meter M1 A1
        see account A1 blocked_by=rate
        config free     -> trip A1 M1
    """
    policy = 'notice = "1h"\nwindows = [{ from = "02:00", to = "03:00" }]'
    feed = 'payment_feed_timeout = "1h"'
    configs = {"free": county(feed, policy)}
    check(story, county(f"{feed}\ntrip_rate_engine = 0", policy), configs=configs)
