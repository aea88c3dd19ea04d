"""A configuration that is right: its defaults, exactness, and what a running engine may take."""

from __future__ import annotations

from datetime import date
from decimal import localcontext
from fractions import Fraction

import pytest

from fastcore.config import Config
from fastcore.config_model import HOLIDAY
from fastcore.errors import ConfigError, FeikongError

MINIMAL = """
[engine]
currency = "CNY"
timezone = "Asia/Shanghai"
calendar = { from = 2026-01-01, to = 2027-01-01 }
"""
WHOLE = (
    MINIMAL
    + """
holidays = [2026-02-17]
workdays = [2026-02-14]
mass_trip_fraction = 0.070000000001
suspect_ratio = 2.5

[tariffs.household]
tier_period = "year"
[[tariffs.household.rates]]
valid_from = 2025-01-01
standing = "0.123456789"
prices = { peak = "0.588", valley = "-0.000001", unused = "9.999999" }
schedule = [
  { months = [7, 8], days = "sat-mon, holidays", from = "23:00", to = "07:00", price = "peak" },
  { to = "24:00", price = "valley" },
]
tiers = [{ above = 2160, add = "0.05" }, { above = 4200.125, add = "-0.30" }]
[[tariffs.household.rates]]
valid_from = 2026-06-01
prices = { flat = "1.0000000" }
schedule = [{ price = "flat" }]

[tariffs.free]
[[tariffs.free.rates]]
valid_from = 2026-01-01
prices = { f = "0" }
schedule = [{ price = "f" }]

[policies.household]
warn_below = ["20.50", "10.0", "-5"]
trip_below = "-5"
windows = [{ days = "mon-fri", from = "09:00", to = "16:00" }]
"""
)


def change(
    old: str, new: str, tariffs: set[str] | None = None, policies: set[str] | None = None
) -> tuple[str, ...]:
    """What ``check_change`` says against a new text after an old one."""
    try:
        Config.from_toml(new).check_change(Config.from_toml(old), tariffs or set(), policies or set())
    except ConfigError as error:
        return error.mistakes
    return ()


def test_defaults():
    config = Config.from_toml(MINIMAL)
    engine = config.engine
    assert (config.text, config.tariffs, config.policies) == (MINIMAL, {}, {})
    assert (engine.cell_s, engine.window_s, engine.holidays, engine.workdays) == (900, 3600, (), ())
    assert (engine.max_jump_s, engine.clock_jump_s, engine.future_tolerance_s) == (7 * 86400, 0, 3600)
    assert (engine.late_horizon_s, engine.payment_horizon_s, engine.window_horizon_s) == (
        28 * 86400,
        400 * 86400,
        3 * 86400,
    )
    assert (engine.accept_estimates, engine.suspect_floor_wh, engine.suspect_ratio) == (False, 2000, 8)
    assert (engine.mass_trip_fraction, engine.trip_rate_engine) == (Fraction(1, 20), Fraction(1, 50))
    assert (engine.trip_rate_district, engine.off_tolerance_wh) == (Fraction(1, 10), 100)
    assert (engine.outage_coverage, engine.loss_coverage) == (Fraction(1, 2), Fraction(49, 50))
    assert (engine.loss_windows, engine.zero_usage_s, engine.silent_after_s) == (24, 30 * 86400, 3 * 86400)
    assert (engine.allowed_lateness_s, engine.payment_feed_timeout_s) == (7200, 0)


def test_defaults_of_a_policy():
    policy = Config.from_toml(MINIMAL + '[policies.p]\nwarn_below = ["5"]').policies["p"]
    assert (policy.name, policy.warn_below, policy.trip_below_nano, policy.restore_above_nano) == (
        "p",
        (5 * 10**9,),
        0,
        0,
    )
    assert (policy.notice_s, policy.windows, policy.autopay_hold_s) == (48 * 3600, (), 72 * 3600)
    assert (policy.max_staleness_s, policy.ack_timeout_s, policy.max_attempts) == (26 * 3600, 60, 5)
    assert (policy.command_ttl_s, policy.armed_timeout_s) == (600, 24 * 3600)
    assert (policy.trip_cooldown_s, policy.restore_retry_s) == (24 * 3600, 3600)


