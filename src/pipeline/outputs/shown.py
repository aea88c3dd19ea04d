"""`pipeline.outputs.tables.Tables` over the followers of a node's shards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from fastcore.schemas import STATES
from pipeline.node.layout import Layout
from pipeline.outputs.follower import Follower
from pipeline.outputs.outside import Outside
from pipeline.outputs.tables import CursorGone, Position, Stretch, Tail, output_schema, state_schema
from pipeline.wire.outputs import NEWEST, OLDEST, Cursor

__all__ = ["Shown"]


class Shown:
    """What followers have, for whoever serves it; see `Tables`.

    A shard whose follower has not begun yet, or has stopped, is not among `followers`: it has no rows.
    """

    def __init__(self, layout: Layout, names: tuple[str, ...], followers: Mapping[int, Follower]) -> None:
        self.layout = layout
        self.names = names
        self.states = tuple(STATES)
        self._followers = followers
        self._outside = [Outside(layout, shard) for shard in range(layout.shards)]

    def schema(self, name: str) -> pa.Schema:
        """The schema of an output."""
        self._check(name)
        return output_schema(name, self._ids())

    def state_schema(self, name: str) -> pa.Schema:
        """The schema of a state table."""
        return state_schema(name, self._ids())

    def positions(self) -> dict[int, Position]:
        """How far each shard is followed."""
        out = {}
        for shard, follower in sorted(self._followers.items()):
            with follower.changed:
                engine = follower.engine
                oldest = max((ring.oldest for ring in follower.rings.values()), default=follower.seq + 1)
                now_s = engine.now_s if engine is not None else None
                out[shard] = Position(follower.frame, follower.seq, now_s, follower.sealed, oldest)
        return out

    def state(self, name: str) -> pa.Table:
        """A state table as of now."""
        schema = self.state_schema(name)
        tables = []
        for shard, follower in sorted(self._followers.items()):
            with follower.changed:
                table = getattr(follower.engine, name)() if follower.engine is not None else None
            if table is not None:
                tables.append(_cast(self._outside[shard].table(name, table), schema))
        return pa.concat_tables(tables) if tables else schema.empty_table()

    def tail(self, name: str) -> Tail:
        """What no file holds yet."""
        schema = self.schema(name)
        batches: list[pa.RecordBatch] = []
        sealed = {}
        for shard, follower in sorted(self._followers.items()):
            with follower.changed:
                sealed[shard] = follower.sealed
                waiting = follower.cutter.waiting(name)
            batches += [batch for batch in waiting if batch["seq"][0].as_py() > sealed[shard]]
        return (
            Tail(pa.concat_tables([_cast(pa.Table.from_batches([b]), schema) for b in batches]), sealed)
            if (batches)
            else Tail(schema.empty_table(), sealed)
        )

    def after(self, name: str, shard: int, start: Cursor, most_bytes: int) -> Stretch:
        """Rows of a shard from a cursor on."""
        self._check(name)
        follower = self._followers.get(shard)
        if follower is None:
            raise CursorGone(f"shard {shard} is not followed now; expected one of {sorted(self._followers)}")
        with follower.changed:
            ring, next_seq = follower.rings[name], follower.seq + 1
            if start == OLDEST:
                start = Cursor(max(ring.oldest, 1))
            elif start == NEWEST:
                start = Cursor(next_seq)
            if start.seq < ring.oldest or start > Cursor(next_seq):
                raise CursorGone(
                    f"{name} of shard {shard} is kept from batch {ring.oldest} on, up to {next_seq - 1}; asked for "
                    f"from row {start.row} of batch {start.seq}. What is older is in the files"
                )
            rows, end = ring.read(start, next_seq, most_bytes)
        return Stretch(rows, end)

    def wait(self, shard: int, seq: int, timeout_s: float) -> bool:
        """Wait until a shard's engine is beyond a batch."""
        follower = self._followers.get(shard)
        if follower is None:
            return False
        with follower.changed:
            return bool(follower.changed.wait_for(lambda: follower.seq > seq, timeout_s))

    def _check(self, name: str) -> None:
        if name not in self.names:
            raise KeyError(name)

    def _ids(self) -> pa.DataType:
        known = (follower.ids for follower in self._followers.values())
        return next((ids for ids in known if ids is not None), pa.string())


def _cast(table: pa.Table, schema: pa.Schema) -> Any:
    return table if table.schema == schema else table.cast(schema)
