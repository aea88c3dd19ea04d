"""The segments that a journal consists of: listed, made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from pipeline.journal.disk import Buffer, Disk, File, write_aside
from pipeline.journal.errors import JournalDamaged
from pipeline.journal.format import (
    HEADER_BYTES,
    SEGMENT_HEADER_BYTES,
    FrameHeader,
    SegmentHeader,
    segment_index,
    segment_name,
)

__all__ = ["ADVICE", "Segment", "list_segments", "make_segment"]

ADVICE = (
    "Nothing was changed. Keep a copy of the whole folder as it is; then put back the file from a backup or from "
    "the machine's mirror, and start again; what no copy holds, the producers that were acknowledged still have"
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment that is there; `first` is the header of its first frame, None where there is no whole one."""

    index: int
    name: str
    header: SegmentHeader
    first: FrameHeader | None


def list_segments(disk: Disk, wanted: int = 1) -> tuple[list[Segment], list[str]]:
    """The segments from the one that holds frame `wanted` on, and the names of void ones.

    From the oldest on, if none says that it begins at that frame or before it. A segment is void if its incarnation is
    lower than that of one before it: a recovery went on from that one, and was to remove what followed.
    Raises `JournalDamaged` where a segment is missing or is not what its name says.
    """
    found = sorted((index, name) for name in disk.names() if (index := segment_index(name)) is not None)
    seen: list[tuple[int, str, SegmentHeader | None, FrameHeader | None]] = []
    void: list[str] = []
    begin = incarnation = 0
    for index, name in found:
        start = disk.read(name, 0, SEGMENT_HEADER_BYTES + HEADER_BYTES)
        header = SegmentHeader.unpack(start[:SEGMENT_HEADER_BYTES])
        first = FrameHeader.unpack(start[SEGMENT_HEADER_BYTES:])
        if header and header.incarnation < incarnation:
            void.append(name)
            continue
        if header and first and first.number <= wanted:
            begin = len(seen)
        incarnation = header.incarnation if header else incarnation
        seen.append((index, name, header, first))
    segments: list[Segment] = []
    for index, name, header, first in seen[begin:]:
        if header is None:
            _refuse(
                disk, name, "its header block is not whole, and it was synced before the file had its name"
            )
        if header.index != index:
            _refuse(disk, name, f"its header block says that it is segment {header.index}")
        if segments and segments[-1].index != index - 1:
            _refuse(disk, name, f"the segment before it, {segment_name(index - 1)}, is missing")
        if segments and segments[-1].header.journal_id != header.journal_id:
            _refuse(disk, name, f"it belongs to another journal than {segments[-1].name}")
        segments.append(Segment(index, name, header, first))
    return segments, void


def make_segment(disk: Disk, header: SegmentHeader, frames: Iterable[Buffer] = ()) -> File:
    """Make a segment that holds these frames and zeros behind them; raises `OSError` and leaves none."""
    return write_aside(disk, segment_name(header.index), [header.pack(), *frames], header.size_bytes)


def _refuse(disk: Disk, name: str, what: str) -> NoReturn:
    raise JournalDamaged(f"journal {disk.where}: {name}: {what}. {ADVICE}")
