"""`feikong reconfigure`: another configuration for the engines of a node that runs."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli._node import CONFIG, load_setup
from pipeline.cli._operator import Station, say, station_options

__all__ = ["reconfigure"]


@click.command()
@CONFIG
@station_options
def reconfigure(station: Station, config: Path) -> None:
    """Give the engines of a node that runs another configuration: tariffs, policies, limits, holidays.

    It is checked first, here and by the engines, which change nothing if they refuse it: what shapes their state
    cannot change. What the file says in [node] takes effect with the node's next start.

    \b
    Example:
      feikong reconfigure county.toml --to tcp://node:7070 --key op.key --node node.pub
    """  # noqa: D301
    text = load_setup(config).engine.text
    say(station, "config", lambda ids: text, ("utf8",))
    click.echo(f"{config} is in force.")
