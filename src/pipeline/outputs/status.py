"""How the process of the outputs stands: ``DATA/run/outputs.json``, written once a second, not synced."""

from __future__ import annotations

from pathlib import Path

import msgspec

from pipeline.outputs.description import Gap
from pipeline.outputs.places import OutputPlaces

__all__ = ["OutputsStatus", "ShardFollowed", "read_outputs_status"]


class ShardFollowed(msgspec.Struct, frozen=True, kw_only=True):
    """How far the outputs of a shard are.

    Attributes:
        running: whether it is followed; if not, an alarm says why.
        frame: the last frame of its journal that is taken.
        seq: the engine's last batch, at engine time `now_s`.
        sealed: files hold all rows up to this batch.
        lag_frames: frames that are durable and not taken.
        lag_s: for so long there has been one.
        written: files, since the start; `same`: files that were made again and were there.
        checkpoint: the frame of the newest checkpoint, None without.
        gaps: batches whose rows are missing.
    """

    running: bool
    frame: int = 0
    seq: int = 0
    now_s: int | None = None
    sealed: int = 0
    lag_frames: int = 0
    lag_s: float = 0.0
    written: int = 0
    same: int = 0
    checkpoint: int | None = None
    gaps: tuple[Gap, ...] = ()


class OutputsStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the process stands: when that was written, each shard, and what is wrong, by what it concerns."""

    at_s: int
    shards: tuple[ShardFollowed, ...]
    alarms: dict[str, str] = {}


def read_outputs_status(data: Path) -> OutputsStatus | None:
    """What the process of a data directory last said; None if it never ran, or is of another version."""
    try:
        return msgspec.json.decode(OutputPlaces(data).status.read_bytes(), type=OutputsStatus)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
