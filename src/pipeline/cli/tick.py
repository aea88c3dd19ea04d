"""`feikong tick`: an operator says what time it is."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from pipeline.cli._operator import Station, say, station_options
from pipeline.clock import RealClock

__all__ = ["tick"]


@click.command()
@click.option(
    "--at",
    metavar="INSTANT",
    help="The time, with its offset, such as 2026-01-01T00:15:00Z.  [default: this machine's clock]",
)
@station_options
def tick(station: Station, at: str | None) -> None:
    """Tell a node what time it is, when its clock has moved by more than `max_jump` and it waits.

    Look first whether the clock is right: time never goes back, and customers are warned and tripped by it.

    \b
    Example:
      feikong tick --to tcp://node:7070 --key op.key --node node.pub
    """  # noqa: D301
    at_s = RealClock().now_s() if at is None else _instant(at)
    say(station, "tick", lambda ids: at_s, ("uint64",))
    click.echo(f"The node's time is {datetime.fromtimestamp(at_s, UTC).isoformat()} now, or later.")


def _instant(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or moment.microsecond:
        raise click.BadParameter(
            f"{text!r}; expected whole seconds and an offset, such as 2026-01-01T00:15:00Z", param_hint="--at"
        )
    return int(moment.timestamp())
