"""How a node stands, as tables of at most 100 columns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from pipeline.cli._terminal import count, table
from pipeline.metrics.standing import Standing, fresh
from pipeline.node.status import Status
from pipeline.worker.status import WorkerStatus

__all__ = ["instant", "page", "trips_of"]

SUBSCRIBERS_SHOWN: Final = 10
UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))


def page(standing: Standing) -> Group:
    """All of it."""
    return Group(*_parts(standing))


def trips_of(status: Status, no_trip: bool) -> str:
    """Whether trips go, or what stops them first."""
    if no_trip:
        return "NO-TRIP"
    if status.trips_held:
        return "held"
    if not status.trips_suspended:
        return "go"
    return ": ".join(["suspended", *filter(None, [", ".join(status.commands.get("alarms", []))])])


def instant(at_s: int | None) -> str:
    """An instant in UTC."""
    if at_s is None:
        return "none"
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _parts(standing: Standing) -> Iterator[RenderableType]:
    headers = ("engine", "its time", "batches", "snapshot", "journal", "producers", "trips", "waiting")
    rows = [_engine(standing, shard, each) for shard, each in standing.shards.items() if each is not None]
    yield table("Engines", headers, rows)
    if standing.workers:
        headers = ("worker", "connected", "batches", "rows", "refused", "letters", "under way", "restarts")
        rows = [_worker(standing, number, each) for number, each in standing.workers.items()]
        yield table("Workers", headers, rows)
    if standing.outputs is not None:
        headers = ("outputs of", "its time", "batch", "in files to", "behind", "for", "gaps", "alarms")
        alarms = standing.outputs.alarms
        rows = []
        for shard, each in enumerate(standing.outputs.shards):
            mine = sum(what == f"outputs of shard {shard}" for what in alarms)
            figures = (
                f"engine {shard}", instant(each.now_s), count(each.seq), count(each.sealed),
                f"{count(each.lag_frames)} frames", f"{each.lag_s:.1f} s", count(len(each.gaps)), count(mine),
            )  # fmt: skip
            rows.append(figures)
        yield table(_title("Outputs", standing, "outputs"), headers, rows)
    yield from _subscribers(standing)


def _engine(standing: Standing, shard: int, status: Status) -> tuple[str, ...]:
    waiting = status.commands.get("waiting", {})
    held = standing.holdings[shard]
    return (
        str(shard),
        instant(status.engine_s),
        count(status.sequence),
        "none" if held.snapshot_at_s is None else f"{_for(standing.at_s - held.snapshot_at_s)} old",
        _bytes(held.journal_bytes),
        count(status.producers),
        trips_of(status, standing.no_trip),
        ", ".join(f"{count(many)} {kind}s" for kind, many in waiting.items() if many) or "none",
    )


def _worker(standing: Standing, number: int, status: WorkerStatus | None) -> tuple[str, ...]:
    restarts = standing.restarts.get(f"worker-{number}")
    again = "" if restarts is None else count(restarts)
    if status is None or not fresh(status, standing.at_s):
        return (str(number), "does not run", "", "", "", "", "", again)
    return (
        str(number),
        count(sum(status.connected.values())),
        count(sum(status.batches.values())),
        count(sum(status.rows.values())),
        count(sum(status.refused.values())),
        count(status.letters_kept),
        _bytes(sum(status.flying_bytes.values())),
        again,
    )


def _subscribers(standing: Standing) -> Iterator[RenderableType]:
    found = [
        (each.behind, each, shard)
        for shard, status in standing.shards.items()
        if status is not None
        for each in status.subscribers
    ]
    if not found:
        return
    found.sort(key=lambda each: (-each[0], each[1].name, each[2]))
    rows = [
        (each.name, each.output, str(shard), f"{count(behind)} batches", _bytes(each.flying_bytes))
        for behind, each, shard in found[:SUBSCRIBERS_SHOWN]
    ]
    yield table("Subscribers", ("subscriber", "output", "engine", "behind", "under way"), rows)
    if len(found) > SUBSCRIBERS_SHOWN:
        yield Text(f"and {count(len(found) - SUBSCRIBERS_SHOWN)} that are no further behind")


def _title(what: str, standing: Standing, part: str) -> str:
    restarts = standing.restarts.get(part, 0)
    return f"{what}, started again {count(restarts)} times" if restarts else what


def _for(seconds: int) -> str:
    for unit_s, unit in UNITS:
        if seconds >= unit_s:
            return f"{seconds // unit_s} {unit}"
    return f"{max(seconds, 0)} s"


def _bytes(many: int) -> str:
    for shift, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if many >= 1 << shift:
            return f"{many / (1 << shift):.1f} {unit}"
    return f"{many} B"
