"""`feikong reconfigure`: another configuration for the engines of a node that runs."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.cli._node import CONFIG
from pipeline.cli._operator import Station, say, station_options
from pipeline.errors import SourceError
from pipeline.node.config import setup_from_toml, split_toml

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
    try:
        text = config.read_text("utf8")
    except UnicodeDecodeError as error:
        raise SourceError(f"{config}: no UTF-8: {error}; expected a TOML file") from error
    setup_from_toml(text)
    say(station, "config", lambda ids: split_toml(text)[0], ("utf8",))
    click.echo(f"{config} is in force.")
