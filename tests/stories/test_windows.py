"""Windows: what a district took in, gave out and lost, and how many reads came (reference, section 8).

Windows are an hour long, close two hours later, and end at whole hours of the county's local time. Energy
stands in Wh; a window's received and expected are those of all its classes.
"""

from __future__ import annotations

from stories.county import county
from stories.language import check

# A district with a transformer's meter and one customer, both read at midnight.
DISTRICT = """
    account A1 100
    meter   M1 A1
    supply  S1 D1
    read    M1 00:00 0    -> first
    & read  S1 00:00 0    -> first
    watch   districts collection
"""
# One customer alone.
ALONE = """
    account A1 100
    meter   M1 A1
    read    M1 00:00 0    -> first
    watch   districts collection
"""


def check_with(story: str, engine: str = "") -> None:
    """Run a story in a county whose settings differ in the lines given."""
    check(story, county(engine))


def check_fed(story: str, engine: str = "") -> None:
    check_with(DISTRICT + story, engine)


def check_alone(story: str, engine: str = "") -> None:
    check_with(ALONE + story, engine)


def test_a_window_closes_when_its_lateness_is_over():
    check_fed("""
        read M1 00:15 75 times=4 step=75     -> good wh=75
        read S1 00:15 100 times=4 step=100   -> good wh=100
        at 01:59:59
        at 02:00  -> window D1 end=00:00 revision=0 supply=0 consumption=0 loss=0 ratio=- received=0 expected=0
        at 03:00  -> window D1 end=01:00 supply=400 consumption=300 loss=100 ratio=0.25 received=8 expected=8, \
            collection D1 public end=01:00 received=4 expected=4  collection D1 low_voltage received=4 expected=4
    """)


def test_lateness_is_a_setting():
    story = """
        read M1 00:15 100  -> good
        at 00:59:59
        at 01:00  -> window D1 end=01:00 consumption=100 received=1 expected=4, collection D1 low_voltage
    """
    check_with(
        ALONE.replace("-> first", "-> first, window D1 end=00:00 received=0 expected=0") + story,
        'allowed_lateness = "0s"',
    )


def test_windows_close_by_their_end_and_then_by_the_districts_arrival():
    check_with("""
        district D2
        account  A1 100
        account  A2 100 district_id=D2
        meter    M1 A1
        meter    M2 A2
        read     M1 00:00 0  -> first
        & read   M2 00:00 0  -> first
        watch    districts
        at 03:00  -> window D2 end=00:00, window D1 end=00:00, window D2 end=01:00, window D1 end=01:00
    """)


def test_energy_goes_into_windows_by_the_spread():
    # 10 Wh over three cells: 4 in the first, which is the hour's last, and 3 in each of the others.
    check_alone("""
        read M1 00:15 100 times=3 step=100  -> good
        read M1 01:30 310                   -> gap wh=10
        at 02:00  -> window D1 end=00:00
        at 03:00  -> window D1 end=01:00 consumption=304 loss=-304 ratio=- received=3 expected=4, \
            collection D1 low_voltage received=3 expected=4
        at 04:00  -> window D1 end=02:00 consumption=6 received=1 expected=4, collection D1 low_voltage
    """)


def test_a_late_read_revises_the_windows_it_changes_whole():
    check_alone("""
        read M1 00:15 100 times=3 step=100  -> good
        read M1 01:30 600                   -> gap wh=300
        at 02:00  -> window D1 end=00:00
        at 03:00  -> window D1 end=01:00 consumption=400 received=3 expected=4, \
            collection D1 low_voltage revision=0
        at 04:00  -> window D1 end=02:00 consumption=200 received=1 expected=4, \
            collection D1 low_voltage revision=0
        # Of the 300 Wh since 00:45, 250 were used before 01:00, not 100.
        read M1 01:00 550 now=05:00  -> late wh=0, window D1 end=03:00 revision=0, \
            window D1 end=01:00 revision=1 consumption=550 received=4 expected=4, \
            window D1 end=02:00 revision=1 consumption=50 received=1 expected=4, \
            collection D1 low_voltage end=03:00 received=0 expected=4, \
            collection D1 low_voltage end=01:00 revision=1 received=4, \
            collection D1 low_voltage end=02:00 revision=1 received=1
        read M1 01:15 580  -> late wh=0, window D1 end=02:00 revision=2 consumption=50 received=2, \
            collection D1 low_voltage revision=2 received=2
    """)


