"""`feikong status`: what a node says of itself, from its data directory."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from pipeline.cli._node import DATA
from pipeline.cli._terminal import count, output_console, table
from pipeline.clock import RealClock
from pipeline.gateway import no_trip
from pipeline.node.layout import LayoutError
from pipeline.node.status import OLD_S, Status, read_status

__all__ = ["status", "statuses", "trips_of"]


@click.command()
@DATA
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def status(data: Path, as_json: bool) -> None:
    """Show what the node of a data directory is doing, on the machine on which it runs.

    Exit status 1 where an engine does not run, or something is wrong: an alarm, or a producer that is frozen.

    \b
    Example:
      feikong status --data node
    """  # noqa: D301
    found, now_s = statuses(data), RealClock().now_s()
    wrong = [line for shard, each in found.items() for line in _wrong(shard, each, now_s)]
    if as_json:
        shards = [
            {"shard": shard, "running": _runs(each, now_s), **(msgspec.structs.asdict(each) if each else {})}
            for shard, each in found.items()
        ]
        click.echo(json.dumps({"no_trip": no_trip(data), "shards": shards, "wrong": wrong}, indent=2))
    else:
        headers = ("shard", "engine's time", "batches", "snapshot", "producers", "trips", "waiting")
        rows = [_row(shard, each, data) for shard, each in found.items() if each is not None]
        output_console().print(table("Engines", headers, rows))
        for line in wrong:
            click.echo(line, err=True)
    if wrong:
        raise click.exceptions.Exit(1)


def statuses(data: Path) -> dict[int, Status | None]:
    """What the engines of a data directory last said; raises `LayoutError` for what is none."""
    if not data.is_dir():
        raise LayoutError(f"{data}: does not exist; expected the data directory of a node")
    return read_status(data)


def trips_of(status: Status, data: Path) -> str:
    """Whether trips go, or what stops them first."""
    if no_trip(data):
        return "NO-TRIP"
    if status.trips_held:
        return "held"
    if not status.trips_suspended:
        return "go"
    return ": ".join(["suspended", *filter(None, [", ".join(status.commands.get("alarms", []))])])


def _row(shard: int, status: Status, data: Path) -> tuple[str, ...]:
    waiting = status.commands.get("waiting", {})
    return (
        str(shard),
        _instant(status.engine_s),
        count(status.sequence),
        "none" if status.snapshot is None else f"frame {count(status.snapshot)}",
        count(status.producers),
        trips_of(status, data),
        ", ".join(f"{count(many)} {kind}s" for kind, many in waiting.items() if many) or "none",
    )


def _wrong(shard: int, status: Status | None, now_s: int) -> list[str]:
    """What a person should do something about."""
    if status is None:
        return [f"engine {shard} has never run"]
    lines = [f"engine {shard}: {what}: {text}" for what, text in status.alarms.items()]
    lines += [
        f"engine {shard}: {name} is frozen: two different batches of one number" for name in status.frozen
    ]
    if not _runs(status, now_s):
        lines.append(f"engine {shard} does not run: it wrote its status last at {_instant(status.at_s)}")
    return lines


def _runs(status: Status | None, now_s: int) -> bool:
    return status is not None and now_s - status.at_s <= OLD_S


def _instant(at_s: int | None) -> str:
    if at_s is None:
        return "none"
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
