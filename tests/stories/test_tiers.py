"""What energy costs by what was used before in a month or a year (reference, section 5)."""

from __future__ import annotations

from stories.county import HOME, county
from stories.language import check

# 0.5 a kWh, 0.1 more above 10 kWh a month, and 0.2 more above 20.
TIERS = """
[tariffs.flat]
tier_period = "month"
[[tariffs.flat.rates]]
valid_from = 2026-01-01
prices = { flat = "0.5" }
schedule = [ { price = "flat" } ]
tiers = [ { above = 10, add = "0.1" }, { above = 20, add = "0.2" } ]
"""


def check_home(story: str, tariffs: str) -> None:
    check(HOME + story, county(tariffs=tariffs))


def test_tiers_add_to_what_is_above_them():
    check_home(
        """
        top_up A1 1000
        read M1 00:15  9000  -> good charge=4.5
        see  account A1 tier_energy=9
        # 1000 of them above 10 kWh.
        read M1 00:30 11000  -> good charge=1.1
        # 10 kWh, 1000 of them above 20 kWh too: 5 + 1 + 0.2.
        read M1 00:45 21000  -> good charge=6.2
        see  account A1 tier_energy=21 balance=1013.2
        """,
        TIERS,
    )


def test_a_stretch_over_the_edge_of_a_period_is_cut_there():
    check_home(
        """
        top_up A1 1000
        read M1 01-31T23:30  9000  -> gap charge=4.5
        # All of it January's: 10 kWh, and one above.
        read M1 02-01T00:00 11000  -> gap charge=1.1
        """,
        TIERS,
    )
    check_home(
        """
        top_up A1 1000
        read M1 01-31T23:30  9000  -> gap charge=4.5
        # Four cells of 1000: two bring January to 11, two begin February.
        read M1 02-01T00:30 13000  -> gap wh=4000 charge=2.1
        see  account A1 tier_energy=2
        """,
        TIERS,
    )


def test_energy_of_an_older_period_counts_in_the_one_before():
    # Interval meters, so that late energy is charged: 10 kWh of January and of February cost nothing more.
    check_home(
        """
        top_up A1 1000
        meter I1 A1 reading=interval
        read  I1 00:15        8000  -> good charge=4
        read  I1 02-01T00:15  9000  -> good charge=4.5
        # January had 8 kWh: two are below the tier, one above.
        read  I1 01-31T23:00  3000  -> late charge=1.6
        see   account A1 tier_energy=9
        read  I1 03-01T00:15  1000  -> good charge=0.5
        # Now the one before is February with its 9 kWh. January's counts there.
        read  I1 02-28T12:00  2000  -> late charge=1.1
        see   account A1 tier_energy=1
        """,
        TIERS,
    )


def test_energy_of_a_period_that_is_gone_is_priced_in_the_one_before():
    check(
        """
        account A1 1000
        meter I1 A1 reading=interval
        read  I1 00:15        1000  -> good charge=0.5
        read  I1 02-01T00:15  9000  -> good charge=4.5
        read  I1 03-01T00:15  1000  -> good charge=0.5
        # 9 kWh are February's: of these two, one is above 10.
        read  I1 01-31T23:00  2000  -> late charge=1.1
        """,
        county('late_horizon = "60d"', tariffs=TIERS),
    )


def test_the_one_before_is_so_in_the_calendar_not_among_reads():
    check(
        """
        account A1 1000
        meter I1 A1 reading=interval
        read  I1 00:15       11000  -> good charge=5.6
        read  I1 03-01T00:15  1000  -> good charge=0.5
        # February, which has had nothing, has room for 10 kWh.
        read  I1 01-31T23:00  9000  -> late charge=4.5
        """,
        county('late_horizon = "60d"', tariffs=TIERS),
    )


def test_reads_without_energy_begin_a_period_too():
    check_home(
        """
        top_up A1 1000
        read M1 00:15       12000  -> good charge=6.2
        read M1 02-01T00:00 12000  -> gap charge=0
        see  account A1 tier_energy=12
        read M1 02-01T00:15 12000  -> good charge=0
        see  account A1 tier_energy=0
        """,
        TIERS,
    )


def test_all_meters_of_an_account_use_its_tiers():
    check_home(
        """
        top_up A1 1000
        meter I1 A1 reading=interval
        read  M1 00:15 6000  -> good charge=3
        read  I1 00:30 6000  -> good charge=3.2
        """,
        TIERS,
    )


def test_a_tariff_of_another_period_forgets_what_was_used():
    year = TIERS.replace("tariffs.flat", "tariffs.yearly").replace('"month"', '"year"')
    same = TIERS.replace("tariffs.flat", "tariffs.same")
    check_home(
        """
        top_up A1 1000
        read       M1 00:15 9000  -> good charge=4.5
        set_tariff A1 same
        see        account A1 tier_energy=9
        read       M1 00:30 11000  -> good charge=1.1
        set_tariff A1 yearly
        see        account A1 tier_energy=0
        read       M1 00:45 13000  -> good charge=1
        see        account A1 tier_energy=2
        set_tariff A1 same
        see        account A1 tier_energy=0
        """,
        TIERS + year + same,
    )


def test_a_periods_tiers_are_those_of_its_first_cell():
    later = """
[[tariffs.flat.rates]]
valid_from = 2026-01-15
prices = { flat = "0.6" }
schedule = [ { price = "flat" } ]
tiers = [ { above = 1, add = "1" } ]
"""
    check_home(
        """
        top_up A1 1000
        read M1 01-20T00:00    0  -> gap
        # January keeps its tiers, though not its price.
        read M1 01-20T00:15 9000  -> good charge=5.4
        read M1 02-01T00:00 9000  -> gap
        read M1 02-01T00:15 11000 -> good charge=2.2
        """,
        TIERS + later,
    )


def test_the_period_before_keeps_its_tiers_too():
    later = """
[[tariffs.flat.rates]]
valid_from = 2026-02-01
prices = { flat = "0.6" }
schedule = [ { price = "flat" } ]
tiers = [ { above = 1, add = "1" } ]
"""
    check_home(
        """
        top_up A1 1000
        meter I1 A1 reading=interval
        read  I1 01-20T00:15 9000  -> good charge=4.5
        read  I1 02-01T00:15  500  -> good charge=0.3
        # From 9 to 11 kWh, of which one is above January's ten.
        read  I1 01-31T23:00 2000  -> late charge=1.1
        """,
        TIERS + later,
    )
