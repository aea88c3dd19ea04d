"""Where a follower can go on from: the engine's state at a cut, and the place in the journal.

Two files, made whole or not at all, F the last frame that was taken whole, E entries of the next one that were::

    checkpoint-F-E.engine       what `fastcore.Engine.save` writes
    checkpoint-F-E.json         the rest; it is written second: without it, the engine's file does not count

The newest two are kept: should one be damaged, there is the other. The journal is kept from the older one on
(`pipeline.node.keeping`).
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from fastcore import Engine, SnapshotError
from pipeline.journal import Mark
from pipeline.outputs.tree import Tree

__all__ = ["Checkpoint", "Checkpoints", "kept_frames"]

KEPT: Final = 2
_NAME: Final = re.compile(r"checkpoint-([0-9]{12})-([0-9]{6})\.json")


class Checkpoint(msgspec.Struct, frozen=True):
    """A place in the journal, right behind a cut: so many entries after frame `frame`, which ends with `chain`."""

    frame: int
    chain: bytes
    entries: int
    seq: int
    engine_bytes: int = 0

    @property
    def mark(self) -> Mark:
        """The place behind its last whole frame."""
        return Mark(self.frame, self.chain)


class Loaded(NamedTuple):
    """A checkpoint, and its engine."""

    checkpoint: Checkpoint
    engine: Engine


class Checkpoints:
    """The checkpoints of a shard."""

    def __init__(self, folder: Path, tree: Tree) -> None:
        self._folder = folder
        self._tree = tree

    def newest_first(self) -> list[Path]:
        """The files of those that count."""
        return [path for _, path in sorted(_found(self._folder), reverse=True)]

    def load(self, path: Path, outputs: Collection[str]) -> Loaded:
        """One of them; raises `SnapshotError` where it is not whole."""
        try:
            checkpoint = msgspec.json.decode(path.read_bytes(), type=Checkpoint)
            data = path.with_suffix(".engine").read_bytes()
        except (OSError, msgspec.MsgspecError) as error:
            raise SnapshotError(f"{path}: {error}; expected a checkpoint") from None
        if len(data) != checkpoint.engine_bytes:
            raise SnapshotError(
                f"{path.with_suffix('.engine')}: {len(data)} bytes; expected {checkpoint.engine_bytes}"
            )
        engine = Engine.load(io.BytesIO(data), outputs)
        if engine.sequence != checkpoint.seq:
            raise SnapshotError(f"{path}: of batch {checkpoint.seq}; its engine is at {engine.sequence}")
        return Loaded(checkpoint, engine)

    def save(self, checkpoint: Checkpoint, engine: Engine) -> None:
        """Make one, and remove all but the newest two; raises `OSError`."""
        sink = io.BytesIO()
        engine.save(sink)
        path = self._folder / f"checkpoint-{checkpoint.frame:012d}-{checkpoint.entries:06d}.json"
        self._tree.put(path.with_suffix(".engine"), [sink.getbuffer()])
        whole = msgspec.structs.replace(checkpoint, engine_bytes=sink.tell())
        self._tree.put(path, [msgspec.json.encode(whole)])
        self.remove_older()

    def remove_older(self) -> None:
        """Remove all but the newest two, and what is left of others."""
        for path in self.newest_first()[KEPT:]:
            self._tree.remove(path)
        kept = {path.stem for path in self.newest_first()}
        for path in sorted(self._folder.glob("checkpoint-*.engine")):
            if path.stem not in kept:
                self._tree.remove(path)


def kept_frames(folder: Path) -> list[int]:
    """The frames behind which the checkpoints in a shard's folder stand, the oldest first."""
    return sorted(place[0] for place, _ in _found(folder))


def _found(folder: Path) -> list[tuple[tuple[int, int], Path]]:
    if not folder.is_dir():
        return []
    found = ((_NAME.fullmatch(path.name), path) for path in folder.iterdir())
    return [((int(m[1]), int(m[2])), path) for m, path in found if m]
