"""A batch log through the engine, offline: outputs, state and a summary as files.

Malformed batches are told to `on_malformed` and passed over, as the reference has it (section 3); anything
else that the engine raises is a fault and ends the replay. Outputs are streamed, so a replay needs the memory
of its state and of one batch. Time is measured by the `clock` that is handed in. Reference: "The batch log".
"""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from fastcore import Config, Engine, FeikongError, InvariantError, SnapshotError
from fastcore.schemas import OUTPUTS, STATES
from pipeline.batchlog import BatchLog, Broken, Entry, instant_text
from pipeline.errors import LogError
from pipeline.outputs.parquet import OutputFiles, write_state, write_summary
from pipeline.tally import Tally

__all__ = ["OUTPUT_NAMES", "STATE_NAMES", "Run", "replay"]

OUTPUT_NAMES: tuple[str, ...] = tuple(OUTPUTS)
STATE_NAMES: tuple[str, ...] = tuple(STATES)
MALFORMED_TOLD_MAX = 100


@dataclass(slots=True)
class Run:
    """What a replay did; `summary()` is what goes into `summary.json`.

    `sequence` is the number of the last batch taken, `now_s` the engine's time (None before a batch set it),
    `rows` and `batches` count what was taken by kind, `outputs` the rows written by output, `malformed` the
    batches that were not taken. `wall_s` is the whole run, `engine_s` the part of it inside the engine.
    """

    sequence: int = 0
    now_s: int | None = None
    digest: str = ""
    rows: Counter[str] = field(default_factory=Counter)
    batches: Counter[str] = field(default_factory=Counter)
    outputs: dict[str, int] = field(default_factory=dict)
    malformed: list[Broken] = field(default_factory=list)
    save_load_checks: int = 0
    wall_s: float = 0.0
    engine_s: float = 0.0
    tally: Tally = field(default_factory=Tally)

    @property
    def reads_per_s(self) -> float:
        """Reads per second of the whole run: log read, engine run, outputs written."""
        return self.rows["reads"] / self.wall_s if self.wall_s else 0.0

    @property
    def engine_reads_per_s(self) -> float:
        """Reads per second of the time spent inside the engine, on all kinds of batches."""
        return self.rows["reads"] / self.engine_s if self.engine_s else 0.0

    def summary(self) -> dict[str, Any]:
        """The run as plain JSON values; `now` is null before a batch has set the time."""
        return {
            "sequence": self.sequence,
            "now": None if self.now_s is None else instant_text(self.now_s),
            "digest": self.digest,
            "rows": dict(self.rows),
            "batches": dict(self.batches),
            "outputs": self.outputs,
            "malformed": len(self.malformed),
            "malformed_batches": [
                {"line": broken.line, "kind": broken.kind, "error": broken.reason}
                for broken in self.malformed[:MALFORMED_TOLD_MAX]
            ],
            "refused": [
                {"kind": kind, "reason": reason, "rows": rows}
                for (kind, reason), rows in sorted(self.tally.refused.items())
            ],
            "save_load_checks": self.save_load_checks,
            "wall_s": round(self.wall_s, 3),
            "engine_s": round(self.engine_s, 3),
            "reads_per_s": round(self.reads_per_s),
            "engine_reads_per_s": round(self.engine_reads_per_s),
        }


