"""Dead letters: messages that were refused, kept for people to look at, as many as fit.

A letter is a file of its own, ``TIME-WORKER-COUNT-REASON.letter``: one line of JSON, that says who sent it, why it was
refused and how long each frame is, then the frames. The oldest go where the folder's limit would be passed, and of many
in a short time only some are kept: a flood of them costs no more than counting. ``feikong send`` and clients keep what
they sent; a letter is evidence, and nothing depends on it.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from pipeline.journal import Disk
from pipeline.journal.disk import write_all
from pipeline.wire import Buffer, Refused

__all__ = ["DeadLetters"]

ENDING: Final = ".letter"
A_SECOND_MAX: Final = 10
"""So many are kept in one second; also so many at once."""
A_SECOND_BYTES: Final = 1 << 20
AT_ONCE_BYTES: Final = 16 << 20
"""Likewise of their bytes: what is written here keeps the disk from the journal."""


class DeadLetters:
    """The folder of one worker's dead letters.

    Attributes:
        kept, passed_over: how many refused messages were kept, and how many were not.
    """

    def __init__(self, disk: Disk, worker: str, bytes_max: int) -> None:
        self.kept = self.passed_over = 0
        self._disk = disk
        self._worker = worker
        self._bytes_max = bytes_max
        names = [name for name in disk.names() if name.endswith(ENDING)]
        self._letters = deque((name, disk.size(name)) for name in names)
        self._bytes = sum(size for _, size in self._letters)
        self._allowed = float(A_SECOND_MAX)
        self._allowed_bytes = float(AT_ONCE_BYTES)
        self._allowed_s = 0.0

    def keep(self, user: str, frames: Sequence[Buffer], why: Refused, at_s: int, now_s: float) -> None:
        """Keep a message, if there is room for one more; a disk that fails loses letters, and nothing else."""
        passed_s, self._allowed_s = now_s - self._allowed_s, now_s
        self._allowed = min(A_SECOND_MAX, self._allowed + passed_s * A_SECOND_MAX)
        self._allowed_bytes = min(AT_ONCE_BYTES, self._allowed_bytes + passed_s * A_SECOND_BYTES)
        frames = [memoryview(frame)[: self._bytes_max // 8] for frame in frames]
        frames_bytes = sum(map(len, frames))
        if self._allowed < 1 or self._allowed_bytes < frames_bytes:
            self.passed_over += 1
            return
        self._allowed -= 1
        self._allowed_bytes -= frames_bytes
        about = {
            "from": user,
            "at_s": at_s,
            "reason": why.reason.name.lower(),
            "text": why.text,
            "frames": [len(frame) for frame in frames],
        }
        head = json.dumps(about).encode() + b"\n"
        name = f"{at_s:012d}-{self._worker}-{self.kept + self.passed_over:06d}-{about['reason']}{ENDING}"
        size = len(head) + frames_bytes
        try:
            while self._letters and self._bytes + size > self._bytes_max:
                self._forget()
            file = self._disk.create(name)
            try:
                write_all(file, 0, [head, *frames])
            finally:
                file.close()
        except OSError:
            self.passed_over += 1
            with suppress(OSError):
                self._disk.remove(name)
            return
        self._letters.append((name, size))
        self._bytes += size
        self.kept += 1

    def _forget(self) -> None:
        name, size = self._letters.popleft()
        self._bytes -= size
        with suppress(FileNotFoundError):
            self._disk.remove(name)
