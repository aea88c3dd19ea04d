"""`feikong status`: what a node says of itself, from its data directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from pipeline.cli._node import DATA, until_told
from pipeline.cli._standing import instant, page
from pipeline.cli._terminal import output_console
from pipeline.clock import Clock, RealClock
from pipeline.metrics.standing import Standing, fresh, look, wrong
from pipeline.node.layout import LayoutError

__all__ = ["standing_of", "status"]

REFRESH_S: Final = 1.0


@click.command()
@DATA
@click.option("--once", is_flag=True, help="Show it once, on a terminal too.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, once.")
def status(data: Path, once: bool, as_json: bool) -> None:
    """Show what the node of a data directory is doing, on the machine on which it runs.

    On a terminal it goes on, once a second, until Ctrl-C. Exit status 1 where an engine, a worker or what makes the
    outputs does not run, or something is wrong: an alarm, or a producer that is frozen.

    \b
    Example:
      feikong status --data node
      feikong status --data node --once
      feikong status --data node --json | jq .wrong
    """  # noqa: D301
    clock, console = RealClock(), output_console()
    standing = standing_of(data, clock.now_s())
    if as_json:
        click.echo(json.dumps(_document(standing), indent=2))
    elif once or not console.is_terminal:
        console.print(page(standing))
        for line in wrong(standing):
            click.echo(line, err=True)
    else:
        standing = _watched(data, console, clock)
    if wrong(standing):
        raise click.exceptions.Exit(1)


def standing_of(data: Path, at_s: int) -> Standing:
    """How the node of a data directory stands; raises `LayoutError` for what is none."""
    if not data.is_dir():
        raise LayoutError(f"{data}: does not exist; expected the data directory of a node")
    return look(data, at_s)


def _watched(data: Path, console: Console, clock: Clock) -> Standing:
    """Show it again and again until told to end; how it stood last."""
    ending = until_told()
    standing = look(data, clock.now_s())
    with Live(_screen(standing), console=console, auto_refresh=False, screen=False) as live:
        while not ending.wait(REFRESH_S):
            standing = look(data, clock.now_s())
            live.update(_screen(standing), refresh=True)
    return standing


def _screen(standing: Standing) -> Group:
    """What matters first: a terminal that is too low cuts the end off."""
    lines = [Text(line, style="bold red") for line in wrong(standing)] or [Text("All is well.")]
    return Group(Text(f"{instant(standing.at_s)}; Ctrl-C ends this.", style="dim"), *lines, page(standing))


def _document(standing: Standing) -> dict[str, Any]:
    at_s = standing.at_s

    def plain(status: msgspec.Struct | None) -> dict[str, Any]:
        return msgspec.to_builtins(status) if status is not None else {}

    return {
        "at_s": at_s,
        "no_trip": standing.no_trip,
        "shards": [
            {
                "shard": shard,
                "running": fresh(each, at_s),
                **plain(each),
                **standing.holdings[shard]._asdict(),
            }
            for shard, each in standing.shards.items()
        ],
        "workers": [
            {"worker": number, "running": fresh(each, at_s), **plain(each)}
            for number, each in standing.workers.items()
        ],
        "outputs": {"running": fresh(standing.outputs, at_s), **plain(standing.outputs)},
        "restarts": standing.restarts,
        "wrong": wrong(standing),
    }