def replay(
    log: BatchLog,
    out: Path,
    *,
    outputs: Sequence[str] = OUTPUT_NAMES,
    check_save_load: int = 0,
    clock: Callable[[], float] = time.perf_counter,
    on_batch: Callable[[Run], None] = lambda run: None,
    on_malformed: Callable[[Broken], None] = lambda broken: None,
) -> Run:
    """Run `log` through a new engine and write what comes out under the folder `out`.

    `clock` gives seconds from any start. Only `outputs` are computed and written. With `check_save_load` = N,
    after every N batches the engine is saved, loaded and compared, and the run goes on with the loaded one.
    `on_batch` is called after each line, `on_malformed` for each batch that was not taken.

    Raises `LogError` for unknown output names, an `out` that holds other things, or a log that makes no
    engine; `SnapshotError` where a loaded engine is not the saved one; `InvariantError` where the books do
    not balance at the end.
    """
    unknown = [name for name in outputs if name not in OUTPUT_NAMES]
    if unknown:
        raise LogError(f"outputs: unknown {', '.join(unknown)}; expected some of {', '.join(OUTPUT_NAMES)}")
    run = Run()
    started_s = clock()
    files = OutputFiles(out, outputs)
    driver = _Driver(run, files, tuple(outputs), clock, check_save_load)
    try:
        for entry in log:
            broken = driver.take(entry)
            if broken is not None:
                run.malformed.append(broken)
                on_malformed(broken)
            on_batch(run)
        engine = driver.finish(log)
    except BaseException:
        files.abort()
        raise
    files.close({name: OUTPUTS[name](pa.string()) for name in outputs})
    run.outputs = files.rows
    run.digest = engine.digest()
    write_state(out, {name: getattr(engine, name)() for name in STATE_NAMES}, engine.config.text)
    run.wall_s = clock() - started_s
    write_summary(out, run.summary())
    return run


@dataclass(slots=True)
class _Driver:
    """Holds the engine from the first configuration on."""

    run: Run
    files: OutputFiles
    outputs: tuple[str, ...]
    clock: Callable[[], float]
    check_save_load: int
    engine: Engine | None = None

    def take(self, entry: Entry | Broken) -> Broken | None:
        """Apply one entry; what is wrong with it if it was not taken."""
        if isinstance(entry, Broken):
            return entry
        try:
            effects = self._apply(entry)
        except (InvariantError, SnapshotError):
            raise
        except FeikongError as error:
            return Broken(entry.line, entry.kind, str(error))
        self._count(entry)
        for name in self.outputs if effects is not None else ():
            rows = getattr(effects, name)
            self.files.add(name, rows)
            self.run.tally.add(name, rows)
        if self.check_save_load and self.run.sequence % self.check_save_load == 0:
            self._save_and_load()
        return None

    def finish(self, log: BatchLog) -> Engine:
        """The engine at the end, its books audited."""
        if self.engine is None:
            reason = self.run.malformed[0].reason if self.run.malformed else "it has no line"
            raise LogError(
                f"batch log {log.path}: no configuration made an engine: {reason}; expected a config first"
            )
        self.engine.audit()
        return self.engine

    def _apply(self, entry: Entry) -> Any:
        if self.engine is None:
            if entry.kind != "config":
                raise LogError(f"{entry.kind}: no configuration yet; expected a config as the first batch")
            self.engine = Engine(Config.from_toml(str(entry.batch)), outputs=self.outputs)
            return None
        assert entry.now_s is not None, "only the first line has no time, and no engine stands before it"
        started_s = self.clock()
        effects = self.engine.apply(entry.kind, entry.batch, now=entry.now_s)
        self.run.engine_s += self.clock() - started_s
        return effects

    def _count(self, entry: Entry) -> None:
        run = self.run
        run.sequence += 1
        run.batches[entry.kind] += 1
        run.rows[entry.kind] += entry.batch.num_rows if isinstance(entry.batch, pa.Table) else 0
        if run.sequence > 1 and entry.now_s is not None:
            run.now_s = entry.now_s if run.now_s is None else max(run.now_s, entry.now_s)

    def _save_and_load(self) -> None:
        assert self.engine is not None
        snapshot = io.BytesIO()
        self.engine.save(snapshot)
        snapshot.seek(0)
        loaded = Engine.load(snapshot)
        expected, found = self.engine.digest(), loaded.digest()
        if expected != found:
            raise SnapshotError(
                f"after batch {self.run.sequence}: saved as {expected}, loaded as {found}; "
                "expected the same digest"
            )
        self.engine = loaded
        self.run.save_load_checks += 1
