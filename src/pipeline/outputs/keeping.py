"""How much of a journal is kept for the follower that makes the outputs: up to a bound, since payments come first."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from pipeline.journal import Disk
from pipeline.journal.segments import list_segments
from pipeline.outputs.checkpoints import kept_frames

__all__ = ["prunable"]


def prunable(journal: Disk, checkpoints: Path, before: int, most_bytes: int) -> int:
    """Before which frame a journal may be pruned, of which snapshots need nothing before frame `before`.

    What the older checkpoint in a shard's folder needs is kept, from the first frame on as long as there is none; but
    only as many whole segments as take `most_bytes`. Raises `JournalDamaged`, `OSError`.
    """
    frames = kept_frames(checkpoints)
    allowed = frames[0] + 1 if frames else 1
    if allowed >= before:
        return before
    segments, _ = list_segments(journal)
    left_bytes = sum(journal.size(segment.name) for segment in segments)
    for segment, following in pairwise(segments):
        if left_bytes <= most_bytes or following.first is None or following.first.number > before:
            break
        left_bytes -= journal.size(segment.name)
        allowed = max(allowed, following.first.number)
    return allowed
