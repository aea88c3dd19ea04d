"""Why a message is refused: reasons in the order in which they are looked for, and whether trying again helps."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

__all__ = ["FINAL", "Reason", "Refused"]


class Reason(IntEnum):
    """Why a message is refused. The numbers go over the wire, and keep their meaning for ever."""

    # The message is none: nothing in it can be believed.
    FRAMES = 1
    HEADER_LENGTH = 2
    MAGIC = 3
    VERSION = 4
    HEADER_CHECKSUM = 5
    RESERVED = 6
    BODY_LENGTH = 7
    # Who sends it may not, or not now.
    KIND = 10
    ROLE = 11
    PRODUCER = 12
    EPOCH = 13
    SESSION = 14
    SEQ = 15
    CREDIT = 16
    DIGEST = 17
    CONFLICT = 18
    FROZEN = 19
    NOT_NOW = 20
    # The body cannot be what its sender says: it never will be, so its number is used up.
    CONTENT = 32
    SCHEMA = 33
    STREAM = 34
    COMPRESSED = 35
    ROWS = 36
    END_OF_STREAM = 37
    INVALID = 38
    NULLS = 39
    MALFORMED = 40
    # What a subscriber asked for is not there.
    OUTPUT = 48
    CURSOR = 49


FINAL: Final = frozenset(reason for reason in Reason if Reason.CONTENT <= reason <= Reason.MALFORMED)
"""Reasons for which a numbered batch is done with: sent again, it would only be refused again."""


class Refused(Exception):
    """A message that is refused: the reason, and in words what was wrong and what would be right."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(f"{reason.name.lower()}: {text}")
        self.reason = reason
        self.text = text

    @property
    def final(self) -> bool:
        """Whether the batch's number is used up: see `FINAL`."""
        return self.reason in FINAL
