"""Signed commands as bodies of COMMAND messages, in the form that a head-end takes.

``arrow``: one Arrow batch of restores, then trips (`pipeline.wire.commands`). ``cim``: one IEC 61968-9
`EndDeviceControls` in JSON a command, so one message each (`pipeline.wire.cim`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.node.config import HeadEndConfig
from pipeline.wire.cim import end_device_controls
from pipeline.wire.commands import Command, Signer, commands_body

__all__ = ["Body", "body_of", "rows_max"]

ARROW_ROWS_MAX = 128
"""Of one message: signing so many takes some milliseconds, in which the writer waits."""


class Body(NamedTuple):
    """The body of a COMMAND message, and how many commands are in it."""

    rows: int
    data: bytes


def rows_max(config: HeadEndConfig) -> int:
    """How many commands one message to a head-end may hold."""
    return ARROW_ROWS_MAX if config.form == "arrow" else 1


def body_of(commands: Sequence[Command], config: HeadEndConfig, signer: Signer) -> Body:
    """Sign commands, at least one and at most `rows_max`, and write them down."""
    signed = [signer.sign(command) for command in commands]
    if config.form == "arrow":
        return Body(len(signed), commands_body(signed))
    (only,) = signed
    return Body(1, end_device_controls(only, config.codes))
