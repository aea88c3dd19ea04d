"""A worker: between producers and shards, without a socket or a clock of its own.

::

    while (received := post.receive()) is not None:
        worker.on_producer(received, now_s)
    for shard, link in enumerate(links):
        while (frames := link.receive()) is not None:
            worker.on_shard(shard, frames, now_s)
    worker.on_time(now_s)                       # last, each round: sends what is owed
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from pipeline.clock import Clock
from pipeline.keys import PublicKey
from pipeline.links import Link, Post, Received
from pipeline.node.internal import Join, Lane, unpack_from_shard
from pipeline.node.layout import Layout
from pipeline.wire import Buffer
from pipeline.worker.forward import Forward
from pipeline.worker.letters import DeadLetters
from pipeline.worker.outbound import Outbound
from pipeline.worker.peers import Peers
from pipeline.worker.reception import Reception
from pipeline.worker.returns import Returns
from pipeline.worker.split import Split

__all__ = ["BUDGETS", "Worker"]

BUDGETS: Final = {Lane.OPERATOR: 32 << 20, Lane.URGENT: 64 << 20, Lane.BULK: 256 << 20}
"""Bytes that producers may have under way, by lane."""
JOIN_S: Final = 1.0
"""So long has a shard to answer, before it is asked again."""
TURN_S: Final = 0.05
"""Between two looks at who waits for credit, for a queue, or has fallen silent."""


class Worker:
    """One worker.

    Attributes:
        counts: what happened, by name: messages refused by reason, sessions ended, answers lost.
        peers: the producers that it serves.
    """

    def __init__(
        self,
        name: str,
        post: Post,
        links: Sequence[Link],
        keys: Mapping[bytes, PublicKey],
        letters: DeadLetters,
        clock: Clock,
        layout: Layout,
        budgets: Mapping[Lane, int] = BUDGETS,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._shards = [Outbound(link) for link in links]
        self.peers = self._peers = Peers(post, self._shards, budgets, keys, self.counts)
        split = Split(layout)
        self._forward = Forward(self._shards, split)
        self._reception = Reception(self._peers, self._shards, self._forward, letters, clock)
        self._returns = Returns(self._peers, self._shards, dict(budgets), split)
        self._turn_due_s = float("-inf")
        self._join = Join(name, directory=len(self._shards) > 1)
        self._join_due_s: float | None = None
        for shard in self._shards:
            shard.say(self._join)

    @property
    def ready(self) -> bool:
        """Whether all shards have answered: before that, nobody should be let in."""
        return not self._returns.missing

    @property
    def sessions(self) -> int:
        """How many sessions are open."""
        return len(self._peers.sessions)

    def on_producer(self, received: Received, now_s: float) -> None:
        """Take a message of a producer."""
        self._reception.take(received, now_s)

    def on_shard(self, shard: int, frames: Sequence[Buffer], now_s: float) -> None:
        """Take a message of a shard; raises `LinkError` and `WorkerError`, after which nothing but an end helps."""
        message, bodies = unpack_from_shard(frames)
        self._returns.take(shard, message, bodies, now_s)

    def allowed(self, keys: Mapping[bytes, PublicKey]) -> None:
        """Who may connect now; the sessions of others end."""
        self._peers.allowed(keys)

    def on_time(self, now_s: float) -> None:
        """Send what is due, and what is owed."""
        due_s = self._forward.due_s()
        if due_s is not None and now_s >= due_s:
            self._forward.flush()
        if now_s >= self._turn_due_s:
            self._turn_due_s = now_s + TURN_S
            self._join_again(now_s)
            for shard in self._shards:
                shard.push()
            for credit in self._peers.credit.values():
                credit.turn(now_s)
            self._peers.retry(now_s)
            self._peers.silent(now_s)
        self._peers.flush()

    def _join_again(self, now_s: float) -> None:
        """Say it again to shards that have not answered: they may have ended before they could."""
        missing = self._returns.missing
        if missing and self._join_due_s is not None and now_s >= self._join_due_s:
            for shard in missing:
                shard.say(self._join)
            self._join_due_s = None
        if missing and self._join_due_s is None:
            self._join_due_s = now_s + JOIN_S

    def wake_after_s(self, now_s: float) -> float:
        """Seconds until `on_time` should be called although nothing has come."""
        due_s = self._forward.due_s()
        until_s = self._turn_due_s if due_s is None else min(due_s, self._turn_due_s)
        return max(0.0, until_s - now_s)
