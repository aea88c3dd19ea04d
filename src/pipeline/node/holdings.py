"""What a shard keeps on its disk, as its folders show it: its engine is not asked."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from pipeline.journal.format import segment_index
from pipeline.node.layout import Places
from pipeline.node.snapshots import verified_number

__all__ = ["Holdings", "holdings"]


class Holdings(NamedTuple):
    """What is there.

    Attributes:
        segments, journal_bytes: of the journal, with the room in its files that no frame has taken yet.
        snapshot_at_s: when the newest verified snapshot was written; None without.
    """

    segments: int = 0
    journal_bytes: int = 0
    snapshot_at_s: int | None = None


def holdings(data: Path, shard: int) -> Holdings:
    """What a shard of a data directory keeps; nothing where it never ran."""
    places = Places(data, shard)
    sizes = [size for name, (size, _) in _files(places.journal).items() if segment_index(name) is not None]
    written = {
        number: at_s
        for name, (_, at_s) in _files(places.snapshots).items()
        if (number := verified_number(name)) is not None
    }
    return Holdings(len(sizes), sum(sizes), written[max(written)] if written else None)


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    """Bytes of the files of a folder, and when each was written; one that is being removed may be missing."""
    found: dict[str, tuple[int, int]] = {}
    with suppress(FileNotFoundError):
        for path in folder.iterdir():
            with suppress(FileNotFoundError):
                state = path.stat()
                found[path.name] = state.st_size, int(state.st_mtime)
    return found
