"""Answers on their way to workers: nothing is lost because one reads slowly, and nobody waits for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from pipeline.links import Post, Sent
from pipeline.node.intake import Answer
from pipeline.node.internal import Commands, pack

__all__ = ["Postbox"]

WAITING_MAX: Final = 65_536
"""Answers that wait for one worker; one that leaves more lie does not live any more."""


class Postbox:
    """Sends answers, each worker's in order; keeps what a full queue does not take."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._waiting: dict[bytes, deque[Answer]] = {}

    @property
    def waiting(self) -> bool:
        """Whether an answer waits."""
        return bool(self._waiting)

    def send(self, answers: Iterable[Answer]) -> set[bytes]:
        """Send answers; returns the workers that are gone."""
        gone = set()
        for answer in answers:
            queue = self._waiting.get(answer.route)
            if queue is None:
                sent = self._send(answer)
                if sent is Sent.FULL:
                    self._waiting[answer.route] = deque([answer])
                elif sent is Sent.GONE:
                    gone.add(answer.route)
            elif len(queue) < WAITING_MAX:
                queue.append(answer)
            else:
                gone.add(answer.route)
        return self._forget(gone)

    def offer(self, answer: Answer) -> Sent:
        """Send an answer now or never: a command that waits here would leave when nobody looks at it any more."""
        if answer.route in self._waiting:
            return Sent.FULL
        return self._send(answer)

    def again(self) -> set[bytes]:
        """Try what waits; returns the workers that are gone."""
        gone = set()
        for route, queue in list(self._waiting.items()):
            while queue:
                sent = self._send(queue[0])
                if sent is Sent.FULL:
                    break
                if sent is Sent.GONE:
                    gone.add(route)
                    break
                queue.popleft()
            if not queue:
                del self._waiting[route]
        return self._forget(gone)

    def _send(self, answer: Answer) -> Sent:
        bodies = [answer.body] if len(answer.body) or isinstance(answer.message, Commands) else []
        return self._post.send(answer.route, pack(answer.message, *bodies))

    def _forget(self, gone: set[bytes]) -> set[bytes]:
        for route in gone:
            self._waiting.pop(route, None)
        return gone
