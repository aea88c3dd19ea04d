"""Reading a journal as it grows, beside the process that writes it: no lock, nothing changed.

The caller says up to which frame it may read; these are durable. While somebody follows, segments may be pruned, and a
start of the writer may copy the open segment into a new file of the same name: what was read stays where it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NoReturn

from xxhash import xxh3_128_digest

from pipeline.journal.disk import Disk
from pipeline.journal.errors import JournalDamaged, JournalError
from pipeline.journal.format import (
    HEADER_BYTES,
    SEGMENT_HEADER_BYTES,
    FrameHeader,
    Mark,
    after,
    body_views,
    origin,
    segment_name,
)
from pipeline.journal.scan import Frame, frame_of
from pipeline.journal.segments import ADVICE, list_segments

__all__ = ["Following", "JournalPruned"]

WINDOW_BYTES: Final = 4 << 20


class JournalPruned(JournalError):
    """The frame that comes next has been removed; `first` is the number of the first that is there."""

    def __init__(self, message: str, first: int) -> None:
        super().__init__(message)
        self.first = first


class Following:
    """The frames of a journal behind a mark, or from its first one, one stretch after the other.

    Attributes:
        mark: behind the last frame that was handed out; None as long as there is no journal.
    """

    def __init__(self, disk: Disk, start: Mark | None = None) -> None:
        self.mark = start
        self._disk = disk
        self._journal_id = b""
        self._index: int | None = None
        self._offset = 0
        self._window = memoryview(b"")
        self._window_at = 0
        self._window_until = 0
        self._until = 0

    def frames(self, until: int) -> Iterator[Frame]:
        """Each frame up to `until`, which must be durable.

        Raises `JournalPruned`, `JournalDamaged` where a frame is not what it must be, `OSError`; then it may be asked
        again.
        """
        self._until = max(self._until, until)
        while self.mark is None or self.mark.number < until:
            if self._index is None:
                if not self.find():
                    return
                continue
            try:
                yield self._next()
            except FileNotFoundError:
                self._index = None  # pruned meanwhile, or about to be: look where the frame is now

    def find(self) -> bool:
        """Find the segment and the place in it behind the mark; False if there is no journal yet.

        `frames` does it where it must; raises what `frames` raises.
        """
        wanted = self.mark.number + 1 if self.mark else 1
        segments, _ = list_segments(self._disk, wanted)
        if not segments:
            if self.mark is not None:
                self._refuse("there is no journal any more")
            return False
        oldest = segments[0]
        self._journal_id = oldest.header.journal_id
        if oldest.index > 1 and (oldest.first is None or oldest.first.number > wanted):
            first = oldest.first.number if oldest.first else 0
            raise JournalPruned(
                f"journal {self._disk.where}: frame {wanted} has been removed; the first that is there is {first}",
                first,
            )
        from_start = oldest.index == 1 or (oldest.first is not None and oldest.first.number == 1)
        before = origin(self._journal_id) if from_start else None
        offset = SEGMENT_HEADER_BYTES
        while True:
            raw = self._disk.read(oldest.name, offset, HEADER_BYTES)
            header = FrameHeader.unpack(raw)
            if header is None or header.number >= wanted:
                break
            before = after(header.number, raw)
            offset += header.size_bytes
        if self.mark is None:
            self.mark = before
        elif before is not None and before != self.mark:
            self._refuse(f"frames up to {before.number} are here, of another history than was followed")
        self._begin(oldest.index, offset)
        return True

    def _next(self) -> Frame:
        assert self.mark is not None
        # What was read before its frame was known durable may have been torn, and another written in its place.
        fresh = self.mark.number >= self._window_until
        frame = None if fresh else self._here(fresh=False)
        frame = frame or self._here(fresh=True)
        if frame is None and self._switch():
            frame = self._here(fresh=True)
        if frame is None:
            self._refuse("it is not there, or not whole")
        self.mark = frame.mark
        self._offset += frame.size_bytes
        return frame

    def _here(self, *, fresh: bool) -> Frame | None:
        """The frame that comes next, if it stands here; `fresh`: what was read before may be older than it."""
        assert self.mark is not None
        raw = self._part(HEADER_BYTES, fresh)
        header = FrameHeader.unpack(raw)
        if header is None or header.journal_id != self._journal_id or header.number != self.mark.number + 1:
            return None
        if header.chain != self.mark.chain:
            self._refuse("it does not continue the frames before it: they are of another history")
        frame = self._part(header.size_bytes, fresh)
        if len(frame) < header.size_bytes or xxh3_128_digest(frame[HEADER_BYTES:]) != header.digest:
            return None
        buffers = body_views(header, frame)
        if buffers is None:
            return None
        return frame_of(header, raw, buffers)

    def _part(self, length: int, fresh: bool) -> memoryview:
        """So many bytes from here on, out of what was read already if they are in it."""
        begin = self._offset - self._window_at
        if fresh or begin < 0 or begin + length > len(self._window):
            assert self._index is not None
            name = segment_name(self._index)
            self._window = self._disk.read(name, self._offset, max(length, WINDOW_BYTES))
            self._window_at, self._window_until, begin = self._offset, self._until, 0
        return self._window[begin : begin + length]

    def _switch(self) -> bool:
        """Go on at the start of the next segment, if it begins with the frame that comes next."""
        assert self._index is not None
        assert self.mark is not None
        name = segment_name(self._index + 1)
        if name not in self._disk.names():
            return False
        first = FrameHeader.unpack(self._disk.read(name, SEGMENT_HEADER_BYTES, HEADER_BYTES))
        if first is None or first.number != self.mark.number + 1:
            return False
        self._begin(self._index + 1, SEGMENT_HEADER_BYTES)
        return True

    def _begin(self, index: int, offset: int) -> None:
        self._index, self._offset = index, offset
        self._window, self._window_at, self._window_until = memoryview(b""), offset, 0

    def _refuse(self, what: str) -> NoReturn:
        number = self.mark.number + 1 if self.mark else 1
        raise JournalDamaged(f"journal {self._disk.where}: frame {number}: {what}. {ADVICE}")
