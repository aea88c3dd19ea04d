"""Where the parts of a node keep their things, and how its commands are numbered: a node's data directory.

::

    DATA/layout.json                    how many shards there are, and how often that was changed
    DATA/keys/allowed/                  see `pipeline.keys`
    DATA/run/                           700: sockets of this machine's processes
    DATA/run/shard-0.sock
    DATA/run/shard-0.mark               see `pipeline.node.mark`
    DATA/shard-0/journal/               see `pipeline.journal`
    DATA/shard-0/snapshots/             see `pipeline.node.snapshots`
    DATA/outputs/                       see `pipeline.outputs.places`
    DATA/NO-TRIP                        while it is there, no trip leaves

A command's id outside of a shard is ``(generation << 8 | shard) << 40 | id``, with the id that the shard's engine gave:
it rises for every meter, also when its accounts move to another shard, since the generation does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from fastcore.errors import FeikongError
from pipeline.journal import Disk, RealDisk, write_aside

__all__ = [
    "NO_TRIP",
    "SHARDS_MAX",
    "Layout",
    "LayoutError",
    "Places",
    "command_base",
    "command_of",
    "open_layout",
    "read_layout",
    "write_layout",
]

SHARDS_MAX: Final = 64
GENERATIONS_MAX: Final = 1 << 16
COMMAND_BITS: Final = 40
"""Bits of a command's id that its engine counts."""
NO_TRIP: Final = "NO-TRIP"
_FILE: Final = "layout.json"


class LayoutError(FeikongError):
    """A data directory that cannot be used as asked: what is wrong, where, what would be right."""


class Layout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a node's accounts are spread.

    Attributes:
        shards: engines, 1 to `SHARDS_MAX`.
        generation: +1 with each change of their number.
    """

    shards: int
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Places:
    """Where one shard keeps its things."""

    data: Path
    shard: int

    @property
    def journal(self) -> Path:
        """The folder of its journal."""
        return self.data / f"shard-{self.shard}" / "journal"

    @property
    def snapshots(self) -> Path:
        """The folder of its snapshots."""
        return self.data / f"shard-{self.shard}" / "snapshots"

    @property
    def link(self) -> Path:
        """The socket at which its workers find it."""
        return self.data / "run" / f"shard-{self.shard}.sock"

    @property
    def mark(self) -> Path:
        """Where it says how far its journal is applied."""
        return self.data / "run" / f"shard-{self.shard}.mark"


def command_base(layout: Layout, shard: int) -> int:
    """What is added to the ids of an engine's commands where they leave their shard."""
    return (layout.generation << 8 | shard) << COMMAND_BITS


def command_of(command_id: int) -> tuple[int, int, int]:
    """Generation, shard, and the engine's own id, of a command that came from outside."""
    origin = command_id >> COMMAND_BITS
    return origin >> 8, origin & 0xFF, command_id & ((1 << COMMAND_BITS) - 1)


def open_layout(data: str | Path, shards: int) -> Layout:
    """The layout of a data directory, made where there is none.

    Raises `LayoutError` where it has another number of shards than is asked for.
    """
    disk = RealDisk(data)
    if _FILE not in disk.names():
        write_layout(disk, Layout(shards))
    layout = read_layout(disk)
    if layout.shards != shards:
        raise LayoutError(
            f"{disk.where}: has {layout.shards} shards; the configuration says {shards}. A changed number is a replay: "
            f"stop the node, and run feikong shards {shards} --data {disk.where}"
        )
    return layout


def read_layout(disk: Disk) -> Layout:
    """The layout in a data directory; raises `LayoutError`."""
    where = f"{disk.where}/{_FILE}"
    try:
        layout = msgspec.json.decode(disk.read(_FILE), type=Layout)
    except FileNotFoundError:
        raise LayoutError(f"{where}: is not there; expected the data directory of a node") from None
    except msgspec.MsgspecError as error:
        raise LayoutError(f'{where}: {error}; expected {{"shards":1,"generation":0}}') from None
    _check(layout, where)
    return layout


def write_layout(disk: Disk, layout: Layout) -> None:
    """Write a layout, whole or not at all."""
    _check(layout, f"{disk.where}/{_FILE}")
    write_aside(disk, _FILE, [msgspec.json.encode(layout) + b"\n"]).close()


def _check(layout: Layout, where: str) -> None:
    if not (1 <= layout.shards <= SHARDS_MAX and 0 <= layout.generation < GENERATIONS_MAX):
        raise LayoutError(
            f"{where}: {layout.shards} shards, generation {layout.generation}; expected 1 to {SHARDS_MAX}, and 0 to "
            f"{GENERATIONS_MAX - 1}"
        )
