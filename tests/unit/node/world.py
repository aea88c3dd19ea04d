"""A shard on simulated disks, and producers that talk to it as workers do: one process at a time, one loop."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

from xxhash import xxh3_128_digest

from fastcore.schemas import KINDS
from pipeline.journal import Journal
from pipeline.node.gathering import Limits
from pipeline.node.internal import (
    Batch,
    Greet,
    Join,
    Joined,
    Part,
    Settled,
    Turned,
    Welcomed,
    pack,
    unpack_from_shard,
)
from pipeline.node.proof import prove, told_of
from pipeline.node.recovery import recover
from pipeline.node.snapshots import Snapshots
from pipeline.node.state import State
from pipeline.node.writer import Writer
from pipeline.wire import Kind, Role, tick_body, write_batch
from simulation.disk import Faults, SimDisk
from unit import core_world as world

ID = bytes(range(16))
SEGMENT = 12 * 4096
IDS = "uint64"
LIMITS = Limits(group_bytes=1 << 14, reserve_bytes=2 * 4096)
CONFIG = world.CONFIG.replace("to = 2027-01-01", "to = 2026-02-01")
DAY_S = 86_400
NOW = world.START + 3600

Body = tuple[Kind, int, bytes]


def kind_of(name: str) -> Kind:
    return Kind(Kind.CONFIG + KINDS.index(name))


def body_of(name: str, batch: Any) -> Body:
    """A message's kind, rows and body."""
    kind = kind_of(name)
    if kind is Kind.CONFIG:
        return kind, 0, batch.encode()
    if kind is Kind.TICK:
        return kind, 0, tick_body(batch)
    return kind, batch.num_rows, write_batch(kind, batch, IDS)


@dataclass
class Producer:
    """One with an outbox that never loses anything; what it has seen acknowledged is what the node must have."""

    name: str
    role: Role
    outbox: list[Body] = field(default_factory=list)
    epoch: int = 1
    attempt: int = 0
    session: int = 0
    sent: int = 0
    acked: int = 0
    covered: int = 0
    refused: list[Turned] = field(default_factory=list)
    turned: list[Turned] = field(default_factory=list)
    route: bytes = b"worker"

    @property
    def key(self) -> bytes:
        return self.name.encode().ljust(32, b".")

    @property
    def done(self) -> bool:
        return self.acked == len(self.outbox)

    def hello(self) -> Greet:
        self.attempt += 1
        self.session = 0
        return Greet(self.key, self.role, self.epoch, self.attempt, self.acked, len(self.outbox))

    def part(self, seq: int) -> Part:
        _, rows, body = self.outbox[seq - 1]
        return Part(self.key, self.epoch, self.session, seq, rows, xxh3_128_digest(body))

    def batch(self, seq: int) -> tuple[Batch, bytes]:
        return Batch(self.outbox[seq - 1][0], [self.part(seq)]), self.outbox[seq - 1][2]

    def take(self, message: Any) -> None:
        if isinstance(message, Welcomed) and message.attempt == self.attempt:
            assert message.last_seq >= self.acked, f"{self.name}: {self.acked} was acknowledged"
            self.session, self.sent = message.session, message.last_seq
            self._settle(message.last_seq, message.covered)
        elif isinstance(message, Turned):
            (self.refused if message.reason >= 32 else self.turned).append(message)
            if message.reason < 32:
                self.session = 0
        elif isinstance(message, Settled):
            for place in message.places:
                if place.producer == self.key and place.session == self.session:
                    self._settle(place.seq, place.covered)

    def _settle(self, seq: int, covered: int) -> None:
        assert covered <= seq <= len(self.outbox)
        self.acked, self.covered = max(self.acked, seq), max(self.covered, covered)


