"""What the commands of a node share: its configuration, its data directory."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from traceback import format_exc
from typing import Final

import click

from pipeline.cli._errors import explained
from pipeline.errors import SourceError
from pipeline.journal import RealDisk
from pipeline.journal.disk import DiskLocked
from pipeline.logs import CRITICAL, ERROR, FORMATS, Log, Message
from pipeline.node.config import Setup, setup_from_toml
from pipeline.node.layout import LayoutError

__all__ = ["ACCEPT_LOSS", "CONFIG", "DATA", "LOG_FORMAT", "failing", "load_setup", "node_lock", "until_told"]

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
LOG_FORMAT = click.option(
    "--log-format",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="How it says what happens, on standard error: for people, or a JSON object a line.",
)

LOCK: Final = "node.lock"


@contextmanager
def failing(log: Log, *own: type[Exception]) -> Iterator[None]:
    """Say why a process of a node fails as it says everything, and end it with the exit status that it has anyhow.

    As text, that is what every command says of an error, with the part before those of the types `own`.
    """
    try:
        yield
    except (click.exceptions.Exit, click.Abort, BrokenPipeError):
        raise
    except Exception as error:
        text = explained(error)
        if isinstance(error, own):
            text = str(error)
            if log.form == "text":
                raise click.ClickException(f"{log.part}: {text}") from error
        if log.form == "text":
            raise
        if text is None:
            log.say(Message(repr(error), CRITICAL, traceback=format_exc()))
        else:
            log.say(Message(text, ERROR))
        raise click.exceptions.Exit(
            error.exit_code if isinstance(error, click.ClickException) else 1
        ) from None


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
