"""What a frame of a node's journal says, read from the page that documents it and from nothing else."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.journal import Buffer

EPOCH, SPENT, FROZEN = 1, 2, 3
FIRST_KIND, TICK = 16, 24


@dataclass(frozen=True)
class Part:
    """Whose rows the next so many are."""

    producer: bytes
    epoch: int
    seq: int
    rows: int
    digest: bytes


@dataclass(frozen=True)
class Entry:
    """One entry."""

    what: int
    detail: int
    now_s: int
    rows: int
    parts: list[Part]
    body: bytes


def entries_of(buffers: Sequence[Buffer]) -> list[Entry]:
    """The entries of a frame, byte by byte."""
    heads, bodies = bytes(buffers[0]), [bytes(body) for body in buffers[1:]]
    found, at = [], 0
    while at < len(heads):
        what, detail, count = struct.unpack_from("<HHI", heads, at)
        (now_s,) = struct.unpack_from("<q", heads, at + 8)
        (rows,) = struct.unpack_from("<I", heads, at + 16)
        at += 24
        parts = []
        for _ in range(count):
            epoch, seq, of_part = struct.unpack_from("<QQI", heads, at + 32)
            parts.append(Part(heads[at : at + 32], epoch, seq, of_part, heads[at + 56 : at + 72]))
            at += 72
        body = bodies.pop(0) if what >= FIRST_KIND and what != TICK else b""
        found.append(Entry(what, detail, now_s, rows, parts, body))
    assert at == len(heads)
    assert not bodies
    return found
