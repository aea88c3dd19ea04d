"""Producers and a head-end of the simulation: the package's own conversations and outboxes, on disks that fail."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random

from pipeline.client import Conversation, Patience
from pipeline.client.commands import CommandGate
from pipeline.client.events import BatchRefused, LostAtNode
from pipeline.client.headend import HeadEndConversation
from pipeline.client.outbox import Outbox
from pipeline.keys import PublicKey
from pipeline.wire import Kind, Role
from pipeline.wire.commands import Command
from simulation.disk import Faults, SimDisk
from simulation.network import Clock, Connection
from unit import core_world as world
from unit.node.world import Body, body_of

PATIENCE = Patience(hello_s=1.0, silence_s=3.0, progress_s=6.0)
SEGMENT = 8 * 4096


class Violation(AssertionError):
    """Something that must never happen has happened."""


@dataclass
class Client:
    """A producer: what it was given is in `given`, whatever its disk remembers."""

    public: PublicKey
    faults: Faults
    connection: Connection
    given: list[Body] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.disk = SimDisk(self.faults)
        self.outbox: Outbox | None = None
        self.talk: Conversation | None = None

    @property
    def role(self) -> Role:
        return Role(self.public.role)

    @property
    def settled(self) -> bool:
        return self.talk is not None and self.talk.settled and self.outbox.newest == len(self.given)

    def start(self) -> None:
        self.outbox = Outbox(
            self.disk,
            self.public.curve,
            new_id=bytes(16),
            keep_covered=self.role is Role.PAYMENTS,
            segment_bytes=SEGMENT,
        )
        if self.outbox.newest < len(self.given):
            del self.given[self.outbox.newest :]  # `add` had not returned: it was never promised
        elif self.outbox.newest > len(self.given):
            self.given += self._found(len(self.given) + 1)
        self.talk = self.converse()

    def converse(self) -> Conversation:
        return Conversation(self.public.curve, self.outbox, PATIENCE)

    def die(self, power: bool) -> None:
        self.disk.power_failure() if power else self.disk.kill()
        self.outbox = self.talk = None
        self.connection.front = None

    def give(self, *bodies: Body) -> None:
        self.outbox.add(*bodies)
        self.given += bodies

    def turn(self, clock: Clock) -> None:
        """Say and hear what there is."""
        now_s = clock.monotonic_s()
        while (frames := self.connection.receive()) is not None:
            for event in self.talk.on_message(frames, now_s):
                if isinstance(event, LostAtNode):
                    raise Violation(f"{self.public.name}: {event}")
                if isinstance(event, BatchRefused):
                    raise Violation(f"{self.public.name}: refused: {event}")
        while (message := self.talk.next_message(now_s)) is not None:
            if not self.connection.send(message):
                break
            self.talk.sent(now_s)

    def _found(self, first: int) -> list[Body]:
        """Batches that are in the outbox although `add` was cut short."""
        found = (self.outbox.get(seq) for seq in range(first, self.outbox.newest + 1))
        return [(Kind(batch.kind), batch.rows, bytes(batch.body)) for batch in found]


@dataclass
class Memory:
    """`Seen` that outlives its process."""

    ids: dict[int | str, int] = field(default_factory=dict)

    def newest(self, meter: int | str) -> int:
        return self.ids.get(meter, 0)

    def note(self, ids: dict[int | str, int]) -> None:
        self.ids.update(ids)


@dataclass
class HeadEnd(Client):
    """Executes what it may, and says so, or does not."""

    trusted: bytes = b""
    random: Random = field(default_factory=Random)
    executed: list[Command] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    seen: Memory = field(default_factory=Memory)

    def converse(self) -> Conversation:
        self.gate = CommandGate([self.trusted], self.seen)
        return HeadEndConversation(self.public.curve, self.outbox, PATIENCE)

    def turn(self, clock: Clock) -> None:
        super().turn(clock)
        while self.talk.batches:
            judged = self.gate.judge(self.talk.batches.popleft(), clock.now_s())
            self.ignored.update(each.why.name for each in judged.ignored)
            self.executed += judged.valid
            told = [command for command in judged.valid if self.random.random() < 0.8]
            if told:
                rows = [world.ack(command.command_id, "done") for command in told]
                self.give(body_of("acks", world.rows("acks", "uint64", *rows)))