def test_a_batch_revises_a_window_once():
    check_alone("""
        at 03:00  -> window D1 end=00:00, window D1 end=01:00 consumption=0 received=0 expected=4, \
            collection D1 low_voltage
        read   M1 00:15 100  -> good
        & read M1 00:30 200  -> good
        & read M1 00:45 300  -> good, \
            window D1 end=01:00 revision=1 consumption=300 received=3 expected=4, \
            collection D1 low_voltage revision=1 received=3
    """)


def test_what_is_expected_stays_as_it_was_when_the_window_closed():
    check_alone("""
        read  M1 00:15 100 times=4 step=100  -> good
        at 03:00  -> window D1 end=00:00, window D1 end=01:00 consumption=400 received=4 expected=4, \
            collection D1 low_voltage
        account A2 100 klass=special
        meter   M2 A2
        # A baseline is neither received nor energy: it revises nothing.
        read  M2 00:00 0    -> first
        read  M2 00:30 200  -> gap, \
            window D1 end=01:00 revision=1 consumption=600 received=5 expected=4, \
            collection D1 special revision=1 received=1 expected=0, \
            collection D1 low_voltage revision=1 received=4 expected=4
        at 04:00  -> window D1 end=02:00 received=0 expected=8, \
            collection D1 special expected=4, collection D1 low_voltage expected=4
    """)


def test_a_meter_is_expected_as_often_as_its_interval_says():
    check_with("""
        account A1 100
        meter   M1 A1 interval_s=1800
        meter   M2 A1 interval_s=900 reading=interval
        read    M1 00:00 0   -> first
        watch   districts
        # An interval meter's first read is one of those expected; what came before it is not.
        read    M2 00:30 50 times=3 step=0  -> good wh=50
        at 02:00  -> window D1 end=00:00 received=0 expected=0
        at 03:00  -> window D1 end=01:00 consumption=150 received=3 expected=5
        at 04:00  -> window D1 end=02:00 consumption=0 received=0 expected=6
    """)


def test_a_daily_meter_is_expected_at_local_midnight():
    # Days of UTC end at 08:00 here. 2,400 Wh in 96 cells: 25 each, 32 of them before 08:00.
    check_with(
        """
        account A1 100
        meter   M1 A1 interval_s=86400
        read    M1 00:00 0             -> first
        watch   districts
        read    M1 01-02T00:00 2400 now=01-02T01:00  -> good wh=2400, \
            window D1 end=01-01T08:00 consumption=800 received=0 expected=0
        at 01-02T10:00  -> window D1 end=01-02T08:00 consumption=1600 received=1 expected=1
        at 01-03T10:00  -> window D1 end=01-03T08:00 consumption=0 received=0 expected=1
        """,
        'window = "24h"',
    )


def test_a_daily_meter_is_expected_at_midnight_after_a_day_of_23_hours():
    # In Berlin, 2026-03-29 ends at 22:00 UTC, though it began at 23:00 UTC.
    check_with(
        """
        account A1 100
        meter   M1 A1 interval_s=86400
        read    M1 2026-03-29T20:00Z 0  -> first
        watch   districts
        at 2026-03-29T22:00Z  -> window D1 end=2026-03-29T20:00Z expected=0
        at 2026-03-29T23:00Z  -> window D1 end=2026-03-29T21:00Z expected=0
        at 2026-03-30T00:00Z  -> window D1 end=2026-03-29T22:00Z received=0 expected=1
        at 2026-03-30T01:00Z  -> window D1 end=2026-03-29T23:00Z expected=0
        """,
        'timezone = "Europe/Berlin"\ncalendar = { from = 2026-03-01, to = 2026-07-01 }',
    )


def test_windows_begin_with_the_first_accepted_read():
    # 800 Wh since an initial read at 00:00: all are charged, the half of them is in the first window.
    check_with("""
        account A1 100
        meter   M1 A1 initial_at=00:00 initial_value=0
        watch   districts
        at 02:00
        read    M1 02:00 -1   -> refused bad_value
        read    M1 02:00 800  -> gap wh=800 charge=0.4
        # The finer spread counts where it is in a window; the read's own instant is before them.
        read    M1 01:00 700  -> late wh=0
        at 04:00  -> window D1 end=02:00 consumption=100 received=1 expected=4
    """)


