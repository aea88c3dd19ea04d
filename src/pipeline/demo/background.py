"""A second thread for what takes time and hurries nobody: files are written while the county goes on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

WAITING_MAX: Final = 128


class Background:
    """A context manager that does what it is given, one thing after the other, in a thread of its own.

    Whoever gives it more than it can do waits, so that memory stays bounded. A failure stops the work: what
    is given later is left undone, and leaving the context raises it. Leaving by an exception leaves the rest
    undone.
    """

    def __init__(self) -> None:
        self._waiting: queue.Queue[Callable[[], object] | None] = queue.Queue(WAITING_MAX)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="demo-background", daemon=True)

    def do(self, work: Callable[[], object]) -> None:
        """Have ``work`` done after all that was given before."""
        self._waiting.put(work)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait until all is done, or left undone."""
        if error is not None:
            self._failure = error
        self._waiting.put(None)
        self._thread.join()
        if error is None and self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        while (work := self._waiting.get()) is not None:
            if self._failure is not None:
                continue
            try:
                work()
            except BaseException as failure:  # raised again in the thread that waits
                self._failure = failure
