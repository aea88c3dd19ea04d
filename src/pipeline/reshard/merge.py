"""The journals of several shards as one history: in order of time, each number of each producer once.

Every shard was told of every number, with its own rows. The first shard that has a number is where it counts; the rows
that others have under it follow later, and use up none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge
from typing import NamedTuple

from pipeline.errors import LogError
from pipeline.journal import Disk, read
from pipeline.node.entries import Entry, Sent, What, decode, is_batch

__all__ = ["Event", "Once", "history"]


class Event(NamedTuple):
    """An entry of an old shard's journal, and when that shard had come to it."""

    at_s: int
    shard: int
    entry: Entry


def history(disks: Sequence[Disk]) -> Iterator[Event]:
    """The entries of all journals, in order of time, those of one shard in their own.

    Raises `LogError` where a journal is empty, or its begin has been pruned, and `JournalDamaged`.
    """
    return merge(*(_events(shard, disk) for shard, disk in enumerate(disks)), key=lambda event: event.at_s)


def _events(shard: int, disk: Disk) -> Iterator[Event]:
    at_s = 0
    first = True
    for frame in read(disk):
        if first and frame.number != 1:
            raise LogError(
                f"journal {disk.where}: begins with frame {frame.number}, since snapshots hold what was before; "
                "another number of shards needs the first one. Put the folder back from before it was pruned; "
                "`keep_journal = true` in [node] keeps all of it"
            )
        first = False
        for entry in decode(frame.buffers):
            if is_batch(entry):
                at_s = max(at_s, entry.now_s)
            yield Event(at_s, shard, entry)
    if first:
        raise LogError(
            f"journal {disk.where}: is empty; expected at least a configuration, as any node begins with"
        )


class Once:
    """What has come already: each epoch, number and freeze counts where it comes first."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._epochs: dict[bytes, tuple[int, int]] = {}
        self._frozen: set[bytes] = set()

    def fresh(self, entry: Entry) -> list[bool]:
        """For each part, whether it is here for the first time; it is remembered."""
        return [self._is_fresh(entry, part) for part in entry.parts]

    def _is_fresh(self, entry: Entry, part: Sent) -> bool:
        if entry.what == What.EPOCH:
            known = self._epochs.get(part.producer, (0, 0))
            said = (part.epoch, entry.detail)
            self._epochs[part.producer] = max(known, said)
            return said > known or (said[0] == known[0] and said[1] != known[1])
        if entry.what == What.FROZEN:
            new = part.producer not in self._frozen
            self._frozen.add(part.producer)
            return new
        newest = self._numbers.get(part.producer, 0)
        if part.seq <= newest:
            return False
        assert part.seq == newest + 1, "each shard has every number"
        self._numbers[part.producer] = part.seq
        return True
