"""The engine's time, the calendar, and days of 23, 24½ and 25 hours (reference, sections 2 and 3)."""

from __future__ import annotations

import pytest

from fastcore import Config, ConfigError
from stories.county import FLAT, HOME, county
from stories.language import check

LONG = 'calendar = { from = 2026-01-01, to = 2027-07-01 }\nmax_jump = "400d"'
# Standing charge 1 a midnight; a kWh costs 1, and from 01:00 to 03:00 local time 2.
NIGHT = """
[tariffs.flat]
[[tariffs.flat.rates]]
valid_from = 2026-01-01
standing = "1"
prices = { a = "1", b = "2" }
schedule = [ { from = "01:00", to = "03:00", price = "b" }, { price = "a" } ]
"""


def check_abroad(story: str, zone: str, tariffs: str = NIGHT) -> None:
    """A story in another zone, and a calendar in which it may begin late."""
    check(story, county(f'timezone = "{zone}"\n{LONG}', tariffs=tariffs))


def test_time_never_goes_back():
    check(
        HOME
        + """
        at 10:00
        feed now=02:00
        # Still 10:00, so that a payment of 11:00 is no future.
        top_up A1 1 at=11:00 now=03:00
        top_up A1 1 at=11:01 now=03:00  -> refused future A1
        """,
        county(),
    )


def test_a_batch_too_far_ahead_is_malformed_but_a_tick_may_be():
    check(
        HOME
        + """
        feed   now=+169h        -> malformed
        top_up A1 1 now=+604801s  -> malformed
        top_up A1 1 now=+168h
        +10d
        """,
        county('max_jump = "7d"'),
    )


def test_the_first_batch_sets_the_time_from_anywhere():
    check(
        """
        account A1 25 now=03-01T00:00
        meter   M1 A1
        see     account A1 state=on
        read    M1 03-01T00:15 5  -> first
        """,
        county('max_jump = "1h"'),
    )


def test_a_config_gives_new_limits_and_not_a_new_shape():
    dear = county(tariffs=FLAT.replace('"0.5"', '"0.7"'))
    check(
        HOME
        + """
        read M1 00:15 1000  -> good charge=0.5
        config dear
        read M1 00:30 2000  -> good charge=0.7
        config zone         -> malformed
        config window       -> malformed
        config shorter      -> malformed
        config without      -> malformed
        config nonsense     -> malformed
        config longer
        read M1 00:45 3000  -> good charge=0.5
        """,
        county(),
        configs={
            "dear": dear,
            "zone": county('timezone = "Asia/Tokyo"'),
            "window": county('window = "2h"'),
            "shorter": county("calendar = { from = 2026-01-01, to = 2026-06-30 }"),
            "without": county(tariffs=FLAT.replace("tariffs.flat", "tariffs.other")),
            "nonsense": "engine = 5",
            "longer": county("calendar = { from = 2026-01-01, to = 2027-01-01 }"),
        },
    )


def test_midnights_fall_on_cells_or_the_configuration_is_refused():
    # Kathmandu is 5:45 ahead: its midnights come at 18:15Z, on quarters of an hour and on no whole one.
    zone = 'timezone = "Asia/Kathmandu"'
    assert check("account A1 25 -> opening A1 amount=25", county(zone)) == 1
    with pytest.raises(ConfigError, match="cell"):
        Config.from_toml(county(f'{zone}\ncell = "1h"'))


def test_the_day_of_23_hours_in_london():
    # On 29 March 2026 01:00 became 02:00: that day runs from 00:00Z to 23:00Z, and 01:15Z is 02:15 there.
    check_abroad(
        """
        account A1 100
        meter   M1 A1
        read    M1 2026-03-29T00:00Z     0  -> first
        # 00:45 to 01:00 local.
        read    M1 2026-03-29T00:45Z     0  -> gap
        read    M1 2026-03-29T01:00Z  1000  -> good charge=1
        # 02:00 to 02:15 local: of the two dear hours, this day has the second alone.
        read    M1 2026-03-29T01:15Z  2000  -> good charge=2
        read    M1 2026-03-29T02:00Z  2000  -> gap
        # 03:00 to 03:15 local.
        read    M1 2026-03-29T02:15Z  3000  -> good charge=1
        # The next midnight comes after 23 hours.
        read    M1 2026-03-29T22:45Z  3000  -> gap
        read    M1 2026-03-29T23:00Z  3000  -> good, standing A1 amount=-1
        read    M1 2026-03-30T00:00Z  3000  -> gap
        """,
        "Europe/London",
    )


