"""A node's data directory: the data set of its outputs, what is not in files yet, and its state now."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pyarrow as pa

from fastcore import Config
from fastcore.errors import FeikongError
from fastcore.schemas import OUTPUTS, STATES
from pipeline.journal import Disk, RealDisk, read
from pipeline.node.entries import decode, is_batch
from pipeline.node.layout import Places, read_layout
from pipeline.node.snapshots import Snapshots
from pipeline.outputs.description import read_description
from pipeline.outputs.local import Local, connect
from pipeline.outputs.places import OutputPlaces
from pipeline.query.folder import QueryError, Rows
from pipeline.wire import Kind

__all__ = ["NodeFolder"]

HEADER_AT = 24
"""Where the header of a snapshot begins; its length is in the eight bytes before (see `fastcore.snapshot`)."""


class NodeFolder:
    """The data directory of a node, running or not; see `pipeline.query.folder.Folder`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        layout = read_layout(RealDisk(path))
        if layout is None:
            raise QueryError(f"{path}: has no layout.json; expected the data directory of a node")
        self._shards = layout.shards
        self._places = OutputPlaces(path)
        self._local: Local | None = None
        self.outputs = tuple(OUTPUTS)
        self.states = tuple(STATES)
        self.daily = True

    @staticmethod
    def is_one(path: Path) -> bool:
        """Whether a folder looks like one."""
        return (path / "layout.json").is_file()

    def rows(self, output: str) -> Rows:
        """The rows of an output: the tail first, then the files."""
        tail = self._asked().tail(output)
        files = tuple(self._places.files(output))
        schema = tail.rows.schema
        plain = schema.remove(schema.get_field_index("shard"))
        return Rows(plain, files, tail.rows, dict(tail.sealed), sharded=True)

    def state(self, name: str) -> Rows:
        """A state table as it is now."""
        table = self._asked().state(name)
        return Rows(table.schema.remove(table.schema.get_field_index("shard")), (), table, sharded=True)

    def balances(self) -> Rows:
        """The accounts at the end of each day."""
        table = self._asked().state("accounts").slice(0, 0)
        plain = table.schema.remove(table.schema.get_field_index("shard"))
        return Rows(plain, tuple(self._places.files("balances")), sharded=True)

    def config(self) -> Config | None:
        """That of the newest snapshot of the first shard, or with which its journal begins."""
        places = Places(self.path, 0)
        text = _of_snapshot(places) or _of_journal(places)
        return None if text is None else Config.from_toml(text)

    def note(self) -> str | None:
        """Whether the rows are old, or some are missing."""
        notes = []
        if self._local is not None and not self._local.live:
            at = self._local.as_of
            when = "the start" if at is None else datetime.fromtimestamp(at, UTC).isoformat(" ")[:16] + " UTC"
            notes.append(
                f"The node's outputs process does not run: the state is that of {when}; rows end with the last file."
            )
        described = read_description(self._places.description)
        for shard, each in enumerate(described.shards if described else ()):
            if each.first > 1:
                notes.append(f"Shard {shard}: rows of batches before {each.first} are not in the data set.")
            notes += [
                f"Shard {shard}: rows of batches {gap.first} to {gap.last} are missing." for gap in each.gaps
            ]
        return "\n".join(notes) or None

    def close(self) -> None:
        """Close the connection."""
        if self._local is not None:
            self._local.close()

    def _asked(self) -> Local:
        if self._local is None:
            self._local = connect(self.path)
        return self._local


def _of_snapshot(places: Places) -> str | None:
    if not places.snapshots.is_dir():
        return None
    disk = RealDisk(places.snapshots)
    for number in Snapshots(disk).verified():
        name = f"snapshot-{number:012d}.engine"
        try:
            length = int.from_bytes(disk.read(name, HEADER_AT - 8, 8), "little")
            header = msgspec.json.decode(disk.read(name, HEADER_AT, length))
            return str(header["config"])
        except (OSError, msgspec.MsgspecError, KeyError):
            continue
    return None


def _of_journal(places: Places) -> str | None:
    try:
        return _first_config(RealDisk(places.journal))
    except (OSError, FeikongError, pa.ArrowException):
        return None


def _first_config(disk: Disk) -> str | None:
    for frame in read(disk):
        for entry in decode(frame.buffers):
            if is_batch(entry):
                return bytes(entry.body).decode() if entry.kind is Kind.CONFIG else None
    return None