def test_values_are_exact():
    config = Config.from_toml(WHOLE)
    assert config.engine.mass_trip_fraction == Fraction(70000000001, 10**12)
    assert config.engine.suspect_ratio == Fraction(5, 2)
    assert list(config.tariffs) == ["household", "free"]
    old, new = config.tariffs["household"].rates
    assert old.prices == {"peak": 588000, "valley": -1, "unused": 9999999}
    assert (old.valid_from, old.standing_nano) == (date(2025, 1, 1), 123456789)
    assert [(tier.above_wh, tier.add) for tier in old.tiers] == [(2160000, 50000), (4200125, -300000)]
    assert (new.prices, new.tiers, new.standing_nano) == ({"flat": 10**6}, (), 0)
    peak, valley = old.schedule
    assert (peak.months, peak.days) == ({7, 8}, {5, 6, 0, HOLIDAY})
    assert (peak.from_s, peak.to_s, peak.price) == (23 * 3600, 7 * 3600, "peak")
    assert (valley.months, valley.days, valley.from_s, valley.to_s) == (None, None, 0, 86400)


def test_a_policy_quotes_its_levels_as_they_are_written():
    policy = Config.from_toml(WHOLE).policies["household"]
    assert policy.warn_below_text == ("20.50", "10.0", "-5")
    assert policy.warn_below == (20_500_000_000, 10_000_000_000, -5_000_000_000)
    assert (policy.trip_below_nano, policy.restore_above_nano) == (-5_000_000_000, -5_000_000_000)
    assert policy.windows[0].days == {0, 1, 2, 3, 4}


def test_the_callers_decimal_context_changes_nothing():
    with localcontext(prec=1):
        assert Config.from_toml(WHOLE) == Config.from_toml(WHOLE)
        narrow = Config.from_toml(WHOLE)
    assert narrow.tariffs == Config.from_toml(WHOLE).tariffs


def test_a_configuration_cannot_be_changed_in_place():
    config = Config.from_toml(WHOLE)
    with pytest.raises(AttributeError):
        config.engine.cell_s = 60  # type: ignore[misc]
    assert config.engine.cell_s == 900


def test_errors_are_one_family():
    with pytest.raises(
        FeikongError, match=r"2 mistakes in the configuration:\n  engine\.currency: .*\n  engine\.colour"
    ):
        Config.from_toml(MINIMAL.replace('currency = "CNY"', "") + 'colour = "x"')


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('currency = "CNY"', 'currency = "EUR"', "currency"),
        ("Asia/Shanghai", "Asia/Taipei", "timezone"),
        ("{ from = 2026-01-01", "{ from = 2026-01-02", "calendar.from"),
        ("to = 2027-01-01", "to = 2026-12-31", "calendar.to"),
        ("\n[tariffs.household]", 'cell = "30m"\n[tariffs.household]', "cell"),
        ("\n[tariffs.household]", 'window = "2h"\n[tariffs.household]', "window"),
        ("\n[tariffs.household]", 'future_tolerance = "2h"\n[tariffs.household]', "future_tolerance"),
        ("\n[tariffs.household]", 'late_horizon = "29d"\n[tariffs.household]', "late_horizon"),
        ("\n[tariffs.household]", 'payment_horizon = "401d"\n[tariffs.household]', "payment_horizon"),
        ("\n[tariffs.household]", 'window_horizon = "4d"\n[tariffs.household]', "window_horizon"),
    ],
)
def test_what_shapes_the_state_may_not_change(old, new, key):
    assert WHOLE.count(old) == 1
    (mistake,) = change(
        WHOLE, WHOLE.replace(old, new).replace("valid_from = 2026-01-01", "valid_from = 2025-12-01")
    )
    assert mistake.startswith(f"engine.{key}: ")


def test_limits_tariffs_and_holidays_may_change_and_the_calendar_may_grow():
    new = (
        WHOLE.replace("to = 2027-01-01", "to = 2030-01-01")
        .replace('"0.588"', '"0.6"')
        .replace("holidays = [2026-02-17]", "")
    )
    new = new.replace("suspect_ratio = 2.5", 'max_jump = "1d"\nallowed_lateness = "0s"')
    assert change(WHOLE, new, {"household", "free"}, {"household"}) == ()


def test_no_tariff_or_policy_in_use_may_go():
    assert change(WHOLE, MINIMAL) == ()
    assert [
        mistake.partition(":")[0] for mistake in change(WHOLE, MINIMAL, {"household", "free"}, {"household"})
    ] == [
        "tariffs.free",
        "tariffs.household",
        "policies.household",
    ]
    assert (
        change(WHOLE, MINIMAL, {"free"})[0]
        == "tariffs.free: is in use and may not go; expected a table; found none"
    )


def test_every_forbidden_change_is_named_at_once():
    new = MINIMAL.replace("CNY", "EUR").replace("2027", "2026-12", 1).replace("2026-12-01-01", "2026-12-01")
    mistakes = change(WHOLE, new, {"free"})
    assert [mistake.partition(":")[0] for mistake in mistakes] == [
        "engine.currency",
        "engine.calendar.to",
        "tariffs.free",
    ]
