"""The engine at work: batches go in, the engine alone is timed, and what comes out goes where it belongs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fastcore import Engine
from fastcore.schemas import OUTPUTS as SCHEMAS
from pipeline.batchlog import BatchLogWriter
from pipeline.demo.background import Background
from pipeline.outputs.parquet import OutputFiles

OUTPUTS: Final = tuple(SCHEMAS)
_QUALITIES: Final = 128


class Record:
    """What the engine gave: small outputs are kept, intervals are counted.

    Attributes:
        kept: for each output but ``intervals``, its batches that have rows.
        quality: how many intervals had each quality, by its number.
        charged_nano: what all intervals were charged.
    """

    def __init__(self) -> None:
        self.kept: dict[str, list[pa.RecordBatch]] = {name: [] for name in OUTPUTS if name != "intervals"}
        self.quality = np.zeros(_QUALITIES, np.int64)
        self.charged_nano = 0

    def take(self, name: str, rows: pa.RecordBatch) -> None:
        """Take rows of the output ``name``."""
        if rows.num_rows and name in self.kept:
            self.kept[name].append(rows)
        elif rows.num_rows:
            self.quality += np.bincount(rows["quality"].to_numpy(), minlength=_QUALITIES)
            self.charged_nano += pc.sum(rows["charge"].view(pa.int64())).as_py() or 0

    def rows(self, name: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        """Some columns of a small output, all its rows, as Python values."""
        return [row for batch in self.kept[name] for row in rows_of(batch, columns)]

    def table(self, name: str) -> pa.Table | None:
        """All rows of an output other than ``intervals``, or ``None`` if it never had one."""
        return pa.Table.from_batches(self.kept[name]) if self.kept[name] else None


class Driver:
    """Applies batches to an engine, in order, records what comes out, and has it written in the background.

    Attributes:
        sequence: the number of the newest batch; the configuration is 1.
        rows: rows applied, by kind.
        batches: batches applied, by kind.
        engine_s: seconds spent in the engine, by kind.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Callable[[], float],
        background: Background,
        files: OutputFiles | None = None,
        log: BatchLogWriter | None = None,
    ) -> None:
        self.engine = engine
        self.record = Record()
        self.sequence = 1
        self.now_s = 0
        self.rows: Counter[str] = Counter()
        self.batches: Counter[str] = Counter({"config": 1})
        self.engine_s: dict[str, float] = {}
        self._clock = clock
        self._background = background
        self._files = files
        self._log = log

    def apply(self, kind: str, batch: pa.RecordBatch | None, now_s: int) -> Any:
        """Apply one batch; returns the engine's effects, which have been recorded."""
        if self._log is not None:
            line = (
                partial(self._log.tick, now_s)
                if batch is None
                else partial(self._log.write, kind, batch, now_s)
            )
            self._background.do(line)
        before_s = self._clock()
        effects = self.engine.apply(kind, batch, now=now_s)
        self.engine_s[kind] = self.engine_s.get(kind, 0.0) + self._clock() - before_s
        self.sequence += 1
        self.now_s = now_s
        self.batches[kind] += 1
        self.rows[kind] += batch.num_rows if batch is not None else 0
        for name in OUTPUTS:
            rows = getattr(effects, name)
            self.record.take(name, rows)
            if self._files is not None and rows.num_rows:
                self._background.do(partial(self._files.add, name, rows))
        return effects


def rows_of(batch: pa.RecordBatch, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """Some columns of a small batch as rows of Python values: names as text, money as ``Decimal``."""
    return list(zip(*(batch[name].to_pylist() for name in columns), strict=True)) if batch.num_rows else []
