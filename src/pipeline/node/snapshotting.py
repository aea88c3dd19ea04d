"""Snapshots while the shard runs: written by a copy of the process, proved by another one that shares nothing with it.

`os.fork` gives a copy of the whole memory in some milliseconds, whatever its size; the copy writes its state to a file,
and ends. Then a second copy tells the digest of the state behind a later frame, and a process of its own checks the
file against it (`pipeline.node.proof`). Both take as long as they take; ingestion goes on.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from pipeline.closing import Closing
from pipeline.journal import RealDisk
from pipeline.node.layout import Places
from pipeline.node.proof import Told, told_of
from pipeline.node.snapshots import Snapshots
from pipeline.node.state import State

__all__ = ["SnapshotFailed", "Snapshotting"]

NICE: Final = 10
PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


class SnapshotFailed(Exception):
    """A snapshot that could not be written, or was found wrong: what is on the disk stays as it is."""


class Snapshotting(Closing):
    """One snapshot after the other; a context manager that ends what it has started.

    Attributes:
        pause_s: the longest that a fork took, by the clock handed in.
    """

    def __init__(self, places: Places, monotonic_s: Callable[[], float]) -> None:
        self.pause_s = 0.0
        self.snapshots = Snapshots(RealDisk(places.snapshots))
        self._places = places
        self._monotonic_s = monotonic_s
        self._number: int | None = None
        self._copy: _Copy | None = None
        self._told: Told | None = None
        self._proof: subprocess.Popen[bytes] | None = None

    @property
    def idle(self) -> bool:
        """Whether none is under way."""
        return self._number is None

    def begin(self, state: State) -> None:
        """Begin one of the state as it is, between two groups; raises `SnapshotError` where there is no room for it."""
        assert self.idle
        self.snapshots.check_room()
        self._number = state.mark.number
        self._copy = self._fork(lambda: str(self.snapshots.write(state)))

    def look(self, state: State) -> int | None:
        """Go on, if what is under way has ended; the number of a snapshot that counts now, once.

        Raises `SnapshotFailed`; then the next one may begin.
        """
        if self._number is None:
            return None
        try:
            return self._step(self._number, state)
        except (SnapshotFailed, OSError) as error:
            self._clear()
            raise SnapshotFailed(str(error)) from None

    def close(self) -> None:
        """End what is under way; its file does not count."""
        if self._copy is not None:
            self._copy.kill()
        if self._proof is not None:
            self._proof.kill()
            self._proof.wait()
        self._clear()

    def _step(self, number: int, state: State) -> int | None:
        if self._copy is not None:
            result = self._copy.result()
            if result is None:
                return None
            self._copy = None
            if self._told is None and result == str(number):
                self._told = Told(state.mark.number, "")
                self._copy = self._fork(lambda: told_of(state).digest)
            else:
                assert self._told is not None
                self._proof = self._prove(number, self._told._replace(digest=result))
            return None
        assert self._proof is not None
        status = self._proof.poll()
        if status is None:
            return None
        if status != 0:
            self.snapshots.fail(number)
            where = self.snapshots.disk.where
            raise SnapshotFailed(
                f"snapshot {number} in {where} failed its check (exit status {status}): it does not count, and stays "
                "there for a person to look at"
            )
        self.snapshots.count(number)
        self._clear()
        return number

    def _clear(self) -> None:
        self._number = self._copy = self._told = self._proof = None

    def _fork(self, work: Callable[[], str]) -> _Copy:
        before_s = self._monotonic_s()
        copy = _Copy(work)
        self.pause_s = max(self.pause_s, self._monotonic_s() - before_s)
        return copy

    def _prove(self, number: int, told: Told) -> subprocess.Popen[bytes]:
        arguments = [self._places.data, self._places.shard, number, told.frame, told.digest]
        return subprocess.Popen(
            [sys.executable, "-m", "pipeline.node.proving", *map(str, arguments)], stdin=subprocess.DEVNULL
        )


class _Copy:
    """A copy of this process that does one thing, says what came of it, and ends."""

    def __init__(self, work: Callable[[], str]) -> None:
        self._said, says = os.pipe()
        with warnings.catch_warnings():
            # The other threads hold no lock that this one's work could need: it computes, and writes to a file.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._pid = os.fork()
        if self._pid == 0:
            _work(work, says)
        os.close(says)
        os.set_blocking(self._said, False)
        self._text = b""

    def result(self) -> str | None:
        """What it said, None while it is at work; raises `SnapshotFailed` if it failed."""
        with suppress(BlockingIOError):
            while part := os.read(self._said, 4096):
                self._text += part
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if pid == 0:
            return None
        os.close(self._said)
        text = self._text.decode(errors="replace")
        if status != 0:
            raise SnapshotFailed(f"a snapshot could not be written: {text or f'status {status}'}")
        return text

    def kill(self) -> None:
        """End it."""
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._said)


def _work(work: Callable[[], str], says: int) -> None:
    """In the copy: everything but the way to say something is closed first, the journal's lock above all."""
    status = 1
    try:
        if _LIBC is not None:
            _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.closerange(3, says)
        os.closerange(says + 1, os.sysconf("SC_OPEN_MAX"))
        os.nice(NICE)
        text = work()
        status = 0
    except BaseException as error:  # whatever it is, this process must not go on as the writer
        text = f"{type(error).__name__}: {error}"
    with suppress(OSError):
        os.write(says, text.encode()[:4000])
    os._exit(status)
