"""Recovery: what a journal holds, and the way to writing again.

::

    with Recovery(disk, new_id=random_16_bytes, start=snapshot_mark) as recovery:
        for frame in recovery:          # replay
            ...
        journal = recovery.finish()     # only now is anything changed

The order of `finish` is what a second crash, at any point of it, is safe with:

1.  Evidence first: if anything proves that the frame at the end had been acknowledged, halt, change nothing.
2.  The torn tail's bytes are kept in a file of their own.
3.  The good frames of the open segment are written to a new file, as they were read and verified, under this
    start's incarnation. They may be in memory only: after a failed sync the kernel takes them for written, and to
    sync the old file again would prove nothing. Few zeros follow them, since a start waits for these to be on the disk:
    a whole segment is the next one's to be, made beside what goes on. Where the disk may have no room for that one,
    the new file is as large as a segment instead.
4.  Later segments, which hold no frame, are removed. Whichever of them comes back after a crash, maybe without those
    before it, is void by its lower incarnation. Only on a full disk are they removed before.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.closing import Closing
from pipeline.journal.disk import ASIDE, Disk, DiskLocked, Lock, write_aside
from pipeline.journal.errors import JournalError, JournalLocked
from pipeline.journal.format import (
    ID_BYTES,
    SEGMENT_BYTES_MIN,
    SEGMENT_HEADER_BYTES,
    Mark,
    SegmentHeader,
    aligned,
    origin,
)
from pipeline.journal.full import full
from pipeline.journal.prune import prune_segments
from pipeline.journal.scan import Frame, Scan
from pipeline.journal.segments import make_segment
from pipeline.journal.writer import Journal

__all__ = ["LOCK", "SEGMENT_BYTES", "START_BYTES", "Recovery", "Tail", "prune"]

LOCK = "journal.lock"
SEGMENT_BYTES = 64 << 20
START_BYTES = 4 << 20
"""For so many bytes of frames does a start write zeros, which it waits for."""
ROOM_SEGMENTS = 2
"""So many segments must fit on the disk behind the new file for it to be that small."""


@dataclass(frozen=True, slots=True)
class Tail:
    """Bytes behind the last good frame: where they lay, what was wrong with them, and where they are kept now."""

    name: str
    offset: int
    length: int
    reason: str
    kept_in: str


class Recovery(Closing):
    """A locked journal that is read from a mark on, then made ready for writing.

    `new_id` becomes the id of a journal that does not exist yet: 16 random bytes. `start` is the mark of the snapshot
    that was loaded; frames behind it are handed out. `acknowledged` says who has seen which frame acknowledged.
    `start_bytes` is the room that the open segment has at first, for frames before the next one must be there.
    Raises `JournalLocked`, `JournalDamaged`, `JournalError` for arguments that are wrong, and `OSError`
    for what cannot be read.
    """

    def __init__(
        self,
        disk: Disk,
        *,
        new_id: bytes,
        start: Mark | None = None,
        acknowledged: Mapping[str, int] | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        start_bytes: int = START_BYTES,
    ) -> None:
        if len(new_id) != ID_BYTES:
            raise JournalError(f"a journal id of {len(new_id)} bytes; expected {ID_BYTES} random ones")
        if segment_bytes < SEGMENT_BYTES_MIN or segment_bytes % SEGMENT_HEADER_BYTES:
            raise JournalError(
                f"segments of {segment_bytes} bytes; expected a multiple of {SEGMENT_HEADER_BYTES}, at least "
                f"{SEGMENT_BYTES_MIN}"
            )
        self._disk = disk
        self._new_id = new_id
        self._segment_bytes = segment_bytes
        self._start_bytes = start_bytes
        self._acknowledged = dict(acknowledged or {})
        if start and start.number:
            self._acknowledged["the snapshot"] = start.number
        self._looked = False
        self._finished = False
        self._lock = _take_lock(disk)
        self.tails: list[Tail] = []
        try:
            self._scan = Scan(disk, start if start and start.number else None)
        except BaseException:
            self._lock.release()
            raise

    def __iter__(self) -> Iterator[Frame]:
        """Each frame behind the snapshot; raises `JournalDamaged` at the end if something acknowledged is missing."""
        yield from self._scan
        if not self._looked:
            self._scan.evidence(self._acknowledged)
            self._looked = True

    def finish(self) -> Journal:
        """Make the journal ready for writing, behind the last good frame; frames not yet looked at are passed over.

        Raises `JournalFull` if there is no room for a segment, and `OSError`: in both cases a later
        recovery finds what this one found.
        """
        for _ in self:
            pass
        with full(self._disk):
            self._clear()
            self._keep_tails()
            if self._disk.free_bytes() < self._size(self._segment_bytes):
                self._remove_later()  # their bytes will do for the new file
            journal = self._renew()
            self._remove_later()
        self._finished = True
        return journal

    def close(self) -> None:
        """Let others have the journal, unless it was finished: then it is the `Journal` that holds the lock."""
        if not self._finished:
            self._lock.release()

    def _clear(self) -> None:
        """Remove what was written aside when the process ended."""
        for name in self._disk.names():
            if name.endswith(ASIDE):
                self._disk.remove(name)

    def _keep_tails(self) -> None:
        for name, offset, data in self._scan.tail():
            kept_in = self._unused(f"torn-{self._scan.mark.number + 1:012d}")
            write_aside(self._disk, kept_in, [data]).close()
            self.tails.append(Tail(name, offset, len(data), self._scan.ended or "", kept_in))

    def _unused(self, stem: str) -> str:
        """A name that no file has yet: what an earlier recovery kept stays."""
        names = set(self._disk.names())
        count = 1
        while (name := f"{stem}-{count}.bytes") in names:
            count += 1
        return name

    def _size(self, least_bytes: int) -> int:
        return max(least_bytes, aligned(self._scan.offset, SEGMENT_HEADER_BYTES))

    def _new_size(self) -> int:
        """Bytes of the new file: some for the first frames, if there will be room for a whole segment behind it."""
        little = aligned(self._scan.offset + self._start_bytes, SEGMENT_HEADER_BYTES)
        whole = self._size(self._segment_bytes)
        room = self._disk.free_bytes() >= little + ROOM_SEGMENTS * self._segment_bytes
        return min(little, whole) if room else whole

    def _remove_later(self) -> None:
        """Remove what follows the open segment and holds no frame, the last first."""
        there = set(self._disk.names())
        later = [segment.name for segment in self._scan.segments[self._scan.place + 1 :]]
        for name in sorted({*later, *self._scan.void} & there, reverse=True):
            self._disk.remove(name)
            self._disk.sync_names()

    def _renew(self) -> Journal:
        scan = self._scan
        if not scan.segments:
            scan.mark = origin(self._new_id)
        index = scan.segments[scan.place].index if scan.segments else 1
        header = SegmentHeader(index, self._new_size(), scan.journal_id or self._new_id, scan.incarnation + 1)
        file = make_segment(self._disk, header, [scan.data[SEGMENT_HEADER_BYTES : scan.offset]])
        return Journal(self._disk, self._lock, file, header, scan.offset, scan.mark, self._segment_bytes)


def _take_lock(disk: Disk) -> Lock:
    """Lock a journal; raises `JournalLocked`, with the process that has it."""
    try:
        return disk.lock(LOCK, str(os.getpid()))
    except DiskLocked as holder:
        raise JournalLocked(
            f"journal {disk.where} is in use by process {holder}; one process writes a journal: stop that one first"
        ) from None


def prune(disk: Disk, before: int) -> list[str]:
    """Lock a journal that no process has open, and remove whole segments of frames lower than a number.

    Returns the names of what was removed, the oldest first. Raises `JournalLocked` (ask the process that has it:
    `Journal.prune`), `JournalDamaged`, `OSError`.
    """
    lock = _take_lock(disk)
    try:
        return prune_segments(disk, before)
    finally:
        lock.release()
