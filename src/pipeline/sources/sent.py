"""Which files have been given to an outbox, and how far: so that sending them again goes on where it ended.

Beside the outbox, ``OUTBOX.sent.json`` says of each file which number its first batch got, how many batches were
given, and whether these are all. A file is known by its content and by how it was read, wherever it lies; read again,
it makes the same batches. A batch is noted after it is in the outbox: so there is one more than was noted at most.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec
from xxhash import xxh3_128

from pipeline.errors import SourceError

__all__ = ["SentFile", "SentFiles", "content_of"]

BLOCK_BYTES: Final = 1 << 20


class SentFile(msgspec.Struct, forbid_unknown_fields=True):
    """A file that was begun: what it is, its first batch's number, how many were given, and whether these are all."""

    name: str
    content: str
    how: str
    first_seq: int
    batches: int = 0
    whole: bool = False


class SentFiles:
    """The files of one outbox; raises `SourceError` where the note cannot be read."""

    def __init__(self, outbox: Path) -> None:
        self.path = outbox.with_name(f"{outbox.name}.sent.json")
        try:
            self._files = msgspec.json.decode(self.path.read_bytes(), type=list[SentFile])
        except FileNotFoundError:
            self._files = []
        except msgspec.MsgspecError as error:
            raise SourceError(
                f"{self.path}: {error}; expected it as it was written: without it, files that are sent again are new"
            ) from None

    def find(self, content: str, how: str) -> SentFile | None:
        """The file of this content, read like this; None if it was never begun."""
        for file in self._files:
            if (file.content, file.how) == (content, how):
                return file
        return None

    def begin(self, name: str, content: str, how: str, first_seq: int) -> SentFile:
        """A file is begun; noted before its first batch gets its number."""
        file = SentFile(name, content, how, first_seq)
        self._files.append(file)
        self._write()
        return file

    def resume(self, file: SentFile, newest: int) -> int:
        """How many batches of a file are in an outbox whose newest batch has this number; raises `SourceError`."""
        there = newest + 1 - file.first_seq
        if not file.batches <= there <= file.batches + 1:
            raise SourceError(
                f"{file.name}: {file.batches} of its batches were given to the outbox, from number {file.first_seq} "
                f"on; its newest is {newest}, so others used it since. Nobody knows which rows are there; expected "
                f"this file to be finished first. To send all of it again, remove it from {self.path}"
            )
        return there

    def note(self, file: SentFile, batches: int, *, whole: bool = False) -> None:
        """So many batches of a file have their numbers; `whole`: all that it has."""
        file.batches, file.whole = batches, whole
        self._write()

    def _write(self) -> None:
        aside = self.path.with_name(f"{self.path.name}.tmp")
        with open(aside, "wb") as out:
            out.write(msgspec.json.format(msgspec.json.encode(self._files), indent=1))
            out.flush()
            os.fsync(out.fileno())
        os.replace(aside, self.path)


def content_of(path: Path) -> str:
    """XXH3-128 of a file's bytes."""
    digest = xxh3_128()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
