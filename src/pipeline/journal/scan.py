"""Reading frames: each is whole, the next in number, and in the chain, or the scan ends there.

At the end stands a frame that is bad or not there. Whether that is the torn tail of a crash or the loss of
something acknowledged is for `evidence` to say: the writer has at most one frame that is not yet on the disk, so
whatever follows a frame proves that it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from xxhash import xxh3_128_digest

from pipeline.journal.disk import Buffer, Disk
from pipeline.journal.errors import JournalDamaged
from pipeline.journal.format import (
    BLOCK,
    HEADER_BYTES,
    SEGMENT_HEADER_BYTES,
    FrameHeader,
    Mark,
    after,
    aligned,
    body_views,
    frame_starts,
    origin,
)
from pipeline.journal.segments import ADVICE, list_segments

__all__ = ["Frame", "Scan", "frame_of", "read"]

NOTHING = "no frame"
ZEROS = bytes(1 << 16)


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame that is whole: the buffers as they were handed to the writer, and what was said of them.

    The buffers are read-only views of what was read; they stay valid as long as somebody holds them.
    """

    number: int
    now_s: int
    first_batch: int
    batches: int
    incarnation: int
    size_bytes: int
    buffers: list[memoryview]
    mark: Mark


def frame_of(header: FrameHeader, raw: Buffer, buffers: list[memoryview]) -> Frame:
    """The frame that a header, whose bytes are `raw`, and its buffers make."""
    return Frame(
        header.number,
        header.now_s,
        header.first_batch,
        header.batches,
        header.incarnation,
        header.size_bytes,
        buffers,
        after(header.number, raw),
    )