class Node:
    """One process of a shard, from recovery on; everything it does to disks may kill it."""

    def __init__(self, disk: SimDisk, shelf: SimDisk, *, payments_keys=(), gateway=None, lost=None) -> None:
        self.disk = disk
        self.snapshots = Snapshots(shelf)
        self.recovered = recover(disk, self.snapshots, new_id=ID, segment_bytes=SEGMENT)
        self.journal: Journal = self.recovered.journal
        self.state: State = self.recovered.state
        self.writer = Writer(
            self.state,
            joined=Joined(0, 1, self.journal.incarnation),
            lost=lost or self.journal.prove,
            payments_keys=payments_keys,
            limits=LIMITS,
            gateway=gateway,
        )
        self.keys = payments_keys
        self.answers: list[Any] = []
        self.run: Run | None = None
        self.written: Any = None
        self.journal.prepare_next()

    def begin(self, now_s: int) -> Node:
        self.writer.begin(CONFIG, now_s)
        self.say(b"worker", Join("worker", False))
        return self

    def say(self, route: bytes, message: Any, *bodies: Any) -> None:
        self.tell(self.writer.take(route, pack(message, *bodies)))

    def tell(self, answers: Any) -> None:
        for answer in answers:
            message, _ = unpack_from_shard(pack(answer.message, answer.body))
            self.answers.append((answer.route, message, answer.body))

    def commit(self, now_s: int) -> bool:
        """Gather, journal, apply, release: one group, if there is one."""
        group = self.writer.gather(now_s, self.journal)
        if group is None:
            return False
        self.tell(self.writer.apply(group, self._durable(group), now_s))
        self.tell(self.writer.look(self.keys))
        if not self.journal.has_next:
            self.journal.prepare_next()
        return True

    def overlap(self, now_s: int) -> bool:
        """The next group is on the disk before the one before it is applied, as it is when two threads share that."""
        group = self.writer.gather(now_s, self.journal)
        before, self.written = self.written, (group, self._durable(group)) if group else None
        if before:
            self.tell(self.writer.apply(*before, now_s))
        self.tell(self.writer.look(self.keys))
        if not self.journal.has_next:
            self.journal.prepare_next()
        return bool(group or before)

    def snapshot(self) -> int:
        """Write a snapshot of now."""
        return self.snapshots.write(self.state)

    def check(self, number: int) -> None:
        """Verify a snapshot against now, and count it."""
        prove(self.disk, self.snapshots, number, told_of(self.state))
        self.snapshots.count(number)
        self.tell(self.writer.covered(self.snapshots.outline(number).lines.settled()))
        older = self.snapshots.remove_older()
        if older is not None:
            self.journal.prune(older + 1)

    def _durable(self, group: Any) -> Any:
        if not group.buffers:
            return None
        self.journal.commit(
            group.buffers, now_s=group.now_s or 0, first_batch=group.first_batch, batches=group.batches
        )
        return self.journal.durable


def producers(batches: int = 2) -> list[Producer]:
    """One of each role; what they send makes sense in any order but for the registry, which goes first."""
    return [Producer(name, role, list(outbox)) for name, role, outbox in _outboxes(batches)]


@cache
def _outboxes(batches: int) -> list[tuple[str, Role, list[Body]]]:
    ids = IDS
    names = range(4)
    registry = Producer("registry", Role.REGISTRY)
    registry.outbox = [
        body_of("accounts", world.rows("accounts", ids, *(world.account(ids, f"A{i}") for i in names))),
        body_of("meters", world.rows("meters", ids, *(world.meter(ids, f"M{i}", f"A{i}") for i in names))),
    ]
    reads = [Producer(f"reads-{n}", Role.READS) for n in range(2)]
    payments = Producer("payments", Role.PAYMENTS)
    operator = Producer("operator", Role.OPERATOR)
    for step in range(batches):
        for n, producer in enumerate(reads):
            meters = [f"M{i}" for i in names if i % 2 == n]
            batch = world.rows("reads", ids, *(world.read(ids, m, step, 100 + step) for m in meters))
            producer.outbox.append(body_of("reads", batch))
        batch = world.rows("payments", ids, world.payment(ids, step, f"A{step % 4}", 10**9))
        payments.outbox.append(body_of("payments", batch))
        batch = world.rows("updates", ids, world.update(ids, "set_protected", "A0", value=step % 2))
        operator.outbox.append(body_of("updates", batch))
    return [(each.name, each.role, each.outbox) for each in (registry, *reads, payments, operator)]


