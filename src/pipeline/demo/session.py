"""One demo from start to end: an engine, the county around it, files for what comes out, and the figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from fastcore import Config, Engine
from fastcore.schemas import OUTPUTS as SCHEMAS
from fastcore.schemas import STATES
from pipeline.batchlog import BatchLogWriter, instant_text
from pipeline.demo import settings
from pipeline.demo.background import Background
from pipeline.demo.driver import OUTPUTS, Driver
from pipeline.demo.figures import Figures, gather
from pipeline.demo.run import Day, Simulation
from pipeline.outputs.parquet import OutputFiles, write_state, write_summary


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
        InvariantError: the engine's books do not balance at the end.
        OSError: a file cannot be written.
    """
    started_s = clock()
    log = None if options.log is None else BatchLogWriter(options.log)
    files = None if options.out is None else OutputFiles(options.out, OUTPUTS)
    try:
        day = _day(options, clock, on_quarter, files, log)
    except BaseException:
        if files is not None:
            files.abort()
        raise
    finally:
        if log is not None:
            log.close()
    engine = day.driver.engine
    engine.audit()
    digest = engine.digest()
    if options.out is not None and files is not None:
        files.close({name: SCHEMAS[name](pa.uint64()) for name in OUTPUTS})
        write_state(options.out, {name: getattr(engine, name)() for name in STATES})
    figures = gather(day, digest, clock() - started_s)
    if options.out is not None and files is not None:
        write_summary(options.out, _summary(options, day, figures, files.rows))
    return figures


def _day(
    options: Options,
    clock: Callable[[], float],
    on_quarter: Callable[[int, int], None],
    files: OutputFiles | None,
    log: BatchLogWriter | None,
) -> Day:
    """The day with everything written that is to be written of it."""
    if log is not None:
        log.config(settings.TOML, settings.EVENING_S)
    engine = Engine(Config.from_toml(settings.TOML), outputs=OUTPUTS)
    with Background() as background:
        driver = Driver(engine, clock, background, files, log)
        return Simulation(options.seed, options.scale, driver).day(on_quarter)


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
