"""The node's own keys: ``keys/node.key`` in its data directory, made by its first start."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pipeline.keys import NODE, KeyFileError, KeyPair, new_pair

__all__ = ["NODE_KEY", "made_pair", "node_pair"]

NODE_KEY: Final = Path("keys", "node.key")


def node_pair(data: str | Path) -> KeyPair:
    """The pair of a node; raises `KeyFileError` where it has none, or another's."""
    path = Path(data) / NODE_KEY
    if not path.exists():
        raise KeyFileError(
            f"{path}: is not there; `feikong run` makes it, or `feikong keys new {NODE} --role {NODE}` with --out "
            f"{path.parent}"
        )
    pair = KeyPair.load(path)
    if pair.public.role != NODE:
        raise KeyFileError(f"{path}: has the role {pair.public.role}; expected {NODE}")
    return pair


def made_pair(data: str | Path) -> tuple[KeyPair, bool]:
    """The pair of a node, made if it has none; whether it was."""
    path = Path(data) / NODE_KEY
    made = not path.exists()
    if made:
        new_pair(NODE, NODE).save(path.parent)
    return node_pair(data), made
