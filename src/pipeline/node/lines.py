"""Where each producer stands, as the journal says: which numbers are used up, and what came under the newest.

`Lines.record` takes an entry of the journal, when it is applied or replayed: what it keeps is a function of the journal
alone. In a snapshot they are, byte by byte, numbers little-endian, in the order of the keys::

    offset  bytes
         0      8  n: lines
    of each line
         0     32  producer
        32      1  role, counted from 1 in the order of `pipeline.wire.Role`
        33      1  1 if frozen
        34      2  d: digests, 0 to 64
        36      4  zero
        40      8  epoch
        48      8  next_seq
        56      8  refused
        64   24 d  digests: the number, 8 bytes, and the digest, 16; the oldest first
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from pipeline.journal import Buffer
from pipeline.node.entries import Entry, What
from pipeline.wire import Role

__all__ = ["DIGESTS_KEPT", "Line", "Lines"]

DIGESTS_KEPT: Final = 64
"""Of how many of a producer's newest batches the digest is known."""

_ROLES: Final = list(Role)
_COUNT: Final = struct.Struct("<Q")
_LINE: Final = struct.Struct("<32sBBH4xQQQ")
_DIGEST: Final = struct.Struct("<Q16s")


@dataclass(slots=True)
class Line:
    """One producer.

    Attributes:
        role: of its key.
        epoch: the highest that it said HELLO with.
        next_seq: the number that is expected.
        refused: batches that were ever refused for good.
        frozen: whether two different batches had one number.
        digests: of the newest batches, by number, the oldest first.
        covered: up to there a verified snapshot holds all; not of the journal, but of what lies beside it.
    """

    role: Role
    epoch: int = 0
    next_seq: int = 1
    refused: int = 0
    frozen: bool = False
    digests: dict[int, bytes] = field(default_factory=dict)
    covered: int = field(default=0, compare=False)


class Lines(Mapping[bytes, Line]):
    """The lines of all producers, by their keys."""

    def __init__(self) -> None:
        self._lines: dict[bytes, Line] = {}

    def __getitem__(self, producer: bytes) -> Line:
        return self._lines[producer]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def record(self, entry: Entry) -> None:
        """Take an entry of the journal."""
        if entry.what == What.EPOCH:
            (sent,) = entry.parts
            line = self._lines.setdefault(sent.producer, Line(entry.role))
            line.role, line.epoch = entry.role, max(line.epoch, sent.epoch)
            return
        if entry.what == What.FROZEN:
            self._lines[entry.parts[0].producer].frozen = True
            return
        for sent in entry.parts:
            line = self._lines[sent.producer]
            if sent.seq != line.next_seq:
                raise AssertionError(
                    f"{sent.producer.hex()}: batch {sent.seq} in the journal, not {line.next_seq}"
                )
            line.next_seq += 1
            line.digests[sent.seq] = sent.digest
            if len(line.digests) > DIGESTS_KEPT:
                del line.digests[next(iter(line.digests))]
        if entry.what == What.SPENT:
            self.refuse(entry)

    def refuse(self, entry: Entry) -> None:
        """Count a batch that is refused for good, for each of its senders."""
        for sent in entry.parts:
            self._lines[sent.producer].refused += 1

    def cover(self, covered: Mapping[bytes, int]) -> None:
        """A verified snapshot holds of each producer all up to this number."""
        for producer, seq in covered.items():
            if producer in self._lines:
                self._lines[producer].covered = max(self._lines[producer].covered, seq)

    def settled(self) -> dict[bytes, int]:
        """The newest number of each producer that is used up."""
        return {producer: line.next_seq - 1 for producer, line in self._lines.items()}

    def pack(self) -> bytes:
        """The lines as a snapshot has them."""
        out = bytearray(_COUNT.pack(len(self._lines)))
        for producer, line in sorted(self._lines.items()):
            out += _LINE.pack(
                producer,
                _ROLES.index(line.role) + 1,
                line.frozen,
                len(line.digests),
                line.epoch,
                line.next_seq,
                line.refused,
            )
            for seq, digest in line.digests.items():
                out += _DIGEST.pack(seq, digest)
        return bytes(out)

    @classmethod
    def unpack(cls, data: Buffer) -> Lines:
        """The lines that `pack` wrote; raises `ValueError`."""
        lines = cls()
        try:
            (count,) = _COUNT.unpack_from(data)
            at = _COUNT.size
            for _ in range(count):
                producer, role, frozen, digests, epoch, next_seq, refused = _LINE.unpack_from(data, at)
                at += _LINE.size
                line = Line(_ROLES[role - 1], epoch, next_seq, refused, bool(frozen))
                for _ in range(digests):
                    seq, digest = _DIGEST.unpack_from(data, at)
                    line.digests[seq] = digest
                    at += _DIGEST.size
                lines._lines[producer] = line
        except (struct.error, IndexError) as error:
            raise ValueError(f"lines that are not whole: {error}") from None
        if at != len(data):
            raise ValueError(f"{len(data) - at} bytes behind the lines")
        return lines
