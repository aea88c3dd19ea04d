"""From what is on the disk to a shard's state, and to a journal that can be written.

The newest snapshot that can be read, else the one before; then the frames behind it. If something that had been
acknowledged is missing, nothing is changed, and `JournalDamaged` says what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from fastcore import SnapshotError
from pipeline.journal import (
    SEGMENT_BYTES,
    START_BYTES,
    Disk,
    Frame,
    Journal,
    JournalDamaged,
    Recovery,
    Tail,
    read,
)
from pipeline.node.entries import EntryError, decode
from pipeline.node.snapshots import Outline, Snapshots
from pipeline.node.state import Outcome, State

__all__ = ["Recovered", "Seen", "recover", "replay_frame", "replayed"]

Seen = Callable[[int, Outcome], None]
"""Is told the number that the engine gave to a batch that is replayed, and what it did."""


@dataclass(slots=True)
class Recovered:
    """A shard that can go on.

    Attributes:
        snapshot: the number of the one it began with, None without.
        frames: that were replayed.
        tails: torn bytes behind the last good frame, which nobody had seen acknowledged.
        problems: snapshots that could not be used, and why.
    """

    state: State
    journal: Journal
    snapshot: int | None = None
    frames: int = 0
    tails: list[Tail] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def recover(
    disk: Disk,
    snapshots: Snapshots,
    *,
    new_id: bytes,
    outputs: Collection[str] | None = None,
    segment_bytes: int = SEGMENT_BYTES,
    start_bytes: int = START_BYTES,
    on_batch: Seen | None = None,
) -> Recovered:
    """Recover a shard from its journal's disk and its snapshots.

    Raises `JournalLocked`, `JournalDamaged`, `JournalFull`, `OSError`, and whatever a replay does that fails: in each
    case a later start finds what this one found.
    """
    recovery = _Recovery(disk, snapshots, new_id, outputs, segment_bytes, start_bytes, on_batch)
    for number in snapshots.verified():
        try:
            return recovery.begin(snapshots.outline(number))
        except SnapshotError as error:
            recovery.problems.append(f"snapshot {number} cannot be used: {error}")
            recovery.proofs[f"snapshot {number}"] = number
    return recovery.begin(None)


@dataclass(slots=True)
class _Recovery:
    """One start."""

    disk: Disk
    snapshots: Snapshots
    new_id: bytes
    outputs: Collection[str] | None
    segment_bytes: int
    start_bytes: int
    on_batch: Seen | None
    problems: list[str] = field(default_factory=list)
    proofs: dict[str, int] = field(default_factory=dict)

    def begin(self, outline: Outline | None) -> Recovered:
        """Go on from a snapshot, None: from the first frame."""
        start = outline.mark if outline else None
        with Recovery(
            self.disk,
            new_id=self.new_id,
            start=start,
            acknowledged=self.proofs,
            segment_bytes=self.segment_bytes,
            start_bytes=self.start_bytes,
        ) as recovery:
            state = self.snapshots.load(start.number, self.outputs) if start else State(self.outputs)
            frames = 0
            for frame in recovery:
                replay_frame(state, frame, self.disk.where, self.on_batch)
                frames += 1
            self.snapshots.clear()
            journal = recovery.finish()
        state.mark = journal.durable
        number = start.number if start else None
        return Recovered(state, journal, number, frames, recovery.tails, self.problems)


def replay_frame(state: State, frame: Frame, where: str, on_batch: Seen | None = None) -> None:
    """Apply a frame; raises `JournalDamaged` where it holds no entries of this version."""
    try:
        for entry in decode(frame.buffers):
            outcome = state.apply(entry)
            if on_batch and outcome.effects is not None and state.engine:
                on_batch(state.engine.sequence, outcome)
    except EntryError as error:
        raise JournalDamaged(
            f"journal {where}: frame {frame.number} is whole, and not of this version: {error}. Start the version of "
            "feikong that wrote it"
        ) from None
    state.mark = frame.mark


def replayed(disk: Disk, state: State, until: int) -> State:
    """A state, and the frames behind it up to a number that is durable; for a process that holds no lock."""
    for frame in read(disk, state.mark if state.mark.number else None, until=until):
        replay_frame(state, frame, disk.where)
    return state
