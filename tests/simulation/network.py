"""Between the processes of a simulated node: connections that lose, double, reorder and damage, and links that do not.

What producers and head-ends say goes over a network, with faults; CURVE would find the damage, and here nothing does.
What workers and shards say stays inside one machine: in order and whole, until one of the two is dead.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from pipeline.links import Received, Sent
from pipeline.wire import Buffer

QUEUE = 64


@dataclass
class Clock:
    """The machine's, as the simulation moves it."""

    start_s: int
    s: float = 0.0

    def now_s(self) -> int:
        return self.start_s + int(self.s)

    def monotonic_s(self) -> float:
        return self.s


@dataclass
class Faults:
    """How bad the network is: each step, something may happen to one message of each connection."""

    random: Random
    injected: Counter[str]
    calm: bool = False

    def touch(self, queue: deque[list[Buffer]]) -> None:
        if self.calm or not queue:
            return
        fate = self.random.random()
        at = self.random.randrange(len(queue))
        if fate < 0.02:
            del queue[at]
            self.injected["message lost"] += 1
        elif fate < 0.05:
            queue.insert(self.random.randrange(len(queue) + 1), queue[at])
            self.injected["message doubled"] += 1
        elif fate < 0.07 and len(queue) > 1:
            queue.rotate(1)
            self.injected["message reordered"] += 1
        elif fate < 0.09:
            frames = [bytearray(frame) for frame in queue[at]]
            frame = self.random.choice([each for each in frames if each])
            frame[self.random.randrange(len(frame))] ^= 1 << self.random.randrange(8)
            queue[at] = [bytes(each) for each in frames]
            self.injected["message damaged"] += 1


class Connection:
    """A client's, to whichever worker is there; the `Link` of a conversation."""

    def __init__(self, key: bytes, faults: Faults) -> None:
        self.user = key.hex()
        self.faults = faults
        self.front: Front | None = None
        self.route = b""
        self.up: deque[list[Buffer]] = deque()
        self.down: deque[list[Buffer]] = deque()

    def connect(self, fronts: Sequence[Front]) -> None:
        """Connect anew, if the worker is gone and another is there."""
        if self.front is not None and self.front.alive:
            return
        self.up.clear()
        self.down.clear()
        self.front = self.faults.random.choice(fronts) if fronts else None
        if self.front is not None:
            self.route = self.front.join(self)

    def send(self, frames: Sequence[Buffer]) -> bool:
        if self.front is None or not self.front.alive or len(self.up) >= QUEUE:
            return False
        self.up.append([bytes(frame) for frame in frames])
        return True

    def receive(self) -> list[Buffer] | None:
        self.faults.touch(self.down)
        return self.down.popleft() if self.down else None


class Front:
    """What a worker sees of the network: its `Post`."""

    def __init__(self) -> None:
        self.alive = True
        self._routes: dict[bytes, Connection] = {}
        self._turn: deque[bytes] = deque()

    def join(self, connection: Connection) -> bytes:
        route = b"route %d" % len(self._routes)
        self._routes[route] = connection
        self._turn.append(route)
        return route

    def receive(self) -> Received | None:
        for _ in range(len(self._turn)):
            route = self._turn[0]
            self._turn.rotate(-1)
            connection = self._routes[route]
            if connection.front is not self:
                continue
            connection.faults.touch(connection.up)
            if connection.up:
                return Received(route, connection.user, connection.up.popleft())
        return None

    def send(self, route: bytes, frames: Sequence[Buffer]) -> Sent:
        connection = self._routes.get(route)
        if connection is None or connection.front is not self:
            return Sent.GONE
        if len(connection.down) >= QUEUE:
            return Sent.FULL
        connection.down.append([bytes(frame) for frame in frames])
        return Sent.SENT


@dataclass
class Local:
    """A worker's link to the shard: in order, whole, until one of the two is dead."""

    hub: Hub
    route: bytes
    inbox: deque[list[Buffer]] = field(default_factory=deque)
    alive: bool = True

    def send(self, frames: Sequence[Buffer]) -> bool:
        if not self.hub.alive or len(self.hub.inbox) >= QUEUE * 16:
            return False
        self.hub.inbox.append(Received(self.route, "", [bytes(frame) for frame in frames]))
        return True

    def receive(self) -> list[Buffer] | None:
        return self.inbox.popleft() if self.inbox else None

    def wait(self, timeout_s: float) -> bool:
        return bool(self.inbox)

    def close(self) -> None:
        self.alive = False


class Hub:
    """What the shard sees of its workers: its `Post`. `on_send` is told of each answer before it leaves."""

    def __init__(self) -> None:
        self.alive = True
        self.inbox: deque[Received] = deque()
        self.sent: deque[tuple[bytes, list[Buffer]]] = deque()
        self._links: dict[bytes, Local] = {}

    def connect(self) -> Local:
        link = Local(self, b"link %d" % len(self._links))
        self._links[link.route] = link
        return link

    def receive(self) -> Received | None:
        return self.inbox.popleft() if self.inbox else None

    def send(self, route: bytes, frames: Sequence[Buffer]) -> Sent:
        link = self._links.get(route)
        if link is None or not link.alive:
            return Sent.GONE
        link.inbox.append([bytes(frame) for frame in frames])
        self.sent.append((route, link.inbox[-1]))
        return Sent.SENT
