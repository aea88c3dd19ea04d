"""Rows as they leave a node: with their shard, and with ids that are one of a kind among all shards.

An engine counts commands, findings and orders by itself; outside, generation and shard stand above its count
(`pipeline.node.layout.command_base`). So rows join across outputs, shards, and what head-ends and operators say.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.node.layout import Layout, command_base
from pipeline.outputs.tables import SHARD

__all__ = ["Outside"]

_COUNTED: Final = {"commands": "command_id", "findings": "id", "orders": "id"}
"""The column that the engine counts, in outputs and in state tables alike."""


class Outside:
    """Turns a shard's rows into what leaves the node."""

    def __init__(self, layout: Layout, shard: int) -> None:
        self._base = command_base(layout, shard)
        self._shard = pa.scalar(shard, SHARD.type)

    def batch(self, name: str, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Rows of an output."""
        columns, fields = list(rows.columns), list(rows.schema)
        column = _COUNTED.get(name)
        if column is not None and self._base:
            place = rows.schema.get_field_index(column)
            columns[place] = pc.add(columns[place], pa.scalar(self._base, pa.uint64()))
        if name == "exceptions" and self._base and rows.num_rows:
            place = rows.schema.get_field_index("subject")
            columns[place] = self._subjects(rows)
        shard = pa.repeat(self._shard, rows.num_rows)
        return pa.RecordBatch.from_arrays([*columns, shard], schema=pa.schema([*fields, SHARD]))

    def table(self, name: str, rows: pa.Table) -> pa.Table:
        """A state table."""
        schema = pa.schema([*rows.schema, SHARD])
        parts = [self.batch(name, batch) for batch in rows.to_batches()]
        return pa.Table.from_batches(parts, schema)

    def _subjects(self, rows: pa.RecordBatch) -> pa.Array:
        """Subjects of exceptions: of a refused ack, the command."""
        subjects = rows["subject"]
        acks = pc.equal(rows["kind"].cast(pa.string()), "acks").to_numpy(zero_copy_only=False)
        if not acks.any():
            return subjects
        texts = subjects.to_pylist()
        for place in np.flatnonzero(acks):
            if texts[place]:  # an ack of another generation has command 0 here, and keeps it
                own = int(texts[place])
                texts[place] = str(self._base + own) if own else texts[place]
        return pa.array(texts, subjects.type)
