"""What energy costs: time of use, standing charges, corrections, versions (reference, section 5)."""

from __future__ import annotations

from stories.county import HOME, county
from stories.language import check

# A kWh costs 0.3 by night (until 06:00), 1 from 06:00 to 22:00.
TOU = """
[tariffs.flat]
[[tariffs.flat.rates]]
valid_from = 2026-01-01
prices = { day = "1", night = "0.3" }
schedule = [ { from = "22:00", to = "06:00", price = "night" }, { price = "day" } ]
"""
STANDING = """
[tariffs.flat]
[[tariffs.flat.rates]]
valid_from = 2026-01-01
standing = "0.4"
prices = { flat = "0.5" }
schedule = [ { price = "flat" } ]
"""


def check_home(story: str, tariffs: str) -> None:
    check(HOME + story, county(tariffs=tariffs))


def test_a_cell_belongs_to_the_hour_in_which_it_starts():
    check_home(
        """
        read M1 05:45    0  -> gap charge=0
        # 05:45 to 06:00 is night.
        read M1 06:00 1000  -> good charge=0.3
        read M1 06:15 2000  -> good charge=1
        """,
        TOU,
    )


def test_energy_is_spread_in_whole_watt_hours_the_first_cells_get_one_more():
    # 05:30 to 06:30: 250 a cell, and a remainder r goes to the first r cells.
    check_home(
        """
        read M1 05:30    0  -> gap
        # 251 and 251 by night, 251 and 250 by day: 502 · 0.0003 + 501 · 0.001.
        read M1 06:30 1003  -> gap wh=1003 charge=0.6516
        """,
        TOU,
    )


def test_a_long_gap_is_one_stretch():
    check_home(
        """
        # A day of 96 cells at 10 Wh: 32 by night, 64 by day.
        read M1 24:00 960  -> gap charge=0.736
        """,
        TOU,
    )


def test_a_late_read_corrects_the_time_of_use():
    check_home(
        """
        read M1 05:00    0  -> gap
        # 8 cells of 250, four on each side of 06:00.
        read M1 07:00 2000  -> gap charge=1.3 balance=23.7
        # All 2000 by day cost 2: 0.7 more than was charged.
        read M1 06:00    0  -> late charge=0, correction A1 amount=-0.7 balance=23 at=06:00
        # Within one price there is nothing to correct.
        read M1 06:30  100  -> late
        """,
        TOU,
    )


def test_a_correction_may_give_money_back():
    check_home(
        """
        read M1 05:00    0  -> gap
        read M1 07:00 2000  -> gap charge=1.3
        read M1 06:00 2000  -> late, correction A1 amount=0.7 at=06:00
        """,
        TOU,
    )


def test_a_correction_is_at_the_accounts_present_tariff():
    tariffs = TOU + TOU.replace("tariffs.flat", "tariffs.dear").replace('"0.3"', '"0.5"')
    check_home(
        """
        read       M1 05:00    0  -> gap
        read       M1 07:00 2000  -> gap charge=1.3
        set_tariff A1 dear
        # By the spread 1000 · 0.5 + 1000 · 1, by the late read 2000 · 1.
        read       M1 06:00    0  -> late, correction A1 amount=-0.5
        """,
        tariffs,
    )


def test_a_standing_charge_for_each_midnight():
    check_home(
        """
        read M1 23:45       0  -> gap
        read M1 24:00       0  -> good, standing A1 amount=-0.4 at=24:00 balance=24.6
        read M1 24:15       0  -> good
        # Three midnights: 3, 4 and 5 January.
        read M1 01-05T00:15 0  -> gap, standing A1 amount=-1.2 balance=23.4
        # The charge lowers the balance before its rows come.
        read M1 01-06T00:00 200 -> gap charge=0.1 balance=23.3, standing A1 amount=-0.4 balance=22.9
        """,
        STANDING,
    )


def test_standing_charges_are_the_primary_meters():
    check_home(
        """
        meter M2 A1
        read  M2 00:15 0  -> first
        read  M2 24:15 0  -> gap
        read  M1 24:15 0  -> gap, standing A1 amount=-0.4
        """,
        STANDING,
    )


