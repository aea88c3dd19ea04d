"""Snapshots of a shard's state, as files: written aside, and counted only once another process has proved them.

A snapshot of the state behind frame N is two files, both made whole or not at all::

    snapshot-N.engine      what `fastcore.Engine.save` writes, with a digest of its own
    candidate-N.lines      all else that is state, as below; it is written second
    snapshot-N.lines       the same file, renamed once the snapshot is verified: from then on it counts
    failed-N.lines         or, where it was found wrong: it stays, with its engine, until a person removes it

N has twelve digits. The lines, byte by byte, numbers little-endian::

    offset  bytes
         0      8  "FKLINES1"
         8      8  N
        16     16  chain of the journal behind frame N
        32      8  bytes of the engine's file
        40     16  digest of the engine's state, which is also the end of its file
        56      8  batches that were given to the engine
        64      1  1 if trips are suspended by the node since a start
        65      1  1 if an operator suspended them
        66      6  zero
        72      …  the lines, as `pipeline.node.lines` has them
         …     16  XXH3-128 of all before, seed 0, the high half first

Two that are verified are kept, and the journal from the older on.
"""

from __future__ import annotations

import io
import os
import re
import struct
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from typing import IO, Any, Final, NamedTuple, cast

from xxhash import xxh3_128_digest

from fastcore import Engine, SnapshotError
from pipeline.journal import SEGMENT_BYTES, Buffer, Disk, File, Mark, write_all, write_aside
from pipeline.journal.disk import ASIDE
from pipeline.node.lines import Lines
from pipeline.node.state import State

__all__ = ["KEPT", "Outline", "Snapshots", "state_digest", "verified_number"]

KEPT: Final = 2
ROOM_LEFT_BYTES: Final = 2 * SEGMENT_BYTES
_HEAD: Final = struct.Struct("<8sQ16sQ16sQBB6x")
_MAGIC: Final = b"FKLINES1"
_DIGEST_BYTES: Final = 16
_NAME: Final = re.compile(r"(snapshot|candidate|failed)-([0-9]{12})\.(engine|lines)")


class Outline(NamedTuple):
    """All of a snapshot but the engine's part."""

    mark: Mark
    engine_bytes: int
    engine_digest: bytes
    batches: int
    suspended_by_node: bool
    suspended_by_operator: bool
    lines: Lines

    def pack(self) -> bytes:
        """The bytes of its file."""
        head = _HEAD.pack(
            _MAGIC,
            self.mark.number,
            self.mark.chain,
            self.engine_bytes,
            self.engine_digest,
            self.batches,
            self.suspended_by_node,
            self.suspended_by_operator,
        )
        content = head + self.lines.pack()
        return content + xxh3_128_digest(content)

    @classmethod
    def unpack(cls, data: Buffer, where: str) -> Outline:
        """What a file says; raises `SnapshotError`."""
        content = memoryview(data)[:-_DIGEST_BYTES]
        if len(content) < _HEAD.size or xxh3_128_digest(content) != data[-_DIGEST_BYTES:]:
            raise SnapshotError(f"{where}: is cut, damaged, or no snapshot's lines")
        magic, number, chain, engine_bytes, digest, batches, node, operator = _HEAD.unpack_from(content)
        if magic != _MAGIC:
            raise SnapshotError(f"{where}: begins with {magic!r}; expected {_MAGIC!r}")
        lines = Lines.unpack(content[_HEAD.size :])
        return cls(Mark(number, chain), engine_bytes, digest, batches, bool(node), bool(operator), lines)


def outline_of(state: State, engine_bytes: int, engine_digest: bytes) -> Outline:
    """The outline of a state."""
    return Outline(
        state.mark,
        engine_bytes,
        engine_digest,
        state.batches,
        state.suspended_by_node,
        state.suspended_by_operator,
        state.lines,
    )


def verified_number(name: str) -> int | None:
    """The number of the verified snapshot whose lines a file has, by its name; None for another file."""
    found = _NAME.fullmatch(name)
    return int(found[2]) if found and (found[1], found[3]) == ("snapshot", "lines") else None


def state_digest(state: State) -> str:
    """128 bits, in hexadecimal, over the whole state of a shard."""
    assert state.engine is not None
    return xxh3_128_digest(outline_of(state, 0, bytes.fromhex(state.engine.digest())).pack()).hex()


