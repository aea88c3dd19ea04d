"""Which messages there are, who may send which, and how large they may be.

The numbers go over the wire, and keep their meaning for ever.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final

from fastcore.schemas import KINDS

__all__ = [
    "ARROW_BYTES_MAX",
    "BATCHES",
    "BODY_BYTES_MAX",
    "CONFIG_BYTES_MAX",
    "MAY_SEND",
    "ROWS_MAX",
    "Kind",
    "Role",
    "engine_kind",
]

ROWS_MAX: Final = 65_536
"""Rows of one batch."""
ARROW_BYTES_MAX: Final = 16 << 20
"""Bytes of one Arrow body."""
CONFIG_BYTES_MAX: Final = 4 << 20
"""Bytes of a configuration's text."""
BODY_BYTES_MAX: Final = ARROW_BYTES_MAX
"""Bytes of any body: no frame is larger."""


class Kind(IntEnum):
    """What a message is."""

    __hash__ = int.__hash__  # an enum's own is written in Python, and each message asks several times

    # What anybody sends.
    HELLO = 1
    PING = 2
    READY = 3
    SUBSCRIBE = 4
    # Batches: numbered, kept in an outbox, acknowledged.
    CONFIG = 16
    ACCOUNTS = 17
    METERS = 18
    DISTRICTS = 19
    READS = 20
    PAYMENTS = 21
    ACKS = 22
    UPDATES = 23
    TICK = 24
    # What a node answers.
    WELCOME = 32
    FENCED = 33
    ACK = 34
    NACK = 35
    CONFLICT = 36
    REJECTED = 37
    CREDIT = 38
    PONG = 39
    COMMAND = 40
    OUTPUT = 41


class Role(StrEnum):
    """What a key is for: one key, one role."""

    __hash__ = str.__hash__

    READS = "reads"
    PAYMENTS = "payments"
    REGISTRY = "registry"
    HEADEND = "headend"
    OPERATOR = "operator"
    SUBSCRIBER = "subscriber"


BATCHES: Final = frozenset(kind for kind in Kind if Kind.CONFIG <= kind <= Kind.TICK)
"""The kinds that carry a batch for the engine."""

_ALL: Final = frozenset({Kind.HELLO, Kind.PING})

MAY_SEND: Final[dict[Role, frozenset[Kind]]] = {
    Role.READS: _ALL | {Kind.READS},
    Role.PAYMENTS: _ALL | {Kind.PAYMENTS},
    Role.REGISTRY: _ALL | {Kind.ACCOUNTS, Kind.METERS, Kind.DISTRICTS},
    Role.HEADEND: _ALL | {Kind.READY, Kind.ACKS},
    Role.OPERATOR: _ALL | {Kind.UPDATES, Kind.CONFIG, Kind.TICK},
    Role.SUBSCRIBER: _ALL | {Kind.SUBSCRIBE},
}
"""All that is ever accepted from a key of each role: nothing in it is a command to a meter."""


def engine_kind(kind: Kind) -> str:
    """The engine's name for a kind of batch: ``READS`` is ``"reads"``."""
    return KINDS[kind - Kind.CONFIG]
