"""New shards in the place of old ones, whatever is cut off in between.

Inside the data directory, in this order::

    next/                         is made; a command that is cut off here has changed nothing
    next/layout.json              is written last: from now on the change will be finished
    before-G/shard-0, …           the old shards are moved here, with G the old generation; people remove them
    shard-0, …                    the new ones are moved to their places
    layout.json                   says so, and next/ is removed

While there is a ``next/layout.json`` no node starts.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pipeline.journal import SEGMENT_BYTES, RealDisk
from pipeline.journal.disk import sync_directory
from pipeline.node.layout import Layout, LayoutError, Places, read_layout, write_layout
from pipeline.reshard.build import Resharded, reshard

__all__ = ["change_shards", "check_unchanged", "finish"]

NEXT: Final = "next"


def check_unchanged(data: Path) -> None:
    """Raise `LayoutError` where a change of the shards has begun to be put in place."""
    if _decided(data):
        raise LayoutError(
            f"{data}: a change of its shards was cut off; give feikong shards once more to finish it, and then start"
        )


def change_shards(
    data: Path,
    shards: int,
    on_entry: Callable[[], None],
    random: Callable[[int], bytes] = os.urandom,
    segment_bytes: int = SEGMENT_BYTES,
) -> Resharded:
    """Give a node that is stopped another number of shards.

    Raises `LayoutError` where it has that many, `LogError` where it cannot be done: then nothing is changed.
    """
    layout = read_layout(RealDisk(data))
    if layout.shards == shards:
        raise LayoutError(f"{data}: has {shards} shards; expected another number")
    coming = Layout(shards, layout.generation + 1)
    aside = data / NEXT
    shutil.rmtree(aside, ignore_errors=True)
    old = [RealDisk(Places(data, shard).journal) for shard in range(layout.shards)]
    new = [RealDisk(Places(aside, shard).journal) for shard in range(shards)]
    try:
        done = reshard(old, new, coming, lambda: random(16), on_entry, segment_bytes)
        for shard in range(shards):
            sync_directory(aside / f"shard-{shard}")
        sync_directory(aside)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    write_layout(RealDisk(aside), coming)
    finish(data)
    return done


def finish(data: Path) -> bool:
    """Put in place what was decided, if anything was; cut off, it is to be called again."""
    if not _decided(data):
        return False
    aside = data / NEXT
    before, coming = read_layout(RealDisk(data)), read_layout(RealDisk(aside))
    kept = data / f"before-{coming.generation - 1}"
    kept.mkdir(exist_ok=True)
    if before != coming:
        for shard in range(before.shards):
            # A shard that is not in `kept` yet is an old one: the new ones are moved only afterwards.
            if not (kept / f"shard-{shard}").exists():
                (data / f"shard-{shard}").rename(kept / f"shard-{shard}")
        sync_directory(kept)
        sync_directory(data)
        for shard in range(coming.shards):
            if (aside / f"shard-{shard}").exists():
                (aside / f"shard-{shard}").rename(data / f"shard-{shard}")
        sync_directory(data)
        write_layout(RealDisk(data), coming)
    shutil.rmtree(aside)
    sync_directory(data)
    return True


def _decided(data: Path) -> bool:
    return (data / NEXT / "layout.json").exists()
