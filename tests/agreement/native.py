"""The engine, as the comparison drives it."""

from __future__ import annotations

from typing import Any

from fastcore import Config, Engine
from model.state import OUTPUTS


def engine(text: str) -> Any:
    """An engine of a configuration, with every output."""
    return Engine(Config.from_toml(text), outputs=OUTPUTS)
