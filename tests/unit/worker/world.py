"""A worker between producers and shards of this test's own: no socket, no clock, no disk."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.keys import PublicKey
from pipeline.links import Received, Sent
from pipeline.node.internal import (
    Batch,
    Credit,
    FencedOff,
    FromShard,
    FromWorker,
    Greet,
    Join,
    Joined,
    Place,
    Settled,
    Spent,
    Turned,
    Welcomed,
    pack,
    unpack_from_worker,
)
from pipeline.node.layout import Layout
from pipeline.wire import Buffer, Checked, Hello, Kind, Message, Reason, Role, check_answer, control, plain
from pipeline.wire import pack as pack_header
from pipeline.worker.letters import DeadLetters
from pipeline.worker.worker import BUDGETS, Worker
from simulation.disk import SimDisk
from unit.wire.samples import NOON, body

GRANT = Credit(1 << 20, 1 << 20, 8 << 20)


@dataclass
class Shard:
    """A shard that takes what comes in order, and settles when it is told to."""

    number: int = 0
    of: int = 1
    said: list[FromWorker] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    answers: deque[list[Buffer]] = field(default_factory=deque)
    taken: dict[bytes, list[tuple[int, int, bytes]]] = field(default_factory=dict)
    epochs: dict[bytes, int] = field(default_factory=dict)
    covered: dict[bytes, int] = field(default_factory=dict)
    sessions: dict[bytes, int] = field(default_factory=dict)
    unsettled: list[tuple[bytes, int, int]] = field(default_factory=list)
    refused: list[Turned] = field(default_factory=list)
    frozen: set[bytes] = field(default_factory=set)
    at_once: bool = True
    open: bool = True
    joins: bool = True
    grant: Credit = GRANT
    count: int = 0

    # What a worker sees: a link.

    def send(self, frames: Sequence[Buffer]) -> bool:
        if not self.open:
            return False
        message, bodies = unpack_from_worker([bytes(frames[0]), *frames[1:]])
        self.said.append(message)
        self.bodies.append(bytes(bodies[0]) if bodies else b"")
        self._take(message)
        return True

    def receive(self) -> list[Buffer] | None:
        return self.answers.popleft() if self.answers else None

    def wait(self, timeout_s: float) -> bool:
        return bool(self.answers)

    def close(self) -> None:
        """Nothing to close."""

    # What a test sees.

    def say(self, message: FromShard, *body: Buffer) -> None:
        self.answers.append(pack(message, *body))

    def of_kind(self, kind: type) -> list[FromWorker]:
        return [message for message in self.said if isinstance(message, kind)]

    def settle(self) -> None:
        """Answer all that came."""
        for turned in self.refused:
            self.say(turned)
        self.refused.clear()
        newest: dict[tuple[bytes, int], int] = {}
        for producer, session, seq in self.unsettled:
            newest[producer, session] = seq
        self.unsettled.clear()
        places = [Place(p, s, seq, self.covered.get(p, 0)) for (p, s), seq in newest.items()]
        if places:
            self.say(Settled(places))

    def rows(self, producer: bytes) -> list[tuple[int, int]]:
        """Numbers and rows of what was taken."""
        return [(seq, rows) for seq, rows, _ in self.taken.get(producer, [])]

    def _take(self, message: FromWorker) -> None:
        if isinstance(message, Join) and not self.joins:
            pass
        elif isinstance(message, Join):
            self.say(Joined(self.number, self.of, 1))
            self.say(self.grant)
        elif isinstance(message, Greet):
            self._greet(message)
        elif isinstance(message, Batch):
            for part in message.parts:
                self._part(part, None)
        elif isinstance(message, Spent):
            self._part(message.part, message)
        if self.at_once:
            self.settle()

    def _greet(self, greet: Greet) -> None:
        key = greet.producer
        if greet.epoch < self.epochs.get(key, 0):
            self.say(FencedOff(key, self.epochs[key]))
            return
        self.settle()
        self.epochs[key] = greet.epoch
        self.count += 1
        self.sessions[key] = self.number << 40 | 1 << 32 | self.count
        taken = self.taken.setdefault(key, [])
        digests = {seq: digest for seq, _, digest in taken}
        welcomed = Welcomed(
            key,
            greet.epoch,
            greet.attempt,
            self.sessions[key],
            len(taken),
            self.covered.get(key, 0),
            0,
            key in self.frozen,
            digests,
        )
        self.say(welcomed)

    def _part(self, part: object, spent: Spent | None) -> None:
        key, taken = part.producer, self.taken.setdefault(part.producer, [])
        if part.session != self.sessions.get(key):
            self._turn(part, Reason.SESSION, "no such session", len(taken) + 1)
        elif part.seq <= len(taken):
            if taken[part.seq - 1][2] != part.digest:
                self.frozen.add(key)
                self._turn(part, Reason.CONFLICT, "another", len(taken) + 1, taken[part.seq - 1][2])
            else:
                self.unsettled.append((key, part.session, len(taken)))
        elif part.seq > len(taken) + 1:
            self._turn(part, Reason.SEQ, "a hole", len(taken) + 1)
        else:
            taken.append((part.seq, part.rows, part.digest))
            if spent is not None:
                self.refused.append(
                    Turned(key, part.session, part.seq, spent.reason, spent.text, part.seq + 1, b"")
                )
            self.unsettled.append((key, part.session, part.seq))

    def _turn(self, part: object, reason: Reason, text: str, next_seq: int, digest: bytes = b"") -> None:
        self.say(Turned(part.producer, part.session, part.seq, reason, text, next_seq, digest))


class At:
    """A clock that is set."""

    def __init__(self) -> None:
        self.s = 100.0

    def now_s(self) -> int:
        return NOON

    def monotonic_s(self) -> float:
        return self.s


@dataclass
class Caller:
    """A producer that says what a test wants, and remembers what it is answered."""

    world: World
    key: bytes
    role: Role = Role.READS
    epoch: int = 1
    session: int = 0
    attempt: int = 0
    seq: int = 0
    route: bytes = b""
    heard: list[Checked] = field(default_factory=list)

    def hello(self, acked: int = 0, newest: int = 0) -> Caller:
        self.attempt += 1
        self.say(control(self.key, Hello(self.attempt, acked, newest), epoch=self.epoch))
        self.world.run()
        for checked in self.heard:
            if checked.header.kind is Kind.WELCOME:
                self.session, self.seq = checked.header.session, checked.header.seq
        return self

    def place(self) -> dict[str, int]:
        return {"epoch": self.epoch, "session": self.session}

    def batch(self, kind: Kind, data: bytes | None = None, rows: int = 2, seq: int | None = None) -> Message:
        data = body(kind) if data is None else data
        if seq is None:
            self.seq += 1
            seq = self.seq
        rows = 0 if kind in (Kind.CONFIG, Kind.TICK) else rows
        return Message(pack_header(kind, self.key, data, **self.place(), seq=seq, rows=rows), data)

    def send(self, kind: Kind, data: bytes | None = None, rows: int = 2, seq: int | None = None) -> None:
        self.say(self.batch(kind, data, rows, seq))
        self.world.run()

    def ping(self) -> None:
        self.say(plain(self.key, Kind.PING, **self.place()))
        self.world.run()

    def say(self, frames: Sequence[Buffer]) -> None:
        self.world.take(self, frames)

    def last(self, kind: Kind) -> Checked | None:
        found = [checked for checked in self.heard if checked.header.kind is kind]
        return found[-1] if found else None

    def kinds(self) -> list[str]:
        return [checked.header.kind.name for checked in self.heard]


class World:
    """A worker, its shards, its producers."""

    def __init__(
        self, shards: int = 1, budgets: dict | None = None, generation: int = 0, **options: object
    ) -> None:
        self.clock = At()
        self.disk = SimDisk()
        self.keys: dict[bytes, PublicKey] = {}
        self.callers: dict[bytes, Caller] = {}
        self.full: set[bytes] = set()
        self.gone: set[bytes] = set()
        self.sent: Counter[str] = Counter()
        self.shards = [Shard(i, shards, **options) for i in range(shards)]
        self.letters = DeadLetters(self.disk, "worker-0", 1 << 20)
        layout = Layout(shards, generation)
        budgets = {**BUDGETS, **(budgets or {})}
        self.worker = Worker(
            "worker-0", self, self.shards, self.keys, self.letters, self.clock, layout, budgets
        )
        self.run()

    def caller(self, number: int = 1, role: Role = Role.READS) -> Caller:
        key = bytes([number % 256, number // 256]) + bytes(29) + bytes([list(Role).index(role)])
        self.keys[key] = PublicKey(f"key-{number}", role, key)
        caller = Caller(self, key, role, route=key[:5] + b"route")
        self.callers[caller.route] = caller
        return caller

    def take(self, caller: Caller, frames: Sequence[Buffer]) -> None:
        self.worker.on_producer(Received(caller.route, caller.key.hex(), list(frames)), self.clock.s)

    def run(self, pass_s: float = 0.03) -> None:
        """Let everybody say what they have to say."""
        for _ in range(4):
            self.clock.s += pass_s / 4
            for i, shard in enumerate(self.shards):
                while (frames := shard.receive()) is not None:
                    self.worker.on_shard(i, frames, self.clock.s)
            self.worker.on_time(self.clock.s)

    # What a worker sees: a post.

    def receive(self) -> Received | None:
        return None

    def send(self, route: bytes, frames: Sequence[Buffer]) -> Sent:
        if route in self.full:
            return Sent.FULL
        if route in self.gone or route not in self.callers:
            return Sent.GONE
        caller = self.callers[route]
        checked = check_answer([bytes(frame) for frame in frames], caller.key)
        self.sent[checked.header.kind.name] += 1
        caller.heard.append(checked)
        return Sent.SENT
