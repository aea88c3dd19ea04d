"""What the commands of a node share: its configuration, its data directory."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Final

import click

from pipeline.errors import SourceError
from pipeline.journal import RealDisk
from pipeline.journal.disk import DiskLocked
from pipeline.node.config import Setup, setup_from_toml
from pipeline.node.layout import LayoutError

__all__ = ["ACCEPT_LOSS", "CONFIG", "DATA", "load_setup", "node_lock", "until_told"]

CONFIG = click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
DATA = click.option(
    "--data",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The node's data directory.",
)
ACCEPT_LOSS = click.option(
    "--accept-loss",
    is_flag=True,
    help="Go on although producers have seen acknowledged what is not here; they send again what they still have.",
)

LOCK: Final = "node.lock"


@contextmanager
def node_lock(data: Path) -> Iterator[None]:
    """Hold the data directory of a node, which is made if it is not there; raises `LayoutError` if another does."""
    try:
        lock = RealDisk(data).lock(LOCK, str(os.getpid()))
    except DiskLocked as error:
        raise LayoutError(f"{data}: another node runs here, process {error}; expected none") from None
    try:
        yield
    finally:
        lock.release()


def load_setup(path: Path) -> Setup:
    """What a configuration says, checked whole; raises `ConfigError`, and `SourceError` for a file of no text."""
    try:
        return setup_from_toml(path.read_text("utf8"))
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: no UTF-8: {error}; expected a TOML file") from error


def until_told() -> Event:
    """An event that is set when this process is told to end, by SIGTERM or by a person's Ctrl-C."""
    ending = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    return ending
