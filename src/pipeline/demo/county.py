"""Hefeng county: who lives there, what hangs on which transformer, and what each of them is like.

A :class:`County` is a set of NumPy arrays made from a seed. Districts, meters and accounts are numbered from
0 in the order in which concentrators read them: district by district, first the transformer's own meter, then
its special-transformer customer if it has one, then its low-voltage customers. Every other module of the demo
speaks of them by these numbers. A customer with a special transformer stands behind the district's own meter,
which counts all that flows into the station, so that the district's supply and consumption can be compared.

The county's figures (371 special-transformer customers, 1,189 public transformers, 72,175 low-voltage
customers of whom 66,664 are prepaid) are those of scale 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.demo.names import district_names

SPECIAL_CUSTOMERS: Final = 371
PUBLIC_TRANSFORMERS: Final = 1_189
LOW_VOLTAGE_CUSTOMERS: Final = 72_175
PREPAID_CUSTOMERS: Final = 66_664

INDUSTRY, HOUSEHOLD, SHOP, FARM = range(4)
KINDS: Final = ("industry", "household", "shop", "farm")

SPECIAL, PUBLIC, LOW_VOLTAGE = range(3)

MODULUS: Final = 100_000_000
LEAST_CUSTOMERS_OF_A_DISTRICT: Final = 5
SMALLEST_SCALE: Final = 0.005
NANO: Final = 1_000_000_000
_MISPLACED_SHARE: Final = 0.22

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class County:
    """The county; arrays of length D (districts), M (meters) and N (accounts), ``M = D + N``."""

    district_id: NDArray[np.uint64]  # D
    district_name: list[str]  # D
    grid: list[str]  # D: the supply station that looks after it
    loss_share: NDArray[np.float64]  # D: technical loss, as a share of what customers draw
    theft_share: NDArray[np.float64]  # D: drawn past every meter, as a share of what customers draw

    meter_id: NDArray[np.uint64]  # M
    meter_district: Ints  # M
    meter_class: NDArray[np.int8]  # M: SPECIAL, PUBLIC (a transformer's own meter) or LOW_VOLTAGE
    account_of_meter: Ints  # M: -1 for a transformer's own meter
    wh_per_count: Ints  # M
    max_w: Ints  # M
    switchable: Flags  # M
    start_counts: Ints  # M: the register at midnight

    account_id: NDArray[np.uint64]  # N
    meter_of_account: Ints  # N
    account_district: Ints  # N: as the registry has it
    physical_district: Ints  # N: as the wires have it
    kind: NDArray[np.int8]  # N: INDUSTRY, HOUSEHOLD, SHOP or FARM
    daily_wh: Ints  # N: what the customer draws on an ordinary day
    prepaid: Flags  # N
    protected: Flags  # N: never to be cut off (a ventilator at home, a clinic)
    debits: Flags  # N: the bank pays by direct debit
    bypass: Flags  # N: draws past an open relay
    opening_nano: Ints  # N: the balance on the evening before

    @property
    def meters(self) -> int:
        """How many meters the county has."""
        return len(self.meter_id)

    @property
    def accounts(self) -> int:
        """How many customers the county has."""
        return len(self.account_id)

    @property
    def districts(self) -> int:
        """How many public transformers, and so districts, the county has."""
        return len(self.district_id)


def build(rng: np.random.Generator, scale: float = 1.0) -> County:
    """Make the county from ``rng``; ``scale`` multiplies the customers and districts.

    Raises:
        ValueError: ``scale`` is smaller than a village.
    """
    if scale < SMALLEST_SCALE:
        raise ValueError(f"scale is {scale}; expected at least {SMALLEST_SCALE}")
    districts = round(PUBLIC_TRANSFORMERS * scale)
    special = round(SPECIAL_CUSTOMERS * scale)
    low_voltage = round(LOW_VOLTAGE_CUSTOMERS * scale)
    prepaid_low_voltage = round(low_voltage * PREPAID_CUSTOMERS / LOW_VOLTAGE_CUSTOMERS)

    point_district, point_class = _points(rng, districts, special, low_voltage)
    has_account = point_class != PUBLIC
    meter_of_account = np.flatnonzero(has_account)
    account_of_meter = np.where(has_account, np.cumsum(has_account) - 1, -1)
    account_district = point_district[meter_of_account]
    is_special = point_class[meter_of_account] == SPECIAL

    accounts = len(meter_of_account)
    kind = rng.choice(np.array([HOUSEHOLD, SHOP, FARM], np.int8), accounts, p=[0.88, 0.09, 0.03])
    kind[is_special] = INDUSTRY
    prepaid = is_special.copy()
    prepaid[rng.choice(np.flatnonzero(~is_special), prepaid_low_voltage, replace=False)] = True
    daily_wh, account_max_w, account_wh_per_count = _demand(rng, kind)

    names, grids = district_names(rng, districts)
    physical_district, loss_share, theft_share = _losses(
        rng, account_district, is_special, daily_wh, districts
    )
    supplied_wh = np.bincount(physical_district, daily_wh, districts)

    meters = len(point_class)
    wh_per_count = np.empty(meters, np.int64)
    wh_per_count[meter_of_account] = account_wh_per_count
    wh_per_count[~has_account] = _current_ratio(supplied_wh)
    max_w = np.empty(meters, np.int64)
    max_w[meter_of_account] = account_max_w
    max_w[~has_account] = np.maximum(100_000, supplied_wh / 24 * 8).astype(np.int64)
    start_counts = rng.integers(20_000, 6_000_000, meters)
    rolling_over = rng.choice(meter_of_account, max(1, accounts // 2_500), replace=False)
    start_counts[rolling_over] = MODULUS - rng.integers(1, 300, len(rolling_over))

    return County(
        district_id=np.arange(districts, dtype=np.uint64) + np.uint64(42_280_001),
        district_name=names,
        grid=grids,
        loss_share=loss_share,
        theft_share=theft_share,
        meter_id=np.cumsum(rng.integers(1, 90, meters)).astype(np.uint64) + np.uint64(310_000_000_000),
        meter_district=point_district,
        meter_class=point_class,
        account_of_meter=account_of_meter,
        wh_per_count=wh_per_count,
        max_w=max_w,
        switchable=has_account & (rng.random(meters) >= 0.02),
        start_counts=start_counts,
        account_id=np.arange(accounts, dtype=np.uint64) + np.uint64(5_400_000_001),
        meter_of_account=meter_of_account,
        account_district=account_district,
        physical_district=physical_district,
        kind=kind,
        daily_wh=daily_wh,
        prepaid=prepaid,
        protected=~is_special & (rng.random(accounts) < 0.004),
        debits=prepaid & ~is_special & (rng.random(accounts) < 0.12),
        bypass=~is_special & (rng.random(accounts) < 0.05),
        opening_nano=_opening(rng, kind, prepaid),
    )


def _points(
    rng: np.random.Generator, districts: int, special: int, low_voltage: int
) -> tuple[Ints, NDArray[np.int8]]:
    """District and class of every meter, in the concentrators' order."""
    weights = rng.lognormal(0.0, 0.6, districts)
    spread = low_voltage - LEAST_CUSTOMERS_OF_A_DISTRICT * districts
    sizes = LEAST_CUSTOMERS_OF_A_DISTRICT + rng.multinomial(spread, weights / weights.sum())
    district = np.concatenate(
        [
            np.arange(districts),
            rng.choice(districts, special, replace=False),
            np.repeat(np.arange(districts), sizes),
        ]
    )
    order_in_district = np.repeat([0, 1, 2], [districts, special, low_voltage])
    klass = np.array([PUBLIC, SPECIAL, LOW_VOLTAGE], np.int8)[order_in_district]
    order = np.lexsort((order_in_district, district))
    return district[order].astype(np.int64), klass[order]


