"""The outbox: what a producer has promised to deliver, on its own disk until it can be forgotten.

It is a journal (`pipeline.journal`) of one frame a call of `add`, and so survives what the node's own survives: what
is added is synced before `add` returns, a torn frame was never promised, and damage is found, not sent. What is sent
again is read from there, so it is the same byte for byte, and a week without the node needs disk, not memory.

A frame has two buffers for each batch, an entry and the body. An entry's numbers are little-endian::

    offset  bytes
         0     32  the producer's public key: an outbox belongs to one
        32      8  epoch
        40      8  seq: of the batch, or the newest there was
        48      8  acked, as far as it was known
        56      8  covered, likewise
        64      8  refused: batches that were refused for good, likewise
        72      2  kind of the batch; 0 where there is none: it begins an epoch, or tells what was acknowledged
        74      2  zero
        76      4  rows
        80     16  XXH3-128 of the body, as the wire's header has it

Whoever opens an outbox begins a new epoch, and that is on the disk before anybody hears of it.
"""

from __future__ import annotations

import struct
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from xxhash import xxh3_128_digest

from pipeline.client.errors import OutboxError, OutboxFull
from pipeline.closing import Closing
from pipeline.journal import Buffer, Disk, Frame, JournalError, JournalFull, Mark, Recovery, read
from pipeline.journal.format import frame_bytes
from pipeline.wire import Kind

__all__ = ["Batch", "Outbox"]

SEGMENT_BYTES: Final = 16 << 20
MEMORY_BYTES: Final = 32 << 20
"""So much of the newest batches is kept in memory, so that nothing is read back while all goes well."""

_EPOCH: Final = 0
"""The kind of an entry that is no batch."""

_ENTRY: Final = struct.Struct("<32sQQQQQHHI16s")


Body = tuple[Kind, int, Buffer]
"""A batch that has no number yet: kind, rows, body."""


class Batch(NamedTuple):
    """A batch that was given a number, for good."""

    seq: int
    kind: int
    rows: int
    body: Buffer
    digest: bytes


class _Entry(NamedTuple):
    producer: bytes
    epoch: int
    seq: int
    acked: int
    covered: int
    refused: int
    kind: int
    zero: int
    rows: int
    digest: bytes


class _Place(NamedTuple):
    """Where a batch is: in the frame behind this mark of the journal, of which it takes so many bytes."""

    seq: int
    before: Mark
    size_bytes: int


