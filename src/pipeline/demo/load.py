"""What everybody draws: energy per quarter-hour by kind of customer, the transformers' supply, the registers.

Energy is a customer's ordinary day times the share of the quarter-hour in its kind's day times a noise. Only
products and table look-ups are used in the loop, so that a seed gives the same registers on any machine.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.demo.county import HOUSEHOLD, KINDS, MODULUS, PUBLIC, County, Ints
from pipeline.demo.settings import QUARTER_S, QUARTERS

_NOISES: Final = 256
_SURGE_WH: Final = 2_700

# Relative draw at each full hour, from 0 to 23.
_HOURS: Final = {
    "industry": (5, 5, 5, 5, 5, 6, 7, 9, 12, 13, 13, 12, 10, 12, 13, 13, 12, 11, 10, 9, 8, 7, 6, 5),
    "household": (4, 3, 3, 2, 2, 3, 5, 7, 6, 5, 5, 7, 9, 7, 5, 5, 6, 9, 13, 15, 14, 12, 9, 6),
    "shop": (2, 2, 2, 2, 2, 2, 3, 5, 9, 11, 12, 13, 13, 13, 13, 12, 12, 12, 13, 13, 11, 7, 4, 3),
    "farm": (2, 2, 2, 2, 3, 7, 11, 12, 10, 8, 6, 5, 4, 5, 7, 9, 11, 11, 8, 5, 3, 2, 2, 2),
}
_NOISE_SIGMA: Final = {"industry": 0.12, "household": 0.55, "shop": 0.3, "farm": 0.5}


class Load:
    """The county's meters as they turn: call :meth:`advance` once a quarter-hour, in order.

    Attributes:
        counts: the registers of all meters at the end of the last quarter-hour, in counts, before the
            modulus; shape (M,).
    """

    def __init__(self, county: County, rng: np.random.Generator) -> None:
        self._county = county
        self._rng = rng
        self._shares = np.stack([_shares(_HOURS[kind]) for kind in KINDS])
        self._noise = np.concatenate([_noise(_NOISE_SIGMA[kind]) for kind in KINDS])
        self._noise_offset = county.kind.astype(np.int64) * _NOISES
        self._transformer = county.meter_class == PUBLIC
        self._supply_factor = 1.0 + county.loss_share + county.theft_share
        self._energy_wh = np.zeros(county.meters, np.int64)
        self._surges = self._plan_surges()
        self.counts: Ints = county.start_counts.copy()

    def advance(self, quarter: int, open_s: dict[int, int]) -> None:
        """Let the quarter-hour number ``quarter`` (from 0) pass.

        Args:
            quarter: its number in the day.
            open_s: for each account whose relay was open, for how many of the quarter-hour's seconds.
        """
        county = self._county
        draw = self._rng.integers(0, _NOISES, county.accounts, dtype=np.uint8)
        drawn = (
            county.daily_wh * self._shares[:, quarter][county.kind] * self._noise[self._noise_offset + draw]
        )
        if quarter in self._surges:
            drawn[self._surges[quarter]] += _SURGE_WH
        for account, seconds in open_s.items():
            if not county.bypass[account]:
                drawn[account] *= (QUARTER_S - seconds) / QUARTER_S
        np.rint(drawn, out=drawn)
        fed = np.bincount(county.physical_district, drawn, county.districts)
        self._energy_wh[county.meter_of_account] += drawn.astype(np.int64)
        self._energy_wh[self._transformer] += np.rint(fed * self._supply_factor).astype(np.int64)
        self.counts = county.start_counts + self._energy_wh // county.wh_per_count

    def registers(self) -> Ints:
        """The registers as the meters show them, after the modulus; shape (M,)."""
        return self.counts % MODULUS

    def _plan_surges(self) -> dict[int, Ints]:
        """A welder here, a sauna there: for some quarter-hours, households that draw many times as usual."""
        households = np.flatnonzero(self._county.kind == HOUSEHOLD)
        many = max(2, len(households) // 1_200)
        quarters = self._rng.integers(24, QUARTERS, many)
        accounts = self._rng.choice(households, many, replace=False)
        return {int(quarter): accounts[quarters == quarter] for quarter in np.unique(quarters)}


def _shares(hours: tuple[int, ...]) -> NDArray[np.float64]:
    """The share of the day in each quarter-hour: straight lines between the draws at full hours."""
    around = np.interp(np.arange(QUARTERS) / 4, np.arange(len(hours) + 1), [*hours, hours[0]])
    shares: NDArray[np.float64] = around / around.sum()
    return shares


def _noise(sigma: float) -> NDArray[np.float64]:
    """A table of equally likely factors, log-normal, of mean 1, in steps of a thousandth."""
    quantile = _normal_quantiles(_NOISES)
    factors = np.exp(sigma * quantile)
    thousandths: NDArray[np.float64] = np.rint(factors / factors.mean() * 1_000)
    return thousandths / 1_000


def _normal_quantiles(many: int) -> NDArray[np.float64]:
    """The middles of ``many`` equal slices of the standard normal distribution."""
    grid = np.linspace(-5.0, 5.0, 20_001)
    mass = np.cumsum(np.exp(-grid * grid / 2.0))
    return np.interp((np.arange(many) + 0.5) / many, mass / mass[-1], grid)
