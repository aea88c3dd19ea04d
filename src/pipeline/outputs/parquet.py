"""Outputs and state tables as Parquet files: `outputs/NAME.parquet`, `state/NAME.parquet`, `summary.json`.

Rows are streamed: a file's rows are gathered to a row group of some 131,072 and written, so that memory does
not grow with the run. Every file is there at the end, those without a row too. Reference: "The batch log".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from fastcore.schemas import OUTPUTS, STATES
from pipeline.errors import LogError

__all__ = ["CONFIG", "OutputFiles", "clear", "write_state", "write_summary"]

CONFIG = b"feikong.config"
"""Where the metadata of a state table's schema has the configuration in force, as TOML."""

ROW_GROUP_ROWS = 131_072
COMPRESSION = {"compression": "zstd", "compression_level": 1}


class OutputFiles:
    """One Parquet file per output under `folder`/outputs, fed batch by batch.

    Files of an earlier run there are replaced; a folder that holds anything else is refused with `LogError`.
    """

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        self.folder = folder
        clear(folder)
        (folder / "outputs").mkdir(parents=True, exist_ok=True)
        self.rows = dict.fromkeys(names, 0)
        self._waiting: dict[str, list[pa.RecordBatch]] = {name: [] for name in self.rows}
        self._waiting_rows = dict.fromkeys(self.rows, 0)
        self._schemas: dict[str, pa.Schema] = {}
        self._writers: dict[str, pq.ParquetWriter] = {}

    def add(self, name: str, batch: pa.RecordBatch) -> None:
        """Append the rows of `batch` to output `name`."""
        if batch.num_rows == 0:
            if name not in self._writers and not self._waiting[name]:
                self._schemas[name] = batch.schema
            return
        self._schemas[name] = batch.schema
        self.rows[name] += batch.num_rows
        self._waiting[name].append(batch)
        self._waiting_rows[name] += batch.num_rows
        if self._waiting_rows[name] >= ROW_GROUP_ROWS:
            self._flush(name)

    def close(self, empty: Mapping[str, pa.Schema]) -> None:
        """Write what waits and close the files; `empty` has the schemas of outputs that saw no batch."""
        for name in self.rows:
            if name not in self._schemas:
                self._schemas[name] = empty[name]
            if self._waiting[name] or name not in self._writers:
                self._flush(name)
            self._writers[name].close()

    def abort(self) -> None:
        """Close the files as they are, after a failure."""
        for writer in self._writers.values():
            writer.close()

    def _flush(self, name: str) -> None:
        schema = self._schemas[name]
        if name not in self._writers:
            path = self.folder / "outputs" / f"{name}.parquet"
            self._writers[name] = pq.ParquetWriter(path, schema, **COMPRESSION)
        # Rows from before the first registry batch have ids of no kind yet, all null: they take its kind.
        parts = [rows if rows.schema == schema else rows.cast(schema) for rows in self._waiting[name]]
        table = pa.Table.from_batches(parts, schema)
        self._writers[name].write_table(table, row_group_size=ROW_GROUP_ROWS)
        self._waiting[name] = []
        self._waiting_rows[name] = 0


def write_state(folder: Path, tables: Mapping[str, pa.Table], config: str) -> None:
    """Write each table as `folder`/state/NAME.parquet, with the configuration in force in its metadata."""
    (folder / "state").mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        pq.write_table(
            table.replace_schema_metadata({CONFIG: config.encode()}),
            folder / "state" / f"{name}.parquet",
            row_group_size=ROW_GROUP_ROWS,
            **COMPRESSION,
        )


def write_summary(folder: Path, summary: Mapping[str, Any]) -> None:
    """Write `folder`/summary.json; the last file of a run, so that one that has it is whole."""
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf8")


def clear(folder: Path) -> None:
    """Remove an earlier run's files; a folder with anything else in it is refused with `LogError`."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise LogError(f"output folder {folder}: is a file; expected a folder, new or of an earlier run")
    ours = [folder / "summary.json"]
    ours += [folder / "outputs" / f"{name}.parquet" for name in OUTPUTS]
    ours += [folder / "state" / f"{name}.parquet" for name in STATES]
    known = {*ours, folder / "outputs", folder / "state"}
    for path in (*folder.iterdir(), *folder.glob("outputs/*"), *folder.glob("state/*")):
        if path not in known:
            raise LogError(
                f"output folder {folder}: holds {path.relative_to(folder)}, which no replay wrote; "
                "expected a folder, new or of an earlier run"
            )
    for path in ours:
        path.unlink(missing_ok=True)
