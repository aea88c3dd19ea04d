"""Rows of a source that cannot be used, each told with its place, its text and what would be right.

`rejects.jsonl` has a line for each::

    {"kind": "reads", "file": "meters.csv", "line": 3242, "column": "KWH", "text": "Null",
     "reason": "no number; expected one such as 1.234"}

`line` counts a text file's lines from 1, its header among them (a record's, where a quoted text holds line
breaks); in Parquet and Arrow files it counts rows from 1. It is null where a whole file cannot be read.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from pipeline.closing import Closing

__all__ = ["REJECTS", "Rejects"]

REJECTS = "rejects.jsonl"
TEXT_LENGTH_MAX = 200


class Rejects(Closing):
    """Writes rejected rows to a file, which is there only if there was one, and counts them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.by_kind: Counter[str] = Counter()
        self.by_reason: Counter[tuple[str, str, str]] = Counter()
        self._file = path.open("x", encoding="utf8", newline="\n")

    def add(
        self, kind: str, file: Path, line: int | None, column: str | None, text: str, reason: str
    ) -> None:
        """Tell and count one row."""
        self.by_kind[kind] += 1
        self.by_reason[kind, file.name, reason] += 1
        fields = {
            "kind": kind,
            "file": str(file),
            "line": line,
            "column": column,
            "text": text[:TEXT_LENGTH_MAX],
            "reason": reason,
        }
        self._file.write(json.dumps(fields, ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Close the file; remove it if it is empty."""
        self._file.close()
        if not self.by_kind:
            self.path.unlink()
