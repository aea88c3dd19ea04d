"""What the commands of a node share: its configuration, its data directory."""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.errors import SourceError
from pipeline.node.config import Setup, setup_from_toml

__all__ = ["CONFIG", "DATA", "load_setup"]

CONFIG = click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
DATA = click.option(
    "--data",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The node's data directory.",
)


def load_setup(path: Path) -> Setup:
    """What a configuration says, checked whole; raises `ConfigError`, and `SourceError` for a file of no text."""
    try:
        return setup_from_toml(path.read_text("utf8"))
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: no UTF-8: {error}; expected a TOML file") from error
