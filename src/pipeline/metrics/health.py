"""Whether a node is well, by what its engines last said."""

from __future__ import annotations

from pathlib import Path

from pipeline.metrics.standing import fresh
from pipeline.node.status import read_status

__all__ = ["not_ready", "not_running"]


def not_running(data: Path, now_s: int) -> list[str]:
    """The engines that do not run; none: the node is alive."""
    return [
        f"engine {shard} does not run"
        for shard, status in read_status(data).items()
        if not fresh(status, now_s)
    ]


def not_ready(data: Path, now_s: int) -> list[str]:
    """Why reads and payments may have to wait; nothing: the node takes them."""
    wrong = not_running(data, now_s)
    for shard, status in read_status(data).items():
        if status is not None:
            waits = [what for what in ("disk", "time") if what in status.alarms]
            wrong += [f"engine {shard}: {what}: {status.alarms[what]}" for what in waits]
    return wrong