class Scan:
    """The frames of a journal in order, from a mark on; then, where and why it ended.

    Reads the segment that holds the mark from its start, so that the chain leads through the mark. Changes
    nothing, and takes no lock. Raises `JournalDamaged` for what can be seen to be damaged, `OSError` for what cannot
    be read.

    Attributes:
        segments: the segments from the one that holds the mark on, by index.
        void: files of segments that an earlier recovery was to remove.
        mark: behind the last good frame.
        place: index into `segments` of the segment in which the scan stands.
        offset: the byte behind the last good frame, in that segment.
        data: that segment's bytes.
        ended: what stands there, None before the scan has ended.
    """

    def __init__(self, disk: Disk, start: Mark | None = None, *, until: int | None = None) -> None:
        self._disk = disk
        self._start = start
        self._until = until
        self.segments, self.void = list_segments(disk, start.number + 1 if start else 1)
        self.place = 0
        self.offset = SEGMENT_HEADER_BYTES
        self.data = memoryview(b"")
        self.ended: str | None = None
        self._ahead: Callable[[], memoryview] | None = None
        self._rest: list[tuple[str, int, memoryview]] | None = None
        self.incarnation = max((segment.header.incarnation for segment in self.segments), default=0)
        self.mark = self._begin() if self.segments else Mark(0, b"")

    @property
    def journal_id(self) -> bytes | None:
        """The journal's id, None if there is no journal yet."""
        return self.segments[0].header.journal_id if self.segments else None

    def where(self) -> str:
        """Where the scan stands, for a person."""
        name = self.segments[self.place].name if self.segments else "no segment"
        return f"journal {self._disk.where}: {name}, byte {self.offset}"

    def __iter__(self) -> Iterator[Frame]:
        """Each frame behind the mark from which on was asked; a second loop goes on where the first stopped."""
        skipped = self._start.number if self._start else 0
        if self.segments and self.ended is None and not self.data:
            self._load(self.place)
        while self.segments and self.ended is None:
            if self._until is not None and self.mark.number >= self._until:
                return
            found = self._judge()
            if isinstance(found, Frame):
                self._pass(found)
                if found.number > skipped:
                    yield found
            elif self._continues():
                self._load(self.place + 1)
            else:
                self.ended = found
        self.ended = self.ended or NOTHING

    def evidence(self, acknowledged: Mapping[str, int]) -> None:
        """Raise `JournalDamaged` if the frame at the end had been acknowledged, by whatever proves it.

        `acknowledged` says who has seen which frame acknowledged, such as ``{"the snapshot": 17}``.
        """
        expected = self.mark.number + 1
        for by, number in acknowledged.items():
            if number >= expected:
                self.refuse(f"{by} proves that frame {number} had been acknowledged")
        for name, begin, data in self._behind():
            for at in frame_starts(begin, len(data)):
                header = FrameHeader.unpack(data[at : at + HEADER_BYTES])
                if header and header.journal_id == self.journal_id and header.number > expected:
                    self.refuse(
                        f"frame {header.number} in {name}, byte {at}, was written when frame {header.durable} "
                        "was on the disk, and proves that it had been acknowledged"
                    )

    def tail(self) -> list[tuple[str, int, memoryview]]:
        """What lies behind the end, zeros aside: file, offset, bytes. Empty after an orderly end."""
        behind = ((name, begin, data[begin:]) for name, begin, data in self._behind())
        return [(name, begin, rest[:used]) for name, begin, rest in behind if (used := used_bytes(rest))]

    def refuse(self, proof: str) -> NoReturn:
        """Raise `JournalDamaged`: the frame that is expected here is lost, as the proof says."""
        raise JournalDamaged(
            f"{self.where()}: frame {self.mark.number + 1} expected, found {self.ended}; {proof}. {ADVICE}"
        )

    def _begin(self) -> Mark:
        oldest = self.segments[0]
        if oldest.index == 1:
            return origin(oldest.header.journal_id)
        wanted = self._start.number + 1 if self._start else 1
        if oldest.first is None or (self._start and oldest.first.number > wanted):
            self.mark = Mark(wanted - 1, b"")
            self.ended = f"frame {oldest.first.number}" if oldest.first else NOTHING
            self.refuse("no segment before this one is there, and each that was removed held frames")
        if self._start and self._start.number == oldest.first.number - 1:
            return self._start
        return Mark(oldest.first.number - 1, oldest.first.chain)

    def _load(self, place: int) -> None:
        """Go on in this segment; the one behind it is read meanwhile, if there is something in it."""
        self.place, self.offset = place, SEGMENT_HEADER_BYTES
        read, self._ahead = self._ahead, None
        self.data = read() if read else self._disk.read(self.segments[place].name)
        behind = self.segments[place + 1 : place + 2]
        if behind and behind[0].first:
            self._ahead = self._disk.reading(behind[0].name)

    def _behind(self) -> list[tuple[str, int, memoryview]]:
        """What there is from the end on: file, offset, and the file's bytes up to the last block that is not zero."""
        if self._rest is None:
            self._rest = []
            for place in range(self.place, len(self.segments)):
                name = self.segments[place].name
                data = self.data if place == self.place else self._disk.read(name)
                begin = self.offset if place == self.place else SEGMENT_HEADER_BYTES
                end = begin + aligned(used_bytes(data[begin:]), BLOCK)
                self._rest.append((name, begin, data[:end]))
        return self._rest

    def _judge(self) -> Frame | str:
        """The frame that stands here, or what stands here in its place."""
        rest = self.data[self.offset :]
        raw = rest[:HEADER_BYTES]
        header = FrameHeader.unpack(raw)
        if header is None:
            if len(raw) < HEADER_BYTES:
                return "the end of the file"
            return "bytes that are no whole frame header" if any(rest[:BLOCK]) else NOTHING
        if header.journal_id != self.journal_id:
            return "a frame of another journal"
        if header.number != self.mark.number + 1:
            return f"frame {header.number}"
        if header.chain != self.mark.chain:
            return "a frame that does not continue the frames before it"
        if header.size_bytes > len(rest):
            return f"a frame of {header.size_bytes} bytes that the end of the file cuts short"
        body = rest[HEADER_BYTES : header.size_bytes]
        if xxh3_128_digest(body) != header.digest:
            return "a frame whose body does not have the digest that its header tells"
        buffers = body_views(header, rest[: header.size_bytes])
        if buffers is None:
            return "a frame whose table of lengths does not fit it"
        return frame_of(header, raw, buffers)

    def _pass(self, frame: Frame) -> None:
        self.mark = frame.mark
        self.offset += frame.size_bytes
        self.incarnation = max(self.incarnation, frame.incarnation)
        if self._start and frame.number == self._start.number and frame.mark != self._start:
            raise JournalDamaged(
                f"{self.where()}: frame {frame.number} ends here, and is not the frame of that number that was handed "
                f"in: one of the two belongs to another history. {ADVICE}"
            )

    def _continues(self) -> bool:
        """Whether the next segment begins with the frame that is expected."""
        behind = self.segments[self.place + 1 : self.place + 2]
        return bool(behind and behind[0].first and behind[0].first.number == self.mark.number + 1)


def read(disk: Disk, start: Mark | None = None, *, until: int | None = None) -> Iterator[Frame]:
    """The frames behind a mark, up to a number, without a lock.

    While somebody writes, `until` must be a number that is known durable. Without it, what ends the journal is
    looked at as in a recovery, and `JournalDamaged` raised if it had been acknowledged.
    """
    scan = Scan(disk, start, until=until)
    yield from scan
    if until is None:
        scan.evidence({"the mark": start.number} if start else {})
    elif scan.mark.number < until:
        scan.evidence({"the number asked for": until})


def used_bytes(data: memoryview) -> int:
    """Bytes up to the last that is not zero."""
    end = len(data)
    while end:
        begin = max(end - len(ZEROS), 0)
        part = bytes(data[begin:end])
        if part != ZEROS[: len(part)]:
            return begin + len(part.rstrip(b"\0"))
        end = begin
    return 0
