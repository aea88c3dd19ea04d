"""A node's processes, as the simulation runs them: an engine with its journal, and a worker."""

from __future__ import annotations

from random import Random
from typing import Any

from pipeline.gateway import Gateway
from pipeline.gateway import Settings as GatewaySettings
from pipeline.journal import Mark
from pipeline.keys import PublicKey
from pipeline.node.gathering import Group, Limits
from pipeline.node.internal import Commands, Greet, Joined, Settled, unpack_from_shard, unpack_from_worker
from pipeline.node.layout import Layout
from pipeline.node.proof import prove, told_of
from pipeline.node.recovery import recover
from pipeline.node.shard import Shard
from pipeline.node.snapshots import Snapshots
from pipeline.node.writer import Writer
from pipeline.wire import Kind, Role, read_batch
from pipeline.wire.commands import Signer, commands_of
from pipeline.worker.letters import DeadLetters
from pipeline.worker.worker import Worker
from simulation.clients import Violation
from simulation.disk import Faults, SimDisk
from simulation.ledger import Ledger
from simulation.network import Clock, Front, Hub, Local

SEGMENT = 24 * 4096
LIMITS = Limits(group_bytes=1 << 13, reserve_bytes=4 * 4096)
SIGNER = Signer(bytes(range(32)))
TRIP_GROUND = {Kind.PAYMENTS, Kind.UPDATES, Kind.ACCOUNTS, Kind.METERS, Kind.DISTRICTS, Kind.CONFIG}


class _Hub(Hub):
    """Kills at the point where an answer leaves."""

    def __init__(self, faults: Faults, on_leave: Any) -> None:
        super().__init__()
        self._faults = faults
        self._on_leave = on_leave
        self.greeted: set[bytes] = set()

    def receive(self) -> Any:
        received = super().receive()
        if received is not None:
            message, _ = unpack_from_worker(received.frames)
            if isinstance(message, Greet):
                self.greeted.add(message.producer)
        return received

    def send(self, route: bytes, frames: Any) -> Any:
        out: list[Any] = []
        message, bodies = unpack_from_shard([bytes(frame) for frame in frames])
        self._on_leave(message, bodies)
        self._faults.step("ack", lambda: out.append(super(_Hub, self).send(route, frames)))
        return out[0]


class _Writer(Writer):
    """Kills at the point where a group is applied."""

    faults: Faults

    def apply(self, group: Group, mark: Mark | None, now_s: int) -> Any:
        out: list[Any] = []
        self.faults.step("apply", lambda: out.extend(super(_Writer, self).apply(group, mark, now_s)))
        return out


class _Commits:
    """Groups reach the disk some turns after they were handed in."""

    def __init__(self, journal: Any, ledger: Ledger, random: Random) -> None:
        self._journal, self._ledger, self._random = journal, ledger, random
        self._group: Group | None = None
        self._done: tuple[Group, Mark] | None = None

    @property
    def idle(self) -> bool:
        return self._group is None and self._done is None

    def commit(self, group: Group) -> None:
        self._group = group

    def taken(self) -> tuple[Group, Mark] | None:
        done, self._done = self._done, None
        return done

    def turn(self) -> None:
        if self._group is not None and self._random.random() < 0.7:
            group = self._group
            self._journal.commit(group.buffers, now_s=group.now_s or 0)
            self._ledger.durable(self._journal.durable, group.buffers)
            self._group, self._done = None, (group, self._journal.durable)


