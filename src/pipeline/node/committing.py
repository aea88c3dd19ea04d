"""The threads beside the writer: one has frames written and synced, one makes the next segment before it is needed.

The writer applies a group while the next is on its way to the disk. At most one is: so each frame proves the one
before it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread

from pipeline.clock import Clock, RealClock
from pipeline.closing import Closing
from pipeline.journal import SEGMENT_BYTES, Disk, Journal, JournalFull, Mark
from pipeline.node.gathering import Group
from pipeline.node.timing import Timings

__all__ = ["Committer", "Preparer"]


class Committer(Closing):
    """Commits one group after the other in a thread of its own; a context manager.

    `wake` is a file descriptor that becomes readable when a group is on the disk, or an error has come. How long writes
    and syncs took is counted in `timings`.
    """

    def __init__(self, journal: Journal, timings: Timings | None = None, clock: Clock | None = None) -> None:
        self._journal = journal
        self._timings = timings or Timings()
        self._clock = clock or RealClock()
        self._group: Group | None = None
        self._done: tuple[Group, Mark] | None = None
        self._error: BaseException | None = None
        self._ready = Event()
        self._ending = False
        self.wake, self._signal = os.pipe()
        os.set_blocking(self.wake, False)
        os.set_blocking(self._signal, False)
        self._thread = Thread(target=self._run, name="committer", daemon=True)
        self._thread.start()

    @property
    def idle(self) -> bool:
        """Whether a group can be handed in: nothing is under way, and what was done has been taken."""
        return self._group is None and self._done is None

    def commit(self, group: Group) -> None:
        """Have a group written and synced."""
        assert self.idle, "one group at a time"
        self._group = group
        self._ready.set()

    def taken(self) -> tuple[Group, Mark] | None:
        """The group that is on the disk now, with the mark behind it, once; None if none is.

        Raises what the journal did: then nothing more is written, and the process must end.
        """
        with suppress(BlockingIOError):
            os.read(self.wake, 64)
        if self._error is not None:
            raise self._error
        done, self._done = self._done, None
        return done

    def close(self) -> None:
        """Wait for what is under way, and end the thread; closing twice does nothing."""
        if not self._ending:
            self._ending = True
            self._ready.set()
            self._thread.join()
            os.close(self.wake)
            os.close(self._signal)

    def _run(self) -> None:
        while True:
            self._ready.wait()
            self._ready.clear()
            group = self._group
            if group is None:
                return
            try:
                self._commit(group)
                self._done = (group, self._journal.durable)
            except BaseException as error:  # the main thread raises it
                self._error = error
            self._group = None
            os.write(self._signal, b"\1")
            if self._error is not None or self._ending:
                return

    def _commit(self, group: Group) -> None:
        began_s = self._clock.monotonic_s()
        self._journal.write(
            group.buffers, now_s=group.now_s or 0, first_batch=group.first_batch, batches=group.batches
        )
        written_s = self._clock.monotonic_s()
        self._journal.sync()
        self._timings.write.add(written_s - began_s)
        self._timings.sync.add(self._clock.monotonic_s() - written_s)


class Preparer(Closing):
    """Makes the next segment of a journal, whenever there is none, in a thread of its own; a context manager.

    Where the disk has no room for one, it is left alone until it has: to try would take what little others have.

    Attributes:
        full: why there is no room for one, None while there is.
    """

    def __init__(self, journal: Journal, disk: Disk) -> None:
        self.full: str | None = None
        self._disk = disk
        self._journal = journal
        self._error: BaseException | None = None
        self._lock = Lock()
        self._ready = Event()
        self._ending = False
        self._thread = Thread(target=self._run, name="preparer", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """See whether one is missing; raises what the journal did, as `Committer.taken` does."""
        if self._error is not None:
            raise self._error
        if not self._journal.has_next:
            self._ready.set()

    def quietly(self, act: Callable[[], None]) -> None:
        """Do something while no segment is being made."""
        with self._lock:
            act()

    def close(self) -> None:
        """Wait for what is under way, and end the thread; closing twice does nothing."""
        self._ending = True
        self._ready.set()
        self._thread.join()

    def _missing(self) -> str | None:
        free = self._disk.free_bytes()
        if free >= SEGMENT_BYTES:
            return None
        return (
            f"{self._disk.where}: {free >> 20} MiB are free, and the next segment of the journal needs "
            f"{SEGMENT_BYTES >> 20}: reads wait, payments go on as long as there is room. Free some space"
        )

    def _made(self) -> str | None:
        try:
            self._journal.prepare_next()
        except JournalFull as error:
            return str(error)
        return None

    def _run(self) -> None:
        while True:
            self._ready.wait()
            self._ready.clear()
            if self._ending:
                return
            try:
                with self._lock:
                    self.full = self._missing() or self._made()
            except BaseException as error:  # the main thread raises it
                self._error = error
                return
