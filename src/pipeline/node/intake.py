"""What workers bring, checked against the lines, and kept in lanes until it is journaled.

The worker's checks were the first; these are the ones that count. Each number of each producer is taken once, in order,
from the one session that is open: all else is turned back at once, or, where it has come before, answered like the
first time. What is taken stands *ahead* of the lines until it is applied.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa

from fastcore.engine import NOW_LEAST_S, NOW_MOST_S
from pipeline.journal import Buffer
from pipeline.node.entries import Entry, Sent, What, entry_bytes, epoch_entry
from pipeline.node.internal import (
    LANE_OF,
    LANES,
    Batch,
    Ended,
    FencedOff,
    FromShard,
    Greet,
    Lane,
    LinkError,
    Part,
    Place,
    Settled,
    Spent,
    Turned,
)
from pipeline.node.lines import Line, Lines
from pipeline.wire import MAY_SEND, Kind, Reason, Role, read_batch, write_batch
from pipeline.wire.check import TICK
from pipeline.wire.schemas import ARROW_KINDS

__all__ = ["Answer", "Intake", "Item", "Session", "Welcome"]


class Taken(NamedTuple):
    """A part that is not applied yet: its digest, and the worker's session that it came in."""

    digest: bytes
    route: bytes
    session: int


class Answer(NamedTuple):
    """What a worker is told."""

    route: bytes
    message: FromShard
    body: Buffer = b""


@dataclass(slots=True)
class Session:
    """A producer as it stands ahead of its line: with what was taken and is not yet applied.

    Attributes:
        number: of the session, 0 if none is open.
        route: the worker's whose it is.
        welcomed: whether its WELCOME has left.
        pending: what was taken and is not applied, by number.
        greeting: the HELLO that waits in a lane or a group; another one takes its place.
    """

    role: Role
    epoch: int
    next_seq: int
    frozen: bool
    number: int = 0
    route: bytes = b""
    welcomed: bool = False
    pending: dict[int, Taken] = field(default_factory=dict)
    greeting: Item | None = None


class Welcome(NamedTuple):
    """A HELLO that is answered once all before it is settled."""

    route: bytes
    greet: Greet
    session: int


@dataclass(slots=True)
class Item:
    """What waits in a lane: an entry for the journal, a welcome, or both; `turned` is told once it is durable."""

    entry: Entry | None = None
    welcome: Welcome | None = None
    turned: tuple[bytes, Turned] | None = None

    @property
    def size_bytes(self) -> int:
        """Bytes of the entry."""
        return entry_bytes(self.entry) if self.entry else 0


