"""Writing: one frame after the other, of which at most one is not yet known to be on the disk.

`write` and `sync` may run in a thread of their own while the engine applies the group before, and
`prepare_next` in another. Nothing else is called from two threads at once.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pipeline.journal.disk import Buffer, Disk, File, Lock, write_all
from pipeline.journal.errors import JournalDamaged, JournalError, JournalFailed
from pipeline.journal.format import (
    SEGMENT_HEADER_BYTES,
    FrameHeader,
    Mark,
    SegmentHeader,
    after,
    aligned,
    body_digest,
    body_pieces,
    frame_bytes,
    segment_name,
)
from pipeline.journal.full import full
from pipeline.journal.prune import prune_segments
from pipeline.journal.segments import make_segment

__all__ = ["Journal"]


class Journal:
    """A journal that is open for writing; `Recovery.finish` makes one.

    Any error of a write or a sync poisons it: that call and every later one raise `JournalFailed`. There is no
    second try, since after a failed sync the kernel may take for written what is not. `JournalFull` is no such
    error: it is met before anything of a frame is written.

    Attributes:
        durable: the mark behind the last frame that is known to be on the disk.
        recovered: the last frame that recovery found; later ones are this process's own.
        incarnation: counts the starts of this journal.
        journal_id: 16 bytes.
    """

    def __init__(
        self,
        disk: Disk,
        lock: Lock,
        file: File,
        header: SegmentHeader,
        offset: int,
        mark: Mark,
        segment_bytes: int,
    ) -> None:
        self.durable = mark
        self.recovered = mark.number
        self.incarnation = header.incarnation
        self.journal_id = header.journal_id
        self._disk = disk
        self._lock = lock
        self._segment_bytes = segment_bytes
        self._open = _Open(file, header)
        self._offset = offset
        self._written: Mark | None = None
        self._next: _Open | None = None
        self._making = threading.Lock()
        self._broken: str | None = None
        self._closed = False

    @property
    def has_next(self) -> bool:
        """Whether the next segment is there: without one, credit should stop until `prepare_next` has made it."""
        return self._next is not None

    @property
    def room(self) -> int:
        """Bytes that frames can take without a new file: what is left of the open segment, and the next one."""
        following = self._next
        return self._left() + (following.size_bytes - SEGMENT_HEADER_BYTES if following else 0)

    def fits(self, buffers: int, body_bytes: int) -> bool:
        """Whether a frame of so many buffers with so many bytes can be written without a new file."""
        following = self._next
        size = frame_bytes(buffers, body_bytes)
        return size <= max(self._left(), following.size_bytes - SEGMENT_HEADER_BYTES if following else 0)

    def commit(self, buffers: Sequence[Buffer], *, now_s: int, first_batch: int = 0, batches: int = 0) -> int:
        """`write`, then `sync`: returns the number of the frame, which is on the disk now."""
        self.write(buffers, now_s=now_s, first_batch=first_batch, batches=batches)
        return self.sync()

    def write(self, buffers: Sequence[Buffer], *, now_s: int, first_batch: int = 0, batches: int = 0) -> int:
        """Write one frame; returns its number. It is not acknowledged before `sync` has returned.

        The buffers are written from where they are, and must not change before this returns. `now_s` is the engine's
        time, int64; `first_batch` (uint64) and `batches` (uint32) are the caller's own count. Raises
        `JournalFull`, with nothing written, if it needs a new segment and there is no room for one.
        """
        self._usable()
        if self._written:
            raise JournalError(
                f"frame {self._written.number} is written and not synced; sync it before the next is written"
            )
        number = self.durable.number + 1
        pieces, size_bytes = body_pieces([_flat(buffer) for buffer in buffers])
        header = FrameHeader(
            number,
            self.durable.number,
            self.incarnation,
            self.journal_id,
            now_s,
            first_batch,
            batches,
            len(buffers),
            size_bytes,
            body_digest(pieces),
            self.durable.chain,
        ).pack()
        if size_bytes > self._left():
            self._switch(size_bytes)
        with self._poisoning(f"frame {number} could not be written to {self._open.name}"):
            write_all(self._open.file, self._offset, [header, *pieces])
        self._offset += size_bytes
        self._written = after(number, header)
        return number

    def sync(self) -> int:
        """Have what was written on the disk; returns the highest number that is there, to be acknowledged now."""
        self._usable()
        if self._written:
            with self._poisoning(f"frame {self._written.number} could not be synced in {self._open.name}"):
                self._open.file.sync()
            self.durable, self._written = self._written, None
        return self.durable.number

    def prepare_next(self) -> None:
        """Make the next segment, if it is not there yet: written with zeros, synced, renamed, the directory synced.

        May run in a thread of its own, while frames are written. Raises `JournalFull` if there is no room:
        then stop credit, and call this again when there may be.
        """
        self._usable()
        with self._making:
            if self._next is None:
                self._next = self._make(self._open.index + 1, self._segment_bytes)

    def prove(self, by: str, frame: int | None = None) -> None:
        """Take late evidence, such as a producer's HELLO: what it has seen acknowledged must have been recovered.

        `frame` is the number that it saw acknowledged before this start, or None where it names something
        else that is missing here. Poisons the journal and raises `JournalDamaged` if it is not there.
        """
        self._usable()
        if frame is None or frame > self.recovered:
            what = "something" if frame is None else f"frame {frame}"
            self._broken = (
                f"journal {self._disk.where}: {by} proves that {what} had been acknowledged before this start, and "
                f"recovery found frames up to {self.recovered} only. Stop now. Compare the files whose names begin "
                "with torn-, which hold what lay behind them; put back the folder from a backup or from the machine's "
                "mirror, or let the producers send again what they still have"
            )
            raise JournalDamaged(self._broken)

    def prune(self, before: int) -> list[str]:
        """Remove whole segments of frames lower than a number; returns their names, the oldest first."""
        self._usable()
        with self._poisoning("a segment could not be removed"):
            return prune_segments(self._disk, min(before, self.durable.number))

    def close(self) -> None:
        """Close the files and release the lock; what was not synced stays so. Closing twice does nothing."""
        if not self._closed:
            self._closed = True
            self._broken = self._broken or f"journal {self._disk.where} is closed"
            with self._making:
                for opened in (self._open, self._next):
                    if opened:
                        opened.file.close()
            self._lock.release()

    def _left(self) -> int:
        return self._open.size_bytes - self._offset

    def _switch(self, size_bytes: int) -> None:
        """Go on in the next segment, which is made if it is not there or too small. All before it is synced.

        An open segment that holds no frame makes room for a larger one under its name: none that is empty ever stands
        between two that are not, where it would look like a loss.
        """
        with self._making:
            empty = self._offset == SEGMENT_HEADER_BYTES
            following = None if empty else self._next
            if following is None or following.size_bytes - SEGMENT_HEADER_BYTES < size_bytes:
                size = SEGMENT_HEADER_BYTES + aligned(size_bytes, SEGMENT_HEADER_BYTES)
                larger = self._make(self._open.index + (not empty), max(self._segment_bytes, size))
                if following:
                    following.file.close()
                following = larger
            if not empty:
                self._next = None
            self._open.file.close()
            self._open, self._offset = following, SEGMENT_HEADER_BYTES

    def _make(self, index: int, size_bytes: int) -> _Open:
        header = SegmentHeader(index, size_bytes, self.journal_id, self.incarnation)
        with self._poisoning("the next segment could not be made"), full(self._disk):
            return _Open(make_segment(self._disk, header), header)

    def _usable(self) -> None:
        if self._broken:
            raise JournalFailed(self._broken)

    @contextmanager
    def _poisoning(self, what: str) -> Iterator[None]:
        """Whatever interrupts this leaves the disk in a state that nobody knows."""
        try:
            yield
        except JournalError:
            raise
        except BaseException as error:
            self._broken = (
                f"journal {self._disk.where}: {what} ({error}). What is on the disk is not known: nothing more is "
                "written; end the process and start again, so that recovery looks"
            )
            if isinstance(error, OSError):
                raise JournalFailed(self._broken) from error
            raise


class _Open:
    """A segment that is open for writing."""

    def __init__(self, file: File, header: SegmentHeader) -> None:
        self.file = file
        self.index = header.index
        self.size_bytes = header.size_bytes
        self.name = segment_name(header.index)


def _flat(buffer: Buffer) -> Buffer:
    if isinstance(buffer, memoryview) and (buffer.format != "B" or buffer.ndim != 1):
        return buffer.cast("B")
    return buffer