def test_windows_begin_no_earlier_than_the_horizon():
    check_with(
        """
        account A1 100
        meter   M1 A1
        watch   districts
        at 06:00
        # The first that ends after 02:00; and what is due has closed at once.
        read    M1 00:00 0  -> first, window D1 end=03:00 received=0 expected=4, \
            window D1 end=04:00 received=0 expected=4
        # 16 cells of 100 Wh: those to 02:00 are left out, those to 03:00 and 04:00 are not.
        read    M1 04:00 1600  -> gap wh=1600 charge=0.8, \
            window D1 end=03:00 revision=1 consumption=400 received=0, \
            window D1 end=04:00 revision=1 consumption=400 received=1
        """,
        'window_horizon = "4h"',
    )


def test_what_falls_into_windows_beyond_the_horizon_is_charged_and_left_out():
    check_with(
        ALONE.replace("districts collection", "districts")
        + """
        at 02:00  -> window D1 end=00:00
        at 03:00  -> window D1 end=01:00
        at 04:00  -> window D1 end=02:00
        # T - 4 h is 01:00: a window that ends there is too old, the next is not.
        read M1 01:00 400 now=05:00  -> gap wh=400 charge=0.2 balance=99.8, window D1 end=03:00
        read M1 02:00 800  -> gap wh=400 charge=0.2, \
            window D1 end=02:00 revision=1 consumption=400 received=1
        at 10:00  -> window D1 end=04:00, window D1 end=05:00, window D1 end=06:00, window D1 end=07:00, \
            window D1 end=08:00
        # 20 cells of 100 Wh from 02:00: only the window to 07:00 is younger than 06:00.
        read M1 07:00 2800  -> gap wh=2000 charge=1, \
            window D1 end=07:00 revision=1 consumption=400 received=1 expected=4
        """,
        'window_horizon = "4h"',
    )


def test_classes_stand_in_the_order_of_the_registry():
    check_with("""
        account A1 100
        account A2 100 klass=special
        account A3 100 klass=public
        meter   M1 A1
        meter   M2 A2
        meter   M3 A3
        supply  S1 D1
        read    M1 00:00 0   -> first
        & read  M2 00:00 0   -> first
        & read  M3 00:00 0   -> first
        & read  S1 00:00 0   -> first
        read    M2 00:15 10  -> good
        & read  M3 00:15 10  -> good
        & read  S1 00:15 10  -> good
        watch   collection
        at 02:00
        at 03:00  -> collection D1 special received=1 expected=4, \
            collection D1 public received=2 expected=8, collection D1 low_voltage received=0 expected=4
    """)


def test_meters_that_are_not_in_use_are_not_expected():
    check_with("""
        account A1 100
        account A2 100
        meter   M1 A1
        meter   M2 A2
        meter   M3 A1
        meter   M4 A1
        read    M1 00:00 0   -> first
        & read  M2 00:00 0   -> first
        & read  M3 00:00 0   -> first
        watch   districts
        at 03:00  -> window D1 end=00:00, window D1 end=01:00 expected=12
        close_account A2
        at 04:00  -> window D1 end=02:00 expected=8
        exchange_meter M3 M4
        at 05:00  -> window D1 end=03:00 expected=4
    """)


def test_all_that_feeds_a_district_is_supply():
    # 300 from the transformer and 100 from a roof, 500 used: a loss of -100, a quarter of what was supplied.
    check_fed("""
        supply S2 D1 reading=interval
        read   M1 00:15 125 times=4 step=125  -> good
        read   S1 00:15 75 times=4 step=75    -> good
        read   S2 00:15 25 times=4            -> good wh=25
        at 02:00  -> window D1 end=00:00
        at 03:00  -> window D1 end=01:00 supply=400 consumption=500 loss=-100 ratio=-0.25 received=12 expected=12, \
            collection D1 public received=8 expected=8, collection D1 low_voltage received=4 expected=4
    """)
