"""One demo from start to end: a node, the county around it, files for what comes out, and the figures."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from pipeline.batchlog import BatchLogWriter, instant_text
from pipeline.demo import settings
from pipeline.demo.driver import CountyClock, Driver
from pipeline.demo.figures import Figures, gather
from pipeline.demo.parts import Node
from pipeline.demo.reports import Ended
from pipeline.demo.run import Day, Simulation
from pipeline.journal import RealDisk
from pipeline.node.export import export
from pipeline.node.layout import Places
from pipeline.outputs.parquet import clear, write_state, write_summary

MEMORY: Final = Path("/dev/shm")
"""Where the county's outboxes are, if the system has it: it is the node's disk that is waited for."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a demo is asked for: ``out`` and ``log`` are folders, ``None`` where nothing is to be written."""

    seed: int = 1
    scale: float = 1.0
    out: Path | None = None
    log: Path | None = None


def show(
    options: Options,
    clock: Callable[[], float],
    on_quarter: Callable[[int, int], None] = lambda over, of: None,
) -> Figures:
    """Run the demo and return its figures.

    Args:
        options: seed, scale and where to write.
        clock: seconds from any start, to measure with.
        on_quarter: told, after each simulated quarter-hour, how many of how many are over.

    Raises:
        LogError: ``out`` holds something that no run wrote, or ``log`` is not a new folder.
        DemoError: a part of the node ends, or does not answer.
        OSError: a file cannot be written.
    """
    started_s = clock()
    if options.out is not None:
        clear(options.out)
    day, ended = _day(options, clock, on_quarter)
    if options.out is not None:
        write_state(options.out, ended.tables, settings.TOML)
    figures = gather(day, ended, clock() - started_s)
    if options.out is not None:
        write_summary(options.out, _summary(options, day, figures, ended.rows))
    return figures


def _day(
    options: Options, clock: Callable[[], float], on_quarter: Callable[[int, int], None]
) -> tuple[Day, Ended]:
    """The day, with everything written that is to be written of it, and how the engine ended."""
    with ExitStack() as stack:
        log = stack.enter_context(BatchLogWriter(options.log)) if options.log is not None else None
        data, outboxes = (_folder(stack, where) for where in (None, MEMORY))
        county = CountyClock(settings.EVENING_S)
        node = stack.enter_context(Node(data, outboxes, options.out, county))
        driver = Driver(node.station, node.reports, county, clock)
        driver.begin()
        day = Simulation(options.seed, options.scale, driver).day(on_quarter)
        ended = node.end()
        if log is not None:
            export(RealDisk(Places(data, 0).journal), log)
        return day, ended


def _folder(stack: ExitStack, where: Path | None) -> Path:
    """A new folder that is gone in the end; in a folder that may not be there on every system."""
    made = TemporaryDirectory(prefix="feikong-demo-", dir=where if where and where.is_dir() else None)
    return Path(stack.enter_context(made))


def _summary(options: Options, day: Day, figures: Figures, outputs: dict[str, int]) -> dict[str, Any]:
    """As that of a replay, with the demo's options and figures beside it."""
    return {
        "sequence": day.driver.sequence,
        "now": instant_text(day.driver.now_s),
        "digest": figures.digest,
        "rows": dict(day.driver.rows),
        "outputs": outputs,
        "malformed": 0,
        "wall_s": round(figures.speed.total_s, 3),
        "seed": options.seed,
        "scale": options.scale,
        "figures": figures.as_json(),
    }
