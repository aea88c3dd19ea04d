"""Configurations that are refused: every rule, with its key; every mistake at once."""

from __future__ import annotations

import re

import pytest

from fastcore.config import Config
from fastcore.errors import ConfigError

GOOD = """
[engine]
currency = "CNY"
timezone = "Europe/London"
calendar = { from = 2026-01-01, to = 2026-07-01 }
cell = "15m"
window = "1h"

[tariffs.t]
tier_period = "month"
[[tariffs.t.rates]]
valid_from = 2025-01-01
standing = "1"
prices = { p = "0.5" }
schedule = [{ price = "p" }]
tiers = [{ above = 10, add = "4" }, { above = 20, add = "5" }]

[policies.p]
warn_below = ["20", "10"]
trip_below = "-1"
restore_above = "0"
windows = [{ days = "mon-fri" }]
"""
RATE = "tariffs.t.rates[0]"


def mistakes(text: str) -> tuple[str, ...]:
    """What `Config.from_toml` says is wrong; none, if it takes the text."""
    try:
        Config.from_toml(text)
    except ConfigError as error:
        return error.mistakes
    return ()


def engine(line: str) -> str:
    return GOOD.replace('window = "1h"', f'window = "1h"\n{line}')


def policy(line: str) -> str:
    return f"{GOOD}\n{line}"