class Engine:
    """One start of the shard, from recovery on."""

    def __init__(self, county: Any) -> None:
        self.county, self.ledger = county, county.ledger
        self.snapshots = Snapshots(county.shelf)
        self.resumes = self.ledger.resumes()
        recovered = recover(county.disk, self.snapshots, new_id=bytes(16), segment_bytes=SEGMENT)
        self.journal, self.state = recovered.journal, recovered.state
        self.ledger.recovered(county.disk, self.state)
        self.hub = _Hub(county.faults, self.leaving)
        self.commits = _Commits(self.journal, self.ledger, county.random)
        gateway = Gateway(
            GatewaySettings(
                {}, lambda: {"headend": county.headend.public.curve}, SIGNER, lambda: county.no_trip
            )
        )
        self.writer = _Writer(
            self.state,
            joined=Joined(0, 1, self.journal.incarnation),
            lost=self.journal.prove,
            payments_keys=county.payments,
            limits=LIMITS,
            gateway=gateway,
        )
        self.writer.faults = county.faults
        self.writer.begin(county.config, county.clock.now_s())
        self.shard = Shard(
            self.writer,
            self.journal,
            self.hub,
            self.commits,
            county.clock,
            lambda: county.payments,
            self.said,
        )
        self.candidate: int | None = None

    def said(self, text: str) -> None:
        raise Violation(text)

    def turn(self) -> None:
        if not self.journal.has_next:
            self.journal.prepare_next()
        self.shard.turn()
        self.commits.turn()
        random = self.county.random
        if self.candidate is not None and random.random() < 0.2:
            number, self.candidate = self.candidate, None
            prove(self.county.disk, self.snapshots, number, told_of(self.state))
            self.snapshots.count(number)
            self.shard.tell(self.writer.covered(self.snapshots.outline(number).lines.settled()))
            older = self.snapshots.remove_older()
            if older is not None:
                self.journal.prune(older + 1)
        elif self.candidate is None and random.random() < 0.01 and self.state.engine is not None:
            number = self.state.mark.number
            if number not in self.snapshots.verified():
                self.candidate = self.snapshots.write(self.state)
                self.county.faults.injected["snapshot"] += 1

    def leaving(self, message: Any, bodies: Any) -> None:
        """What is said to a worker must be true."""
        if isinstance(message, Settled):
            for place in message.places:
                if place.seq > self.ledger.settled(place.producer):
                    raise Violation(f"acknowledged {place.seq} of {place.producer!r}, which is not durable")
        if isinstance(message, Commands):
            for signed in commands_of(read_batch(Kind.COMMAND, bodies[0], message.rows)):
                if signed.command.kind == "trip":
                    self._trip(signed.command)

    def _trip(self, command: Any) -> None:
        """A trip leaves: is it right, by what a plain replay says of this moment?"""
        county, mark = self.county, self.state.mark.number
        reference = self.ledger.advance(mark)
        current = reference.engine.commands().to_pylist()
        known = [row for row in current if row["command_id"] == command.command_id]
        balance_nano = int(reference.engine.balance(command.account_id).scaleb(9))
        wrong = {
            "is not current": not known or known[0]["attempt"] != command.attempt,
            "has expired": county.clock.now_s() >= command.expires_at_s,
            "has been paid": balance_nano > command.threshold_nano,
            "is suspended": reference.suspended or reference.suspended_by_node,
            "leaves while NO-TRIP is there": county.no_trip,
            "overtakes what is durable": self.ledger.waiting(mark, TRIP_GROUND),
            "does not wait for the payments": (
                not county.payments <= self.hub.greeted and self.ledger.resumes() == self.resumes
            ),
        }
        for what, true in wrong.items():
            if true:
                raise Violation(f"a trip that {what}: {command}")


class Ingest:
    """One start of a worker."""

    def __init__(self, county: Any, engine: Engine, number: int) -> None:
        self.county = county
        self.front = Front()
        self.link: Local = engine.hub.connect()
        keys: dict[bytes, PublicKey] = {client.public.curve: client.public for client in county.clients}
        letters = DeadLetters(SimDisk(), f"worker-{number}", 1 << 20)
        self.worker = Worker(
            f"worker-{number}", self.front, [self.link], keys, letters, county.clock, Layout(1, 0)
        )

    @property
    def ready(self) -> bool:
        return self.worker.ready

    def turn(self) -> None:
        clock: Clock = self.county.clock
        while (frames := self.link.receive()) is not None:
            self.worker.on_shard(0, frames, clock.monotonic_s())
        for _ in range(16):
            received = self.front.receive()
            if received is None:
                break
            self.worker.on_producer(received, clock.monotonic_s())
        self.worker.on_time(clock.monotonic_s())

    def die(self) -> None:
        self.front.alive = self.link.alive = False


assert {Role.PAYMENTS, Role.HEADEND} <= set(Role)
