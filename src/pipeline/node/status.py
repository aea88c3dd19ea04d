"""The status of a shard, as a file: ``DATA/run/shard-N.json``, written by its engine once a second, read by `feikong`.

It is not synced: it says how things stand, and nothing depends on it.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from pipeline.journal import RealDisk
from pipeline.journal.disk import ASIDE
from pipeline.node.layout import Places, read_layout
from pipeline.node.timing import Durations

__all__ = [
    "OLD_S",
    "NodeStatus",
    "Status",
    "StatusFile",
    "Subscriber",
    "node_status_path",
    "read_file",
    "read_node_status",
    "read_status",
]

S = TypeVar("S", bound=msgspec.Struct)

OLD_S: Final = 10
"""A status that is older tells of an engine that does not run."""


class Subscriber(msgspec.Struct, frozen=True):
    """One that follows an output: its name, the output, batches that it was not sent yet, bytes that are under way."""

    name: str
    output: str
    behind: int
    flying_bytes: int


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How a shard stands.

    Attributes:
        at_s: when it was written, by the engine's clock.
        engine_s: the engine's time, None before the first batch.
        frame: the last frame of the journal that is applied.
        sequence: batches that the engine has taken.
        snapshot: the frame of the newest verified one, None without.
        snapshot_pause_s: the longest that ingestion stood still for one, since the start.
        producers: that ever said HELLO.
        frozen: those of whom two different batches had one number.
        refused_batches: that the engine refused whole, since the start.
        trips_held: whether trips wait since the start.
        held_for: payments keys that they wait for.
        trips_suspended: by an operator, an alarm, or the node itself.
        commands: the gateway's figures.
        alarms: what is wrong, by what it concerns.
        incarnation: counts the starts of its journal.
        figures: counters of the engine, by what they count: see `fastcore.Engine.stats`.
        durations: how long things took since the start, by name: see `pipeline.node.timing.Timings`.
        journal_room_bytes: what frames can take without a new file.
        subscribers: those that follow its feed.
    """

    at_s: int
    engine_s: int | None
    frame: int
    sequence: int
    snapshot: int | None
    snapshot_pause_s: float
    producers: int
    frozen: list[str]
    refused_batches: int
    trips_held: bool
    held_for: list[str]
    trips_suspended: bool
    commands: dict[str, Any]
    alarms: dict[str, str]
    incarnation: int = 0
    figures: dict[str, dict[str, int]] = {}
    durations: dict[str, Durations] = {}
    journal_room_bytes: int = 0
    subscribers: tuple[Subscriber, ...] = ()


class NodeStatus(msgspec.Struct, frozen=True):
    """What supervises a node's processes says.

    Attributes:
        at_s, began_s: when it was written, and when the node was started.
        restarts: how often each part that may end was started again, by name.
    """

    at_s: int
    began_s: int
    restarts: dict[str, int]


class StatusFile:
    """The file of a status, of one shard's or of another process."""

    def __init__(self, path: Path) -> None:
        self._disk = RealDisk(path.parent)
        self._name = path.name

    def write(self, status: msgspec.Struct) -> None:
        """Put a status in the place of the one before; a disk that is full keeps the old one."""
        aside = self._name + ASIDE
        with suppress(OSError):
            if aside in self._disk.names():
                self._disk.remove(aside)
            file = self._disk.create(aside)
            try:
                file.write(0, [msgspec.json.encode(status)])
            finally:
                file.close()
            self._disk.replace(aside, self._name)


def read_status(data: Path) -> dict[int, Status | None]:
    """What the engines of a data directory last said, by shard; None of one that never ran, or of another version.

    Raises `LayoutError` for a folder that is no node's.
    """
    shards = read_layout(RealDisk(data)).shards
    return {
        shard: read_file(Places(data, shard).link.with_suffix(".json"), Status) for shard in range(shards)
    }


def node_status_path(data: Path) -> Path:
    """Where what supervises a node's processes says how they stand."""
    return data / "run" / "node.json"


def read_node_status(data: Path) -> NodeStatus | None:
    """What it last said; None where parts are started by somebody else."""
    return read_file(node_status_path(data), NodeStatus)


def read_file(path: Path, kind: type[S]) -> S | None:
    """The status in a file; None where there is none, or one of another version."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
