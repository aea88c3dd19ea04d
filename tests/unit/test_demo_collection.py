"""The simulated concentrators: how many reads of each class go missing, and what the others look like."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.demo import collection, county, fates, settings
from pipeline.demo.arrow import Reads
from pipeline.demo.collection import Collection
from pipeline.demo.county import LOW_VOLTAGE, PUBLIC, SPECIAL, County
from pipeline.demo.fates import Plan


def rng(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


@pytest.fixture(scope="module")
def village() -> County:
    return county.build(rng(5), 0.02)


@pytest.fixture(scope="module")
def plan(village: County) -> Plan:
    return fates.plan(village, rng(6))


@pytest.fixture(scope="module")
def handed_in(village: County, plan: Plan) -> list[tuple[int, Reads]]:
    """Every wave of the day, over registers that turn by 40 counts a quarter-hour."""
    concentrators = Collection(village, plan, rng(7))
    waves = []
    for quarter in range(fates.LAST_QUARTER + 1):
        for wave in range(collection.WAVES):
            reads = concentrators.handed_in(quarter, wave)
            if reads is not None:
                waves.append((quarter, reads))
        if quarter < settings.QUARTERS:
            concentrators.take(quarter, village.start_counts % county.MODULUS + 40 * (quarter + 1))
    return waves


@pytest.mark.parametrize("scale", [0.02, 1.0])
def test_as_many_reads_are_missing_as_the_rates_leave(scale: float) -> None:
    here = county.build(rng(5), scale)
    fate = fates.plan(here, rng(6)).fate
    arrives = np.isin(fate, (fates.ARRIVES, fates.LATE, fates.TWICE, fates.CONFLICT))
    for klass, rate in ((SPECIAL, 0.992), (PUBLIC, 0.997), (LOW_VOLTAGE, 0.9943)):
        of_class = arrives[:, here.meter_class == klass]
        assert of_class.size - np.count_nonzero(of_class) == round((1 - rate) * of_class.size)


def test_a_score_of_districts_falls_silent_for_hours() -> None:
    here = county.build(rng(5))
    plan = fates.plan(here, rng(6))
    assert len(plan.silenced) == 20
    silent = np.isin(here.meter_district, plan.silenced)
    during = slice(fates.OUTAGE_FROM_QUARTER, fates.OUTAGE_FROM_QUARTER + 12)
    assert (plan.fate[during, silent] == fates.LOST).all()


def test_every_kind_of_mishap_occurs(plan: Plan) -> None:
    assert set(np.unique(plan.fate)) == set(range(12))


def test_no_read_comes_before_its_time_or_after_the_last_quarter(
    plan: Plan, handed_in: list[tuple[int, Reads]]
) -> None:
    waiting = [
        quarter - (at_s - settings.MIDNIGHT_S) // settings.QUARTER_S
        for quarter, reads in handed_in
        for at_s in reads.at_s[reads.at_s % settings.QUARTER_S == 0]
        if at_s - settings.MIDNIGHT_S <= quarter * settings.QUARTER_S
    ]
    assert min(waiting) == 0
    assert max(waiting) > settings.ALLOWED_LATENESS_S // settings.QUARTER_S
    late = np.count_nonzero(plan.fate == fates.LATE)
    assert np.count_nonzero(np.array(waiting) > 0) == late
    assert max(quarter for quarter, _ in handed_in) <= fates.LAST_QUARTER


def test_what_comes_is_what_was_planned(
    village: County, plan: Plan, handed_in: list[tuple[int, Reads]]
) -> None:
    ids = np.concatenate([reads.meter_id for _, reads in handed_in])
    status = np.concatenate([reads.status for _, reads in handed_in])
    at_s = np.concatenate([reads.at_s for _, reads in handed_in])
    many = np.bincount(plan.fate.ravel(), minlength=12)
    known = np.isin(ids, village.meter_id)
    again = many[fates.TWICE] + many[fates.CONFLICT]
    assert np.count_nonzero(known) == plan.fate.size - many[fates.LOST] + again
    assert 0 < np.count_nonzero(~known) == settings.QUARTERS
    assert np.count_nonzero(status == collection.CLOCK_INVALID) == many[fates.BAD_CLOCK]
    assert np.count_nonzero(status == collection.ESTIMATED_AT_SOURCE) == many[fates.ESTIMATED]
    assert np.count_nonzero(at_s % settings.QUARTER_S) == many[fates.MISALIGNED]


def test_a_register_that_fell_to_zero_starts_there(
    village: County, plan: Plan, handed_in: list[tuple[int, Reads]]
) -> None:
    (meter, quarter), *_ = plan.reset.items()
    at_s = settings.MIDNIGHT_S + (quarter + 1) * settings.QUARTER_S
    shown = {
        int(at): int(value)
        for _, reads in handed_in
        for at, value in zip(
            reads.at_s[reads.meter_id == village.meter_id[meter]],
            reads.value[reads.meter_id == village.meter_id[meter]],
            strict=True,
        )
    }
    assert shown[at_s] == 0
    assert shown[at_s + settings.QUARTER_S] == 40


def test_a_read_that_was_sent_twice_comes_again_with_its_value(
    village: County, plan: Plan, handed_in: list[tuple[int, Reads]]
) -> None:
    for fate, difference in ((fates.TWICE, 0), (fates.CONFLICT, 1)):
        quarter, meter = (int(index[0]) for index in np.nonzero(plan.fate == fate))
        at_s = settings.MIDNIGHT_S + (quarter + 1) * settings.QUARTER_S
        values = [
            int(value)
            for _, reads in handed_in
            for value in reads.value[(reads.meter_id == village.meter_id[meter]) & (reads.at_s == at_s)]
        ]
        assert len(values) == 2
        assert values[1] - values[0] == difference


def test_a_garbled_value_is_one_that_no_engine_may_believe(
    village: County, plan: Plan, handed_in: list[tuple[int, Reads]]
) -> None:
    for fate in (fates.SPIKE, fates.BACKWARD):
        quarter, meter = (int(index[0]) for index in np.nonzero(plan.fate == fate))
        at_s = settings.MIDNIGHT_S + (quarter + 1) * settings.QUARTER_S
        (value,) = [
            int(value)
            for _, reads in handed_in
            for value in reads.value[(reads.meter_id == village.meter_id[meter]) & (reads.at_s == at_s)]
        ]
        right = int(village.start_counts[meter]) + 40 * (quarter + 1)
        if fate == fates.BACKWARD:
            assert value < village.start_counts[meter]
        else:
            most_wh = int(village.max_w[meter]) * settings.QUARTER_S // 3600
            assert (value - right) * int(village.wh_per_count[meter]) > most_wh
