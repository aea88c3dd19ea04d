"""A journal checked from its first byte to its last, nothing changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pipeline.journal.disk import Disk
from pipeline.journal.errors import JournalDamaged
from pipeline.journal.scan import Scan

__all__ = ["Report", "verify"]


@dataclass(slots=True)
class Report:
    """What a journal holds, as far as it could be read.

    `state` is ``empty``: no journal; ``clean``; ``torn``: bytes behind the last frame that nothing proves to have
    been acknowledged, which the next start keeps aside; ``damaged``: the next start will halt. `detail` says what
    was found, where, and what to do.
    """

    segments: int = 0
    frames: int = 0
    frame_bytes: int = 0
    first: int | None = None
    last: int | None = None
    journal_id: str | None = None
    incarnation: int = 0
    state: Literal["empty", "clean", "torn", "damaged"] = "empty"
    detail: str = ""


def verify(disk: Disk) -> Report:
    """Read every frame of every segment; raises `OSError` for what cannot be read.

    Takes no lock. While a process writes, the frame that is being written can look torn.
    """
    report = Report()
    try:
        _look(disk, report)
    except JournalDamaged as damage:
        report.state, report.detail = "damaged", str(damage)
    return report


def _look(disk: Disk, report: Report) -> None:
    scan = Scan(disk)
    if scan.journal_id is None:
        report.detail = f"{disk.where} holds no segment"
        return
    report.segments, report.journal_id = len(scan.segments), scan.journal_id.hex()
    for frame in scan:
        report.frames += 1
        report.frame_bytes += frame.size_bytes
        report.first = report.first or frame.number
        report.last = frame.number
    report.incarnation = scan.incarnation
    scan.evidence({})
    tails = scan.tail()
    report.state = "torn" if tails else "clean"
    report.detail = "; ".join(
        f"{name}: {len(data)} bytes from byte {offset} on are no whole frame ({scan.ended})"
        for name, offset, data in tails
    )
