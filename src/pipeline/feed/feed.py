"""Who has subscribed to what in a shard, and what goes to each next.

::

    feed.take(seq, effects)                 of each batch: by recovery, then by the writer once it is durable
    feed.begin(whole, newest)               between the two
    feed.subscribe(producer, session, ask)  and again and again, as rows are taken
    for fed in feed.poll(now_s): …          what should leave now
    feed.unsent(fed)                        it could not

What a subscriber holds up is its own: no more than its credit is ever on the way, what it does not take is forgotten
in time whether it was sent or not, and what one call of `poll` does is bounded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from fastcore.effects import Effects
from pipeline.feed.ring import Ring
from pipeline.wire import Reason, Refused
from pipeline.wire.kinds import BODY_BYTES_MAX
from pipeline.wire.outputs import NEWEST, OLDEST, Cursor, Output, output_body

__all__ = ["Ask", "Fed", "Feed"]

MESSAGE_BYTES: Final = 256 << 10
"""What a message holds, about."""
MESSAGES_MAX: Final = 4
"""So many may be on their way to one subscriber, or not taken by it: its queue at the worker holds them."""
CREDIT_BYTES_MAX: Final = 16 << 20
POLL_BYTES: Final = 1 << 20
"""So much leaves at once: the writer's next group waits for it."""
TELL_S: Final = 1
"""So often is a subscriber told that nothing has come for it, so that its cursor stays young."""


class Ask(NamedTuple):
    """All before `start` is taken, and so many bytes more may come."""

    output: str
    start: Cursor
    credit_bytes: int


class Fed(NamedTuple):
    """An OUTPUT message: for whom, in which session, its rows and its body; where it begins, if it cannot be sent."""

    producer: bytes
    session: int
    rows: int
    body: bytes
    start: Cursor


@dataclass(slots=True)
class _Subscription:
    output: str
    session: int
    sent: Cursor
    credit_bytes: int
    told_s: float = float("-inf")
    flights: deque[tuple[Cursor, int]] = field(default_factory=deque)
    flying_bytes: int = 0

    @property
    def blocked(self) -> bool:
        """Whether it must take something first; one message may always be on its way, unless its credit is 0."""
        if not self.credit_bytes or len(self.flights) >= MESSAGES_MAX:
            return True
        return bool(self.flights) and self.flying_bytes + MESSAGE_BYTES > self.credit_bytes


