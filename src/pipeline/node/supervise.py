"""Who watches the processes of a node: engines, without which there is none, and workers, which are started again.

It decides, and starts and ends through what it is handed; no process, signal or clock of its own. When an engine ends,
all end: what it had not acknowledged, producers still have, and what is wrong with a disk is not mended by another
try. When a worker ends, the others go on; it is started again, the later the more often that happens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from pipeline.logs import ERROR, WARNING, Message

__all__ = ["Child", "Part", "Supervisor"]

AGAIN_S: Final = 0.5
"""Before a worker that ended is started again; twice as long after each further time."""
AGAIN_S_MAX: Final = 30.0
LIVED_S: Final = 60.0
"""A worker that lived so long ended for the first time again."""
WORKER_ENDS_S: Final = 5.0
ENGINE_ENDS_S: Final = 60.0
"""So long may a part take to end when it is told to; then it is killed, and loses nothing that was acknowledged."""


@dataclass(frozen=True, slots=True)
class Part:
    """A process of the node; without a vital one there is no node."""

    name: str
    vital: bool


class Child(Protocol):
    """A process that was started."""

    def ended(self) -> str | None:
        """How it ended, in words; None while it runs."""

    def terminate(self) -> None:
        """Tell it to end."""

    def kill(self) -> None:
        """End it."""


@dataclass(slots=True)
class _Watched:
    part: Part
    child: Child | None = None
    started_s: float = 0.0
    again_s: float = AGAIN_S
    due_s: float = 0.0
    told: bool = False
    kill_s: float = 0.0


class Supervisor:
    """Keeps the parts of a node running.

    `start` starts the process of a part; `say` is told what a person should know.

    Attributes:
        failure: why the node ends by itself; None while it runs, or ends because it was told to.
        restarts: how often each part that may end was started again.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        start: Callable[[Part], Child],
        say: Callable[[str], None],
    ) -> None:
        self.failure: str | None = None
        self.restarts = {part.name: 0 for part in parts if not part.vital}
        self._watched = [_Watched(part) for part in parts]
        self._start = start
        self._say = say
        self._stopping = False

    @property
    def done(self) -> bool:
        """Whether the node is ending, and all its processes have."""
        return self._stopping and all(watched.child is None for watched in self._watched)

    def stop(self) -> None:
        """End: the workers, so that nobody is let in any more, then the engines."""
        self._stopping = True

    def look(self, now_s: float) -> None:
        """See who has ended, and start or end what has to be; to be called again and again."""
        for watched in self._watched:
            self._reap(watched, now_s)
        if self._stopping:
            self._end(now_s)
            return
        for watched in self._watched:
            if watched.child is None and now_s >= watched.due_s:
                if watched.due_s:
                    self.restarts[watched.part.name] += 1
                watched.child = self._start(watched.part)
                watched.started_s = now_s

    def _reap(self, watched: _Watched, now_s: float) -> None:
        how = watched.child.ended() if watched.child is not None else None
        if how is None:
            return
        name = watched.part.name
        watched.child = None
        if self._stopping:
            return
        if watched.part.vital:
            self.failure = f"{name} has ended: {how}; so the node does"
            self._say(Message(self.failure, ERROR, process=name))
            self.stop()
            return
        if now_s - watched.started_s >= LIVED_S:
            watched.again_s = AGAIN_S
        text = f"{name} has ended: {how}; it is started again in {watched.again_s:g} s"
        self._say(Message(text, WARNING, process=name, seconds=watched.again_s))
        watched.due_s = now_s + watched.again_s
        watched.again_s = min(2 * watched.again_s, AGAIN_S_MAX)

    def _end(self, now_s: float) -> None:
        """Tell those to end whose turn it is, and kill who does not."""
        workers = any(each.child is not None and not each.part.vital for each in self._watched)
        for watched in self._watched:
            if watched.child is None or (watched.part.vital and workers):
                continue
            if not watched.told:
                watched.told = True
                watched.kill_s = now_s + (ENGINE_ENDS_S if watched.part.vital else WORKER_ENDS_S)
                watched.child.terminate()
            elif now_s >= watched.kill_s:
                name = watched.part.name
                self._say(Message(f"{name} does not end; it is killed", WARNING, process=name))
                watched.kill_s = float("inf")
                watched.child.kill()
