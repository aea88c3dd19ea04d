"""A random log as a batch log on disk, for ``feikong replay``, a debugger, or a bug report."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pyarrow as pa

from .arrow import as_arrow
from .generate import batches, taken
from .grid import Grid


def write(seed: int, out: Path, length: int | None = None) -> int:
    """Write the log of a seed, as it is without an engine; how many batches it has."""
    out.mkdir(parents=True, exist_ok=True)
    grid = Grid.of(seed)
    (out / "config-000000.toml").write_text(grid.settings.toml(), encoding="utf8")
    lines = [{"kind": "config", "now": "1970-01-01T00:00:00Z", "file": "config-000000.toml"}]
    free = Random(~seed)
    for number, batch in enumerate(batches(grid, length), start=1):
        kind, rows, now = batch
        line = {"kind": kind, "now": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
        arrow = as_arrow(kind, rows, grid.ids, free if free.random() < 0.3 else None)
        name = f"{kind or 'none'}-{number:06d}"
        if isinstance(arrow, str):
            line["file"] = f"{name}.toml"
            (out / line["file"]).write_text(arrow, encoding="utf8")
        elif arrow is not None:
            line["file"] = f"{name}.arrow"
            with pa.ipc.new_file(out / line["file"], arrow.schema) as writer:
                writer.write_batch(arrow)
        lines.append(line)
        taken(grid, batch)
    (out / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf8")
    return len(lines)
