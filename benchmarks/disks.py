"""What the disk does by itself, in the same run: pieces written one behind the other, each synced.

The file is filled with zeros before, like a segment of the journal, so that a sync writes data alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.errors import CannotRun

__all__ = ["need_room", "rate_bytes", "syncs_s"]

MIB: Final = 1 << 20
FILE_BYTES: Final = 64 * MIB


def need_room(what: str, folder: Path, bytes_: int) -> None:
    """Raise `CannotRun` unless so much is free on the disk of a folder."""
    state = os.statvfs(folder)
    free = state.f_bavail * state.f_frsize
    if free < bytes_:
        raise CannotRun(
            f"{what}: {free / 2**30:.1f} GiB of disk are free; expected {bytes_ / 2**30:.1f} GiB or more"
        )


def rate_bytes(folder: Path, pieces: int = 64) -> float:
    """Bytes a second that the disk takes when each MiB is written and synced."""
    return pieces * MIB / sum(syncs_s(folder, MIB, pieces))


def syncs_s(folder: Path, bytes_: int, count: int) -> list[float]:
    """How long each of so many writes of so many bytes takes, with its fdatasync."""
    data = memoryview(os.urandom(min(bytes_, MIB)) * -(-bytes_ // MIB))[:bytes_]
    out = []
    with _file(folder) as fd:
        offset = 0
        for _ in range(count):
            started_s = time.perf_counter()
            os.pwrite(fd, data, offset)
            os.fdatasync(fd)
            out.append(time.perf_counter() - started_s)
            offset = offset + bytes_ if offset + 2 * bytes_ <= FILE_BYTES else 0
    return out


@contextmanager
def _file(folder: Path) -> Iterator[int]:
    path = folder / "disk-alone"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        for offset in range(0, FILE_BYTES, MIB):
            os.pwrite(fd, bytes(MIB), offset)
        os.fsync(fd)
        yield fd
    finally:
        os.close(fd)
        path.unlink()