class Feed:
    """The feed of one shard; an `Outlet`.

    `outputs` are those that are kept, each in so many bytes; `shard`, `shards` and `generation` say whose they are.
    """

    def __init__(
        self, outputs: Collection[str], kept_bytes: int, shard: int = 0, shards: int = 1, generation: int = 0
    ) -> None:
        self._rings = {name: Ring(kept_bytes) for name in outputs}
        self._place = (shard, shards, generation)
        self._next_seq = 0
        self._first_seq: int | None = None
        self._subscriptions: dict[bytes, _Subscription] = {}
        self._turn: deque[bytes] = deque()

    @property
    def outputs(self) -> tuple[str, ...]:
        """The outputs that are kept."""
        return tuple(self._rings)

    def take(self, seq: int, effects: Effects) -> None:
        """What batch `seq` of the engine did; it is durable."""
        if self._first_seq is None:
            self._first_seq = seq
        self._next_seq = seq + 1
        for name, batch in effects:
            ring = self._rings.get(name)
            if ring is not None:
                ring.add(seq, batch)

    def begin(self, whole: bool, newest: int) -> None:
        """Recovery is over: `whole` if the journal was replayed from its start, `newest` the engine's last number."""
        self._next_seq = newest + 1
        oldest = self._next_seq if self._first_seq is None else self._first_seq
        for ring in self._rings.values():
            ring.oldest = max(ring.oldest, 0 if whole else oldest)

    def subscribe(self, producer: bytes, session: int, ask: Ask) -> None:
        """Begin a subscription, or go on with it; raises `Refused` with OUTPUT or CURSOR.

        In one session a subscriber follows one output. What it says first is where it begins; what it says then is
        how far it has taken what was sent.
        """
        ring = self._rings.get(ask.output)
        if ring is None:
            self._end(producer)
            given = ", ".join(self._rings) or "none"
            raise Refused(Reason.OUTPUT, f"{ask.output!r} is no output of this node's feed: {given}")
        now = self._subscriptions.get(producer)
        credit_bytes = min(ask.credit_bytes, CREDIT_BYTES_MAX)
        if now is None or (now.session, now.output) != (session, ask.output):
            start = self._start(producer, ring, ask)
            self._end(producer)
            self._subscriptions[producer] = _Subscription(ask.output, session, start, credit_bytes)
            self._turn.append(producer)
            return
        while now.flights and now.flights[0][0] <= ask.start <= now.sent:
            now.flying_bytes -= now.flights.popleft()[1]
        now.credit_bytes = credit_bytes
        if now.sent.seq < ring.oldest:
            self._end(producer)
            raise self._gone(ring, ask.output, now.sent)

    def gone(self, producer: bytes, session: int) -> None:
        """A subscriber's session has ended."""
        now = self._subscriptions.get(producer)
        if now is not None and now.session == session:
            self._end(producer)

    def poll(self, now_s: float) -> tuple[list[Fed], bool]:
        """What should leave now, and whether there is more that could; each subscriber in its turn."""
        out: list[Fed] = []
        left_bytes = POLL_BYTES
        idle = 0
        while self._turn and idle < len(self._turn):
            if left_bytes <= 0:
                return out, True
            producer = self._turn[0]
            self._turn.rotate(-1)
            fed = self._next(producer, now_s)
            idle = idle + 1 if fed is None else 0
            if fed is not None:
                out.append(fed)
                left_bytes -= len(fed.body)
        return out, False

    def unsent(self, fed: Fed) -> None:
        """It could not be handed on: it is sent again, and whatever came behind it."""
        now = self._subscriptions.get(fed.producer)
        if now is None or now.session != fed.session:
            return
        now.sent = min(now.sent, fed.start)
        while now.flights and now.flights[-1][0] > fed.start:
            now.flying_bytes -= now.flights.pop()[1]

    def followers(self) -> list[tuple[bytes, str, int, int]]:
        """Who follows which output: how many batches it was not sent yet, and the bytes that are under way to it."""
        return [
            (producer, now.output, self._next_seq - now.sent.seq, now.flying_bytes)
            for producer, now in self._subscriptions.items()
        ]

    def stats(self) -> dict[str, Any]:
        """What a person should see of it, as plain values."""
        return {
            "subscribers": len(self._subscriptions),
            "kept_bytes": {name: ring.kept_bytes for name, ring in self._rings.items()},
            "oldest": {name: ring.oldest for name, ring in self._rings.items()},
        }

    def _start(self, producer: bytes, ring: Ring, ask: Ask) -> Cursor:
        """The cursor that is asked for; raises `Refused` if what is there does not reach so far."""
        if ask.start == OLDEST:
            # The first batch there is; never what means "the oldest" itself.
            return Cursor(max(ring.oldest, 1))
        if ask.start == NEWEST:
            return Cursor(self._next_seq)
        if ask.start.seq < ring.oldest or ask.start > Cursor(self._next_seq):
            self._end(producer)
            raise self._gone(ring, ask.output, ask.start)
        return ask.start

    def _gone(self, ring: Ring, output: str, asked: Cursor) -> Refused:
        return Refused(
            Reason.CURSOR,
            f"{output} is kept from batch {ring.oldest} on, up to {self._next_seq - 1}; asked for from row {asked.row} "
            f"of batch {asked.seq}",
        )

    def _next(self, producer: bytes, now_s: float) -> Fed | None:
        now = self._subscriptions[producer]
        ring = self._rings[now.output]
        if now.blocked or now.sent.seq < ring.oldest:
            return None
        start = now.sent
        rows, end = ring.read(start, self._next_seq, MESSAGE_BYTES)
        if rows is None and (now.flights or now_s < now.told_s + TELL_S):
            return None
        if rows is None and start == end and now.told_s > float("-inf"):
            return None
        body = output_body(Output(start, end, *self._place, rows))
        most_bytes = MESSAGE_BYTES
        while len(body) > BODY_BYTES_MAX:
            most_bytes //= 2
            rows, end = ring.read(start, self._next_seq, most_bytes)
            body = output_body(Output(start, end, *self._place, rows))
        now.sent, now.told_s = end, now_s
        now.flights.append((end, len(body)))
        now.flying_bytes += len(body)
        return Fed(producer, now.session, rows.num_rows if rows is not None else 0, body, start)

    def _end(self, producer: bytes) -> None:
        if self._subscriptions.pop(producer, None) is not None:
            self._turn.remove(producer)