def _demand(rng: np.random.Generator, kind: NDArray[np.int8]) -> tuple[Ints, Ints, Ints]:
    """Per account: energy of an ordinary day, the most it can draw in W, and Wh per count of its register."""
    accounts = len(kind)
    median_wh = np.array([0, 6_500, 24_000, 9_000])[kind]
    sigma = np.array([0.0, 0.55, 0.7, 0.7])[kind]
    most_wh = np.array([0, 26_000, 110_000, 50_000])[kind]
    daily_wh = np.clip(median_wh * np.exp(sigma * rng.standard_normal(accounts)), 400, most_wh)
    max_w = np.where(rng.random(accounts) < 0.7, 1, 2) * np.array([0, 13_200, 66_000, 33_000])[kind]
    wh_per_count = np.full(accounts, 10)

    industry = np.flatnonzero(kind == INDUSTRY)
    rated_va = rng.choice(
        [100_000, 200_000, 315_000, 500_000, 800_000], len(industry), p=[0.3, 0.3, 0.2, 0.12, 0.08]
    )
    daily_wh[industry] = rated_va * rng.uniform(1.0, 5.0, len(industry))
    max_w[industry] = rated_va * 3 // 2
    wh_per_count[industry] = rated_va // 5_000
    return np.rint(daily_wh).astype(np.int64), max_w.astype(np.int64), wh_per_count.astype(np.int64)


