"""How fast the floor itself is, with the lookup of ids and without.

The least that any implementation must do for a read, in both orders; nothing is asked of it. Without the
lookup rows are known already, and what is left is a 128-byte state and 40 bytes of output.
"""

from __future__ import annotations

from benchmarks.command import main
from benchmarks.contest import WARM_SWEEPS, Contestant, contest
from benchmarks.county import County, Order
from benchmarks.figures import Figure, Question, Size
from benchmarks.ground import Ground
from benchmarks.machine import need_memory

QUESTION = Question(
    "floor", "the least that any implementation must do", "none: the others are held against it"
)
SIZES: dict[Size, tuple[int, ...]] = {"smoke": (3_000,), "full": (1_000_000, 10_000_000)}
METER_BYTES = 450


def run(size: Size) -> list[Figure]:
    """Measure it in both orders."""
    out: list[Figure] = []
    for meters in SIZES[size]:
        need_memory(f"{meters:,} meters", meters * METER_BYTES)
        out += _one("grouped", meters)
        out += _one("random", meters)
    return out


def _one(order: Order, meters: int) -> list[Figure]:
    county = County(meters, order)
    by_id, by_row = Ground(county), Ground(county)
    county.sweep(0)
    for number in range(1, WARM_SWEEPS + 1):
        answer = by_id.check(county.sweep(number))
        by_row.check(county.sweep(number), known_rows=True)
    contestants = (
        Contestant("floor", county.sweep, by_id.take),
        Contestant("rows known", county.sweep, lambda _: by_row.take_rows(county.sweep(county.sweeps - 1))),
    )
    after = contest(contestants, WARM_SWEEPS + 1)
    answer = by_id.check(county.sweep(after))
    known = by_row.check(county.sweep(after), known_rows=True)
    what = f"{order}, {meters:,} meters"
    return [
        Figure(what, "M reads/s", contestants[0].rates_m, answer=answer),
        Figure(f"{what}, rows known", "M reads/s", contestants[1].rates_m, answer=known),
    ]


if __name__ == "__main__":
    main([QUESTION.name])
