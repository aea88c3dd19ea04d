"""The simulated county: its figures, its registry, what it draws, and that a seed makes all of it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from fastcore import Config
from pipeline.demo import county, fates, registry, settings
from pipeline.demo.county import HOUSEHOLD, INDUSTRY, LOW_VOLTAGE, MODULUS, PUBLIC, SPECIAL, County
from pipeline.demo.load import Load


def rng(seed: int = 5) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


@pytest.fixture(scope="module")
def whole() -> County:
    return county.build(rng())


@pytest.fixture(scope="module")
def village() -> County:
    return county.build(rng(), 0.02)


def test_the_county_has_its_figures(whole: County) -> None:
    by_class = np.bincount(whole.meter_class, minlength=3)
    assert by_class[SPECIAL] == 371
    assert by_class[PUBLIC] == whole.districts == 1_189
    assert by_class[LOW_VOLTAGE] == 72_175
    low_voltage = whole.meter_class[whole.meter_of_account] == LOW_VOLTAGE
    assert np.count_nonzero(whole.prepaid[low_voltage]) == 66_664
    assert whole.prepaid[~low_voltage].all()
    assert whole.meters * settings.QUARTERS == 7_078_560


def test_ids_are_unique_and_meters_stand_by_district(whole: County) -> None:
    for ids in (whole.meter_id, whole.account_id, whole.district_id):
        assert len(np.unique(ids)) == len(ids)
    assert len(set(whole.district_name)) == whole.districts
    assert (np.diff(whole.meter_district) >= 0).all()
    first_of_district = np.searchsorted(whole.meter_district, np.arange(whole.districts))
    assert (whole.meter_class[first_of_district] == PUBLIC).all()
    assert (whole.account_of_meter[whole.meter_of_account] == np.arange(whole.accounts)).all()


def test_a_seed_makes_the_county_and_another_makes_another() -> None:
    first, again, other = (county.build(rng(seed), 0.02) for seed in (5, 5, 6))
    for name in ("meter_id", "start_counts", "daily_wh", "opening_nano", "loss_share", "physical_district"):
        assert np.array_equal(getattr(first, name), getattr(again, name)), name
    assert not np.array_equal(first.opening_nano, other.opening_nano)


def test_balances_are_whole_cents_and_few_are_used_up(whole: County) -> None:
    assert (whole.opening_nano % 10_000_000 == 0).all()
    used_up = np.count_nonzero(whole.opening_nano[whole.prepaid & (whole.kind != INDUSTRY)] <= 0)
    assert 0.004 < used_up / np.count_nonzero(whole.prepaid) < 0.02
    assert (whole.opening_nano[~whole.prepaid] < 0).all()


def test_some_districts_have_theft_and_some_houses_hang_elsewhere(whole: County) -> None:
    assert np.count_nonzero(whole.theft_share) == 1_189 // 150
    assert ((whole.loss_share > 0.01) & (whole.loss_share < 0.08)).all()
    elsewhere = whole.physical_district != whole.account_district
    assert 0 < np.count_nonzero(elsewhere) < 1_000
    assert not (elsewhere & (whole.kind == INDUSTRY)).any()


def test_registry_batches_have_a_row_each(village: County) -> None:
    accounts = registry.accounts_batch(village)
    assert accounts.num_rows == village.accounts
    assert accounts["policy"].to_pylist().count("postpaid") == np.count_nonzero(~village.prepaid)
    assert accounts["manual_approval"].to_numpy(zero_copy_only=False).sum() == 7
    meters, freeze = registry.meters_batch(village), registry.freeze_batch(village)
    assert meters["initial_at"].null_count == meters.num_rows == village.meters
    assert freeze["initial_value"].to_numpy().tolist() == village.start_counts.tolist()
    assert meters["account_id"].null_count == village.districts
    assert registry.districts_batch(village).num_rows == village.districts


def test_what_is_supplied_is_what_is_drawn_and_lost(village: County) -> None:
    load = Load(village, rng(1))
    for quarter in range(settings.QUARTERS):
        load.advance(quarter, {})
    energy_wh = (load.counts - village.start_counts) * village.wh_per_count
    supplied = energy_wh[village.meter_class == PUBLIC].sum()
    drawn = energy_wh[village.meter_of_account].sum()
    assert 0.01 < (supplied - drawn) / supplied < 0.10
    ordinary_day_wh = village.daily_wh.sum()
    assert abs(drawn - ordinary_day_wh) < 0.05 * ordinary_day_wh
    assert (load.counts >= village.start_counts).all()
    assert (load.registers() < MODULUS).all()
    assert (load.registers() < village.start_counts).any(), "a register rolls over during the day"


def test_no_read_of_an_ordinary_quarter_hour_is_more_than_the_installation_can_draw(village: County) -> None:
    load = Load(village, rng(1))
    before = load.counts
    for quarter in range(settings.QUARTERS):
        load.advance(quarter, {})
        energy_wh = (load.counts - before) * village.wh_per_count
        assert (energy_wh * 3600 <= village.max_w * settings.QUARTER_S).all(), quarter
        before = load.counts


def test_nothing_flows_through_an_open_relay_but_past_it(village: County) -> None:
    honest = int(np.flatnonzero((village.kind == HOUSEHOLD) & ~village.bypass)[0])
    cheat = int(np.flatnonzero(village.bypass)[0])
    load = Load(village, rng(1))
    for quarter in range(settings.QUARTERS):
        load.advance(quarter, {honest: settings.QUARTER_S, cheat: settings.QUARTER_S})
    turned = load.counts - village.start_counts
    assert turned[village.meter_of_account[honest]] == 0
    assert turned[village.meter_of_account[cheat]] > 0


def test_a_relay_open_for_half_of_the_time_halves_the_draw(village: County) -> None:
    account = int(np.flatnonzero((village.kind == INDUSTRY) & ~village.bypass)[0])
    meter = village.meter_of_account[account]
    drawn = []
    for seconds in (0, settings.QUARTER_S // 2):
        load = Load(village, rng(1))
        for quarter in range(settings.QUARTERS):
            load.advance(quarter, {account: seconds})
        drawn.append(load.counts[meter] - village.start_counts[meter])
    assert drawn[1] == pytest.approx(drawn[0] / 2, rel=0.01)


def test_a_county_smaller_than_a_village_is_refused() -> None:
    with pytest.raises(ValueError, match=r"scale is 0\.001; expected at least 0\.005"):
        county.build(rng(), 0.001)


@pytest.mark.parametrize("seed", range(5))
def test_a_village_is_large_enough_for_everything(seed: int) -> None:
    smallest = county.build(rng(seed), county.SMALLEST_SCALE)
    assert (smallest.districts, smallest.accounts) == (6, 363)
    assert len(fates.plan(smallest, rng(seed)).silenced) == 1


def test_what_the_examiner_goes_by_is_what_the_configuration_says() -> None:
    config = Config.from_toml(settings.TOML)
    assert set(config.policies) == set(settings.NOTICE_S) == set(settings.TRIP_BELOW)
    for name, policy in config.policies.items():
        assert policy.notice_s == settings.NOTICE_S[name]
        assert policy.trip_below_nano == settings.TRIP_BELOW[name] * county.NANO
        (window,) = policy.windows
        assert (window.from_s, window.to_s) == (settings.TRIP_FROM_S, settings.TRIP_TO_S)
    assert config.engine.allowed_lateness_s == settings.ALLOWED_LATENESS_S
    midnight = datetime.fromtimestamp(settings.MIDNIGHT_S, ZoneInfo(config.engine.timezone))
    assert (midnight.hour, midnight.minute, midnight.weekday()) == (0, 0, 2)
    assert set(settings.TARIFF_OF_KIND.values()) == set(config.tariffs)
    assert {*settings.PREPAID_POLICY_OF_KIND.values(), settings.POSTPAID_POLICY} == set(config.policies)
