"""All that the durable parts do to files, as a protocol, and the disk that does it for real.

A `Disk` is one directory, flat. Nothing in it is ever overwritten in place: a file is made under a name that
ends in ``.tmp``, filled, synced, renamed, and then the directory is synced; only then does it exist. A test
hands in a disk of its own that loses, tears and reorders what was not synced.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Protocol

__all__ = [
    "ASIDE",
    "Buffer",
    "Disk",
    "DiskLocked",
    "File",
    "Lock",
    "RealDisk",
    "fill",
    "sync_directory",
    "write_all",
    "write_aside",
]

Buffer = bytes | bytearray | memoryview
"""Bytes to write; a memoryview has format ``B`` and one dimension."""

ASIDE = ".tmp"
"""The ending of a file that does not exist yet: whoever finds one may remove it."""

# As many buffers as one system call takes everywhere.
BUFFERS_MAX = 1024
ZEROS = bytes(1 << 20)
STEP_BYTES = 4 << 20


class DiskLocked(Exception):
    """Somebody else holds the lock; the text is what the holder wrote into it."""


class File(Protocol):
    """A new file, open for writing."""

    def write(self, offset: int, buffers: Sequence[Buffer]) -> int:
        """Write at most `BUFFERS_MAX` buffers, one behind the other; returns the bytes written: maybe fewer."""

    def sync(self) -> None:
        """Return once all that was written is on the disk. If this raises, nobody knows what is."""

    def close(self) -> None:
        """Close, without a sync; closing twice does nothing."""


class Lock(Protocol):
    """A lock that is held until it is released, or until the process ends, however it ends."""

    def release(self) -> None:
        """Let others have it; releasing twice does nothing."""


class Disk(Protocol):
    """One directory. Every method may raise `OSError`."""

    @property
    def where(self) -> str:
        """The directory, for messages."""

    def names(self) -> list[str]:
        """The files in it, sorted."""

    def size(self, name: str) -> int:
        """Bytes of a file."""

    def free_bytes(self) -> int:
        """Bytes that can still be written to this disk."""

    def read(self, name: str, offset: int = 0, length: int | None = None) -> memoryview:
        """A copy of a part of a file, by default all of it; shorter where the file ends before."""

    def soon(self, name: str) -> None:
        """A hint: the whole of this file will be read soon. Never fails."""

    def reading(self, name: str) -> Callable[[], memoryview]:
        """Begin to read all of a file, beside what goes on; what is returned waits for it, and gives it or raises."""

    def create(self, name: str) -> File:
        """A new, empty file; raises `FileExistsError` if there is one of this name."""

    def replace(self, old: str, new: str) -> None:
        """Rename a file; one that has the new name is gone in the same instant."""

    def remove(self, name: str) -> None:
        """Remove a file."""

    def sync_names(self) -> None:
        """Return once all creations, renames and removals in the directory are on the disk."""

    def lock(self, name: str, text: str) -> Lock:
        """Take the lock of this name and leave a text in it; raises `DiskLocked` with the text of who has it."""


def write_all(file: File, offset: int, buffers: Iterable[Buffer]) -> int:
    """Write all of the buffers one behind the other, however short each write is; returns the offset behind."""
    left = [memoryview(buffer) for buffer in buffers if len(buffer)]
    first = 0
    while first < len(left):
        written = file.write(offset, left[first : first + BUFFERS_MAX])
        if written <= 0:
            raise OSError(f"a write of {len(left[first])} bytes at {offset} wrote nothing")
        offset += written
        while written:
            if written < len(left[first]):
                left[first] = left[first][written:]
                break
            written -= len(left[first])
            first += 1
    return offset


def fill(file: File, offset: int, end: int) -> None:
    """Write zeros from an offset up to an end.

    They are synced bit by bit: another file's sync waits for what stands before it in the disk's queue, and with
    64 MiB there, a payment would wait too.
    """
    while offset < end:
        whole, rest = divmod(min(end - offset, STEP_BYTES), len(ZEROS))
        offset = write_all(file, offset, [*[ZEROS] * whole, memoryview(ZEROS)[:rest]])
        if offset < end:
            file.sync()


def write_aside(disk: Disk, name: str, buffers: Iterable[Buffer], size: int = 0) -> File:
    """Make a file so that it exists whole or not at all: aside, synced, renamed, the directory synced.

    It is filled with zeros up to `size`. Returns it, still open for writing. If a step fails, what was written
    aside is removed, as far as that works.
    """
    aside = name + ASIDE
    if aside in disk.names():
        disk.remove(aside)
    file = disk.create(aside)
    try:
        fill(file, write_all(file, 0, buffers), size)
        file.sync()
        disk.replace(aside, name)
        disk.sync_names()
    except OSError:
        file.close()
        if aside in disk.names():
            disk.remove(aside)
        raise
    return file


class RealDisk:
    """A directory of the machine; made, parents too, if it is not there."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        for folder in [*reversed(self.path.parents), self.path]:
            if not folder.exists():
                folder.mkdir(exist_ok=True)
                sync_directory(folder.parent)

    @property
    def where(self) -> str:
        """The directory, for messages."""
        return str(self.path)

    def names(self) -> list[str]:
        """The files in it, sorted."""
        return sorted(entry.name for entry in os.scandir(self.path) if entry.is_file(follow_symlinks=False))

    def size(self, name: str) -> int:
        """Bytes of a file."""
        return (self.path / name).stat().st_size

    def free_bytes(self) -> int:
        """Bytes that an ordinary user can still write."""
        state = os.statvfs(self.path)
        return state.f_bavail * state.f_frsize

    def read(self, name: str, offset: int = 0, length: int | None = None) -> memoryview:
        """A copy of a part of a file.

        A copy, not a mapping: a bad sector under a mapping kills the process without a word. Large parts go to
        huge pages where there are any, which makes this three times as fast.
        """
        fd = os.open(self.path / name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            rest = max(os.fstat(fd).st_size - offset, 0)
            view = _fresh(rest if length is None else min(length, rest))
            done = 0
            while done < len(view):
                count = _read_at(fd, view[done:], offset + done)
                if count == 0:
                    break
                done += count
            return view[:done].toreadonly()
        finally:
            os.close(fd)

    def soon(self, name: str) -> None:
        """Have the kernel read ahead, where it can be asked to."""
        if hasattr(os, "posix_fadvise"):
            try:
                fd = os.open(self.path / name, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                return
            with suppress(OSError):
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_WILLNEED)
            os.close(fd)

    def reading(self, name: str) -> Callable[[], memoryview]:
        """Read in a thread: a copy into fresh memory takes as long as half the work on what is read."""
        read: Future[memoryview] = Future()

        def run() -> None:
            try:
                read.set_result(self.read(name))
            except BaseException as error:  # whoever waits raises it
                read.set_exception(error)

        Thread(target=run, name="reading", daemon=True).start()
        return read.result

    def create(self, name: str) -> RealFile:
        """A new file, readable by its owner and group."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        return RealFile(os.open(self.path / name, flags, 0o640))

    def replace(self, old: str, new: str) -> None:
        """Rename a file."""
        os.replace(self.path / old, self.path / new)

    def remove(self, name: str) -> None:
        """Remove a file."""
        os.remove(self.path / name)

    def sync_names(self) -> None:
        """Sync the directory."""
        sync_directory(self.path)

    def lock(self, name: str, text: str) -> RealLock:
        """Lock a file of this name, which stays there for ever: who removes it can let two in."""
        fd = os.open(self.path / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 200, 0).decode(errors="replace").strip()
            os.close(fd)
            raise DiskLocked(holder) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, text.encode() + b"\n", 0)
        return RealLock(fd)


class RealFile:
    """A new file of a `RealDisk`."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def write(self, offset: int, buffers: Sequence[Buffer]) -> int:
        """Write with one system call."""
        if hasattr(os, "pwritev"):
            return os.pwritev(self._fd, buffers, offset)
        return os.pwrite(self._fd, buffers[0], offset)

    def sync(self) -> None:
        """Sync the data: fdatasync, or what macOS has in its place."""
        if sys.platform == "darwin":
            fcntl.fcntl(self._fd, fcntl.F_FULLFSYNC)
        else:
            os.fdatasync(self._fd)

    def close(self) -> None:
        """Close, without a sync."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class RealLock:
    """A lock of a `RealDisk`; the kernel releases it with the process."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def release(self) -> None:
        """Let others have it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def sync_directory(path: Path) -> None:
    """Have what was made, renamed and removed in a directory on the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
        if sys.platform == "darwin":
            with suppress(OSError):  # not every filesystem takes it for a directory
                fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    finally:
        os.close(fd)


def _fresh(length: int) -> memoryview:
    if length < len(ZEROS):
        return memoryview(bytearray(length))
    # Private: shared memory, which is the default, gets no huge pages.
    pages = mmap.mmap(-1, length, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a kernel built without them
            pages.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(pages)


def _read_at(fd: int, view: memoryview, offset: int) -> int:
    if hasattr(os, "preadv"):
        return os.preadv(fd, [view], offset)
    part = os.pread(fd, min(len(view), 1 << 24), offset)
    view[: len(part)] = part
    return len(part)
