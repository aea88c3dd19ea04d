"""Removing what no snapshot needs any more: whole segments, the oldest first."""

from __future__ import annotations

from xxhash import xxh3_128_digest

from pipeline.journal.disk import Disk
from pipeline.journal.format import HEADER_BYTES, SEGMENT_HEADER_BYTES, segment_index
from pipeline.journal.segments import Segment, list_segments

__all__ = ["prune_segments"]


def prune_segments(disk: Disk, before: int) -> list[str]:
    """Remove the segments all of whose frames are lower than `before`; returns their names, the oldest first.

    The caller holds the lock. A segment goes only if a later one begins with a whole frame of that number or a lower
    one, so that no journal is ever left without a frame. The directory is synced after each: after a crash none
    is missing between two that are there.
    Raises `JournalDamaged` and `OSError`.
    """
    segments, _ = list_segments(disk, before)
    if not segments or not _begins_whole(disk, segments[0]):
        return []
    removed = []
    for name in disk.names():
        index = segment_index(name)
        if index is not None and index < segments[0].index:
            disk.remove(name)
            disk.sync_names()
            removed.append(name)
    return removed


def _begins_whole(disk: Disk, segment: Segment) -> bool:
    if segment.first is None:
        return False
    frame = disk.read(segment.name, SEGMENT_HEADER_BYTES, segment.first.size_bytes)
    return xxh3_128_digest(frame[HEADER_BYTES:]) == segment.first.digest
