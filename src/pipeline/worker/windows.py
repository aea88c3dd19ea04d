"""A head-end's window, shared out among the shards that have commands for it.

READY says how many COMMANDs may be sent in all; of that each shard is promised a part, and what it was promised cannot
be taken back. What is free goes to whom has least left, so the shard that is busy gets what the head-end frees, as
long as the window is at least one for each.
"""

from __future__ import annotations

__all__ = ["Window"]


class Window:
    """One session's window."""

    def __init__(self, shards: int) -> None:
        self._promised = [0] * shards
        self._sent = [0] * shards
        self._until = 0
        self._dropped = 0

    def grant(self, until: int) -> list[tuple[int, int]]:
        """So many in all; returns whom to promise more, and how many in all."""
        self._until = max(self._until, until + self._dropped)
        return self._share()

    def dropped(self) -> list[tuple[int, int]]:
        """One that came was not sent, and will not be: another may be; returns likewise."""
        self._dropped += 1
        self._until += 1
        return self._share()

    def came(self, shard: int) -> list[tuple[int, int]]:
        """A shard has sent one; returns likewise."""
        self._sent[shard] += 1
        return self._share()

    def _share(self) -> list[tuple[int, int]]:
        free = self._until - sum(self._promised)
        if free <= 0:
            return []
        left = [promised - sent for promised, sent in zip(self._promised, self._sent, strict=True)]
        level = (sum(left) + free) // len(left)
        before = list(self._promised)
        for shard in sorted(range(len(left)), key=left.__getitem__):
            more = min(free, max(level - left[shard], 0))
            self._promised[shard] += more
            free -= more
        # What does not divide goes one by one to those that have least.
        for shard in sorted(range(len(left)), key=lambda i: self._promised[i] - self._sent[i])[:free]:
            self._promised[shard] += 1
        changed = zip(before, self._promised, strict=True)
        return [(shard, now) for shard, (was, now) in enumerate(changed) if now != was]
