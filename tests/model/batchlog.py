"""A batch log through the twin, and its outputs as files (reference, batch log)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .columns import Row
from .engine import Twin
from .errors import TwinConfigError, TwinSchemaError
from .schemas import OUTPUT_TYPES, STATE_TYPES, table


@dataclass(slots=True)
class Replay:
    """What a log gave: the rows of each output, the state at the end, and the summary."""

    outputs: dict[str, list[Row]]
    state: dict[str, list[Row]]
    summary: dict[str, Any]
    ids: str | None
    malformed: list[str] = field(default_factory=list)

    def write(self, out: Path) -> None:
        """Write it as ``feikong replay`` does."""
        for folder, tables, types in (
            ("outputs", self.outputs, OUTPUT_TYPES),
            ("state", self.state, STATE_TYPES),
        ):
            (out / folder).mkdir(parents=True, exist_ok=True)
            for name, rows in tables.items():
                arrow = table(rows, types[name], self.ids)
                pq.write_table(arrow, out / folder / f"{name}.parquet", store_decimal_as_integer=True)
        (out / "summary.json").write_text(json.dumps(self.summary))


def batch_of(path: Path) -> Any:
    """The batch in a file: text of a configuration, else an Arrow table."""
    if path.suffix == ".toml":
        return path.read_text(encoding="utf8")
    if path.suffix == ".parquet":
        return pq.read_table(path)
    with pa.ipc.open_file(path) as reader:
        return reader.read_all()


def replay(log: Path) -> Replay:
    """Replay a batch log; malformed batches are counted, and change nothing."""
    lines = [json.loads(line) for line in (log / "log.jsonl").read_text(encoding="utf8").splitlines()]
    twin = Twin(batch_of(log / lines[0]["file"]))
    outputs: dict[str, list[Row]] = {name: [] for name in OUTPUT_TYPES}
    malformed = []
    for line in lines[1:]:
        batch = batch_of(log / line["file"]) if "file" in line else None
        try:
            effects = twin.apply(line["kind"], batch, datetime.fromisoformat(line["now"]))
        except (TwinSchemaError, TwinConfigError) as error:
            malformed.append(str(error))
            continue
        for name, rows in effects.items():
            outputs[name] += rows
    twin.check()
    now = twin.world.now
    summary = {
        "sequence": twin.world.seq,
        "now": None if now is None else datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "malformed": len(malformed),
        "rows": {name: len(rows) for name, rows in outputs.items()},
    }
    return Replay(outputs, twin.tables(), summary, twin.world.ids, malformed)


def write(log: Path, out: Path) -> None:
    """Replay a log and write what it gave."""
    replay(log).write(out)
