"""What ids of text cost.

Two counties of the same registry and the same reads, one with uint64 ids, one with the same numbers as text
of twelve bytes; grouped order, all outputs, paired rounds. Both give the same rows.
"""

from __future__ import annotations

from benchmarks.answers import expect
from benchmarks.command import main
from benchmarks.contest import WARM_SWEEPS, Contestant, contest
from benchmarks.core import Core
from benchmarks.county import County
from benchmarks.figures import Figure, Question, Size
from benchmarks.machine import need_memory

QUESTION = Question("utf8", "ids of text, twelve bytes each", "≥ 0.5 × uint64")
SIZES: dict[Size, tuple[int, ...]] = {"smoke": (3_000,), "full": (1_000_000, 10_000_000)}
METER_BYTES = 1_200


def run(size: Size) -> list[Figure]:
    """Measure it; a figure for each number of meters."""
    return [_one(meters) for meters in SIZES[size]]


def _one(meters: int) -> Figure:
    need_memory(f"{meters:,} meters, twice", meters * METER_BYTES)
    numbers, texts = County(meters, "grouped"), County(meters, "grouped", "utf8")
    cores = Core(texts, "core, utf8"), Core(numbers, "core, uint64")
    for core in cores:
        for number in range(1, WARM_SWEEPS):
            core.take(core.county.sweep(number))
        core.check(core.county.sweep(WARM_SWEEPS))
    timed = [Contestant(core.name, core.county.sweep, core.take) for core in cores]
    after = contest(timed, WARM_SWEEPS + 1)
    answer, other = (core.check(core.county.sweep(after)) for core in cores)
    for core in cores:
        core.check_state()
    expect(f"{meters:,} meters: hash of the rows with ids of text", answer, other)
    what = f"utf8, grouped, {meters:,} meters"
    return Figure(what, "M reads/s", timed[0].rates_m, "uint64", timed[1].rates_m, 0.5, answer=answer)


if __name__ == "__main__":
    main([QUESTION.name])
