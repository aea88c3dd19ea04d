"""A subscriber: follows one of a node's outputs, every row once and in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal

from pipeline.client.cursors import Cursors
from pipeline.client.errors import NotAccepted
from pipeline.client.events import Event, Patience
from pipeline.client.following import FeedConversation, Rows
from pipeline.client.station import Files, Station
from pipeline.clock import Clock, RealClock
from pipeline.journal import RealDisk
from pipeline.keys import KeyPair, PublicKey
from pipeline.wire import Role
from pipeline.wire.outputs import NEWEST, OLDEST, Cursor

__all__ = ["Subscriber"]

_STARTS: Final = {"oldest": OLDEST, "newest": NEWEST}


class Subscriber(Station):
    """A subscriber; a context manager, for one thread.

    ::

        with Subscriber("tcp://node:7070", "books.key", "node.pub", "ledger", folder="books") as subscriber:
            while True:
                for batch in subscriber.batches(timeout_s=1):
                    store(batch.rows)
                    subscriber.taken(batch)

    `folder` keeps how far the output is taken; a new one begins at `start`: the oldest row that the node keeps, or the
    newest. Messages move while a method is called. Raises `ClientError`: `CursorGone` where rows would be missing.

    A program that dies between `store` and `taken` is given that batch once more. To have each row exactly once, store
    `batch.end` of the shard with the rows, in one transaction, and hand what is stored there in as `cursors`; or leave
    out rows whose `seq` and place are stored already.
    """

    def __init__(
        self,
        endpoint: str,
        key: str | Path | KeyPair,
        node: str | Path | PublicKey,
        output: str,
        folder: str | Path,
        *,
        start: Literal["oldest", "newest"] = "oldest",
        cursors: Sequence[tuple[int, int]] | None = None,
        on_event: Callable[[Event], None] | None = None,
        clock: Clock | None = None,
        patience: Patience | None = None,
    ) -> None:
        files = Files(endpoint, key, node, Path(folder) / "outbox")
        try:
            if files.role is not Role.SUBSCRIBER:
                raise NotAccepted(f"the key has the role {files.role}; expected {Role.SUBSCRIBER}")
            if start not in _STARTS:
                raise NotAccepted(f"a start of {start!r}; expected one of {', '.join(_STARTS)}")
            self._cursors = Cursors(RealDisk(Path(folder)), output)
            if cursors is not None:
                self._cursors.taken = [Cursor(*each) for each in cursors]
        except BaseException:
            files.close()
            raise
        self._following = FeedConversation(
            files.pair.public.curve, files.outbox, output, self._cursors, _STARTS[start], patience
        )
        super().__init__(files, self._following, clock or RealClock(), on_event)

    @property
    def cursors(self) -> list[Cursor]:
        """How far each shard's rows are taken; empty before the node has answered for the first time."""
        return list(self._cursors.taken)

    def batches(self, timeout_s: float = 0.0) -> list[Rows]:
        """What has come, in order; waits for some at most so long."""
        deadline_s = self._clock.monotonic_s() + timeout_s
        self.poll(0.0)
        while not self._following.batches:
            rest_s = deadline_s - self._clock.monotonic_s()
            if rest_s <= 0:
                break
            self.poll(rest_s)
        return self._following.give()

    def taken(self, batch: Rows) -> None:
        """These rows are safe, and need not come again; kept on the disk. In the order in which they were given."""
        cursor = self._cursors.taken[batch.shard]
        if batch.start != cursor:
            raise ValueError(
                f"rows of shard {batch.shard} from {batch.start} on; expected those from {cursor} on"
            )
        self._cursors.taken[batch.shard] = batch.end
        self._cursors.keep()
        self.poll()