class Intake:
    """The lanes of a shard, and the sessions of its producers.

    `incarnation` makes the numbers of sessions unique over starts. `lost` is called, with what proves it, when a
    producer has seen acknowledged what is not here; it may raise. How far those in `untold` are settled stays untold.
    """

    def __init__(
        self, lines: Lines, incarnation: int, lost: Callable[[str], None], untold: Container[bytes] = ()
    ) -> None:
        self.sessions: dict[bytes, Session] = {}
        self.lanes: dict[Lane, deque[Item]] = {lane: deque() for lane in Lane}
        self._lines = lines
        self._lost = lost
        self._untold = untold
        self._next_session = incarnation << 32 | 1

    def greet(self, route: bytes, greet: Greet) -> list[Answer]:
        """Take a HELLO: it ends the session that the producer had."""
        line = self._lines.get(greet.producer)
        session = self._session(greet.producer, line)
        epoch = session.epoch if session else 0
        if greet.epoch < epoch:
            return [Answer(route, FencedOff(greet.producer, epoch))]
        taken = session.next_seq - 1 if session else 0
        if greet.acked > taken:
            self._lost(
                f"{greet.role} {greet.producer.hex()} has seen batch {greet.acked} acknowledged, and {taken} is the "
                "newest here: this HELLO"
            )
        out = []
        new = session is None or greet.epoch > epoch or greet.role is not session.role
        if session is None:
            session = self.sessions[greet.producer] = Session(greet.role, greet.epoch, 1, False)
        elif session.number and session.route != route:
            out.append(Answer(session.route, Ended(greet.producer, session.number)))
        session.role, session.epoch = greet.role, greet.epoch
        session.number, session.route, session.welcomed = self._next_session, route, False
        self._next_session += 1
        welcome = Welcome(route, greet, session.number)
        if session.greeting is not None and not new:
            session.greeting.welcome = welcome
        else:
            session.greeting = Item(
                epoch_entry(greet.producer, greet.role, greet.epoch) if new else None, welcome
            )
            # In the lane of its batches, so that it is answered when all before it is settled.
            self.lanes[LANE_OF[greet.role] or Lane.BULK].append(session.greeting)
        return out

    def is_open(self, producer: bytes, number: int) -> bool:
        """Whether this session is open."""
        session = self.sessions.get(producer)
        return session is not None and 0 != number == session.number

    def gone(self, producer: bytes, number: int) -> None:
        """A session ends; what was taken of it goes its way."""
        if self.is_open(producer, number):
            self.sessions[producer].number = 0

    def left(self, route: bytes) -> list[tuple[bytes, int]]:
        """A worker is gone, or begins anew: all its sessions end; returns them."""
        ended = [(key, s.number) for key, s in self.sessions.items() if s.number and s.route == route]
        for producer, number in ended:
            self.gone(producer, number)
        return ended

    def batch(self, route: bytes, batch: Batch, body: Buffer) -> list[Answer]:
        """Take a batch, or those of its parts that can be taken; raises `LinkError` for one that is none."""
        kind = batch.kind
        if kind not in LANES:
            raise LinkError(
                f"a batch of kind {kind.name}; expected one of {', '.join(k.name for k in LANES)}"
            )
        out: list[Answer] = []
        kept = [self._judge(route, kind, part, out) for part in batch.parts]
        if not any(kept):
            return out
        rows = [part.rows for part in batch.parts]
        if not all(kept):
            body = _only(kind, body, rows, kept)
        parts = tuple(_sent(part) for part, keep in zip(batch.parts, kept, strict=True) if keep)
        now_s = _instant(body) if kind is Kind.TICK else 0
        if not NOW_LEAST_S <= now_s <= NOW_MOST_S:
            text = f"the time {now_s}; expected seconds since 1970 UTC, from {NOW_LEAST_S} to {NOW_MOST_S}"
            for sent in parts:
                self.spend(kind, sent, Reason.MALFORMED, text)
            return out
        total = sum(part.rows for part in parts) if kind in ARROW_KINDS else 0
        self.lanes[LANES[kind]].append(Item(Entry(kind, parts, now_s, total, body=body)))
        return out

    def spent(self, route: bytes, spent: Spent) -> list[Answer]:
        """Take the number of a batch that is refused for good."""
        out: list[Answer] = []
        if self._judge(route, spent.kind, spent.part, out):
            self.spend(spent.kind, _sent(spent.part), spent.reason, spent.text)
        return out

    def spend(self, kind: Kind, sent: Sent, reason: Reason, text: str) -> None:
        """Use up a number that was taken."""
        session = self.sessions[sent.producer]
        turned = Turned(sent.producer, session.number, sent.seq, reason, text, session.next_seq, sent.digest)
        entry = Entry(What.SPENT, (sent,), detail=reason)
        self.lanes[LANES[kind]].append(Item(entry, turned=(session.route, turned)))

    def heard(self, welcome: Welcome) -> Welcome:
        """A HELLO whose turn has come: from now on another one needs a turn of its own."""
        session = self.sessions[welcome.greet.producer]
        if session.greeting is not None and session.greeting.welcome is welcome:
            session.greeting = None
        return welcome

    def applied(self, sent: Sequence[Sent]) -> list[Answer]:
        """These are applied: the lines know them now. What workers are told whose sessions with them are over.

        A worker counts what is under way, also of a session that has ended meanwhile.
        """
        out = []
        for part in sent:
            session = self.sessions[part.producer]
            taken = session.pending.pop(part.seq, None)
            if taken is not None and taken.session != session.number:
                place = Place(part.producer, taken.session, part.seq, self._lines[part.producer].covered)
                out.append(Answer(taken.route, Settled([place])))
        return out

    def malformed(self, sent: Sent, text: str) -> Answer | None:
        """The engine refused a batch whole; what its sender's worker is told, None if there is no session."""
        session = self.sessions[sent.producer]
        if not session.number:
            return None
        turned = Turned(
            sent.producer, session.number, sent.seq, Reason.MALFORMED, text, session.next_seq, sent.digest
        )
        return Answer(session.route, turned)

    def place(self, producer: bytes) -> tuple[bytes, Place] | None:
        """How far an open session is settled, and the worker to be told; None if none is open and welcomed."""
        session = self.sessions.get(producer)
        if session is None or not session.number or not session.welcomed or producer in self._untold:
            return None
        line = self._lines[producer]
        return session.route, Place(producer, session.number, line.next_seq - 1, line.covered)

    def _session(self, producer: bytes, line: Line | None) -> Session | None:
        session = self.sessions.get(producer)
        if session is None and line is not None:
            session = Session(line.role, line.epoch, line.next_seq, line.frozen)
            self.sessions[producer] = session
        return session

    def _judge(self, route: bytes, kind: Kind, part: Part, out: list[Answer]) -> bool:
        """Whether a part is taken now; if not, the answer is added."""
        session = self.sessions.get(part.producer)
        if (
            session is None
            or not session.number
            or (part.session, part.epoch, route) != (session.number, session.epoch, session.route)
        ):
            text = "no such session; begin one with HELLO"
            turned = Turned(part.producer, part.session, part.seq, Reason.SESSION, text, 0, b"")
            out.append(Answer(route, turned))
            return False
        if part.seq == session.next_seq and not session.frozen and kind in MAY_SEND[session.role]:
            session.next_seq += 1
            session.pending[part.seq] = Taken(part.digest, route, session.number)
            return True
        self._turn(session, kind, part, out)
        return False

    def _turn(self, session: Session, kind: Kind, part: Part, out: list[Answer]) -> None:
        """Answer a part that is not taken."""
        taken = session.pending.get(part.seq)
        known = taken.digest if taken is not None else None
        if known is None and part.producer in self._lines:
            known = self._lines[part.producer].digests.get(part.seq)
        if kind not in MAY_SEND[session.role]:
            reason, text = Reason.ROLE, f"{kind.name} from a key of the role {session.role}"
        elif session.frozen:
            reason, text = Reason.FROZEN, "frozen, after two different batches of one number"
        elif not 0 < part.seq < session.next_seq:
            reason, text = Reason.SEQ, f"batch {part.seq}; expected {session.next_seq}"
        elif known is not None and known != part.digest:
            self._freeze(session, kind, part, known)
            return
        else:
            place = self.place(part.producer)
            if place is not None and part.seq not in session.pending:
                out.append(Answer(place[0], Settled([place[1]])))
            return
        turned = Turned(part.producer, session.number, part.seq, reason, text, session.next_seq, known or b"")
        out.append(Answer(session.route, turned))

    def _freeze(self, session: Session, kind: Kind, part: Part, known: bytes) -> None:
        """Take nothing more of a producer; it is told when that is in the journal."""
        session.frozen = True
        text = f"batch {part.seq} has come before, with another digest"
        turned = Turned(
            part.producer, session.number, part.seq, Reason.CONFLICT, text, session.next_seq, known
        )
        entry = Entry(What.FROZEN, (_sent(part),))
        self.lanes[LANES[kind]].append(Item(entry, turned=(session.route, turned)))


def _sent(part: Part) -> Sent:
    return Sent(part.producer, part.epoch, part.seq, part.rows, part.digest)


def _instant(body: Buffer) -> int:
    if len(body) != TICK.size:
        raise LinkError(f"a tick of {len(body)} bytes; expected {TICK.size}")
    return int(TICK.unpack(body)[0])


def _only(kind: Kind, body: Buffer, rows: list[int], kept: list[bool]) -> bytes:
    """The body with the rows of those parts alone that are kept."""
    batch = read_batch(kind, body, sum(rows))
    slices, at = [], 0
    for count, keep in zip(rows, kept, strict=True):
        if keep:
            slices.append(batch.slice(at, count))
        at += count
    return write_batch(kind, pa.Table.from_batches(slices, batch.schema))
