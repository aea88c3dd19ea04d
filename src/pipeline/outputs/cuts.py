"""Where the rows of a shard are cut into files: a function of its journal and of its policies, and of nothing else.

A cut comes

- before the batch with which another local day begins, so that a file's rows are of one day;
- after a batch with which an output has `ROWS_MOST` rows or more, or the engine's time enters another stretch of
  `cut_s` seconds.

All outputs of a shard are cut at the same batch. As long as no account or meter is known, neither is the type of ids:
what there is until then waits, and is of the day of the first cut behind it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import pyarrow as pa

__all__ = ["ROWS_MOST", "Cut", "Cutter", "Policy"]

ROWS_MOST: Final = 1 << 20


class Policy(msgspec.Struct, frozen=True):
    """How a shard's rows are cut from a batch on: at which stretches of time, and which outputs."""

    first: int
    cut_s: int
    outputs: tuple[str, ...]


class Cut(NamedTuple):
    """The rows of the batches `first` to `last`, by output; `day_ends` says whether they are the last of their day."""

    first: int
    last: int
    day: date
    rows: dict[str, list[pa.RecordBatch]]
    day_ends: bool


class Cutter:
    """The rows of a shard that are in no file yet, and where they are to be cut.

    It begins behind batch `seq`, and is told of the engine there by `begin`; rows up to batch `written` are in files
    for good, and a cut was behind it. `policies` are in the order of `first`; a cut was before the first batch of each.

    Attributes:
        due: cuts that are to be written, in order; `sealed` takes the first away.
        sealed_seq: files hold all rows up to this batch.
        day: the day of the newest batch, None before the first.
    """

    def __init__(self, policies: Sequence[Policy], seq: int, written: int = 0) -> None:
        self.due: deque[Cut] = deque()
        self.sealed_seq = max(seq, written)
        self.day: date | None = None
        self._policies = policies
        self._zone = ZoneInfo("UTC")
        self._written = written
        self._next_seq = self._first = seq + 1
        self._now_s: int | None = None
        self._ids_known = False
        self._waiting: dict[str, list[pa.RecordBatch]] = {}
        self._counts: dict[str, int] = {}

    def begin(self, zone: str, now_s: int | None) -> None:
        """The engine's zone, and its time behind the batch where this begins; None before the first that has one."""
        self._zone, self._now_s = ZoneInfo(zone), now_s
        if now_s is not None:
            self.day = self.day_at(now_s)

    @property
    def clean(self) -> bool:
        """Whether a cut stands behind the newest batch, and is written."""
        return not self.due and self._first == self._next_seq

    def day_at(self, now_s: int) -> date:
        """The local date of an instant; where the clock shows a date again, it does not come again."""
        day = datetime.fromtimestamp(now_s, self._zone).date()
        return day if self.day is None else max(day, self.day)

    def take(self, seq: int, now_s: int, rows: Mapping[str, pa.RecordBatch], ids_known: bool) -> None:
        """The rows of batch `seq`, which brought the engine's time to `now_s`."""
        day, before_s = self.day_at(now_s), self._now_s
        policy = self._policy(seq)
        if self.day is not None and day != self.day:
            self._cut(day_ends=True)
        self.day, self._now_s, self._ids_known, self._next_seq = day, now_s, ids_known, seq + 1
        if policy is None or seq <= self._written:
            self._first = self._next_seq
            return
        for name in policy.outputs:
            batch = rows[name]
            if batch.num_rows:
                self._waiting.setdefault(name, []).append(batch)
                self._counts[name] = self._counts.get(name, 0) + batch.num_rows
        most = max(self._counts.values(), default=0)
        if most >= ROWS_MOST or before_s is None or before_s // policy.cut_s != now_s // policy.cut_s:
            self._cut(day_ends=False)

    def sealed(self) -> None:
        """The first cut that was due is written."""
        self.sealed_seq = max(self.sealed_seq, self.due.popleft().last)

    def waiting(self, name: str) -> list[pa.RecordBatch]:
        """The rows of an output that are in no file yet, in order."""
        due = [batch for cut in self.due for batch in cut.rows.get(name, [])]
        return [*due, *self._waiting.get(name, [])]

    def _cut(self, *, day_ends: bool) -> None:
        """Cut behind the newest batch."""
        last = self._next_seq - 1
        if (self._waiting and not self._ids_known) or last < self._written:
            return
        assert self.day is not None
        self.due.append(Cut(self._first, last, self.day, self._waiting, day_ends))
        self._first, self._waiting, self._counts = last + 1, {}, {}

    def _policy(self, seq: int) -> Policy | None:
        """The policy of a batch; None before the first: nothing is written then."""
        found = None
        for policy in self._policies:
            if policy.first <= seq:
                found = policy
        return found
