"""What goes to one shard: what has no credit yet waits, by lane; what is not answered yet is counted.

All that one producer sends is in one lane, so it arrives in order. What is no batch passes, but for what uses up a
number, which stands in line with the batches.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from pipeline.links import Link
from pipeline.node.internal import (
    Batch,
    Credit,
    FromWorker,
    Greet,
    Lane,
    Ready,
    Spent,
    Subscribed,
    pack,
)
from pipeline.wire import Buffer

__all__ = ["Flight", "Outbound", "Way"]


class Flight:
    """A batch that is not answered yet: `left` of its parts are not."""

    __slots__ = ("cost_bytes", "lane", "left")

    def __init__(self, lane: Lane, cost_bytes: int, left: int) -> None:
        self.lane, self.cost_bytes, self.left = lane, cost_bytes, left


Way = deque[tuple[int, Flight]]
"""What of one session is under way to one shard: numbers, and the batches that they are part of, in order."""


class _Waiting(NamedTuple):
    frames: list[Buffer]
    cost_bytes: int
    numbers: list[tuple[int, int]]


class Outbound:
    """The way to one shard.

    Attributes:
        credit_bytes: what the shard grants, by lane.
        unanswered: batches that are not answered yet, in all lanes.
    """

    def __init__(self, link: Link) -> None:
        self.credit_bytes = dict.fromkeys(Lane, 0)
        self.unanswered = 0
        self._link = link
        self._first: deque[list[Buffer]] = deque()
        self._newest: dict[tuple[type[FromWorker], bytes], list[Buffer]] = {}
        self._lanes: dict[Lane, deque[_Waiting]] = {lane: deque() for lane in Lane}
        self._flying_bytes = dict.fromkeys(Lane, 0)
        self._flying = dict.fromkeys(Lane, 0)
        self._ways: dict[int, Way] = {}

    def end(self, session: int) -> None:
        """A session is over; what of it is under way is still answered."""
        if not self._ways.get(session, True):
            del self._ways[session]

    def say(self, message: FromWorker) -> None:
        """Say something that uses up no number.

        What a producer can have said as often as it likes waits at most once for each: the newest is what counts.
        """
        if isinstance(message, Greet | Ready | Subscribed):
            self._newest[type(message), message.producer] = pack(message)
        else:
            self._first.append(pack(message))
        self.push()

    def put(self, lane: Lane, message: Batch | Spent, body: Buffer | None = None) -> None:
        """Send a batch when its turn comes."""
        parts = message.parts if isinstance(message, Batch) else [message.part]
        frames = pack(message) if body is None else pack(message, body)
        cost_bytes = sum(map(len, frames))
        self._lanes[lane].append(_Waiting(frames, cost_bytes, [(part.session, part.seq) for part in parts]))
        self.push()

    def push(self) -> bool:
        """Send what can be sent; whether nothing is left that only waits for the link."""
        first, send = self._first, self._link.send
        while first:
            if not send(first[0]):
                return False
            first.popleft()
        newest = self._newest
        while newest:
            key = next(iter(newest))
            if not send(newest[key]):
                return False
            del newest[key]
        for lane in Lane:
            waiting = self._lanes[lane]
            while waiting and self._may(lane, waiting[0].cost_bytes):
                if not send(waiting[0].frames):
                    return False
                self._fly(lane, waiting.popleft())
        return True

    def grant(self, credit: Credit) -> None:
        """The shard says what may be under way."""
        self.credit_bytes[Lane.OPERATOR] = credit.operator_bytes
        self.credit_bytes[Lane.URGENT] = credit.urgent_bytes
        self.credit_bytes[Lane.BULK] = credit.bulk_bytes
        self.push()

    def settled(self, session: int, seq: int, is_open: bool) -> None:
        """All of a session up to a number is answered."""
        way = self._ways.get(session)
        if way is None:
            return
        while way and way[0][0] <= seq:
            self._land(way.popleft()[1])
        if not way and not is_open:
            del self._ways[session]

    def turned(self, session: int, seq: int, is_open: bool) -> None:
        """One batch of a session is answered."""
        way = self._ways.get(session)
        if way is None:
            return
        for i, (number, flight) in enumerate(way):
            if number == seq:
                del way[i]
                self._land(flight)
                break
        if not way and not is_open:
            del self._ways[session]

    def _may(self, lane: Lane, cost_bytes: int) -> bool:
        credit_bytes = self.credit_bytes[lane]
        if not credit_bytes:
            return False
        return not self._flying[lane] or self._flying_bytes[lane] + cost_bytes <= credit_bytes

    def _fly(self, lane: Lane, waiting: _Waiting) -> None:
        flight = Flight(lane, waiting.cost_bytes, len(waiting.numbers))
        self._flying[lane] += 1
        self._flying_bytes[lane] += waiting.cost_bytes
        self.unanswered += 1
        ways = self._ways
        for session, seq in waiting.numbers:
            way = ways.get(session)
            if way is None:
                way = ways[session] = deque()
            way.append((seq, flight))

    def _land(self, flight: Flight) -> None:
        """One part of a batch is answered."""
        flight.left -= 1
        if flight.left:
            return
        self._flying[flight.lane] -= 1
        self._flying_bytes[flight.lane] -= flight.cost_bytes
        self.unanswered -= 1
