"""What the questions of grouped and of random order share: the core against the floor, on the same reads."""

from __future__ import annotations

from benchmarks.contest import WARM_SWEEPS, Contestant, contest
from benchmarks.core import Core
from benchmarks.county import County, Order
from benchmarks.figures import Figure, Size
from benchmarks.ground import Ground
from benchmarks.machine import need_memory

__all__ = ["SIZES", "against_floor"]

SIZES: dict[Size, tuple[int, ...]] = {"smoke": (3_000, 70_000), "full": (1_000_000, 10_000_000)}
METER_BYTES = 750
"""Of the county, its sweeps, the core and the floor together."""


def against_floor(order: Order, size: Size, target: float) -> list[Figure]:
    """The core's rate over the floor's for each number of meters, reads in `order`."""
    return [_one(order, meters, target) for meters in SIZES[size]]


def _one(order: Order, meters: int, target: float) -> Figure:
    need_memory(f"{meters:,} meters", meters * METER_BYTES)
    county = County(meters, order)
    core, ground = Core(county), Ground(county)
    for number in range(1, WARM_SWEEPS):
        core.take(county.sweep(number))
        ground.take(county.sweep(number))
    core.check(county.sweep(WARM_SWEEPS))
    ground.check(county.sweep(WARM_SWEEPS))
    timed = Contestant("core", county.sweep, core.take), Contestant("floor", county.sweep, ground.take)
    after = contest(timed, WARM_SWEEPS + 1)
    answer = core.check(county.sweep(after))
    ground.check(county.sweep(after))
    core.check_state()
    return Figure(
        f"{order}, {meters:,} meters",
        "M reads/s",
        timed[0].rates_m,
        "floor",
        timed[1].rates_m,
        target,
        answer=answer,
    )
