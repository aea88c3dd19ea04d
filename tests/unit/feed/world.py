"""A journal of one shard or more, nodes that die and replay it, a network that loses, and consumers that die too."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import cache
from random import Random

import pyarrow as pa

from fastcore.effects import Effects
from pipeline.client import Cursors, FeedConversation, Outbox
from pipeline.client.events import Patience
from pipeline.feed import Ask, Feed
from pipeline.wire import (
    Hello,
    Kind,
    Line,
    Message,
    Refused,
    Rejected,
    Role,
    Sender,
    Subscribe,
    Welcome,
    check,
    control,
    pack,
    plain,
)
from pipeline.wire.outputs import OLDEST, Cursor
from simulation.disk import SimDisk

KEY = bytes(range(32))
PATIENCE = Patience(hello_s=0.5, silence_s=2.0)
SCHEMA = pa.schema([pa.field("seq", pa.uint64(), nullable=False), pa.field("text", pa.string())])


def rows(seq: int, count: int, width: int = 8) -> pa.RecordBatch:
    """Rows of a batch, each with a text that names it."""
    texts = [f"{seq}:{row}".ljust(width, ".") for row in range(count)]
    return pa.record_batch([pa.array([seq] * count, pa.uint64()), pa.array(texts, pa.string())], SCHEMA)


def written(found: pa.RecordBatch) -> list[str]:
    """What a row is, in full."""
    return [repr(row) for row in found.to_pylist()]


def effects(seq: int, count: int, width: int = 8, name: str = "ledger") -> Effects:
    return Effects({name: rows(seq, count, width)})


@cache
def journal(seed: int, batches: int) -> list[tuple[int, Effects, int]]:
    """Batches from number 2 on, as an engine's are whose first is its configuration; many give no row."""
    random = Random(seed)
    counts = [random.choice([0, 0, 1, 2, 7, 300]) for _ in range(batches)]
    return [(seq, effects(seq, count), count) for seq, count in enumerate(counts, 2)]


class Shard:
    """One shard's feed over its journal."""

    def __init__(
        self,
        number: int,
        of: int,
        log: list[tuple[int, Effects, int]],
        kept_bytes: int,
        output: str = "ledger",
    ) -> None:
        self.number, self.of, self.log, self.kept_bytes, self.output = number, of, log, kept_bytes, output
        self.length = 0
        self.snapshot = 0
        self.feed = Feed([output], kept_bytes, number, of)
        self.feed.begin(True, 1)

    def apply(self, count: int) -> None:
        for seq, what, _ in self.log[self.length : self.length + count]:
            self.feed.take(seq, what)
        self.length = min(len(self.log), self.length + count)

    def restart(self) -> None:
        """What recovery does: the snapshot, then the batches behind it."""
        self.feed = Feed([self.output], self.kept_bytes, self.number, self.of)
        for seq, what, _ in self.log[self.snapshot : self.length]:
            self.feed.take(seq, what)
        self.feed.begin(self.snapshot == 0, self.length + 1)

    def identities(self) -> list[tuple[int, int, str]]:
        """Every row that there is."""
        found = []
        for seq, what, count in self.log[: self.length]:
            texts = written(getattr(what, self.output))
            found += [(seq, row, texts[row]) for row in range(count)]
        return found