@dataclass
class Run:
    """Disks that outlive processes, producers that outlive nodes, and a seed that decides the rest."""

    seed: int
    faults: Faults = field(default_factory=Faults)
    all: list[Producer] = field(default_factory=producers)
    overlap: bool = False
    again: float = 0.1

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.disk, self.shelf = SimDisk(self.faults), SimDisk(self.faults)
        self.now_s = world.START + 3600
        self.pending: list[int] = []

    def die(self, power: bool) -> None:
        for disk in (self.disk, self.shelf):
            if power:
                disk.power_failure()
            else:
                disk.kill()

    def node(self) -> Node:
        """A start: recovery, and HELLO of everybody."""
        node = Node(self.disk, self.shelf).begin(self.now_s)
        node.run = self
        self.pending.clear()
        for producer in self.all:
            producer.session = 0
            producer.epoch += 1
            node.say(producer.route, producer.hello())
        return node

    def settle(self, node: Node, steps: int = 400) -> None:
        """Until everything is acknowledged: messages in any order between producers, snapshots in between."""
        for _ in range(steps):
            self.step(node)
            if all(producer.done for producer in self.all) and node.written is None:
                return
        raise AssertionError(f"not settled: {[(p.name, p.acked, len(p.outbox), p.turned) for p in self.all]}")

    def step(self, node: Node) -> None:
        self.now_s += self.random.choice((0, 0, 1))
        ready = [p for p in self.all if p.session and p.sent < len(p.outbox)]
        if not self.all[0].done:
            ready = [p for p in ready if p.role in (Role.REGISTRY, Role.OPERATOR)]
        for producer in self.random.sample(ready, min(len(ready), self.random.randrange(3))):
            producer.sent += 1
            message, body = producer.batch(producer.sent)
            node.say(producer.route, message, body)
            if self.random.random() < self.again:
                node.say(producer.route, *producer.batch(self.random.randint(1, producer.sent)))
        for producer in self.all:
            if not producer.session and producer.turned:
                producer.turned.clear()
                node.say(producer.route, producer.hello())
        _ = node.overlap(self.now_s) if self.overlap else node.commit(self.now_s)
        for _, message, _ in node.answers:
            for producer in self.all:
                if getattr(message, "producer", producer.key) == producer.key:
                    producer.take(message)
        node.answers.clear()
        if self.pending and self.random.random() < 0.5:
            node.check(self.pending.pop())
        elif not self.pending and self.random.random() < 0.15 and node.state.engine is not None:
            self.pending += [] if node.state.mark.number in node.snapshots.verified() else [node.snapshot()]


class Shard:
    """A node with its registry in, and what it answers."""

    def __init__(self, disk=None, shelf=None, now_s=NOW, **kwargs):
        self.disk, self.shelf = disk or SimDisk(), shelf or SimDisk()
        self.node = Node(self.disk, self.shelf, **kwargs).begin(now_s)
        self.now_s = now_s
        self.heard = []

    def run(self):
        """Until nothing is under way; what was answered meanwhile."""
        for _ in range(20):
            self.node.commit(self.now_s)
            self.node.tell(self.node.writer.look(self.node.keys))
        self.heard = [message for _, message, _ in self.node.answers]
        self.routes = [route for route, _, _ in self.node.answers]
        self.node.answers.clear()
        return self.heard

    def hello(self, producer):
        self.node.say(producer.route, producer.hello())
        for message in self.run():
            if getattr(message, "producer", producer.key) == producer.key:
                producer.take(message)
        return self

    def send(self, producer, *numbers):
        for seq in numbers:
            message, body = producer.batch(seq)
            self.node.say(producer.route, message, body)
        for message in self.run():
            if getattr(message, "producer", producer.key) == producer.key:
                producer.take(message)
        return self.heard

    def line(self, producer):
        return self.node.state.lines[producer.key]

    def restart(self, **kwargs):
        """Another process over the same disks."""
        self.disk.kill()
        self.shelf.kill()
        again = Shard(self.disk, self.shelf, now_s=self.now_s, **kwargs)
        again.run()
        return again


def only(messages, kind):
    """The one message of a kind."""
    found = [message for message in messages if isinstance(message, kind)]
    assert len(found) == 1, messages
    return found[0]