def test_what_the_refused_ones_are_made_from_is_good():
    assert mistakes(GOOD) == ()


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('currency = "CNY"', "", "engine.currency"),
        ('"CNY"', '""', "engine.currency"),
        ('"CNY"', "5", "engine.currency"),
        ("Europe/London", "Europe/Londn", "engine.timezone"),
        ("Europe/London", "../../etc/passwd", "engine.timezone"),
        ("Europe/London", "Europe", "engine.timezone"),
        ("Europe/London", "localtime", "engine.timezone"),
        ("Europe/London", "right/Europe/London", "engine.timezone"),
        (", to = 2026-07-01", "", "engine.calendar.to"),
        ("to = 2026-07-01", "to = 2026-01-01", "engine.calendar.to"),
        ("to = 2026-07-01", "to = 2025-01-01", "engine.calendar.to"),
        ("to = 2026-07-01", 'to = "2026-07-01"', "engine.calendar.to"),
        ("to = 2026-07-01", "to = 2026-07-01T00:00:00", "engine.calendar.to"),
        ("from = 2026-01-01", "from = 1969-12-31", "engine.calendar.from"),
        ("to = 2026-07-01", "to = 2226-02-01", "engine.calendar"),
        ("to = 2026-07-01", "to = 2600-07-01", "engine.calendar.to"),
        ("to = 2026-07-01 }", "to = 2026-07-01, step = 1 }", "engine.calendar.step"),
        ('cell = "15m"', 'cell = "0s"', "engine.cell"),
        ('cell = "15m"', 'cell = "25h"', "engine.cell"),
        ('window = "1h"', 'window = "50m"', "engine.window"),
        ('window = "1h"', 'window = "0h"', "engine.window"),
        ("[tariffs.t]", "[tariffs]\nx = 1\n[tariffs.t]", "tariffs.x"),
        ("[engine]", "colour = 1\n[engine]", "colour"),
        ('tier_period = "month"', 'tier_period = "week"', "tariffs.t.tier_period"),
        ('tier_period = "month"', 'tier_period = "none"', f"{RATE}.tiers"),
        ('tier_period = "month"', "", f"{RATE}.tiers"),
        ("valid_from = 2025-01-01", "valid_from = 2026-01-02", f"{RATE}.valid_from"),
        ("valid_from = 2025-01-01", "", f"{RATE}.valid_from"),
        ('standing = "1"', "standing = 1", f"{RATE}.standing"),
        ('standing = "1"', 'standing = "1000000000"', f"{RATE}.standing"),
        ('standing = "1"', 'standing = "0.0000000001"', f"{RATE}.standing"),
        ('standing = "1"', 'standing = "1e3"', f"{RATE}.standing"),
        ('standing = "1"', 'standing = " 1"', f"{RATE}.standing"),
        ('standing = "1"', 'standing = "1\\n"', f"{RATE}.standing"),
        ('standing = "1"', 'standing = "١"', f"{RATE}.standing"),
        ('standing = "1"', 'standing = "1."', f"{RATE}.standing"),
        ('standing = "1"', 'standing = "+1"', f"{RATE}.standing"),
        ('p = "0.5"', 'p = "10"', f"{RATE}.prices.p"),
        ('p = "0.5"', 'p = "-10"', f"{RATE}.prices.p"),
        ('p = "0.5"', 'p = "0.0000001"', f"{RATE}.prices.p"),
        ('p = "0.5"', "p = 1", f"{RATE}.prices.p"),
        ('prices = { p = "0.5" }', "prices = {}", f"{RATE}.prices"),
        ('{ price = "p" }', "", f"{RATE}.schedule"),
        ('{ price = "p" }', '{ price = "q" }', f"{RATE}.schedule[0].price"),
        ('{ price = "p" }', '{ from = "01:00" }', f"{RATE}.schedule[0].price"),
        ('{ price = "p" }', '{ price = "p", hour = 1 }', f"{RATE}.schedule[0].hour"),
        ('{ price = "p" }', '{ from = "00:15", price = "p" }', f"{RATE}.schedule"),
        ('{ price = "p" }', '{ months = [1, 2, 3, 4, 5], price = "p" }', f"{RATE}.schedule"),
        ('{ price = "p" }', '{ days = "mon-sat", price = "p" }', f"{RATE}.schedule"),
        ('{ price = "p" }', '{ months = [], price = "p" }', f"{RATE}.schedule[0].months"),
        ('{ price = "p" }', '{ months = [0], price = "p" }', f"{RATE}.schedule[0].months"),
        ('{ price = "p" }', '{ months = [13], price = "p" }', f"{RATE}.schedule[0].months"),
        ('{ price = "p" }', '{ months = 7, price = "p" }', f"{RATE}.schedule[0].months"),
        ('schedule = [{ price = "p" }]', 'schedule = ["p"]', f"{RATE}.schedule[0]"),
        ("above = 10", "above = -1", f"{RATE}.tiers[0].above"),
        ("above = 10", 'above = "10"', f"{RATE}.tiers[0].above"),
        ("above = 10", "above = 0.0001", f"{RATE}.tiers[0].above"),
        ("above = 10", "above = nan", f"{RATE}.tiers[0].above"),
        ("above = 10", "above = 20", f"{RATE}.tiers[1].above"),
        ('add = "4"', 'add = "5"', f"{RATE}.tiers[1].add"),
        ('add = "4"', "add = 4", f"{RATE}.tiers[0].add"),
        ('warn_below = ["20", "10"]', "", "policies.p.warn_below"),
        ('["20", "10"]', "[]", "policies.p.warn_below"),
        ('["20", "10"]', "[20]", "policies.p.warn_below"),
        ('["20", "10"]', '["10", "20"]', "policies.p.warn_below[1]"),
        ('["20", "10"]', '["20", "20.0"]', "policies.p.warn_below[1]"),
        ('["20", "10"]', '["20", "-1.000000001"]', "policies.p.warn_below[1]"),
        ('["20", "10"]', str([str(100 - i) for i in range(65)]).replace("'", '"'), "policies.p.warn_below"),
        ('trip_below = "-1"\nrestore_above = "0"', 'trip_below = "0.000000001"', "policies.p.trip_below"),
        ('restore_above = "0"', 'restore_above = "-1.000000001"', "policies.p.restore_above"),
        ('days = "mon-fri"', 'days = "mon-fry"', "policies.p.windows[0].days"),
        ('days = "mon-fri"', 'days = ""', "policies.p.windows[0].days"),
        ('days = "mon-fri"', 'days = "mon,,tue"', "policies.p.windows[0].days"),
        ('days = "mon-fri"', 'days = "mon-holidays"', "policies.p.windows[0].days"),
        ('days = "mon-fri"', 'days = "holidays-mon"', "policies.p.windows[0].days"),
        ('days = "mon-fri"', 'days = "Mon"', "policies.p.windows[0].days"),
        ('days = "mon-fri"', 'days = "mon-"', "policies.p.windows[0].days"),
        ('days = "mon-fri"', 'from = "24:00"', "policies.p.windows[0].from"),
        ('days = "mon-fri"', 'from = "9:00"', "policies.p.windows[0].from"),
        ('days = "mon-fri"', "from = 09:00:00", "policies.p.windows[0].from"),
        ('days = "mon-fri"', 'to = "24:01"', "policies.p.windows[0].to"),
        ('days = "mon-fri"', 'to = "12:60"', "policies.p.windows[0].to"),
        ('days = "mon-fri"', 'price = "p"', "policies.p.windows[0].price"),
        ("[policies.p]", '[policies.""]', "policies."),
    ],
)
def test_a_mistake_is_named_by_its_key(old, new, key):
    assert old in GOOD
    found = mistakes(GOOD.replace(old, new, 1))
    assert [mistake.partition(": ")[0] for mistake in found] == [key]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            'max_jump = "7 d"',
            'engine.max_jump: expected a duration such as "90s", "15m", "48h" or "28d"; found "7 d"',
        ),
        ("max_jump = 7", "engine.max_jump: expected a duration"),
        ('max_jump = "-1h"', "engine.max_jump: expected a duration"),
        ('max_jump = "1.5h"', "engine.max_jump: expected a duration"),
        ('max_jump = "1h30m"', "engine.max_jump: expected a duration"),
        ('max_jump = "1w"', "engine.max_jump: expected a duration"),
        ('max_jump = "36601d"', "engine.max_jump: expected a duration of at most 36600d"),
        ('loss_windows = "24"', 'engine.loss_windows: expected a whole number from 1 to 1000000; found "24"'),
        ("loss_windows = 0", "engine.loss_windows: expected a whole number from 1"),
        ("loss_windows = true", "engine.loss_windows: expected a whole number from 1 to 1000000; found true"),
        ("loss_windows = 2.0", "engine.loss_windows: expected a whole number"),
        ('accept_estimates = "yes"', 'engine.accept_estimates: expected true or false; found "yes"'),
        ("accept_estimates = 1", "engine.accept_estimates: expected true or false; found 1"),
        ("off_tolerance_wh = -1", "engine.off_tolerance_wh: expected a whole number from 0"),
        ("off_tolerance_wh = 1000000000000000", "engine.off_tolerance_wh: expected a whole number from 0"),
        (
            "trip_rate_engine = 1.01",
            "engine.trip_rate_engine: expected a number from 0 to 1 with at most 12 decimals",
        ),
        ("trip_rate_engine = -0.1", "engine.trip_rate_engine: expected a number from 0 to 1"),
        ("trip_rate_engine = 0.0000000000001", "engine.trip_rate_engine: expected a number from 0 to 1"),
        ('trip_rate_engine = "0.1"', "engine.trip_rate_engine: expected a number from 0 to 1"),
        ("trip_rate_engine = nan", "engine.trip_rate_engine: expected a number from 0 to 1"),
        ("trip_rate_engine = 1e-999999999", "engine.trip_rate_engine: expected a number from 0 to 1"),
        ("suspect_ratio = 1e999999999", "engine.suspect_ratio: expected a number from 0 to 1000000"),
        ("suspect_ratio = inf", "engine.suspect_ratio: expected a number from 0 to 1000000"),
        ('holidays = ["2026-01-01"]', "engine.holidays: expected a date such as 2026-01-31, without quotes"),
        ("holidays = 2026-01-01", "engine.holidays: expected a list of dates"),
        (
            "holidays = [2026-05-04]\nworkdays = [2026-05-04]",
            "engine.workdays: expected dates that are not in holidays",
        ),
        ("nonsense = 1", "engine.nonsense: unknown key; expected one of currency, "),
    ],
)
def test_a_value_outside_its_domain(line, expected):
    (mistake,) = mistakes(engine(line))
    assert mistake.startswith(expected)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('notice = "-1h"', "notice"),
        ("notice = 5", "notice"),
        ("max_attempts = 0", "max_attempts"),
        ('max_attempts = "5"', "max_attempts"),
        ('command_ttl = "0s"', "command_ttl"),
        ('ack_timeout = "0s"', "ack_timeout"),
        ('restore_retry = "0s"', "restore_retry"),
        ('hours = "1h"', "hours"),
    ],
)
def test_a_policy_of_the_wrong_kind(line, key):
    (mistake,) = mistakes(policy(line))
    assert mistake.startswith(f"policies.p.{key}: ")


