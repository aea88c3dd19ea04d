"""How far a shard's journal is durable and applied, told to whoever follows it: ``DATA/run/shard-N.mark``.

The engine's process writes it after each group, over what stood there, with one call; it is not synced. What it says
stays true: a frame that was on the disk and applied is never taken back. 40 bytes, numbers little-endian::

    offset  bytes
         0      8  "FKMARK01"
         8      8  frame: all up to it are on the disk, and applied
        16      8  incarnation of the writer
        24      8  the engine's last batch
        32      8  XXH3-64 of the 32 bytes before, seed 0: a reader may come in the middle of a write
"""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from xxhash import xxh3_64_intdigest

from pipeline.closing import Closing

__all__ = ["Applied", "MarkFile", "read_mark"]

_BODY: Final = struct.Struct("<8sQQQ")
_CHECKSUM: Final = struct.Struct("<Q")
_MAGIC: Final = b"FKMARK01"
TRIES: Final = 8


class Applied(NamedTuple):
    """What a mark says."""

    frame: int
    incarnation: int
    seq: int


class MarkFile(Closing):
    """Where a shard's engine says how far it is; a context manager. Raises `OSError` where it cannot be made."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._said: Applied | None = None

    def write(self, applied: Applied) -> None:
        """Say it, if it is not what was said last; on a disk that is full that waits, and nothing else does."""
        if applied == self._said:
            return
        body = _BODY.pack(_MAGIC, *applied)
        with suppress(OSError):
            os.pwrite(self._fd, body + _CHECKSUM.pack(xxh3_64_intdigest(body)), 0)
            self._said = applied

    def close(self) -> None:
        """Close; what was said last stays there."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def read_mark(path: Path) -> Applied | None:
    """What a shard's engine said last; None if it never said anything."""
    for _ in range(TRIES):
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        if len(data) == _BODY.size + _CHECKSUM.size:
            (checksum,) = _CHECKSUM.unpack_from(data, _BODY.size)
            magic, *said = _BODY.unpack_from(data)
            if magic == _MAGIC and checksum == xxh3_64_intdigest(data[: _BODY.size]):
                return Applied(*said)
    return None
