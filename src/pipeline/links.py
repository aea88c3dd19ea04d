"""What moves messages between two ends, as those see it who decide: a socket, or a test's own network."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final, NamedTuple, Protocol

from pipeline.wire import Buffer

__all__ = ["FRAMES_MAX", "Link", "Post", "Received", "Sent"]

FRAMES_MAX: Final = 4
"""Frames of one message that are kept: one that has more is refused, whatever they hold."""


class Sent(Enum):
    """What became of a message to a peer."""

    SENT = "sent"
    FULL = "full"
    """Its queue is full: it reads too slowly. Nothing was sent."""
    GONE = "gone"
    """There is no such connection any more."""


class Received(NamedTuple):
    """A message to a server.

    `route` is where an answer goes, and proves nothing. `user` is the public key of the connection, in hexadecimal, as
    the authenticator said; empty for a local peer. Of more than `FRAMES_MAX` frames, so many are here.
    """

    route: bytes
    user: str
    frames: list[Buffer]


class Post(Protocol):
    """What serves producers: a `Server`, or a test's own."""

    def receive(self) -> Received | None:
        """The next message, None if there is none."""

    def send(self, route: bytes, frames: Sequence[Buffer]) -> Sent:
        """Send a message, all of it or nothing."""


class Link(Protocol):
    """What a producer talks through: a `Client`, or a test's own."""

    def receive(self) -> list[Buffer] | None:
        """The next message, None if there is none."""

    def send(self, frames: Sequence[Buffer]) -> bool:
        """Send a message, all of it or nothing: False if there is no connection, or its queue is full."""

    def wait(self, timeout_s: float) -> bool:
        """Wait until there is a message, at most so long; whether there is one."""

    def close(self) -> None:
        """Close; closing twice does nothing."""