@pytest.mark.parametrize(
    "line",
    [
        "trip_rate_engine = 1",
        "trip_rate_engine = 0.0",
        "suspect_ratio = 0.100000000000000",
        'max_jump = "0s"',
    ],
)
def test_values_at_the_edge_of_their_domain_are_taken(line):
    assert mistakes(engine(line)) == ()


LATER = """
[[tariffs.t.rates]]
valid_from = {}
prices = {{ q = "1" }}
schedule = [{{ months = [6], price = "q" }}]

[policies.p]"""


def with_version(day: str) -> str:
    return GOOD.replace("[policies.p]", LATER.format(day))


@pytest.mark.parametrize("day", ["2026-06-01", "2030-01-01"])
def test_a_version_needs_lines_only_for_cells_in_which_it_is_in_force(day):
    assert mistakes(with_version(day)) == ()


def test_a_version_needs_lines_for_every_cell_in_which_it_is_in_force():
    (mistake,) = mistakes(with_version("2026-05-31"))
    assert mistake == (
        "tariffs.t.rates[1].schedule: expected a line for every cell while it is in force; "
        "found none for 96 cells, the first of them at 2026-05-31 00:00"
    )


@pytest.mark.parametrize("day", ["2025-01-01", "2024-12-31"])
def test_versions_must_rise(day):
    (mistake,) = mistakes(with_version(day))
    expected = "expected a date after that of the version before, 2025-01-01; found"
    assert mistake == f"tariffs.t.rates[1].valid_from: {expected} {day}"


