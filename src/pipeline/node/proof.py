"""Whether a snapshot is what it should be: loaded, brought forward, and compared with the engine that went on.

A snapshot that was written from a damaged memory, or read back other than it was written, would replace the journal
that could have mended it. So one counts only once a process that shares nothing with the writer has loaded it, has
replayed the journal on to a later frame, and has come to the state that the writer then had.
"""

from __future__ import annotations

from typing import NamedTuple

from fastcore import SnapshotError
from pipeline.journal import Disk
from pipeline.node.recovery import replayed
from pipeline.node.snapshots import Snapshots, state_digest
from pipeline.node.state import State

__all__ = ["Told", "prove", "told_of"]


class Told(NamedTuple):
    """What the writer says of its state: behind which frame, and its digest."""

    frame: int
    digest: str


def told_of(state: State) -> Told:
    """What a state is; takes about 1 ns for each byte of it."""
    return Told(state.mark.number, state_digest(state))


def prove(disk: Disk, snapshots: Snapshots, number: int, told: Told) -> None:
    """Check the candidate of a number; raises `SnapshotError` if it is not what it should be, or cannot be read."""
    state = replayed(disk, snapshots.load(number, (), candidate=True), told.frame)
    found = told_of(state)
    if found != told:
        raise SnapshotError(
            f"{snapshots.disk.where}: snapshot {number}, loaded and brought to frame {found.frame}, has the state "
            f"{found.digest}; the engine had {told.digest} behind frame {told.frame}. One of the two is wrong: have "
            "the machine's memory and disk looked at"
        )
