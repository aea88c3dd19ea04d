"""The segments that a journal consists of: listed, looked at, made."""

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


def list_segments(disk: Disk) -> list[Segment]:
    """Every segment, by index; raises `JournalDamaged` where one is missing or is not what its name says."""
    found = sorted((index, name) for name in disk.names() if (index := segment_index(name)) is not None)
    segments: list[Segment] = []
    for index, name in found:
        start = disk.read(name, 0, SEGMENT_HEADER_BYTES + HEADER_BYTES)
        header = SegmentHeader.unpack(start[:SEGMENT_HEADER_BYTES])
        if header is None:
            _refuse(
                disk,
                name,
                "its header block is not whole, and it was on the disk before the file had its name",
            )
        if header.index != index:
            _refuse(disk, name, f"its header block says that it is segment {header.index}")
        if segments:
            before = segments[-1]
            if before.index != index - 1:
                _refuse(disk, name, f"the segment before it, {segment_name(index - 1)}, is missing")
            if before.header.journal_id != header.journal_id:
                _refuse(disk, name, f"it belongs to another journal than {before.name}")
        segments.append(Segment(index, name, header, FrameHeader.unpack(start[SEGMENT_HEADER_BYTES:])))
    return segments


def make_segment(disk: Disk, header: SegmentHeader, frames: Iterable[Buffer] = ()) -> File:
    """Make a segment that holds these frames and zeros behind them; raises `OSError` and leaves none."""
    return write_aside(disk, segment_name(header.index), [header.pack(), *frames], header.size_bytes)


def _refuse(disk: Disk, name: str, what: str) -> NoReturn:
    raise JournalDamaged(f"journal {disk.where}: {name}: {what}. {ADVICE}")