class Snapshots:
    """The folder of a shard's snapshots; nothing of it is kept in memory."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk

    def verified(self) -> list[int]:
        """The snapshots that count, the newest first."""
        return self._numbers("snapshot", "lines")

    def outline(self, number: int) -> Outline:
        """All of a verified snapshot but its engine; raises `SnapshotError`, also for what cannot be read."""
        return self._outline(f"snapshot-{number:012d}.lines")

    def check_room(self) -> None:
        """Raise `SnapshotError` if another snapshot as large as the newest would leave the journal no room."""
        engines = [f"snapshot-{number:012d}.engine" for number in self.verified()[:1]]
        needed = sum(self.disk.size(name) for name in engines) * 5 // 4 + ROOM_LEFT_BYTES
        if (free := self.disk.free_bytes()) < needed:
            raise SnapshotError(
                f"{self.disk.where}: {free >> 20} MiB are free, and the next snapshot needs {needed >> 20}. Free some "
                "space: until there is one, the journal grows, and a start takes the longer"
            )

    def write(self, state: State) -> int:
        """Write a candidate of the state as it is; returns its number.

        Takes as long as the disk does: another process does it, from a copy of this one's memory. Raises `OSError`.
        """
        assert state.engine is not None
        number = state.mark.number
        name = f"snapshot-{number:012d}.engine"
        if name + ASIDE in self.disk.names():
            self.disk.remove(name + ASIDE)
        file = _Out(self.disk.create(name + ASIDE))
        try:
            state.engine.save(file)  # type: ignore[arg-type]
            file.file.sync()
        except OSError:
            with suppress(OSError):
                self.disk.remove(name + ASIDE)
            raise
        finally:
            file.file.close()
        self.disk.replace(name + ASIDE, name)
        outline = outline_of(state, file.offset, file.tail)
        write_aside(self.disk, f"candidate-{number:012d}.lines", [outline.pack()]).close()
        return number

    def load(self, number: int, outputs: Collection[str] | None = None, *, candidate: bool = False) -> State:
        """The state of a snapshot; raises `SnapshotError` if it is not whole, or cannot be read."""
        outline = self._outline(f"{'candidate' if candidate else 'snapshot'}-{number:012d}.lines")
        name = f"snapshot-{number:012d}.engine"
        content = _In(partial(self._read, name), self._size(name))
        content.seek(-_DIGEST_BYTES, os.SEEK_END)
        if content.size != outline.engine_bytes or content.read() != outline.engine_digest:
            raise SnapshotError(
                f"{self.disk.where}/{name}: {content.size} bytes of another digest than its lines say; expected "
                f"{outline.engine_bytes} bytes"
            )
        self.disk.soon(name)
        content.seek(0)
        state = State(outputs)
        state.engine = Engine.load(cast(IO[bytes], content), outputs)
        state.lines = outline.lines
        state.lines.cover(outline.lines.settled())
        state.mark = outline.mark
        state.batches = outline.batches
        state.suspended_by_node = outline.suspended_by_node
        state.suspended_by_operator = outline.suspended_by_operator
        return state

    def count(self, number: int) -> None:
        """A candidate is verified: from now on it counts. Raises `OSError`."""
        self.disk.replace(f"candidate-{number:012d}.lines", f"snapshot-{number:012d}.lines")
        self.disk.sync_names()

    def fail(self, number: int) -> None:
        """A candidate was found wrong: it never counts, and nothing is removed. Raises `OSError`."""
        self.disk.replace(f"candidate-{number:012d}.lines", f"failed-{number:012d}.lines")
        self.disk.sync_names()

    def remove_older(self) -> int | None:
        """Remove what is older than the two newest that count; the older one's number, None if there are not two.

        The lines go first: what has none does not count, whatever a crash leaves of it.
        """
        kept = self.verified()[:KEPT]
        if len(kept) < KEPT:
            return None
        for number in self.verified()[KEPT:]:
            self.disk.remove(f"snapshot-{number:012d}.lines")
        self.disk.sync_names()
        self._remove_engines()
        return kept[-1]

    def clear(self) -> None:
        """Remove what a start finds half made: files aside, candidates that nobody checks any more."""
        for name in self.disk.names():
            found = _NAME.fullmatch(name)
            if name.endswith(ASIDE) or (found and found[1] == "candidate"):
                self.disk.remove(name)
        self._remove_engines()

    def _remove_engines(self) -> None:
        """Remove engines without lines."""
        whole = {n for prefix in ("snapshot", "candidate", "failed") for n in self._numbers(prefix, "lines")}
        for number in self._numbers("snapshot", "engine"):
            if number not in whole:
                self.disk.remove(f"snapshot-{number:012d}.engine")

    def _numbers(self, prefix: str, ending: str) -> list[int]:
        found = (_NAME.fullmatch(name) for name in self.disk.names())
        return sorted((int(m[2]) for m in found if m and (m[1], m[3]) == (prefix, ending)), reverse=True)

    def _outline(self, name: str) -> Outline:
        return Outline.unpack(self._read(name), f"{self.disk.where}/{name}")

    def _size(self, name: str) -> int:
        try:
            return self.disk.size(name)
        except OSError as error:
            raise SnapshotError(
                f"{self.disk.where}/{name}: cannot be read: {error.strerror or error}"
            ) from error

    def _read(self, name: str, offset: int = 0, length: int | None = None) -> memoryview:
        try:
            return self.disk.read(name, offset, length)
        except OSError as error:
            raise SnapshotError(
                f"{self.disk.where}/{name}: cannot be read: {error.strerror or error}"
            ) from error


class _Out:
    """What `Engine.save` writes to: a file that is written from its start on, and remembers its end."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.offset = 0
        self.tail = b""

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self.offset = write_all(self.file, self.offset, [view])
        self.tail = bytes(view[-_DIGEST_BYTES:]) if len(view) else self.tail
        return len(view)


class _In(io.RawIOBase):
    """What `Engine.load` reads from: a file of a disk, piece by piece."""

    def __init__(self, part: Callable[[int, int], memoryview], size: int) -> None:
        self.size = size
        self._part = part
        self._at = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Buffer) -> int:  # type: ignore[override]
        piece = self._part(self._at, len(buffer))
        buffer[: len(piece)] = piece  # type: ignore[index]
        self._at += len(piece)
        return len(piece)
