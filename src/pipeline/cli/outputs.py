"""`feikong outputs`: what makes the outputs of a node, for those who start the parts themselves."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from pipeline.cli._node import CONFIG, DATA, load_setup, until_told
from pipeline.node.layout import open_layout
from pipeline.outputs.flight.doors import doors
from pipeline.outputs.places import OutputPlaces
from pipeline.outputs.process import serve

__all__ = ["outputs"]

NICE = 5


@click.command()
@CONFIG
@DATA
def outputs(config: Path, data: Path) -> None:
    """Make the outputs of a node from its journals, until SIGTERM: files by day, and what this machine's programs ask.

    It may be started and ended whenever, and beside a node that runs: it changes nothing but DATA/outputs, and what is
    missing there is made.

    \b
    Example:
      feikong outputs county.toml --data node
    """  # noqa: D301
    setup = load_setup(config)
    open_layout(data, setup.node.shards)
    if not setup.node.outputs.write:
        raise click.ClickException(
            f"{config}: [node.outputs] has write = []: none is wanted; expected some outputs"
        )
    places = OutputPlaces(data)
    places.status.parent.mkdir(mode=0o700, exist_ok=True)
    os.nice(NICE)  # the engines go first

    def say(text: str) -> None:
        print(f"outputs: {text}", file=sys.stderr, flush=True)

    services = doors(setup.node, places, config.parent)
    serve(setup.node.outputs, places, services, ending=until_told(), say=say)
    say("ended")