class Node:
    """A worker, as far as a subscriber sees one, in front of shards."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        self.shards = shards
        self.line = Line()
        self.sessions = 0
        self.sent = 0
        self.said: list[Kind] = []

    def restart(self) -> None:
        self.line.session = 0
        for shard in self.shards:
            shard.restart()

    def take(self, frames: Sequence[bytes]) -> list[Message]:
        try:
            checked = check(frames, Sender(KEY, Role.SUBSCRIBER), self.line)
        except Refused as refused:
            return [control(KEY, Rejected(refused.reason, refused.text), **self.place())]
        header, content = checked.header, checked.content
        self.said.append(header.kind)
        if isinstance(content, Hello):
            for shard in self.shards:
                shard.feed.gone(KEY, self.line.session)
            self.sessions += 1
            self.sent = 0
            self.line.epoch, self.line.session = header.epoch, self.sessions
            return [control(KEY, Welcome(content.attempt, 0, 0, 0), **self.place())]
        if header.kind is Kind.PING:
            return [plain(KEY, Kind.PONG, **self.place(), seq=self.sent)]
        assert isinstance(content, Subscribe)
        ask = Ask(content.output, Cursor(content.from_seq, content.from_row), content.credit)
        try:
            self.shards[content.shard].feed.subscribe(KEY, self.line.session, ask)
        except Refused as refused:
            return [control(KEY, Rejected(refused.reason, refused.text), **self.place())]
        return []

    def poll(self, now_s: float) -> list[Message]:
        out = []
        for shard in self.shards:
            for fed in shard.feed.poll(now_s)[0]:
                assert fed.session == self.line.session
                self.sent += 1
                header = pack(Kind.OUTPUT, KEY, fed.body, **self.place(), seq=self.sent, rows=fed.rows)
                out.append(Message(header, fed.body))
        return out

    def place(self) -> dict[str, int]:
        return {"epoch": self.line.epoch, "session": self.line.session}


class Consumer:
    """A process with a conversation, over disks that outlive it; its store has rows and what they are."""

    def __init__(self, node: Node, start: Cursor = OLDEST) -> None:
        self.node = node
        self.outbox, self.folder = SimDisk(), SimDisk()
        self.stored: dict[int, list[tuple[int, int, str]]] = {}
        self.start_at = start
        self.wire: deque[Message] = deque()
        self.again()

    def again(self) -> None:
        """Start: what was stored behind the cursors is dropped, since it comes again."""
        self.wire.clear()
        output = self.node.shards[0].output
        outbox = Outbox(self.outbox, KEY, new_id=bytes(16), segment_bytes=16 * 4096)
        self.cursors = Cursors(self.folder, output)
        self.conversation = FeedConversation(KEY, outbox, output, self.cursors, self.start_at, PATIENCE)
        for shard, found in self.stored.items():
            self.stored[shard] = [each for each in found if each[:2] < tuple(self.cursors.taken[shard])]

    def die(self) -> None:
        self.outbox.kill()
        self.folder.kill()

    def exchange(self, now_s: float, lossy: Random | None = None) -> None:
        """Say what there is to say, and hear all that was said to this one."""
        for _ in range(50):
            message = self.conversation.next_message(now_s)
            if message is None:
                break
            self.conversation.sent(now_s)
            if lossy is None or lossy.random() > 0.05:
                self.wire += self.node.take(message)
        self.wire += self.node.poll(now_s)
        while self.wire:
            message = self.wire.popleft()
            if lossy is None or lossy.random() > 0.05:
                self.conversation.on_message([message.header, message.body], now_s)

    @property
    def has_all(self) -> bool:
        """Whether all is stored and said to be that the shards have, and will have."""
        lengths = [shard.length for shard in self.node.shards if shard.length == len(shard.log)]
        ends = [Cursor(length + 2) for length in lengths]
        return len(lengths) == len(self.node.shards) and list(self.cursors.taken) == ends

    def consume(self, until: int = 1 << 30) -> int:
        """Store what has come and say so; at most so many steps of storing and saying, as if killed behind them."""
        steps = 0
        for batch in self.conversation.give():
            names = zip(
                batch.rows["seq"].to_pylist(),
                batch.places().tolist(),
                written(batch.rows),
                strict=True,
            )
            for step in range(2):
                if steps == until:
                    return steps
                steps += 1
                if step == 0:
                    self.stored.setdefault(batch.shard, []).extend(names)
                else:
                    assert self.cursors.taken[batch.shard] == batch.start
                    self.cursors.taken[batch.shard] = batch.end
                    self.cursors.keep()
        return steps
