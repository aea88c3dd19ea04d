"""What a producer says to a node, and what it makes of the answers: no socket, no clock, no thread.

::

    while (message := conversation.next_message(now_s)) is not None:
        if not link.send(message):
            break                              # no connection, or its queue is full: ask again later
        conversation.sent(now_s)
    for frames in received:
        events = conversation.on_message(frames, now_s)

A session begins with HELLO. Whatever goes wrong with it is mended by another HELLO: the answer tells where to go on,
and the outbox still has what is needed for it. What cannot be mended so is raised, as a `ClientError`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from pipeline.client.errors import Fenced, Frozen, NodeBehind, NotAccepted, OutboxBehind
from pipeline.client.events import BatchRefused, Event, LostAtNode, Patience, Progress, RefusedUnseen
from pipeline.client.outbox import Outbox
from pipeline.wire import (
    FINAL,
    HEADER_BYTES,
    Ack,
    Buffer,
    Checked,
    Credit,
    Header,
    Hello,
    Kind,
    Message,
    Reason,
    Refused,
    Rejected,
    Welcome,
    check_answer,
    control,
    pack,
    plain,
)

__all__ = ["Conversation"]


_LATER: Final = frozenset(
    {Reason.SESSION, Reason.CREDIT, Reason.NOT_NOW, Reason.HEADER_CHECKSUM, Reason.BODY_LENGTH}
)
_ODD: Final = frozenset({Reason.FRAMES, Reason.HEADER_LENGTH, Reason.MAGIC, Reason.VERSION, Reason.RESERVED})
"""What damage on the way may do once, and a node of another version does always."""
STRIKES_MAX: Final = 5
"""So many of those may come before anything else is acknowledged."""


class _Flight(NamedTuple):
    """A batch on its way: its number, and what it takes of the credit."""

    seq: int
    cost_bytes: int


class Conversation:
    """One producer's side.

    Attributes:
        session: the one that is open, 0 if none is.
        credit: bytes that may be on their way.
    """

    def __init__(self, key: bytes, outbox: Outbox, patience: Patience | None = None) -> None:
        self.session = 0
        self.credit = 0
        self._key = key
        self._outbox = outbox
        self._patience = patience or Patience()
        self._next_seq = 0
        self._flights: deque[_Flight] = deque()
        self._flying_bytes = 0
        self._rewound_to = 0
        self._attempt = 0
        self._strikes = 0
        self._confirmed = 0
        self._told: set[int] = set()
        self._hello_due_s = float("-inf")
        self._heard_s = 0.0
        self._progress_s = 0.0
        self._ping_due_s = 0.0
        self._offered: Message | None = None
        self._flight: _Flight | None = None

    @property
    def settled(self) -> bool:
        """Whether all that was given has been acknowledged, in this session."""
        return bool(self.session) and self._confirmed >= self._outbox.newest

    def next_message(self, now_s: float) -> Message | None:
        """What should be sent now, None if nothing; the same again until `sent` is called."""
        if self.session and self._given_up(now_s):
            self._end(now_s)
        if self._offered is None:
            self._offered = self._offer(now_s)
        return self._offered

    def sent(self, now_s: float) -> None:
        """What `next_message` gave has been sent."""
        assert self._offered is not None
        self._offered = None
        if not self.session:
            self._hello_due_s = now_s + self._patience.hello_s
        elif self._flight is not None:
            if not self._flights:
                self._progress_s = now_s
            self._flights.append(self._flight)
            self._flying_bytes += self._flight.cost_bytes
            self._next_seq = self._flight.seq + 1
        else:
            self._said(now_s)

    def on_message(self, frames: Sequence[Buffer], now_s: float) -> list[Event]:
        """Take what has come; raises `ClientError` where only a person can help. Damage is passed over."""
        try:
            checked = check_answer(frames, self._key)
        except Refused:
            return []
        header = checked.header
        if header.kind is Kind.FENCED:
            if header.epoch > self._outbox.epoch:
                raise Fenced(
                    f"epoch {self._outbox.epoch} is over, the node knows {header.epoch}: another copy of this outbox "
                    "is in use. Stop one of the two; if this one was restored from a copy, take a new key"
                )
            return []
        if header.epoch not in (0, self._outbox.epoch):
            return []
        self._heard_s = now_s
        self._ping_due_s = now_s + self._patience.silence_s
        if isinstance(checked.content, Welcome):
            return self._welcome(header, checked.content, now_s)
        if isinstance(checked.content, Rejected):
            return self._rejected(header, checked.content, now_s)
        if not self.session or header.session != self.session:
            return []
        return self._in_session(checked, now_s)

    def wake_after_s(self, now_s: float) -> float:
        """Seconds until there may be something to send although nothing has come."""
        if not self.session:
            return max(0.0, self._hello_due_s - now_s)
        due = min(self._ping_due_s, self._heard_s + 2 * self._patience.silence_s)
        if self._flights:
            due = min(due, self._progress_s + self._patience.progress_s)
        return max(0.0, due - now_s)

    def _offer(self, now_s: float) -> Message | None:
        self._flight = None
        place = {"epoch": self._outbox.epoch, "session": self.session}
        if not self.session:
            if now_s < self._hello_due_s:
                return None
            self._attempt += 1
            hello = Hello(self._attempt, self._outbox.acked, self._outbox.newest)
            return control(self._key, hello, epoch=self._outbox.epoch)
        if (other := self._other(now_s)) is not None:
            return other
        if now_s >= self._ping_due_s:
            return plain(self._key, Kind.PING, **place)
        if self._next_seq > self._outbox.newest:
            return None
        batch = self._outbox.get(self._next_seq)
        cost_bytes = HEADER_BYTES + len(batch.body)
        if not self.credit or (self._flights and self._flying_bytes + cost_bytes > self.credit):
            return None
        self._flight = _Flight(batch.seq, cost_bytes)
        header = pack(
            Kind(batch.kind),
            self._key,
            batch.body,
            **place,
            seq=batch.seq,
            rows=batch.rows,
            digest=batch.digest,
        )
        return Message(header, batch.body)

    def _other(self, now_s: float) -> Message | None:
        """What more there is to say in a session, before anything else."""
        return None

    def _said(self, now_s: float) -> None:
        """A message without a number has been sent."""
        self._ping_due_s = now_s + self._patience.silence_s

    def _in_session(self, checked: Checked, now_s: float) -> list[Event]:
        """Take an answer of the open session."""
        header, content = checked.header, checked.content
        if isinstance(content, Ack):
            self.credit = content.credit
            return self._settle(header.seq, content.covered, now_s)
        if isinstance(content, Credit):
            self.credit = content.credit
        elif header.kind is Kind.NACK:
            self._rewind(header.seq, now_s)
        elif header.kind is Kind.CONFLICT:
            raise Frozen(
                f"the node holds another batch {header.seq} than this outbox: stop both, and have a person compare them"
            )
        return []

    def _welcome(self, header: Header, welcome: Welcome, now_s: float) -> list[Event]:
        outbox = self._outbox
        if self.session or welcome.attempt != self._attempt:
            return []
        if header.seq > outbox.newest:
            raise OutboxBehind(
                f"the node has batches up to {header.seq}, and this outbox has given numbers up to {outbox.newest}: "
                "it is an old copy. Take a new key, with an outbox of its own"
            )
        events: list[Event] = []
        if header.seq < outbox.acked:
            if header.seq + 1 < outbox.first:
                raise NodeBehind(
                    f"the node has batches up to {header.seq}, had acknowledged them up to {outbox.acked}, and this "
                    f"outbox has them from {outbox.first} on: what lies between is gone. Stop the node and restore it"
                )
            events.append(LostAtNode(header.seq + 1))
        if welcome.refused > outbox.refused:
            events.append(RefusedUnseen(welcome.refused - outbox.refused))
            outbox.refused = welcome.refused
        self._clear()
        self.session = header.session
        self.credit = welcome.credit
        self._next_seq = header.seq + 1
        self._rewound_to = 0
        self._confirmed = header.seq
        return [*events, *self._settle(header.seq, welcome.covered, now_s)]

    def _rejected(self, header: Header, rejected: Rejected, now_s: float) -> list[Event]:
        reason = rejected.reason
        if header.session not in (0, self.session):
            return []
        if reason in FINAL:
            if not header.session or header.seq in self._told:
                return []
            self._told.add(header.seq)
            self._outbox.refused += 1
            return [BatchRefused(header.seq, reason, rejected.text)]
        if reason in _LATER:
            self._end(now_s)
        elif reason == Reason.DIGEST:
            self._rewind(header.seq, now_s)
        elif reason in _ODD and self._strikes < STRIKES_MAX:
            self._strikes += 1
            self._end(now_s)
        elif reason == Reason.FROZEN:
            raise Frozen(rejected.text)
        else:
            raise NotAccepted(f"the node refuses what this client sends: {rejected.text}")
        return []

    def _settle(self, acked: int, covered: int, now_s: float) -> list[Event]:
        outbox = self._outbox
        acked = min(acked, outbox.newest)
        self._told = {seq for seq in self._told if seq > acked}
        before = (outbox.acked, outbox.covered)
        if acked > self._confirmed:
            self._confirmed, self._strikes = acked, 0
        while self._flights and self._flights[0].seq <= acked:
            self._flying_bytes -= self._flights.popleft().cost_bytes
            self._progress_s = now_s
        if self._next_seq <= acked:
            self._clear()
            self._next_seq = acked + 1
        outbox.settle(acked, min(covered, acked))
        if (outbox.acked, outbox.covered) == before:
            return []
        return [Progress(outbox.acked, outbox.covered, outbox.newest)]

    def _rewind(self, seq: int, now_s: float) -> None:
        """Send again from a number on; once only, however many of the messages behind it are answered so."""
        if seq <= self._confirmed:
            return  # said before that was acknowledged
        if not self._outbox.first <= seq <= self._outbox.newest:
            self._end(now_s)
        elif seq < self._next_seq and seq != self._rewound_to:
            self._rewound_to = seq
            while self._flights and self._flights[-1].seq >= seq:
                self._flying_bytes -= self._flights.pop().cost_bytes
            self._offered = None
            self._next_seq = seq

    def _given_up(self, now_s: float) -> bool:
        silent = now_s >= self._heard_s + 2 * self._patience.silence_s
        return silent or bool(self._flights and now_s >= self._progress_s + self._patience.progress_s)

    def _end(self, now_s: float) -> None:
        """The session is over; say HELLO, not too often."""
        if self.session:
            self._clear()
            self.session = 0
            self._offered = None
            self._hello_due_s = max(now_s, self._hello_due_s)

    def _clear(self) -> None:
        self._flights.clear()
        self._flying_bytes = 0
        self._offered = None
