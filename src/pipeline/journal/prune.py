"""Removing what no snapshot needs any more: whole segments, the oldest first."""

from __future__ import annotations

from itertools import pairwise

from pipeline.journal.disk import Disk
from pipeline.journal.segments import list_segments

__all__ = ["prune_segments"]


def prune_segments(disk: Disk, before: int) -> list[str]:
    """Remove the segments all of whose frames are lower than `before`; returns their names, the oldest first.

    The caller holds the lock. A segment goes only if the one after it is whole where it begins, and begins with a
    frame that proves it. The directory is synced after each: after a crash none is missing between two that are there.
    Raises `JournalDamaged` and `OSError`.
    """
    segments = list_segments(disk)
    removed = []
    for segment, following in pairwise(segments):
        if following.first is None or following.first.number > before:
            break
        disk.remove(segment.name)
        disk.sync_names()
        removed.append(segment.name)
    return removed