def _current_ratio(supplied_wh: NDArray[Any]) -> Ints:
    """The ratio of a transformer meter's current transformers, at a register resolution of 1 Wh before it."""
    ratios = np.array([30, 60, 80, 120, 200])
    ratio: Ints = ratios[np.digitize(supplied_wh, [300_000, 600_000, 1_000_000, 2_500_000])]
    return ratio


def _losses(
    rng: np.random.Generator, registered: Ints, is_special: Flags, daily_wh: Ints, districts: int
) -> tuple[Ints, NDArray[np.float64], NDArray[np.float64]]:
    """Where customers really hang, and each district's technical loss and theft.

    Most districts lose 1 to 6 %. In a few, somebody draws past the meters. In a few pairs, a row of houses is
    registered in one district and fed by its neighbour, so that one seems to lose far too much and the other
    less than nothing.
    """
    physical = registered.copy()
    loss_share = 0.012 + 0.06 * rng.beta(2.0, 4.0, districts)
    theft_share = np.zeros(districts)
    ordinary = np.setdiff1d(np.arange(districts), registered[is_special])
    odd = rng.permutation(ordinary)
    thefts, pairs = max(1, districts // 150), max(1, districts // 300)
    theft_share[odd[:thefts]] = rng.uniform(0.15, 0.4, thefts)
    for registered_in, fed_by in odd[thefts : thefts + 2 * pairs].reshape(pairs, 2):
        houses = np.flatnonzero((registered == registered_in) & ~is_special)
        share = np.cumsum(daily_wh[houses]) / daily_wh[houses].sum()
        physical[houses[share < _MISPLACED_SHARE]] = fed_by
    return physical, loss_share, theft_share


def _opening(rng: np.random.Generator, kind: NDArray[np.int8], prepaid: Flags) -> Ints:
    """Balances on the evening before, to the cent: some are used up, post-paid customers owe a bill."""
    accounts = len(kind)
    ordinary = rng.gamma(2.0, np.array([25_000.0, 60.0, 250.0, 60.0])[kind])
    debt = -rng.uniform(0.5, 1.0, accounts) * np.array([2_000.0, 20.0, 60.0, 15.0])[kind]
    nearly_used = rng.uniform(0.1, 1.0, accounts) * np.array([1_500.0, 4.0, 15.0, 4.0])[kind]
    draw = rng.random(accounts)
    used_up_share = np.where(kind == INDUSTRY, 0.02, 0.008)
    balance = np.where(
        draw < used_up_share, debt, np.where(draw < used_up_share + 0.006, nearly_used, ordinary)
    )
    balance = np.where(prepaid, balance, -rng.uniform(5.0, 250.0, accounts))
    cents: Ints = np.rint(balance * 100).astype(np.int64)
    return cents * (NANO // 100)
