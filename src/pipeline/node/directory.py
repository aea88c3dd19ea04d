"""What workers know of who lives in a shard, so that they can split batches among several.

A registry batch is told to every worker that wants the directory, and its senders are told that it is settled only when
all of these know it: a read that is sent because a meter's registration was acknowledged finds its shard.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import pyarrow as pa
import pyarrow.compute as pc

from fastcore.engine import Engine
from pipeline.node.entries import Entry
from pipeline.node.intake import Answer
from pipeline.node.internal import Directory
from pipeline.wire import Kind

__all__ = ["LEARNED", "Directories", "whose"]

IDS_AT_ONCE: Final = 1 << 20
LEARNED: Final[dict[Kind, tuple[Literal["accounts", "meters"], str]]] = {
    Kind.ACCOUNTS: ("accounts", "account_id"),
    Kind.METERS: ("meters", "meter_id"),
}
"""What is learned from a kind of batch, and the column of its ids."""


@dataclass(slots=True)
class _Lesson:
    """A registry batch: the workers that do not know it yet, by the number it has for each; and who sent it."""

    missing: dict[bytes, int]
    producers: list[bytes]


class Directories:
    """The directories of all workers.

    Attributes:
        untold: producers of whom a registry batch is applied that not all workers know yet; nothing that tells how far
            they are settled may leave.
    """

    def __init__(self) -> None:
        self.untold: dict[bytes, int] = {}
        self._sent: dict[bytes, int] = {}
        self._lessons: deque[_Lesson] = deque()

    def join(self, route: bytes, engine: Engine | None) -> Iterator[Answer]:
        """A worker wants the directory: all that there is."""
        self._sent[route] = 0
        if engine is None:
            return
        for (what, column), table in zip(LEARNED.values(), (engine.accounts(), engine.meters()), strict=True):
            ids = table[column]
            for start in range(0, len(ids), IDS_AT_ONCE):
                yield self._tell(route, what, ids.slice(start, IDS_AT_ONCE))

    def leave(self, route: bytes) -> list[bytes]:
        """A worker is gone; returns the producers who can be told now."""
        self._sent.pop(route, None)
        return self._learn(route, None)

    def applied(self, entry: Entry, content: pa.RecordBatch) -> Iterator[Answer]:
        """A registry batch was applied; what workers must be told."""
        if not self._sent or entry.kind not in LEARNED or not content.num_rows:
            return
        what, column = LEARNED[entry.kind]
        accounts = None
        if entry.kind is Kind.METERS:
            content, accounts = whose(content)
        lesson = _Lesson({}, [part.producer for part in entry.parts])
        for route in self._sent:
            yield self._tell(route, what, content[column], accounts)
            lesson.missing[route] = self._sent[route]
        self._lessons.append(lesson)
        for producer in lesson.producers:
            self.untold[producer] = self.untold.get(producer, 0) + 1

    @property
    def waited_for(self) -> list[bytes]:
        """The workers that do not know all yet; one that is gone would be waited for until something is sent to it."""
        return list(dict.fromkeys(route for lesson in self._lessons for route in lesson.missing))

    def learned(self, route: bytes, number: int) -> list[bytes]:
        """A worker knows all up to a number; returns the producers who can be told now."""
        return self._learn(route, number)

    def _learn(self, route: bytes, number: int | None) -> list[bytes]:
        told = []
        for lesson in self._lessons:
            if route in lesson.missing and (number is None or lesson.missing[route] <= number):
                del lesson.missing[route]
        while self._lessons and not self._lessons[0].missing:
            for producer in self._lessons.popleft().producers:
                self.untold[producer] -= 1
                if not self.untold[producer]:
                    del self.untold[producer]
                    told.append(producer)
        return told

    def _tell(
        self, route: bytes, what: str, ids: pa.Array | pa.ChunkedArray, accounts: pa.Array | None = None
    ) -> Answer:
        self._sent[route] += 1
        sink = pa.BufferOutputStream()
        table = pa.table({"id": ids} if accounts is None else {"id": ids, "account_id": accounts})
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return Answer(route, Directory(what, self._sent[route]), sink.getvalue().to_pybytes())


def whose(meters: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.Array]:
    """Rows of meters that an engine may have taken, and the account of each; null for those of supply."""
    supply = pc.equal(meters["role"], "supply")
    rows = meters.filter(pc.or_(supply, pc.is_valid(meters["account_id"])))
    nobody = pa.scalar(None, rows["account_id"].type)
    return rows, pc.if_else(pc.equal(rows["role"], "supply"), nobody, rows["account_id"])