def test_midnights_must_be_on_whole_cells():
    kathmandu = GOOD.replace("Europe/London", "Asia/Kathmandu")
    assert mistakes(kathmandu) == ()
    (mistake,) = mistakes(kathmandu.replace('cell = "15m"', 'cell = "30m"'))
    assert mistake == (
        "engine.cell: expected local midnights to be whole cells of 1800 s since the epoch; "
        "found 182 that are not, the first of them 2026-01-01, "
        "which begins at 2025-12-31T18:15:00Z in Asia/Kathmandu"
    )


def test_a_calendar_cannot_end_on_a_day_that_the_zone_skipped():
    samoa = GOOD.replace("Europe/London", "Pacific/Apia").replace("2025-01-01", "2011-01-01")
    skipped = samoa.replace("from = 2026-01-01, to = 2026-07-01", "from = 2011-12-01, to = 2011-12-30")
    (mistake,) = mistakes(skipped)
    assert mistake.startswith("engine.calendar.to: expected a date that Pacific/Apia has; found 2011-12-30")
    assert mistakes(skipped.replace("to = 2011-12-30", "to = 2011-12-31")) == ()


def test_a_calendar_may_not_have_more_cells_than_an_engine_can_hold():
    fine = GOOD.replace('cell = "15m"', 'cell = "1m"').replace("to = 2026-07-01", "to = 2065-01-01")
    (mistake,) = mistakes(fine)
    assert mistake == "engine.calendar: expected at most 20000000 cells; found 20512800"


@pytest.mark.parametrize(
    ("old", "new", "keys"),
    [
        ("calendar = {", "calender = {", ["engine.calendar", "engine.calender"]),
        ("[engine]", "[motor]", ["engine", "motor"]),
        ('cell = "15m"', 'cell = "7m"', ["engine.window", "engine.cell"]),
        ("[policies.p]", "[polices.p]", ["polices"]),
    ],
)
def test_a_slip_that_is_seen_from_two_sides(old, new, keys):
    assert [mistake.partition(": ")[0] for mistake in mistakes(GOOD.replace(old, new, 1))] == keys


def test_every_mistake_is_told_at_once_in_the_order_of_the_file():
    text = (
        engine("nonsense = 1\nmax_jump = 7")
        .replace('currency = "CNY"', "")
        .replace('{ price = "p" }', '{ months = [1], price = "p" }')
    )
    text = text.replace('["20", "10"]', '["10", "20"]').replace('trip_below = "-1"', 'trip_below = "1"')
    assert [mistake.partition(": ")[0] for mistake in mistakes(text)] == [
        "engine.currency",
        "engine.max_jump",
        "engine.nonsense",
        "policies.p.warn_below[1]",
        "policies.p.trip_below",
        "policies.p.restore_above",
        f"{RATE}.schedule",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "[engine]\ncurrency = ",
        "a = 1\na = 2",
        "a = " + "[" * 100_000,
        "a = " + "9" * 5_000,
        "a = 2026-02-30",
        'a = "\ud800"',
        "\x00",
    ],
)
def test_what_is_not_toml(text):
    (mistake,) = mistakes(text)
    assert mistake.startswith("the configuration: is not TOML; ")


@pytest.mark.parametrize(("text", "found"), [(b"", "bytes"), (None, "NoneType")])
def test_what_is_not_text(text, found):
    assert mistakes(text) == (f"the configuration: expected its TOML as str; found {found}",)


def test_a_text_that_is_too_long():
    (mistake,) = mistakes("#" * (16 << 20) + "#")
    assert mistake == "the configuration: expected at most 16777216 bytes; found 16777217"


def test_what_was_found_is_cut_short():
    (mistake,) = mistakes(engine(f'max_jump = "{"x" * 1000}"'))
    assert re.search(r'found "x{56}…$', mistake)
