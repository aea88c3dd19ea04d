"""A network between clients and workers, and the links inside a machine; every choice comes from a seed.

What goes over the `Network` may be lost, come twice, late, in another order or damaged, and a connection may break,
which its client does not notice: its next message goes over a new one. The links of a node, `Local`, keep order and
lose nothing, until one of their ends is dead.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from pipeline.journal import Buffer
from pipeline.links import Received, Sent
from pipeline.wire import Header, Kind
from simulation.clock import SimClock
from simulation.judge import require

QUEUE = 8

Frames = list[Buffer]


@dataclass(frozen=True)
class Noise:
    """What share of messages each thing happens to."""

    lost: float = 0.0
    twice: float = 0.0
    swapped: float = 0.0
    damaged: float = 0.0
    late: float = 0.0
    broken: float = 0.0


@dataclass
class Way:
    """One direction of a connection: messages on it, with the time at which each arrives."""

    messages: deque[tuple[float, Frames]] = field(default_factory=deque)

    def take(self, now_s: float) -> Frames | None:
        if self.messages and self.messages[0][0] <= now_s:
            return self.messages.popleft()[1]
        return None


@dataclass
class Connection:
    """A client's connection to a worker."""

    route: bytes
    user: str
    there: Way = field(default_factory=Way)
    back: Way = field(default_factory=Way)
    alive: bool = True


class Network:
    """Connections, and what happens to what goes over them."""

    def __init__(self, random: Random, clock: SimClock, injected: Counter[str]) -> None:
        self.random = random
        self.clock = clock
        self.injected = injected
        self.noise = Noise()
        self.posts: dict[str, NetPost] = {}
        self.revoked: set[str] = set()
        self._count = 0

    def connect(self, user: str) -> tuple[NetPost, Connection] | None:
        """A new connection to some worker that lives."""
        if not self.posts or user in self.revoked:
            return None
        post = self.random.choice(list(self.posts.values()))
        self._count += 1
        connection = Connection(self._count.to_bytes(5, "big"), user)
        post.connections[connection.route] = connection
        return post, connection

    def put(self, way: Way, frames: Sequence[Buffer]) -> bool:
        """Send a message over a way; False if its queue is full."""
        if len(way.messages) >= QUEUE:
            self.injected["full queue"] += 1
            return False
        noise, random = self.noise, self.random
        copy = [bytes(frame) for frame in frames]
        if self._happens("lost message", noise.lost):
            return True
        if self._happens("damaged message", noise.damaged):
            copy = self._damaged(copy)
        late = random.random() if self._happens("late message", noise.late) else 0.0
        way.messages.append((self.clock.passed_s + late, copy))
        if self._happens("message twice", noise.twice):
            way.messages.append((self.clock.passed_s, copy))
        if len(way.messages) > 1 and self._happens("messages swapped", noise.swapped):
            way.messages[-1], way.messages[-2] = way.messages[-2], way.messages[-1]
        return True

    def breaks(self) -> bool:
        """Whether a connection breaks now."""
        return self._happens("broken connection", self.noise.broken)

    def _happens(self, what: str, share: float) -> bool:
        if share and self.random.random() < share:
            self.injected[what] += 1
            return True
        return False

    def _damaged(self, frames: list[bytes]) -> Frames:
        frame = self.random.randrange(len(frames))
        data = bytearray(frames[frame])
        if not data or self.random.random() < 0.1:
            return [*frames[:frame], *frames[frame + 1 :]]
        data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
        return [*frames[:frame], bytes(data), *frames[frame + 1 :]]


class NetPost:
    """What a worker has of the network."""

    def __init__(self, network: Network, name: str) -> None:
        self.connections: dict[bytes, Connection] = {}
        self._network = network
        self._name = name
        network.posts[name] = self

    def receive(self) -> Received | None:
        for connection in self.connections.values():
            frames = connection.there.take(self._network.clock.passed_s)
            if frames is not None:
                return Received(connection.route, connection.user, frames)
        return None

    def send(self, route: bytes, frames: Sequence[Buffer]) -> Sent:
        connection = self.connections.get(route)
        if connection is None or not connection.alive:
            self.connections.pop(route, None)
            return Sent.GONE
        if connection.user in self._network.revoked:
            kind = Header.unpack(frames[0]).kind
            require(kind in (Kind.REJECTED, Kind.FENCED), f"{kind.name} goes to a key that was revoked")
        return Sent.SENT if self._network.put(connection.back, frames) else Sent.FULL

    def die(self) -> None:
        for connection in self.connections.values():
            connection.alive = False
        self.connections.clear()
        if self._network.posts.get(self._name) is self:
            del self._network.posts[self._name]


class NetLink:
    """What a client has of the network: connects by itself, again and again."""

    def __init__(self, network: Network, user: str) -> None:
        self._network = network
        self._user = user
        self._connection: Connection | None = None

    def receive(self) -> Frames | None:
        connection = self._connection
        if connection is None or not connection.alive:
            return None
        return connection.back.take(self._network.clock.passed_s)

    def send(self, frames: Sequence[Buffer]) -> bool:
        if self._connection is not None and self._network.breaks():
            self.close()
        if self._connection is None or not self._connection.alive:
            found = self._network.connect(self._user)
            if found is None:
                return False
            self._connection = found[1]
        return self._network.put(self._connection.there, frames)

    def wait(self, timeout_s: float) -> bool:
        """Nobody waits in a simulation: time goes on when nothing happens any more."""
        return False

    def close(self) -> None:
        if self._connection is not None:
            self._connection.alive = False
            self._connection.there.messages.clear()
            self._connection.back.messages.clear()
            self._connection = None


class Local:
    """The socket of a shard: workers connect, and learn nothing of its death but that nothing is taken."""

    def __init__(self, queue: int, injected: Counter[str]) -> None:
        self.queue = queue
        self.injected = injected
        self.links: dict[bytes, LocalLink] = {}
        self.alive = True

    def receive(self) -> Received | None:
        for route, link in self.links.items():
            if link.there:
                return Received(route, "", link.there.popleft())
        return None

    def send(self, route: bytes, frames: Sequence[Buffer]) -> Sent:
        link = self.links.get(route)
        if link is None:
            return Sent.GONE
        if len(link.back) >= self.queue:
            self.injected["full queue"] += 1
            return Sent.FULL
        link.back.append([bytes(frame) for frame in frames])
        return Sent.SENT

    def die(self) -> None:
        self.alive = False
        for link in self.links.values():
            link.there.clear()
            link.back.clear()


class LocalLink:
    """A worker's end of it."""

    def __init__(self, local: Local, route: bytes) -> None:
        self.there: deque[Frames] = deque()
        self.back: deque[Frames] = deque()
        self.connect(local, route)

    def connect(self, local: Local, route: bytes) -> None:
        """Connect, as a socket does by itself when there is another shard at its endpoint."""
        self._local = local
        self._route = route
        local.links[route] = self

    @property
    def alive(self) -> bool:
        """Whether the shard at its other end is."""
        return self._local.alive

    def receive(self) -> Frames | None:
        return self.back.popleft() if self.back else None

    def send(self, frames: Sequence[Buffer]) -> bool:
        if not self._local.alive or len(self.there) >= self._local.queue:
            return False
        self.there.append([bytes(frame) for frame in frames])
        return True

    def wait(self, timeout_s: float) -> bool:
        """Nobody waits in a simulation."""
        return False

    def close(self) -> None:
        self._local.links.pop(self._route, None)