def test_a_first_read_has_no_standing_charge_but_from_an_initial_read():
    check(
        """
        account A1 25
        meter   M1 A1
        account A2 25
        meter   M2 A2 initial_at=00:00 initial_value=0
        account A3 25
        meter   I3 A3 reading=interval interval_s=86400
        read    M1 24:15 0  -> first
        & read  M2 24:15 0  -> gap, standing A2 amount=-0.4
        & read  I3 24:00 0  -> good
        read    I3 48:00 0  -> good, standing A3 amount=-0.4
        """,
        county(tariffs=STANDING),
    )


def test_the_midnight_that_ends_the_calendar_begins_no_day():
    check(
        """
        account A1 25                -> opens calendar_ends
        meter   M1 A1
        read    M1 00:00 0           -> first
        # 2 January has begun, 3 January will not.
        read    M1 48:00 0           -> gap, standing A1 amount=-0.4
        """,
        county("calendar = { from = 2026-01-01, to = 2026-01-03 }", tariffs=STANDING),
    )


def test_late_reads_have_no_standing_charge():
    check_home(
        """
        read M1 48:15 0  -> gap, standing A1 amount=-0.8
        read M1 24:15 0  -> late
        """,
        STANDING,
    )


def test_the_newest_version_that_has_come_decides():
    later = """
[[tariffs.flat.rates]]
valid_from = 2026-01-02
standing = "0.6"
prices = { flat = "0.8" }
schedule = [ { price = "flat" } ]
"""
    check_home(
        """
        read M1 23:45    0  -> gap
        # The midnight that 2 January starts with is that day's.
        read M1 24:00 1000  -> good charge=0.5, standing A1 amount=-0.6
        read M1 24:15 2000  -> good charge=0.8
        """,
        STANDING + later,
    )


def test_schedule_lines_match_by_month_weekday_and_holiday():
    # 1 January 2026 is a Thursday; 2 January is a holiday, and Saturday 3 January a working day.
    tariffs = """
[tariffs.flat]
[[tariffs.flat.rates]]
valid_from = 2026-01-01
prices = { a = "1", b = "2", c = "3", d = "4" }
schedule = [
  { months = [2], price = "a" },
  { days = "holidays", price = "b" },
  { days = "fri-mon", price = "c" },
  { price = "d" },
]
"""
    story = """
        meter I1 A1 reading=interval
        top_up A1 1000
        read I1 12:00       1000  -> good charge=4
        read I1 01-02T12:00 1000  -> good charge=2
        # Saturday counts as a Monday, which lies in fri-mon as well; Sunday; Monday; Tuesday.
        read I1 01-03T12:00 1000  -> good charge=3
        read I1 01-04T12:00 1000  -> good charge=3
        read I1 01-05T12:00 1000  -> good charge=3
        read I1 01-06T12:00 1000  -> good charge=4
        # The last cell of January, the first one of February.
        read I1 02-01T00:00 1000  -> good charge=3
        read I1 02-01T00:15 1000  -> good charge=1
    """
    days = "holidays = [2026-01-02]\nworkdays = [2026-01-03]"
    check(HOME + story, county(days, tariffs=tariffs))
    # With working days told apart, that Saturday is a Monday.
    apart = tariffs.replace('"fri-mon"', '"sat-sun"')
    check(
        HOME
        + """
        meter I1 A1 reading=interval
        top_up A1 1000
        read I1 01-03T12:00 1000  -> good charge=4
        read I1 01-04T12:00 1000  -> good charge=3
        """,
        county(days, tariffs=apart),
    )


def test_prices_below_zero_pay_the_customer():
    check_home("read M1 00:15 1000 -> good charge=-0.2 balance=25.2", TOU.replace('"0.3"', '"-0.2"'))


def test_supply_meters_are_charged_nothing():
    check_home(
        """
        supply S1 D1
        read   S1 00:15    0  -> first
        read   S1 24:15 9000  -> gap wh=9000 charge=- balance=-
        """,
        STANDING,
    )
