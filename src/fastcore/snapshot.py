r"""Snapshot files: how a state is written down, and read back only if it is whole (reference, "Snapshots").

A file is, byte by byte::

    0       8   magic, b"FEIKONG\\n": no other file begins so
    8       4   version of this format, uint32, little-endian as all numbers here
    12      4   reserved, zero
    16      8   length of the header, uint64
    24      …   the header: JSON with sorted keys; its ``sections`` lists each section's name and length
    …       …   the sections in that order: the core's tables, as `fastcore.dump` lays them out
    end-16  16  BLAKE2b, 128 bits, of all bytes before

Header and sections are each followed by zeros up to a multiple of eight bytes, so that every number lies where
a processor wants it. The content is canonical: engines in the same state write the same bytes, whatever their
memory looks like. The digest of a state is that last field.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any, Final

import msgspec
import numpy as np

from fastcore.errors import SnapshotError

__all__ = ["VERSION", "read", "state_digest", "write"]

VERSION: Final = 3
_MAGIC: Final = b"FEIKONG\n"
_FIXED: Final = 24
_DIGEST: Final = 16
_ALIGNMENT: Final = 8
_PIECE: Final = 1 << 19

Section = tuple[str, Any]
Target = str | os.PathLike[str] | IO[bytes]


def _pieces(header: dict[str, Any], sections: Iterable[Section]) -> Iterator[memoryview]:
    """Yield the bytes of a snapshot but the digest."""
    views = [(name, memoryview(content).cast("B")) for name, content in sections]
    listed = [[name, view.nbytes] for name, view in views]
    text = msgspec.json.encode({**header, "sections": listed}, order="deterministic")
    fixed = _MAGIC + VERSION.to_bytes(4, "little") + bytes(4) + len(text).to_bytes(8, "little")
    yield memoryview(fixed + text + bytes(-len(text) % _ALIGNMENT))
    for _, view in views:
        yield view
        yield memoryview(bytes(-view.nbytes % _ALIGNMENT))


def state_digest(header: dict[str, Any], sections: Iterable[Section]) -> str:
    """Return the 128-bit digest of a state, in hex."""
    digest = hashlib.blake2b(digest_size=_DIGEST)
    for piece in _pieces(header, sections):
        digest.update(piece)
    return digest.hexdigest()


@contextmanager
def _opened(file: Target, mode: str) -> Iterator[IO[bytes]]:
    if isinstance(file, str | os.PathLike):
        with open(file, mode) as opened:
            yield opened
    else:
        yield file


def write(file: Target, header: dict[str, Any], sections: Iterable[Section]) -> None:
    """Write a snapshot to a path or a binary file; making it durable is the caller's."""
    digest = hashlib.blake2b(digest_size=_DIGEST)
    with _opened(file, "wb") as out:
        for piece in _pieces(header, sections):
            digest.update(piece)
            out.write(piece)
        out.write(digest.digest())


def _digested(opened: IO[bytes]) -> tuple[memoryview, bytes]:
    """Return what is in a file, and the digest of all but its last bytes.

    It is read piece by piece, so that a disk can work while a piece is digested.
    """
    if not opened.seekable():
        content = memoryview(opened.read())
        return content, hashlib.blake2b(content[:-_DIGEST], digest_size=_DIGEST).digest()
    start = opened.tell()
    size = opened.seek(0, os.SEEK_END) - start
    opened.seek(start)
    content = np.empty(size, np.uint8).data
    digest, done = hashlib.blake2b(digest_size=_DIGEST), 0
    read_into: Callable[[memoryview], int] = opened.readinto  # type: ignore[attr-defined]
    while done < size and (length := read_into(content[done : done + _PIECE])):
        end = done + length
        digest.update(content[done : max(done, min(end, size - _DIGEST))])
        done = end
    return content[:done], digest.digest()


def read(file: Target) -> tuple[dict[str, Any], dict[str, memoryview]]:
    """Return the header and the sections of a snapshot that is whole.

    Raises SnapshotError if it is no snapshot, of another version, cut, or damaged.
    """
    with _opened(file, "rb") as opened:
        content, found = _digested(opened)
    if len(content) < _FIXED + _DIGEST or bytes(content[:8]) != _MAGIC:
        raise SnapshotError(
            f"expected a snapshot, which begins with {_MAGIC!r}; found {len(content)} bytes of something else"
        )
    version = int.from_bytes(content[8:12], "little")
    if version != VERSION:
        raise SnapshotError(f"expected a snapshot of version {VERSION}; found one of version {version}")
    if found != bytes(content[-_DIGEST:]):
        raise SnapshotError(
            f"the snapshot is damaged: expected the digest {bytes(content[-_DIGEST:]).hex()}, as it says "
            f"itself; found {found.hex()}"
        )
    end = _FIXED + int.from_bytes(content[16:24], "little")
    header = msgspec.json.decode(content[_FIXED:end])
    start = end + -end % _ALIGNMENT
    sections = {}
    for name, length in header.pop("sections"):
        sections[name] = content[start : start + length]
        start += length + -length % _ALIGNMENT
    if start != len(content) - _DIGEST:
        raise SnapshotError(f"expected {start + _DIGEST} bytes, as the header says; found {len(content)}")
    return header, sections
