"""Reads per second against the number of meters: the floor, the core, and what a user would write instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.answers import expect
from benchmarks.bench_peers import PEERS, TARGETS, measure
from benchmarks.contest import WARM_SWEEPS, Contestant, contest
from benchmarks.core import Core
from benchmarks.county import County
from benchmarks.errors import CannotRun
from benchmarks.figures import Size
from benchmarks.ground import Ground
from benchmarks.machine import need_memory
from benchmarks.peers.job import make_job

__all__ = ["Line", "draw", "lines", "measured"]

METERS: Final[Mapping[Size, Sequence[int]]] = {
    "smoke": (2_000, 5_000),
    "full": (2_000, 10_000, 100_000, 1_000_000, 10_000_000),
}
PEER_METERS_MAX: Final = 1_000_000
"""Beyond, plain Python and Bytewax would take minutes a round."""
ROUNDS: Final = 3
METER_BYTES: Final = 600
TITLES: Final = {
    "floor": "floor: lookup, state, output",
    "core": "feikong: the whole engine",
    "core, reduced job": "feikong: at the peers' job",
    "numba": "Numba by hand",
    "numpy": "NumPy",
    "polars": "Polars",
    "duckdb": "DuckDB",
    "python": "plain Python",
    "bytewax": "Bytewax",
}


@dataclass
class Line:
    """Rates in reads/s by number of meters, of one that takes reads."""

    name: str
    points: dict[int, float]


def lines(size: Size) -> list[Line]:
    """Measure all of them, answers compared first; a peer that is not installed has no line."""
    found: dict[str, Line] = {}
    for meters in METERS[size]:
        for name, rate in measured(meters).items():
            found.setdefault(name, Line(name, {})).points[meters] = rate
    return [found[name] for name in TITLES if name in found]


def measured(meters: int) -> dict[str, float]:
    """The median rate of each, in reads/s, over a county of so many meters in random order."""
    need_memory(f"{meters:,} meters", meters * METER_BYTES)
    county = County(meters, "random")
    core, ground = Core(county), Ground(county)
    for number in range(1, WARM_SWEEPS + 1):
        core.check(county.sweep(number))
        ground.check(county.sweep(number))
    timed = [Contestant(one.name, county.sweep, one.take) for one in (core, ground)]
    contest(timed, WARM_SWEEPS + 1, ROUNDS)
    core.check_state()
    out = {contestant.name: median(contestant.rates) for contestant in timed}
    del core, ground, county
    if meters <= PEER_METERS_MAX:
        rates, _, _ = measure(make_job(meters, 4), PEERS, ROUNDS)
        out |= {name: median(rates[name]) * 1e6 for name in TARGETS if name in rates}
        out["core, reduced job"] = median(rates["core"]) * 1e6
    return out


def draw(drawn: Sequence[Line], to: Path) -> None:
    """Draw the lines into an SVG file; the same lines make the same file. Raises `CannotRun` without Matplotlib."""
    try:
        import matplotlib
    except ImportError as error:
        raise CannotRun(
            "matplotlib is not installed; expected it for plots: pip install 'feikong[bench]'"
        ) from error
    matplotlib.use("svg")
    from matplotlib import pyplot

    with pyplot.rc_context({"svg.hashsalt": "feikong", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure, axes = pyplot.subplots(figsize=(8, 5), layout="constrained")
        for line in drawn:
            ours = line.name.startswith("core")
            style = {"linewidth": 2.5 if ours else 1.2, "linestyle": "--" if line.name == "floor" else "-"}
            axes.loglog(
                *zip(*sorted(line.points.items()), strict=True), marker="o", label=TITLES[line.name], **style
            )
        axes.set_xlabel("meters, in random order")
        axes.set_ylabel("reads per second, one core")
        axes.grid(visible=True, which="major", alpha=0.3)
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
        figure.savefig(to, format="svg", metadata={"Date": None})
        pyplot.close(figure)
    expect(f"{to.name}: an SVG file", "<svg" in to.read_text(), True)
