"""What a subscriber says to a node, and what it makes of the answers: no socket, no clock, no thread.

A cursor moves through three places: what has come, what the caller was given, what it said that it has taken. A new
session begins where the caller was given the last rows, a new process where it has taken them.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.client.conversation import Conversation
from pipeline.client.cursors import Cursors
from pipeline.client.errors import CursorGone
from pipeline.client.events import Event, Patience
from pipeline.client.outbox import Outbox
from pipeline.wire import Checked, Header, Kind, Message, Reason, Refused, Rejected, Subscribe, control
from pipeline.wire.outputs import NEWEST, OLDEST, Cursor, Output, read_output

__all__ = ["CREDIT_BYTES", "FeedConversation", "Rows"]

CREDIT_BYTES: Final = 4 << 20
"""So much may be on its way or not yet taken, of each shard."""


_SOMEWHERE: Final = (OLDEST, NEWEST)
"""Cursors that only the node can say the meaning of."""


class Rows(NamedTuple):
    """Rows of one shard that follow one another; between `start` and `end` there are no others.

    Attributes:
        rows: a record batch of the output's own schema; its column `seq` and a row's place name the row for ever.
        shard: whose rows they are; each shard counts for itself.
        start: the cursor where these begin.
        end: the cursor behind the last.
    """

    rows: pa.RecordBatch
    shard: int
    start: Cursor
    end: Cursor

    def places(self) -> npt.NDArray[np.int64]:
        """The place of each row among those of its batch in this output, from 0."""
        seqs = self.rows["seq"].to_numpy()
        at = np.arange(len(seqs))
        begins = np.concatenate([[True], seqs[1:] != seqs[:-1]])
        places = at - np.maximum.accumulate(np.where(begins, at, 0))
        if seqs[0] == self.start.seq:
            places[seqs == seqs[0]] += self.start.row
        return places


class FeedConversation(Conversation):
    """A conversation without batches, in which an output's rows come the other way.

    Attributes:
        batches: rows that have come and were not yet given to the caller.
    """

    def __init__(
        self,
        key: bytes,
        outbox: Outbox,
        output: str,
        cursors: Cursors,
        start: Cursor,
        patience: Patience | None = None,
    ) -> None:
        super().__init__(key, outbox, patience)
        self.batches: deque[Rows] = deque()
        self._output = output
        self._cursors = cursors
        self._start = start
        self._given = list(cursors.taken) or [start]
        self._came = list(self._given)
        self._said_of = [start] * len(self._given)
        self._due_s = [float("-inf")] * len(self._given)
        self._known = False
        self._feed_session = 0
        self._messages = 0
        self._saying: int | None = None

    def give(self) -> list[Rows]:
        """All that has come, for the caller."""
        out = list(self.batches)
        self.batches.clear()
        for each in out:
            self._given[each.shard] = each.end
        return out

    def wake_after_s(self, now_s: float) -> float:
        """Seconds until there may be something to send although nothing has come."""
        after_s = super().wake_after_s(now_s)
        return min(after_s, max(0.0, min(self._of_known()) - now_s)) if self.session else after_s

    def _other(self, now_s: float) -> Message | None:
        if self._feed_session != self.session:
            self._feed_session, self._messages, self._known = self.session, 0, False
            self.batches.clear()
            self._came = list(self._given)
            self._due_s = [float("-inf")] * len(self._given)
        self._saying = None
        for shard, due_s in enumerate(self._of_known()):
            began = due_s > float("-inf")
            cursor = self._taken(shard) if began else self._given[shard]
            if now_s >= due_s or (began and cursor > self._said_of[shard]):
                self._saying, self._said_of[shard] = shard, cursor
                ask = Subscribe(*cursor, shard, CREDIT_BYTES, self._output)
                return control(self._key, ask, epoch=self._outbox.epoch, session=self.session)
        return None

    def _of_known(self) -> list[float]:
        """When to say SUBSCRIBE again: to the first shard, and once it has told how many there are, to all."""
        return self._due_s if self._known else self._due_s[:1]

    def _said(self, now_s: float) -> None:
        if self._saying is not None:
            self._due_s[self._saying] = now_s + self._patience.silence_s
        else:
            super()._said(now_s)

    def _in_session(self, checked: Checked, now_s: float) -> list[Event]:
        header = checked.header
        if self._feed_session != self.session:
            return []
        if header.kind is Kind.PONG and header.seq > self._messages:
            self._end(now_s)  # some were lost with a connection that is no more
        elif header.kind is Kind.OUTPUT:
            self._take(checked, now_s)
        else:
            return super()._in_session(checked, now_s)
        return []

    def _take(self, checked: Checked, now_s: float) -> None:
        header = checked.header
        if header.seq <= self._messages:
            return
        try:
            output = read_output(checked.body, header.rows)
        except Refused:
            output = None
        if output is None or header.seq != self._messages + 1 or not self._follows(output):
            self._end(now_s)
            return
        self._messages = header.seq
        if self._came[output.shard] in _SOMEWHERE:
            self._begin(output.shard, output.start)
        if output.rows is not None:
            shard = output.shard
            behind = [each.end for each in self.batches if each.shard == shard] or [self._given[shard]]
            self._came[shard] = output.end
            self.batches.append(Rows(output.rows, shard, behind[-1], output.end))
        else:
            self._nothing(output)

    def _follows(self, output: Output) -> bool:
        """Whether a message begins where the one before it ended; raises `CursorGone` for shards of another number."""
        if not self._known:
            self._learn(output)
        shard = output.shard
        if shard >= len(self._came):
            return False
        return self._came[shard] == output.start or self._came[shard] in _SOMEWHERE

    def _learn(self, output: Output) -> None:
        """The first message of all: how many shards there are, and whether they are those of the cursors."""
        cursors, shards = self._cursors, output.shards
        if not cursors.taken:
            more = [self._start] * (shards - 1)
            self._given += more
            self._came += more
            self._said_of += more
            self._due_s += [float("-inf")] * len(more)
            cursors.generation = output.generation
            cursors.taken = list(self._given)
        elif (cursors.generation, len(cursors.taken)) != (output.generation, shards):
            raise CursorGone(
                f"the cursors are of generation {cursors.generation}, with {len(cursors.taken)} shards; the node has "
                f"{shards} now, in generation {output.generation}, and counts anew. Take what is missing from its "
                "journal, and a new folder"
            )
        self._known = True

    def _begin(self, shard: int, start: Cursor) -> None:
        """Now it is known where a shard's rows begin: from here on none may be missing."""
        self._came[shard] = self._given[shard] = self._said_of[shard] = start
        self._cursors.taken[shard] = start
        self._cursors.keep()

    def _nothing(self, output: Output) -> None:
        """There is no row before this cursor: it may move, where all that came before is taken."""
        shard = output.shard
        before = self._came[shard]
        self._came[shard] = output.end
        cursors = self._cursors
        if before != output.end and self._given[shard] == before == cursors.taken[shard]:
            self._given[shard] = cursors.taken[shard] = output.end
            cursors.keep()

    def _taken(self, shard: int) -> Cursor:
        taken = self._cursors.taken
        return taken[shard] if taken else self._given[shard]

    def _rejected(self, header: Header, rejected: Rejected, now_s: float) -> list[Event]:
        if rejected.reason == Reason.CURSOR and header.session in (0, self.session):
            raise CursorGone(
                f"the node does not keep what comes next: {rejected.text}. Take what is missing from its journal, and "
                "a new folder"
            )
        return super()._rejected(header, rejected, now_s)
