"""`feikong outputs`: what makes the outputs of a node, for those who start the parts themselves."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from pipeline.cli._node import CONFIG, DATA, LOG_FORMAT, failing, load_setup, until_told
from pipeline.clock import RealClock
from pipeline.logs import Format, Log
from pipeline.node.layout import open_layout
from pipeline.outputs.figures import Counting
from pipeline.outputs.flight.doors import doors
from pipeline.outputs.places import OutputPlaces
from pipeline.outputs.process import Service, serve
from pipeline.outputs.tables import Tables

__all__ = ["outputs"]

NICE = 5


@click.command()
@CONFIG
@DATA
@LOG_FORMAT
def outputs(config: Path, data: Path, log_format: Format) -> None:
    """Make the outputs of a node from its journals, until SIGTERM: files by day, and what this machine's programs ask.

    It may be started and ended whenever, and beside a node that runs: it changes nothing but DATA/outputs, and what is
    missing there is made.

    \b
    Example:
      feikong outputs county.toml --data node
    """  # noqa: D301
    log = Log("outputs", log_format)
    with failing(log):
        _outputs(config, data, log)


def _outputs(config: Path, data: Path, log: Log) -> None:
    setup = load_setup(config)
    open_layout(data, setup.node.shards)
    if not setup.node.outputs.write:
        raise click.ClickException(
            f"{config}: [node.outputs] has write = []: none is wanted; expected some outputs"
        )
    places = OutputPlaces(data)
    places.status.parent.mkdir(mode=0o700, exist_ok=True)
    os.nice(NICE)  # the engines go first
    services: list[Callable[[Tables], Service]] = [
        *doors(setup.node, places, config.parent),
        partial(Counting, data=data, clock=RealClock()),
    ]
    serve(setup.node.outputs, places, services, ending=until_told(), say=log.say)
    log.say("ended")
