"""What a client is told of, and how patient it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["BatchRefused", "Event", "LostAtNode", "Patience", "Progress", "RefusedUnseen"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what, in seconds.

    `hello_s` between two HELLOs; `silence_s` before asking whether the node is still there, and again before giving the
    session up; `progress_s` for an acknowledgement of what was sent.
    """

    hello_s: float = 2.0
    silence_s: float = 5.0
    progress_s: float = 15.0


class Progress(NamedTuple):
    """Something was acknowledged, or covered."""

    acked: int
    covered: int
    newest: int


class BatchRefused(NamedTuple):
    """A batch was refused for good: its number is used up, and it must be mended and sent anew."""

    seq: int
    reason: int
    text: str


class RefusedUnseen(NamedTuple):
    """So many batches were refused for good while nobody listened: the node's dead letters tell which."""

    batches: int


class LostAtNode(NamedTuple):
    """The node knows less than it had acknowledged; what it lacks, from this number on, is sent again."""

    from_seq: int


Event = Progress | BatchRefused | RefusedUnseen | LostAtNode
