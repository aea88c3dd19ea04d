"""A second thread for what takes time and hurries nobody: files are written while the county goes on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable


class Background:
    """Does what it is given, one thing after the other, until :meth:`finish`.

    A failure stops the work; what is given later is left undone, and :meth:`finish` raises it.
    """

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Callable[[], object] | None] = queue.SimpleQueue()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="demo-background", daemon=True)
        self._thread.start()

    def do(self, work: Callable[[], object]) -> None:
        """Have ``work`` done after all that was given before."""
        self._waiting.put(work)

    def finish(self) -> None:
        """Wait until all is done; raises the failure that kept it from being done."""
        self._waiting.put(None)
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        while (work := self._waiting.get()) is not None:
            if self._failure is not None:
                continue
            try:
                work()
            except BaseException as failure:  # raised again by finish(), in the thread that waits
                self._failure = failure
