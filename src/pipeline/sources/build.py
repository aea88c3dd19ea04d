"""A batch log out of people's files: configuration, registry, payments and reads.

The registry comes first, at the start of the first read's or payment's interval; then payments and reads, in
order of time; a last tick closes the windows that they fill. The log is made beside its place and moved there
when it is whole. All rows
are in memory at once, some 60 bytes a read.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fastcore.config import Config
from fastcore.config_model import Engine as EngineConfig
from fastcore.localtime import eras, midnights
from pipeline.batchlog import BatchLogWriter
from pipeline.errors import LogError, SourceError
from pipeline.sources.columns import Ids
from pipeline.sources.files import file_format
from pipeline.sources.made import MadeRegistry, made_registry
from pipeline.sources.mapping import Mapping
from pipeline.sources.nem import read_nem
from pipeline.sources.records import check_file, read_rows, schema_of
from pipeline.sources.rejects import REJECTS, Rejects
from pipeline.sources.timeline import Batch, Cut, batches, day_edges, instants, ticks

__all__ = ["REGISTRY", "Options", "Report", "Steps", "build"]

REGISTRY = ("districts", "accounts", "meters")
KINDS = (*REGISTRY, "payments", "reads")


class Steps(Protocol):
    """Who is told how far it has come."""

    def start(self, what: str, total: int) -> None:
        """A stretch of `total` steps begins."""

    def step(self, note: str = "") -> None:
        """One of them is done."""


@dataclass(frozen=True, slots=True)
class Options:
    """What goes in, and how.

    `files` are by kind (`accounts`, `meters`, `districts`, `payments`, `reads`). `energy` overrides the
    mapping of reads (`unit`, `resolution_wh`, `round`). `batch` is what a batch spans, `rows_max` the most
    rows of one, `delay_s` how long after its newest instant it arrives. `made`, if given, makes accounts and
    meters of the ids in the reads.
    """

    config: Path
    files: dict[str, tuple[Path, ...]]
    mapping: Mapping = field(default_factory=lambda: Mapping({}))
    energy: dict[str, Any] = field(default_factory=dict)
    ids: Ids = "utf8"
    batch: Literal["interval", "day"] = "interval"
    rows_max: int = 65_536
    delay_s: int = 0
    made: MadeRegistry | None = None


@dataclass(slots=True)
class Report:
    """What became of it: rows taken and rejected, batches written, what does not fit together."""

    rows: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    batches: Counter[str] = field(default_factory=Counter)
    rounded: int = 0
    meters_unregistered: int = 0
    meters_of_other_resolution: int = 0
    first_s: int | None = None
    last_s: int | None = None


def build(options: Options, out: Path, steps: Steps) -> Report:
    """Write the batch log `out`, a folder that must not hold anything yet.

    Raises `ConfigError` for the configuration, `SourceError` for a file or mapping that cannot be used at
    all, `LogError` for the folder. Rows that cannot be used are in the log's `rejects.jsonl`.
    """
    try:
        text = options.config.read_text("utf8")
    except UnicodeDecodeError as error:
        raise SourceError(f"{options.config}: no UTF-8: {error}; expected a TOML file") from error
    config = Config.from_toml(text)
    _check(options)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise LogError(f"batch log {out}: exists and is not an empty folder; expected a new one")
    out = out.absolute()
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with BatchLogWriter(partial) as writer, Rejects(partial / REJECTS) as rejects:
            report = _Build(options, config.engine, rejects, steps).write(text, writer)
        if out.exists():
            out.rmdir()
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return report


def _check(options: Options) -> None:
    """Look at every file's columns before the first row is read."""
    for kind, paths in options.files.items():
        for path in paths:
            mapping = options.mapping.of(kind, path, options.energy if kind == "reads" else None)
            if file_format(path, mapping) != "nem":
                check_file(kind, path, mapping)
            elif kind != "reads":
                raise SourceError(f"{path}: NEM12 and NEM13 hold reads; expected a file of {kind}")


