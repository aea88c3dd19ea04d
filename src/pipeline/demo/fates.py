"""Which reads come, and how: on time, late, wrong, twice, or never.

The plan is made before the day begins: for each quarter-hour and meter one :data:`fate <ARRIVES>`. Of each
class as many reads go missing as its collection rate leaves, and everything that keeps a read from being
accepted is paid out of that budget: dead terminals, dead meters, registers that fell to zero, garbled values;
the rest is lost on the air.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.demo.county import LOW_VOLTAGE, PUBLIC, PUBLIC_TRANSFORMERS, SPECIAL, County, Ints
from pipeline.demo.settings import ALLOWED_LATENESS_S, QUARTER_S, QUARTERS

COLLECTED: Final = {SPECIAL: 0.992, PUBLIC: 0.997, LOW_VOLTAGE: 0.9943}

ARRIVES, LOST, LATE, SPIKE, BACKWARD, BAD_CLOCK, ESTIMATED, MISALIGNED, FUTURE, RESET, TWICE, CONFLICT = (
    range(12)
)
_WRONG: Final = {
    SPIKE: 1e-4,
    BACKWARD: 1e-4,
    BAD_CLOCK: 2e-4,
    ESTIMATED: 3e-4,
    MISALIGNED: 1e-4,
    FUTURE: 2e-5,
}
_OTHER: Final = {LATE: 4e-3, TWICE: 1e-3, CONFLICT: 3e-5}

LAST_QUARTER: Final = QUARTERS + ALLOWED_LATENESS_S // QUARTER_S - 1
OUTAGE_FROM_QUARTER: Final = 26
OUTAGE_QUARTERS: Final = 12
RESET_QUARTERS: Final = 12


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of each read.

    Attributes:
        fate: shape (96, M).
        delay: by how many quarter-hours the read of fate ``LATE`` comes late; shape (96, M).
        silenced: the districts whose terminals are dead for some hours.
        reset: for meters whose register falls to zero, the quarter-hour in which it does.
    """

    fate: NDArray[np.uint8]
    delay: NDArray[np.uint8]
    silenced: Ints
    reset: dict[int, int]


def plan(county: County, rng: np.random.Generator) -> Plan:
    """Decide about every read of the day; as many go missing as each class's rate leaves."""
    fate = np.zeros((QUARTERS, county.meters), np.uint8)
    budget = {klass: round((1 - rate) * _expected(county, klass)) for klass, rate in COLLECTED.items()}
    silenced, quarters = _dead_terminals(county, rng, budget)
    dead_hours = slice(OUTAGE_FROM_QUARTER, OUTAGE_FROM_QUARTER + quarters)
    fate[dead_hours, np.isin(county.meter_district, silenced)] = LOST
    reset = _faulty_meters(county, rng, fate)
    for klass in COLLECTED:
        wrong: dict[int, float] = {} if klass == PUBLIC else _WRONG
        for kind, share in wrong.items():
            _scatter(county, rng, fate, klass, kind, round(share * _expected(county, klass)))
        missing = int(np.count_nonzero(fate[:, county.meter_class == klass]))
        _scatter(county, rng, fate, klass, LOST, max(0, budget[klass] - missing))
    for klass in (SPECIAL, LOW_VOLTAGE):
        for kind, share in _OTHER.items():
            _scatter(county, rng, fate, klass, kind, round(share * _expected(county, klass)))
    return Plan(fate, _delays(rng, fate), silenced, reset)


def _expected(county: County, klass: int) -> int:
    return QUARTERS * int(np.count_nonzero(county.meter_class == klass))


def _dead_terminals(county: County, rng: np.random.Generator, budget: dict[int, int]) -> tuple[Ints, int]:
    """A score of districts (at scale 1) of ordinary size, and for how many quarter-hours."""
    customers = np.bincount(county.account_district, minlength=county.districts)
    with_special = county.meter_district[county.meter_class == SPECIAL]
    ordinary = np.setdiff1d(np.flatnonzero(customers <= np.median(customers)), with_special)
    many = max(1, county.districts * 20 // PUBLIC_TRANSFORMERS)
    silenced: Ints = np.sort(rng.choice(ordinary, many, replace=False))
    for_transformers = budget[PUBLIC] // many
    for_customers = budget[LOW_VOLTAGE] // 2 // int(customers[silenced].sum())
    return silenced, min(OUTAGE_QUARTERS, for_transformers, for_customers)


def _faulty_meters(county: County, rng: np.random.Generator, fate: NDArray[np.uint8]) -> dict[int, int]:
    """Meters that fall silent for good, and meters whose register falls to zero, until a new baseline."""
    low_voltage = np.flatnonzero(county.meter_class == LOW_VOLTAGE)
    low_voltage = low_voltage[(fate[:, low_voltage] == ARRIVES).all(axis=0)]
    dead, resets = max(1, len(low_voltage) // 3_000), max(1, len(low_voltage) // 12_000)
    chosen = rng.choice(low_voltage, dead + resets, replace=False)
    for meter, quarter in zip(chosen[:dead], rng.integers(24, 72, dead), strict=True):
        fate[quarter:, meter] = LOST
    reset: dict[int, int] = {}
    for meter, quarter in zip(chosen[dead:], rng.integers(28, 56, resets), strict=True):
        fate[quarter : quarter + RESET_QUARTERS, meter] = RESET
        reset[int(meter)] = int(quarter)
    return reset


def _scatter(
    county: County, rng: np.random.Generator, fate: NDArray[np.uint8], klass: int, kind: int, many: int
) -> None:
    """Give ``many`` reads of the class, that would else have arrived, the fate ``kind``."""
    meters = np.flatnonzero(county.meter_class == klass)
    while many > 0:
        drawn = rng.integers(0, QUARTERS * len(meters), many + many // 8 + 8)
        _, first = np.unique(drawn, return_index=True)
        quarter, column = np.divmod(drawn[np.sort(first)], len(meters))
        free = fate[quarter, meters[column]] == ARRIVES
        quarter, meter = quarter[free][:many], meters[column[free]][:many]
        fate[quarter, meter] = kind
        many -= len(meter)


def _delays(rng: np.random.Generator, fate: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Most late reads come within an hour and a half, some after their window has closed."""
    delay = np.zeros_like(fate)
    quarter, meter = np.nonzero(fate == LATE)
    hours_late = rng.random(len(quarter)) < 0.06
    late = np.where(hours_late, rng.integers(10, 20, len(quarter)), rng.integers(1, 7, len(quarter)))
    delay[quarter, meter] = np.minimum(late, LAST_QUARTER - 1 - quarter)
    return delay
