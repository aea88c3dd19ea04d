"""What engines count by themselves, of commands, findings and orders: the old engines' ids, and what they are now.

The same history makes the same command of an account, but its number counts those of its shard. So an ack that says
7 is for the newest command of that kind of that account, under whatever number it has now.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

from fastcore import Engine
from fastcore.effects import Effects
from pipeline.node.layout import Layout, command_base
from pipeline.wire import Kind
from pipeline.worker.split import with_column

__all__ = ["Commands", "Ids"]

_TABLES: Final = {"close_finding": "findings", "close_order": "orders"}


class Commands:
    """The commands that one engine has sent: whose each is, and the newest of each account and kind."""

    def __init__(self) -> None:
        self.of: dict[int, tuple[object, str]] = {}
        self.newest: dict[tuple[object, str], int] = {}

    def note(self, effects: Effects | None) -> None:
        """Take what a batch did."""
        if effects is None or not effects.commands.num_rows:
            return
        rows = effects.commands
        columns = (rows[name].to_pylist() for name in ("command_id", "account_id", "kind"))
        for command_id, account, kind in zip(*columns, strict=True):
            self.of[command_id] = (account, kind)
            self.newest[account, kind] = command_id


class Ids:
    """Translates the ids in batches of acks and updates.

    Attributes:
        unknown: those that the new engines have nothing for, by kind: their rows will be refused.
    """

    def __init__(self, layout: Layout, old: Sequence[Commands], new: Sequence[Commands]) -> None:
        self.unknown: Counter[str] = Counter()
        self._bases = [command_base(layout, shard) for shard in range(layout.shards)]
        self._old = old
        self._new = new

    def translated(
        self, kind: Kind, rows: pa.RecordBatch, shard: int, old: Engine | None, new: Sequence[Engine | None]
    ) -> pa.RecordBatch:
        """Rows that an old shard had taken, with ids as they are known outside now."""
        if kind is Kind.ACKS:
            return with_column(
                rows, "command_id", [self._command(shard, each) for each in rows["command_id"].to_pylist()]
            )
        ops = rows["op"].to_pylist() if kind is Kind.UPDATES else []
        if not any(op in _TABLES for op in ops):
            return rows
        values = [
            self._open(_TABLES[op], value, old, new) if op in _TABLES else value
            for op, value in zip(ops, rows["value"].to_pylist(), strict=True)
        ]
        return with_column(rows, "value", values)

    def _command(self, shard: int, own: int) -> int:
        known = self._old[shard].of.get(own)
        for base, commands in zip(self._bases, self._new, strict=True):
            if known is not None and known in commands.newest:
                return base + commands.newest[known]
        self.unknown["acks"] += 1
        return 0

    def _open(self, table: str, own: int | None, old: Engine | None, new: Sequence[Engine | None]) -> int:
        wanted = _row(old, table, "id", own)
        for base, engine in zip(self._bases, new, strict=True):
            found = _row(engine, table, "kind", wanted["kind"], wanted["subject"]) if wanted else None
            if found is not None:
                newest: int = base + found["id"]
                return newest
        self.unknown[table] += 1
        return 0


def _row(
    engine: Engine | None, table: str, column: str, value: object, subject: object = ...
) -> dict[str, Any] | None:
    """The first open row of a table that has this value, and this subject if one is given."""
    if engine is None:
        return None
    for row in getattr(engine, table)().to_pylist():
        if row[column] == value and subject in (..., row["subject"]):
            found: dict[str, Any] = row
            return found
    return None