class _Build:
    """One build: reads all files, then writes all batches."""

    def __init__(self, options: Options, config: EngineConfig, rejects: Rejects, steps: Steps) -> None:
        self._options = options
        self._config = config
        self._rejects = rejects
        self._steps = steps
        self._report = Report()
        self._wh_per_count: dict[object, int] = {}
        self._converted: set[object] = set()

    def write(self, text: str, writer: BatchLogWriter) -> Report:
        """Read everything and write the log; the rejects are told on the way."""
        options, report = self._options, self._report
        self._steps.start("reading", sum(map(len, options.files.values())))
        tables = {kind: self._table(kind) for kind in KINDS}
        if options.made is not None:
            meter_ids = tables["reads"]["meter_id"].unique()
            wh = [self._wh_per_count[meter] for meter in meter_ids.to_pylist()]
            tables.update(made_registry(options.made, meter_ids, wh, options.ids, self._config.cell_s))
        self._compare(tables)
        timed = [instants(tables[kind]) for kind in ("payments", "reads") if tables[kind].num_rows]
        if timed:
            report.first_s, report.last_s = (
                min(int(at.min()) for at in timed),
                max(int(at.max()) for at in timed),
            )
        entries = list(self._entries(tables))
        self._steps.start("writing", len(entries))
        writer.config(text)
        for entry in entries:
            self._write(entry, writer)
            self._steps.step()
        report.rows.update({kind: tables[kind].num_rows for kind in KINDS})
        report.rejected.update(self._rejects.by_kind)
        report.reasons.update(self._rejects.by_reason)
        return report

    def _table(self, kind: str) -> pa.Table:
        """All rows of a kind; the reads' meters are dictionary-encoded, which is a tenth of the memory."""
        options = self._options
        tables = [_encoded(schema_of(kind, options.ids).empty_table(), kind)]
        for path in options.files.get(kind, ()):
            mapping = options.mapping.of(kind, path, options.energy if kind == "reads" else None)
            nem = file_format(path, mapping) == "nem"
            rows = (
                read_nem(path, mapping, options.ids, self._rejects)
                if nem
                else read_rows(kind, path, mapping, options.ids, self._rejects)
            )
            for some in rows:
                self._report.rounded += some.rounded
                tables.append(_encoded(some.table, kind))
                if kind == "reads":
                    distinct = some.table["meter_id"].unique().to_pylist()
                    self._wh_per_count.update(dict.fromkeys(distinct, mapping.resolution_wh))
                    self._converted.update(distinct if nem or mapping.unit != "counts" else ())
            self._steps.step(path.name)
        return pa.concat_tables(tables).unify_dictionaries().combine_chunks()

    def _compare(self, tables: dict[str, pa.Table]) -> None:
        """Count the meters that are not in the registry, or there with counts of another size."""
        meters = tables["meters"]
        registered = dict(
            zip(meters["meter_id"].to_pylist(), meters["wh_per_count"].to_pylist(), strict=True)
        )
        reading = tables["reads"]["meter_id"].unique().to_pylist()
        self._report.meters_unregistered = sum(meter not in registered for meter in reading)
        self._report.meters_of_other_resolution = sum(
            registered[meter] != self._wh_per_count[meter] for meter in self._converted if meter in registered
        )

    def _entries(self, tables: dict[str, pa.Table]) -> Iterator[Batch]:
        """Registry, then time."""
        options, config, report = self._options, self._config, self._report
        cell_s = config.cell_s
        start_s = _calendar_start(config)
        if report.first_s is not None:
            start_s = (report.first_s - 1) // cell_s * cell_s
        for kind in REGISTRY:
            table = tables[kind]
            for start in range(0, table.num_rows, options.rows_max):
                yield Batch(kind, start_s, table.slice(start, options.rows_max))
        if report.first_s is None or report.last_s is None:
            return
        if options.batch == "day":
            edges = day_edges(config.timezone, report.first_s, report.last_s)
        else:
            at_s = np.concatenate([instants(tables[kind]) for kind in ("payments", "reads")])
            edges = np.unique(-(-at_s // cell_s) * cell_s)
        step_s = min(config.max_jump_s, config.clock_jump_s or config.max_jump_s)
        cut = Cut(edges, options.rows_max, options.delay_s, step_s)
        now_s = start_s
        for batch in batches(start_s, tables["reads"], tables["payments"], cut):
            now_s = batch.now_s
            yield batch
        end_s = now_s + config.window_s + config.allowed_lateness_s
        yield from ticks(now_s, end_s, step_s)
        yield Batch("tick", end_s, None)

    def _write(self, entry: Batch, writer: BatchLogWriter) -> None:
        self._report.batches[entry.kind] += 1
        if entry.rows is None:
            writer.tick(entry.now_s)
            return
        rows = entry.rows
        if entry.kind == "reads":
            plain = pa.uint64() if self._options.ids == "uint64" else pa.string()
            rows = rows.set_column(0, "meter_id", pc.cast(rows["meter_id"], plain))
        writer.write(entry.kind, rows, entry.now_s)


def _encoded(table: pa.Table, kind: str) -> pa.Table:
    return (
        table.set_column(0, "meter_id", table["meter_id"].dictionary_encode()) if kind == "reads" else table
    )


def _calendar_start(config: EngineConfig) -> int:
    """The first instant of the calendar: when a log without reads and payments takes place."""
    first = config.calendar_from
    return int(midnights(eras(config.timezone, first, first), first, first)[1][0])
