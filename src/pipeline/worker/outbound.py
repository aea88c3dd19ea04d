"""What goes to one shard: what has no credit yet waits, by lane; what is not answered yet is counted.

All that one producer sends is in one lane, so it arrives in order. What is no batch passes, but for what uses up a
number, which stands in line with the batches.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from pipeline.links import Link
from pipeline.node.internal import Batch, Credit, FromWorker, Lane, Spent, pack
from pipeline.wire import Buffer

__all__ = ["Outbound"]


class _Waiting(NamedTuple):
    frames: list[Buffer]
    cost_bytes: int
    parts: list[tuple[bytes, int, int]]


class _Flight:
    """A batch that is not answered yet: `left` of its parts are not."""

    __slots__ = ("cost_bytes", "lane", "left")

    def __init__(self, lane: Lane, cost_bytes: int, left: int) -> None:
        self.lane, self.cost_bytes, self.left = lane, cost_bytes, left


_ORDER: Final = (Lane.OPERATOR, Lane.URGENT, Lane.BULK)


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
        self._lanes: dict[Lane, deque[_Waiting]] = {lane: deque() for lane in _ORDER}
        self._flying_bytes = dict.fromkeys(Lane, 0)
        self._flying = dict.fromkeys(Lane, 0)
        self._flights: dict[tuple[bytes, int], deque[tuple[int, _Flight]]] = {}

    def say(self, message: FromWorker) -> None:
        """Say something that uses up no number."""
        self._first.append(pack(message))
        self.push()

    def put(self, lane: Lane, message: Batch | Spent, body: Buffer | None = None) -> None:
        """Send a batch when its turn comes."""
        parts = message.parts if isinstance(message, Batch) else [message.part]
        frames = pack(message) if body is None else pack(message, body)
        cost_bytes = sum(map(len, frames))
        places = [(part.producer, part.session, part.seq) for part in parts]
        self._lanes[lane].append(_Waiting(frames, cost_bytes, places))
        self.push()

    def push(self) -> bool:
        """Send what can be sent; whether nothing is left that only waits for the link."""
        first, send = self._first, self._link.send
        while first:
            if not send(first[0]):
                return False
            first.popleft()
        for lane in _ORDER:
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

    def settled(self, producer: bytes, session: int, seq: int) -> None:
        """All of a session up to a number is answered."""
        flights = self._flights.get((producer, session))
        if flights is None:
            return
        while flights and flights[0][0] <= seq:
            self._land(flights.popleft()[1])
        if not flights:
            del self._flights[producer, session]

    def turned(self, producer: bytes, session: int, seq: int) -> None:
        """One batch of a session is answered."""
        flights = self._flights.get((producer, session))
        if flights is None:
            return
        for i, (number, flight) in enumerate(flights):
            if number == seq:
                del flights[i]
                self._land(flight)
                break
        if not flights:
            del self._flights[producer, session]

    def _may(self, lane: Lane, cost_bytes: int) -> bool:
        credit_bytes = self.credit_bytes[lane]
        if not credit_bytes:
            return False
        return not self._flying[lane] or self._flying_bytes[lane] + cost_bytes <= credit_bytes

    def _fly(self, lane: Lane, waiting: _Waiting) -> None:
        flight = _Flight(lane, waiting.cost_bytes, len(waiting.parts))
        self._flying[lane] += 1
        self._flying_bytes[lane] += waiting.cost_bytes
        self.unanswered += 1
        flights = self._flights
        for producer, session, seq in waiting.parts:
            under_way = flights.get((producer, session))
            if under_way is None:
                under_way = flights[producer, session] = deque()
            under_way.append((seq, flight))

    def _land(self, flight: _Flight) -> None:
        flight.left -= 1
        if not flight.left:
            self._flying[flight.lane] -= 1
            self._flying_bytes[flight.lane] -= flight.cost_bytes
            self.unanswered -= 1