def test_the_whole_day_of_23_hours_in_london():
    # 92 cells of 10: four of them dear, 01:00 to 02:00 being left out.
    check_abroad(
        """
        account A1 100
        meter   M1 A1
        read    M1 2026-03-29T00:00Z   0  -> first
        read    M1 2026-03-29T23:00Z 920  -> gap charge=0.96, standing A1 amount=-1
        """,
        "Europe/London",
    )


def test_the_day_of_25_hours_in_new_york():
    # On 1 November 2026 02:00 became 01:00 again: from 04:00Z to 05:00Z the next day, with three dear hours.
    check_abroad(
        """
        account A1 100
        meter   M1 A1
        read    M1 2026-11-01T04:00Z    0  -> first
        # 100 cells of 10, 12 of them dear.
        read    M1 2026-11-02T05:00Z 1000  -> gap charge=1.12, standing A1 amount=-1
        """,
        "America/New_York",
    )


def test_both_hours_that_are_called_one_in_new_york():
    check_abroad(
        """
        account A1 100
        meter   M1 A1
        # The intervals begin at 00:45 and 01:45 EDT, and at 01:00, 02:45 and 03:00 EST.
        read    M1 2026-11-01T04:45Z    0  -> first
        read    M1 2026-11-01T05:00Z 1000  -> good charge=1
        read    M1 2026-11-01T05:45Z 1000  -> gap
        read    M1 2026-11-01T06:00Z 2000  -> good charge=2
        read    M1 2026-11-01T06:15Z 3000  -> good charge=2
        read    M1 2026-11-01T07:45Z 3000  -> gap
        read    M1 2026-11-01T08:00Z 4000  -> good charge=2
        read    M1 2026-11-01T08:15Z 5000  -> good charge=1
        """,
        "America/New_York",
    )


def test_the_day_of_24_hours_and_a_half_on_lord_howe():
    # On 5 April 2026 02:00 became 01:30 again. It begins at 13:00Z the day before and ends at 13:30Z: 98 cells,
    # of which 01:00 to 03:00 and half an hour more are dear: ten.
    check_abroad(
        """
        account A1 100
        meter   M1 A1
        read    M1 2026-04-04T13:00Z   0  -> first
        read    M1 2026-04-05T13:15Z 970  -> gap wh=970 charge=1.07
        read    M1 2026-04-05T13:30Z 980  -> good charge=0.01, standing A1 amount=-1
        """,
        "Australia/Lord_Howe",
    )


def test_tier_months_are_local():
    tiers = """
[tariffs.flat]
tier_period = "month"
[[tariffs.flat.rates]]
valid_from = 2026-01-01
prices = { flat = "1" }
schedule = [ { price = "flat" } ]
tiers = [ { above = 1, add = "1" } ]
"""
    # April begins in London at 23:00Z.
    check_abroad(
        """
        account A1 100
        meter   M1 A1
        read    M1 2026-03-31T22:45Z    0  -> first
        read    M1 2026-03-31T23:00Z 2000  -> good charge=3
        see     account A1 tier_energy=2
        read    M1 2026-03-31T23:15Z 3000  -> good charge=1
        see     account A1 tier_energy=1
        """,
        "Europe/London",
        tiers,
    )


def test_trip_windows_are_local():
    # 09:00 in London is 08:00Z in summer.
    check(
        """
        account A1 25
        meter   M1 A1
        read    M1 2026-03-29T01:00Z 0  -> first
        adjustment A1 -25  -> notice low_balance A1 20, notice trip_due A1
        at 2026-03-29T07:59Z
        see account A1 blocked_by=window
        at 2026-03-29T08:00Z  -> trip A1 M1 expires=2026-03-29T08:10Z
        """,
        county(
            f'timezone = "Europe/London"\n{LONG}',
            'notice = "0s"\nwindows = [ { days = "sun", from = "09:00", to = "16:00" } ]',
        ),
    )
