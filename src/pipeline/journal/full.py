"""A full disk told from a broken one."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.journal.disk import Disk
from pipeline.journal.errors import JournalFull

__all__ = ["full"]

FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def full(disk: Disk) -> Iterator[None]:
    """Turn the error of a full disk, met while a file is made aside, into `JournalFull`."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise JournalFull(
            f"journal {disk.where}: no room for a new file ({error.strerror}); free some space, or prune"
        ) from error
