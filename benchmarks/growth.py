"""Whether a read costs more where there are more meters.

Nanoseconds a read at 100 k, 1 M, 10 M and 50 M meters, in both orders, all outputs. The target is for the
largest number against 1 M. They stand one after the other, not side by side, so their rounds are paired
only in name: 50 M meters take 20 GiB.
"""

from __future__ import annotations

import gc

from benchmarks.command import main
from benchmarks.contest import SWEEPS, WARM_SWEEPS, Contestant, contest
from benchmarks.core import Core
from benchmarks.county import County, Order
from benchmarks.figures import ROUNDS, Figure, Question, Size
from benchmarks.machine import need_memory

QUESTION = Question("growth", "ns a read as the meters grow", "50 M ≤ 2.5 × 1 M")
SIZES: dict[Size, tuple[int, ...]] = {
    "smoke": (1_000, 10_000),
    "full": (100_000, 1_000_000, 10_000_000, 50_000_000),
}
BASE: dict[Size, int] = {"smoke": 1_000, "full": 1_000_000}
WHOLE_METERS = 10_000_000
"""Up to here every register and balance is compared at the end; above, the books are audited."""
METER_BYTES = 410
ROUND_READS = 1_600_000
"""A round of a small county is of several hours, until it is long enough to measure."""


def run(size: Size) -> list[Figure]:
    """Measure it; a figure for each number of meters in each order."""
    out = []
    for order in ("grouped", "random"):
        costs: dict[int, tuple[float, ...]] = {}
        for meters in SIZES[size]:
            costs[meters], answer = _cost_ns(order, meters, size)
            base = costs.get(BASE[size], ()) if meters > BASE[size] else ()
            last = meters == SIZES[size][-1]
            out.append(
                Figure(
                    f"{order}, {meters:,} meters",
                    "ns/read",
                    costs[meters],
                    f"{BASE[size]:,} meters" if base else "",
                    base,
                    2.5 if last else None,
                    at_most=True,
                    answer=answer,
                )
            )
    return out


def _cost_ns(order: Order, meters: int, size: Size) -> tuple[tuple[float, ...], str]:
    """What a read costs by round, and the hash of the newest sweep."""
    gc.collect()
    need_memory(f"{meters:,} meters", meters * METER_BYTES)
    county = County(meters, order)
    core = Core(county)
    for number in range(1, WARM_SWEEPS):
        core.take(county.sweep(number))
    core.check(county.sweep(WARM_SWEEPS))
    timed = Contestant("core", county.sweep, core.take)
    hours = max(1, ROUND_READS // (SWEEPS * meters)) if size == "full" else 1
    after = contest([timed], WARM_SWEEPS + 1, ROUNDS, SWEEPS * hours)
    answer = core.check(county.sweep(after))
    county.forget_sweep()
    if meters <= WHOLE_METERS:
        core.check_state()
    else:
        core.engine.audit()
    return tuple(1e9 / rate for rate in timed.rates), answer


if __name__ == "__main__":
    main([QUESTION.name])
