"""What is done to the files of the data set, step by step, so that a test can end the process between any two.

A file is made aside, under a name that no reader takes for one of its own, synced, renamed, and its directory synced:
it is there whole or not at all. A folder is exchanged with another in one step, where the system can: who lists it sees
the files of before or those of after.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from pipeline.journal import Buffer, RealDisk, write_all
from pipeline.journal.disk import sync_directory

__all__ = ["Tree"]

_AT_FDCWD: Final = -100
_EXCHANGE: Final = 2
"""RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS."""
_CANNOT: Final = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP}


class Tree:
    """Changes files and folders; `at` is told the name of each step before it is done.

    Every method may raise `OSError`; then what was there before is there still.
    """

    def __init__(self, at: Callable[[str], None] = lambda step: None) -> None:
        self._at = at

    def put(self, path: Path, buffers: Iterable[Buffer]) -> None:
        """Make a file, or put it in the place of one; its folder, too, if it is not there."""
        self._at("folder")
        disk = RealDisk(path.parent)
        aside = f"_{path.name}.tmp"
        (path.parent / aside).unlink(missing_ok=True)
        self._at("create")
        file = disk.create(aside)
        try:
            self._at("write")
            write_all(file, 0, buffers)
            self._at("sync")
            file.sync()
        except OSError:
            (path.parent / aside).unlink(missing_ok=True)
            raise
        finally:
            file.close()
        self._at("rename")
        disk.replace(aside, path.name)
        self._at("sync names")
        disk.sync_names()
        self._at("made")

    def remove(self, path: Path) -> None:
        """Remove a file."""
        self._at("remove")
        path.unlink(missing_ok=True)
        self._at("sync removal")
        sync_directory(path.parent)

    def clear(self, folder: Path) -> None:
        """Remove a folder and what is in it, if it is there."""
        self._at("clear")
        if folder.exists():
            shutil.rmtree(folder)

    def move(self, old: Path, new: Path) -> None:
        """Move a folder to where none is."""
        RealDisk(new.parent)
        self._at("move")
        old.rename(new)
        self._at("sync move")
        self._sync(old, new)

    def exchange(self, one: Path, other: Path) -> bool:
        """Exchange two folders in one step; False where the system cannot."""
        self._at("exchange")
        if not _exchange(one, other):
            return False
        self._at("sync exchange")
        self._sync(one, other)
        return True

    def _sync(self, one: Path, other: Path) -> None:
        for folder in {one.parent, other.parent}:
            sync_directory(folder)


def _exchange(one: Path, other: Path) -> bool:
    libc: Any = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    if sys.platform == "darwin":
        call = getattr(libc, "renamex_np", None)
        status = call(*names, _EXCHANGE) if call else None
    else:
        call = getattr(libc, "renameat2", None)
        status = call(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _EXCHANGE) if call else None
    if status == 0:
        return True
    number = ctypes.get_errno()
    if status is None or number in _CANNOT:
        return False
    raise OSError(number, os.strerror(number), str(other))
