"""What every client is made of: keys and an outbox from files, a link, a clock, and the conversation they serve."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pipeline.client.conversation import Conversation
from pipeline.client.errors import NotAccepted
from pipeline.client.events import Event
from pipeline.client.outbox import Body, Outbox
from pipeline.clock import Clock
from pipeline.closing import Closing
from pipeline.journal import RealDisk
from pipeline.keys import NODE, KeyPair, PublicKey
from pipeline.links import Link
from pipeline.transport import Sockets
from pipeline.wire import MAY_SEND, Role

__all__ = ["Files", "Station"]

RECEIVED_AT_ONCE: Final = 256
RETRY_S: Final = 0.02
"""Between two looks whether a connection is there, or its queue has room again."""


class Files:
    """What a client needs of the disk: its key pair, the node's public key, its outbox, and a way to the node."""

    def __init__(
        self, endpoint: str, key: str | Path | KeyPair, node: str | Path | PublicKey, outbox: str | Path
    ) -> None:
        self.pair = key if isinstance(key, KeyPair) else KeyPair.load(key)
        self.node = node if isinstance(node, PublicKey) else PublicKey.load(node)
        if self.pair.public.role == NODE or self.node.role != NODE:
            raise NotAccepted(
                f"the keys have the roles {self.pair.public.role} and {self.node.role}; expected a client's, and the "
                f"public one of a {NODE}"
            )
        self.role = Role(self.pair.public.role)
        self.folder = Path(outbox)
        self.outbox = Outbox(
            RealDisk(self.folder),
            self.pair.public.curve,
            new_id=os.urandom(16),
            keep_covered=self.role is Role.PAYMENTS,
        )
        try:
            self.sockets = Sockets()
            self.link: Link = self.sockets.connect(endpoint, self.pair, self.node.curve)
        except BaseException:
            self.outbox.close()
            raise

    def close(self) -> None:
        """Close all; what is in the outbox stays there."""
        self.sockets.close()
        self.outbox.close()


class Station(Closing):
    """Moves messages between a conversation and a link; a context manager, for one thread."""

    def __init__(
        self,
        files: Files,
        conversation: Conversation,
        clock: Clock,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self._files = files
        self._conversation = conversation
        self._clock = clock
        self._on_event = on_event
        self._blocked = False

    @property
    def waiting(self) -> int:
        """How many batches are not known to be acknowledged."""
        return self._files.outbox.newest - self._files.outbox.acked

    @property
    def newest(self) -> int:
        """The highest number that a batch was given; 0 for none."""
        return self._files.outbox.newest

    def poll(self, timeout_s: float = 0.0) -> bool:
        """Exchange messages, and wait at most so long until there are some; whether there were.

        Raises `ClientError` where only a person can help.
        """
        deadline_s = self._clock.monotonic_s() + timeout_s
        while not (moved := self._exchange()):
            now_s = self._clock.monotonic_s()
            if now_s >= deadline_s:
                break
            pause_s = min(deadline_s - now_s, max(self._conversation.wake_after_s(now_s), 0.001))
            self._files.link.wait(min(pause_s, RETRY_S) if self._blocked else pause_s)
        return moved

    def flush(self, timeout_s: float) -> bool:
        """Wait, at most so long, until all that was given is acknowledged; whether it is."""
        deadline_s = self._clock.monotonic_s() + timeout_s
        while not self._conversation.settled:
            rest_s = deadline_s - self._clock.monotonic_s()
            if not self.poll(max(rest_s, 0.0)) and rest_s <= 0:
                return False
        self._files.outbox.note()
        return True

    def close(self) -> None:
        """Close; what is not acknowledged stays in the outbox, for the next time."""
        self._files.close()

    def _keep(self, *bodies: Body) -> int:
        """Give batches numbers, once it is known that this key may send them; returns the last."""
        for kind, _, _ in bodies:
            if kind not in MAY_SEND[self._files.role]:
                raise NotAccepted(f"a key of the role {self._files.role} may not send {kind.name}")
        return self._files.outbox.add(*bodies)[-1].seq

    def _exchange(self) -> bool:
        link, conversation = self._files.link, self._conversation
        moved = False
        for _ in range(RECEIVED_AT_ONCE):
            frames = link.receive()
            if frames is None:
                break
            moved = True
            for event in conversation.on_message(frames, self._clock.monotonic_s()):
                if self._on_event is not None:
                    self._on_event(event)
        now_s = self._clock.monotonic_s()
        self._blocked = False
        while (message := conversation.next_message(now_s)) is not None:
            if not link.send(message):
                self._blocked = True
                break
            conversation.sent(now_s)
            moved = True
        return moved
