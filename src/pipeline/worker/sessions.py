"""What a worker knows of one producer: the session that is open, what is under way in it, what it is owed."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pipeline.node.internal import Welcomed
from pipeline.wire import Acks, Buffer, Kind, Line, Ordinary, Role
from pipeline.worker.credit import Credit
from pipeline.worker.windows import Window

__all__ = ["DIGESTS", "SPENT_MAX", "Greeting", "Session", "Waiting", "refused_in_all"]

DIGESTS: Final = 64
"""Of so many of the newest batches the digests are known, so that another one of the same number is noticed."""


SPENT_MAX: Final = 16
"""So many batches of a session that are refused for good may be under way: each costs a place in the journal."""


@dataclass(slots=True)
class Greeting:
    """A HELLO that was passed on to every shard, and what they have answered so far."""

    role: Role
    route: bytes
    epoch: int
    attempt: int
    asked_s: float
    answers: dict[int, Welcomed] = field(default_factory=dict)


class Waiting(NamedTuple):
    """A COMMAND or an OUTPUT on its way, since when, and whether it is of trips."""

    kind: Kind
    body: Buffer
    rows: int
    since_s: float
    trips: bool


@dataclass(slots=True)
class Session:
    """A session that is open.

    Attributes:
        route: where answers go; the last that a message of this session came from.
        credit: that of its lane; None for a role that sends no batches.
        line: what the next message is checked against; its session is what the producer calls this one.
        numbers: what each shard calls it.
        settled, covered: up to where each shard has come.
        acked: the number up to which all have.
        flights: number and bytes, header too, of batches that are not settled, in order.
        credit_bytes: what the producer was granted last; `peak_bytes` the most that it ever was.
        owed: whether an ACK is due.
        refused: numbers not settled yet of batches that its sender was told are refused for good.
        spent: numbers of batches that were refused for good here, and may not be settled yet.
        conflict_s: when the shards were last asked to judge two batches of one number.
        next_command: the number of the COMMAND or OUTPUT that is sent next.
        waiting: those that its queue had no room for; `waiting_since_s` is when one was sent last, or none waited.
        ordinary: what takes its ordinary messages of reads, once it has sent some.
        acks: what makes its ACKs, once it has had one.
    """

    key: bytes
    role: Role
    route: bytes
    line: Line
    credit: Credit | None
    digests: dict[int, bytes]
    numbers: tuple[int, ...]
    settled: list[int]
    covered: list[int]
    heard_s: float
    acked: int = 0
    flights: deque[tuple[int, int]] = field(default_factory=deque)
    flying_bytes: int = 0
    credit_bytes: int = 0
    peak_bytes: int = 0
    owed: bool = False
    refused: set[int] = field(default_factory=set)
    spent: deque[int] = field(default_factory=deque)
    conflict_s: float = float("-inf")
    next_command: int = 1
    waiting: deque[Waiting] = field(default_factory=deque)
    waiting_since_s: float = 0.0
    window: Window = field(default_factory=lambda: Window(1))
    ordinary: Ordinary | None = None
    acks: Acks | None = None

    @classmethod
    def begin(cls, key: bytes, greeting: Greeting, credit: Credit | None, now_s: float) -> Session:
        """The session that all shards have opened: all up to the lowest of their numbers is settled."""
        answers = [greeting.answers[shard] for shard in sorted(greeting.answers)]
        digests: dict[int, bytes] = {}
        for answer in answers:
            digests.update(answer.digests)
        acked = min(answer.last_seq for answer in answers)
        line = Line(
            epoch=greeting.epoch,
            session=answers[0].session,
            next_seq=acked + 1,
            digests=digests,
            frozen=any(answer.frozen for answer in answers),
        )
        return cls(
            key=key,
            role=greeting.role,
            route=greeting.route,
            line=line,
            credit=credit,
            digests=digests,
            numbers=tuple(answer.session for answer in answers),
            settled=[answer.last_seq for answer in answers],
            covered=[answer.covered for answer in answers],
            heard_s=now_s,
            acked=acked,
            window=Window(len(answers)),
        )

    def take(self, seq: int, digest: bytes, cost_bytes: int) -> None:
        """The batch that was expected is on its way to the shards."""
        self.line.next_seq = seq + 1
        self.digests[seq] = digest
        self.digests.pop(seq - DIGESTS, None)
        self.flights.append((seq, cost_bytes))
        self.flying_bytes += cost_bytes

    def may_spend(self) -> bool:
        """Whether another batch that is refused for good may be told to the shards."""
        while self.spent and self.spent[0] <= self.acked:
            self.spent.popleft()
        return len(self.spent) < SPENT_MAX

    def settle(self, shard: int, seq: int, covered: int) -> int:
        """A shard has come so far; returns the bytes that are settled by it, and so free again."""
        self.settled[shard] = max(self.settled[shard], seq)
        self.covered[shard] = max(self.covered[shard], covered)
        self.owed = True
        acked = min(self.settled)
        freed_bytes = 0
        if acked > self.acked:
            self.acked = acked
            flights = self.flights
            while flights and flights[0][0] <= acked:
                freed_bytes += flights.popleft()[1]
            self.flying_bytes -= freed_bytes
            if self.refused:
                self.refused = {refused for refused in self.refused if refused > acked}
        return freed_bytes

    def place(self) -> dict[str, int]:
        """Epoch and session, as headers of this session have them."""
        return {"epoch": self.line.epoch, "session": self.line.session}


def refused_in_all(answers: Sequence[Welcomed]) -> int:
    """How many batches of a producer were ever refused for good, as far as any shard knows."""
    return max(answer.refused for answer in answers)
