"""A node as a client sees it: it checks, applies in order, acknowledges, forgets its sessions, and loses nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from pipeline.client import Conversation, Outbox
from pipeline.keys import NODE, KeyPair, new_pair
from pipeline.wire import (
    BATCHES,
    Ack,
    Buffer,
    Hello,
    Kind,
    Line,
    Message,
    Ready,
    Reason,
    Refused,
    Rejected,
    Role,
    Sender,
    Welcome,
    check,
    control,
    pack,
    plain,
    refusal,
    write_batch,
)
from simulation.disk import SimDisk
from unit.wire.samples import reads

KEY = bytes(range(32))
NODE_PAIR: KeyPair = new_pair("node", NODE)


@dataclass
class ModelNode:
    """One producer's node. What is in `applied` is what it has acknowledged, or will."""

    key: bytes = KEY
    role: Role = Role.READS
    credit: int = 1 << 20
    line: Line = field(default_factory=Line)
    applied: dict[int, bytes] = field(default_factory=dict)
    digests: dict[int, bytes] = field(default_factory=dict)
    covered: int = 0
    refuse: set[int] = field(default_factory=set)
    refused: int = 0
    hellos: list[Hello] = field(default_factory=list)
    ready: int = 0
    said: list[str] = field(default_factory=list)
    open: bool = True
    sessions: Random = field(default_factory=lambda: Random(5))

    def take(self, frames: Sequence[Buffer]) -> list[Message]:
        """What it answers."""
        self.line.digests = self.digests
        try:
            checked = check(frames, Sender(self.key, self.role), self.line)
        except Refused as refused:
            self.said.append(refused.reason.name)
            return [refusal(refused, self.key, frames[0] if frames else None, self.line)]
        header = checked.header
        self.said.append(header.kind.name)
        if not self.open:
            rejected = Rejected(Reason.NOT_NOW, "the node is starting")
            return [control(self.key, rejected, epoch=header.epoch, session=header.session, seq=header.seq)]
        if isinstance(checked.content, Hello):
            self.hellos.append(checked.content)
            self.line.epoch = header.epoch
            self.line.session = self.sessions.getrandbits(63) + 1
            return [self.answer(Welcome(checked.content.attempt, self.credit, self.covered, self.refused))]
        if header.kind is Kind.PING:
            return [plain(self.key, Kind.PONG, **self.place())]
        if isinstance(checked.content, Ready):
            self.ready = checked.content.until
            return []
        assert header.kind in BATCHES
        if checked.again:
            return [self.answer(Ack(self.covered, self.credit))]
        self.line.next_seq = header.seq + 1
        self.digests[header.seq] = header.digest
        if header.seq in self.refuse:
            self.refused += 1
            rejected = Rejected(Reason.MALFORMED, "ids of the other type")
            first = control(self.key, rejected, **self.place(), seq=header.seq)
            return [first, self.answer(Ack(self.covered, self.credit))]
        self.applied[header.seq] = bytes(checked.body)
        return [self.answer(Ack(self.covered, self.credit))]

    def place(self) -> dict[str, int]:
        return {"epoch": self.line.epoch, "session": self.line.session}

    def answer(self, what: Ack | Welcome) -> Message:
        return control(self.key, what, **self.place(), seq=self.line.next_seq - 1)

    def command(self, seq: int, body: bytes, rows: int) -> Message:
        return Message(pack(Kind.COMMAND, self.key, body, **self.place(), seq=seq, rows=rows), body)

    def restart(self) -> None:
        """Sessions are gone; what was applied is not."""
        self.line.session = 0


def outbox(disk: SimDisk | None = None, **options: object) -> Outbox:
    """An outbox on a simulated disk."""
    return Outbox(disk or SimDisk(), KEY, new_id=bytes(16), **{"segment_bytes": 16 * 4096, **options})


def bodies(count: int, first: int = 1) -> list[tuple[Kind, int, bytes]]:
    """Batches that differ; the model does not look into them."""
    return [(Kind.READS, rows, write_batch(Kind.READS, reads(rows))) for rows in range(first, first + count)]


def talk(conversation: Conversation, node: ModelNode, now_s: float = 0.0, rounds: int = 100) -> list[object]:
    """Exchange messages over a network without faults until nobody has anything to say; returns the events."""
    events: list[object] = []
    for _ in range(rounds):
        message = conversation.next_message(now_s)
        if message is None:
            return events
        conversation.sent(now_s)
        for answer in node.take(message):
            events += conversation.on_message(answer, now_s)
    raise AssertionError(f"they do not stop talking: {node.said[-10:]}")
