"""What a head-end checks before it executes a command.

A command is executed if a node that is trusted signed it, it has not expired, and no higher id has been seen for its
meter: so a trip that was delayed on the way, however long, cannot follow the restore that came after it. What was seen
is on the disk before anything is executed, and outlives the process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from enum import Enum
from pathlib import Path
from typing import NamedTuple, Protocol

import pyarrow as pa

from pipeline.wire.commands import Command, commands_of

__all__ = ["CommandGate", "Ignored", "Judged", "Seen", "SeenFile", "Why"]


class Why(Enum):
    """Why a command is not executed."""

    SIGNATURE = "signature"
    """No node that is trusted signed this."""
    EXPIRED = "expired"
    OVERTAKEN = "overtaken"
    """A command with a higher id has been seen for this meter."""


class Ignored(NamedTuple):
    """A command that is not executed; one with a bad signature deserves a look."""

    command: Command
    why: Why


class Judged(NamedTuple):
    """Commands to execute, in their order, and those that are not."""

    valid: list[Command]
    ignored: list[Ignored]


class Seen(Protocol):
    """The newest command of each meter."""

    def newest(self, meter: int | str) -> int:
        """The highest id seen for a meter, 0 for none."""

    def note(self, ids: Mapping[int | str, int]) -> None:
        """Remember ids by meter; they survive a crash once this returns."""


class SeenFile:
    """`Seen` in a file, made if it is not there: SQLite, since it grows with the meters and not with time."""

    def __init__(self, path: str | Path) -> None:
        self._base = sqlite3.connect(path, isolation_level=None)
        self._base.execute("PRAGMA synchronous = FULL")
        self._base.execute(
            "CREATE TABLE IF NOT EXISTS seen (meter BLOB PRIMARY KEY, command_id BLOB NOT NULL) WITHOUT ROWID"
        )

    def newest(self, meter: int | str) -> int:
        """The highest id seen for a meter, 0 for none."""
        row = self._base.execute("SELECT command_id FROM seen WHERE meter = ?", (_meter(meter),)).fetchone()
        return int.from_bytes(row[0], "big") if row else 0

    def note(self, ids: Mapping[int | str, int]) -> None:
        """Remember ids by meter, in one transaction."""
        with self._base:
            self._base.execute("BEGIN")
            self._base.executemany(
                "INSERT OR REPLACE INTO seen VALUES (?, ?)",
                [(_meter(meter), command_id.to_bytes(8, "big")) for meter, command_id in ids.items()],
            )

    def close(self) -> None:
        """Close the file."""
        self._base.close()


class CommandGate:
    """Judges commands; `trusted` are the public Ed25519 keys of nodes."""

    def __init__(self, trusted: Collection[bytes], seen: Seen) -> None:
        self._trusted = frozenset(trusted)
        self._seen = seen

    def judge(self, batch: pa.RecordBatch, now_s: int) -> Judged:
        """Judge the commands of a COMMAND message at an instant."""
        valid: list[Command] = []
        ignored: list[Ignored] = []
        newest: dict[int | str, int] = {}
        for signed in commands_of(batch):
            command = signed.command
            if not signed.verify(self._trusted):
                ignored.append(Ignored(command, Why.SIGNATURE))
                continue
            meter = command.meter_id
            known = newest[meter] if meter in newest else self._seen.newest(meter)
            if command.command_id < known:
                ignored.append(Ignored(command, Why.OVERTAKEN))
                continue
            newest[meter] = command.command_id
            if now_s > command.expires_at_s:
                ignored.append(Ignored(command, Why.EXPIRED))
            else:
                valid.append(command)
        if newest:
            self._seen.note(newest)
        return Judged(valid, ignored)


def _meter(meter: int | str) -> bytes:
    """A meter's id as a key; that of a number is never that of a text."""
    return b"n" + meter.to_bytes(8, "big") if isinstance(meter, int) else b"t" + meter.encode("utf8")
