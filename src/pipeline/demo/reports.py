"""What the engine's process tells the county over a pipe: what each batch did, and what left for the head-end.

It stands where a node's outputs stand: behind the journal, after each batch is applied. Reads are too many to be told
one by one, so intervals are written to their file there, and counted.
"""

from __future__ import annotations

from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fastcore.effects import Effects
from fastcore.engine import Engine
from fastcore.schemas import OUTPUTS, STATES
from pipeline.demo import settings
from pipeline.demo.background import Background
from pipeline.demo.desk import Look, look_at
from pipeline.gateway import Gateway, Settings
from pipeline.node.outlet import CommandBody, Desk
from pipeline.outputs.parquet import OutputFiles

__all__ = ["Ended", "Intervals", "Listening", "Report", "Reporting", "Took"]

_QUALITIES: Final = 128


class Listening(NamedTuple):
    """The worker is there, at this endpoint."""

    endpoint: str


class Took(NamedTuple):
    """A batch was applied: its number, the time that it brought, its outputs that have rows, all but intervals.

    `look` is what the desk sees, once a quarter-hour.
    """

    seq: int
    now_s: int
    outputs: dict[str, pa.RecordBatch]
    look: Look | None


class Report(NamedTuple):
    """What was applied since the last one.

    Attributes:
        took: each batch.
        commands: that have left for the head-end in all, these included.
        ready: whether the engine has its time, and the node holds no trips.
    """

    took: list[Took]
    commands: int
    ready: bool


class Ended(NamedTuple):
    """The engine's process has come to its end: the books were audited, and are these.

    Attributes:
        digest: of the whole state.
        intervals: counted.
        rows: of each output, as they stand in its file.
        tables: the state.
    """

    digest: str
    intervals: Intervals
    rows: dict[str, int]
    tables: dict[str, pa.Table]


class Intervals:
    """Intervals, counted.

    Attributes:
        quality: how many had each quality, by its number.
        charged_nano: what all were charged.
    """

    def __init__(self) -> None:
        self.quality = np.zeros(_QUALITIES, np.int64)
        self.charged_nano = 0

    def count(self, rows: pa.RecordBatch) -> None:
        """Count some rows."""
        self.quality += np.bincount(rows["quality"].to_numpy(), minlength=_QUALITIES)
        self.charged_nano += pc.sum(rows["charge"].view(pa.int64())).as_py() or 0


class Reporting(Gateway):
    """A gateway that tells over a pipe what it sees and sends, and has the outputs written in the background."""

    def __init__(
        self, made_with: Settings, pipe: Connection, background: Background, folder: Path | None
    ) -> None:
        super().__init__(made_with)
        self._pipe = pipe
        self._background = background
        self._files = None if folder is None else OutputFiles(folder, OUTPUTS)
        self._intervals = Intervals()
        self._engine: Engine | None = None
        self._untold: list[Took] = []
        self._look_s = settings.MIDNIGHT_S + settings.LOOK_AT_S

    def start(self, desk: Desk, commands: pa.Table, now_s: int) -> None:
        """Take over, and note whose desk it is."""
        super().start(desk, commands, now_s)
        self._engine = desk.engine

    def take(self, seq: int, effects: Effects) -> None:
        """Note what a batch did."""
        super().take(seq, effects)
        outputs = {name: rows for name, rows in effects if rows.num_rows}
        for name, rows in outputs.items():
            if self._files is not None:
                self._background.do(partial(self._files.add, name, rows))
        if (intervals := outputs.pop("intervals", None)) is not None:
            self._intervals.count(intervals)
        assert self._engine is not None
        now_s = self._engine.now_s or 0
        look = None
        if now_s >= self._look_s:
            self._look_s += -(-(now_s + 1 - self._look_s) // settings.QUARTER_S) * settings.QUARTER_S
            look = look_at(self._engine.accounts())
        self._untold.append(Took(seq, now_s, outputs, look))

    def poll(self, now_s: int) -> list[CommandBody]:
        """Tell what was done, and how much has left."""
        bodies = super().poll(now_s)
        if bodies or self._untold:
            self._pipe.send(Report(self._untold, self.sent.total(), self._ready()))
            self._untold = []
        return bodies

    def _ready(self) -> bool:
        desk = self._desk
        return desk.engine.now_s is not None and not desk.held and not desk.suspended

    def end(self) -> Ended:
        """Audit the books, close the files, which the background has done with, and tell how it ended."""
        engine = self._engine
        assert engine is not None
        engine.audit()
        if self._files is not None:
            self._files.close({name: OUTPUTS[name](pa.uint64()) for name in OUTPUTS})
        return Ended(
            engine.digest(),
            self._intervals,
            self._files.rows if self._files is not None else {},
            {name: getattr(engine, name)() for name in STATES},
        )

    def abort(self) -> None:
        """Close the files as they are."""
        if self._files is not None:
            self._files.abort()