class Outbox(Closing):
    """The batches of one producer, on one disk; a context manager, for one thread.

    `keep_covered` keeps batches until they are covered, not only acknowledged: for payments. `new_id` is 16 random
    bytes, used where there is no outbox yet. Raises `OutboxError`.

    Attributes:
        epoch: this opening's own; higher than any before.
        newest: the highest number that was given; 0 for none.
        acked: the highest that is known to be settled at the node.
        covered: the highest that is known to be under a verified snapshot there.
        refused: how many batches the node refused for good, as far as is known.
    """

    def __init__(
        self,
        disk: Disk,
        producer: bytes,
        *,
        new_id: bytes,
        keep_covered: bool = False,
        segment_bytes: int = SEGMENT_BYTES,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self.epoch = self.newest = self.acked = self.covered = self.refused = 0
        self._disk = disk
        self._producer = producer
        self._keep_covered = keep_covered
        self._segment_bytes = segment_bytes
        self._memory_bytes = memory_bytes
        self._places: deque[_Place] = deque()
        self._memory: OrderedDict[int, Batch] = OrderedDict()
        self._held_bytes = 0
        self._freed_bytes = 0
        self._noted = (0, 0, 0)
        self._reading: Iterator[Batch] = iter(())
        self._reads_next = 0
        try:
            with Recovery(disk, new_id=new_id, segment_bytes=segment_bytes) as recovery:
                before: Mark | None = None
                for frame in recovery:
                    self._recall(frame, before)
                    before = frame.mark
                self._journal = recovery.finish()
        except (JournalError, OSError) as error:
            raise OutboxError(f"outbox {disk.where} cannot be opened: {error}") from error
        self.epoch += 1
        self._write([Batch(self.newest, _EPOCH, 0, b"", bytes(16))])
        self._forget()

    @property
    def first(self) -> int:
        """The lowest number that is still here; ``newest + 1`` if none is."""
        return self._places[0].seq if self._places else self.newest + 1

    def add(self, *bodies: Body) -> list[Batch]:
        """Give batches the next numbers and keep them, all or none; once this returns they survive a crash.

        Raises `OutboxFull`, with nothing taken, if the disk is full, and `OutboxError` if it fails: then nobody knows
        what is on it, and only a new start tells.
        """
        batches = [
            Batch(self.newest + 1 + i, kind, rows, body, xxh3_128_digest(body))
            for i, (kind, rows, body) in enumerate(bodies)
        ]
        before = self._journal.durable
        self._write(batches)
        size_bytes = frame_bytes(2 * len(batches), sum(_ENTRY.size + len(batch.body) for batch in batches))
        for batch in batches:
            self.newest = batch.seq
            self._places.append(_Place(batch.seq, before, size_bytes // len(batches)))
            self._remember(batch)
        return batches

    def get(self, seq: int) -> Batch:
        """The batch of a number, from `first` to `newest`: from memory, else from the disk; raises `OutboxError`."""
        batch = self._memory.get(seq)
        if batch is None:
            if self._reads_next != seq:
                self._reading = self._read(seq)
            try:
                batch = next(self._reading)
            except (JournalError, OSError) as error:
                raise OutboxError(f"outbox {self._disk.where}: {error}") from error
            assert batch.seq == seq
            self._reads_next = seq + 1
        return batch

    def settle(self, acked: int, covered: int) -> None:
        """The node says that batches up to these numbers are settled, and covered; forget what need not be kept."""
        self.acked = max(self.acked, acked)
        self.covered = max(self.covered, covered)
        self._forget()

    def note(self) -> None:
        """Write down what is known to be acknowledged, if that is news: evidence, should the node lose something."""
        if (self.acked, self.covered, self.refused) != self._noted:
            self._write([Batch(self.newest, _EPOCH, 0, b"", bytes(16))])

    def close(self) -> None:
        """Close, with a last `note` if the disk still takes it; closing twice does nothing."""
        with suppress(OutboxError):
            self.note()
        self._journal.close()

    def _recall(self, frame: Frame, before: Mark | None) -> None:
        share = frame.size_bytes * 2 // len(frame.buffers)
        for entry, _ in _entries(frame):
            if entry.producer != self._producer:
                raise OutboxError(
                    f"outbox {self._disk.where} is that of the key {entry.producer.hex()}; expected "
                    f"{self._producer.hex()}: a key has an outbox of its own"
                )
            self.epoch, self.newest = entry.epoch, entry.seq
            self.acked, self.covered, self.refused = entry.acked, entry.covered, entry.refused
            if entry.kind != _EPOCH:
                # The oldest frame that is left has no mark before it: it is read from the beginning.
                place = _Place(entry.seq, before or Mark(frame.number - 1, b""), share)
                self._places.append(place)

    def _write(self, batches: Sequence[Batch]) -> None:
        buffers: list[Buffer] = []
        known = (self.acked, self.covered, self.refused)
        for batch in batches:
            entry = _Entry(
                self._producer, self.epoch, batch.seq, *known, batch.kind, 0, batch.rows, batch.digest
            )
            buffers += [_ENTRY.pack(*entry), batch.body]
        try:
            self._journal.commit(buffers, now_s=0, first_batch=batches[0].seq, batches=len(batches))
        except JournalFull as error:
            raise OutboxFull(f"outbox {self._disk.where}: {error}") from error
        except JournalError as error:
            raise OutboxError(f"outbox {self._disk.where}: {error}") from error
        self._noted = known

    def _remember(self, batch: Batch) -> None:
        self._memory[batch.seq] = batch
        self._held_bytes += len(batch.body)
        while self._held_bytes > self._memory_bytes and len(self._memory) > 1:
            self._held_bytes -= len(self._memory.popitem(last=False)[1].body)

    def _forget(self) -> None:
        last = self.covered if self._keep_covered else self.acked
        while self._places and self._places[0].seq <= last:
            place = self._places.popleft()
            self._freed_bytes += place.size_bytes
            if (batch := self._memory.pop(place.seq, None)) is not None:
                self._held_bytes -= len(batch.body)
        if self._freed_bytes >= self._segment_bytes:
            self._freed_bytes = 0
            kept = self._places[0].before if self._places else self._journal.durable
            try:
                self._journal.prune(kept.number)
            except JournalError as error:
                raise OutboxError(f"outbox {self._disk.where}: {error}") from error

    def _read(self, seq: int) -> Iterator[Batch]:
        """Batches from a number on, up to the newest of now, and on as more are added."""
        place = self._places[seq - self.first]
        mark: Mark | None = place.before
        while True:
            until = self._journal.durable.number
            start = mark if mark and mark.chain else None
            for frame in read(self._disk, start, until=until):
                mark = frame.mark
                for entry, body in _entries(frame):
                    if entry.kind != _EPOCH and entry.seq >= seq:
                        yield Batch(entry.seq, entry.kind, entry.rows, body, entry.digest)


def _entries(frame: Frame) -> Iterator[tuple[_Entry, Buffer]]:
    for entry, body in zip(frame.buffers[::2], frame.buffers[1::2], strict=True):
        yield _Entry(*_ENTRY.unpack(entry)), body
