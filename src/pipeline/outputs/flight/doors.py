"""The doors of a node's outputs: this machine's, always; the network's, where the configuration has one."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from pipeline.errors import SourceError
from pipeline.keys.tokens import Tokens
from pipeline.node.config import NodeConfig
from pipeline.outputs.flight.server import Door, Server
from pipeline.outputs.places import OutputPlaces
from pipeline.outputs.tables import Tables

__all__ = ["doors"]

PATH_BYTES_MAX: Final = 100
OTHERS: Final = 0o007


def doors(node: NodeConfig, places: OutputPlaces, beside: Path) -> list[Callable[[Tables], Server]]:
    """What starts the servers of a node's outputs; `beside` is where relative paths of its configuration begin.

    Raises `SourceError` for what could not be served safely.
    """
    dropped = frozenset(node.outputs.keep_days)

    def start(door: Door, tables: Tables) -> Server:
        server = Server(tables, places, door, dropped=dropped)
        if door.tokens is None:
            os.chmod(places.socket, 0o600)
        return server

    found = [_local(places)]
    if node.flight is not None:
        certificate, key = beside / node.flight.certificate, beside / node.flight.key
        address = node.flight.listen.removeprefix("tcp://").replace("*:", "0.0.0.0:").replace(":*", ":0")
        tls = _pem(certificate, "CERTIFICATE"), _pem(key, "PRIVATE KEY")
        found.append(Door(f"grpc+tls://{address}", Tokens(places.data), *tls))
    return [partial(start, door) for door in found]


def _local(places: OutputPlaces) -> Door:
    path = places.socket.absolute()
    state = path.parent.stat()
    if state.st_mode & 0o077 or state.st_uid != os.geteuid():
        raise SourceError(
            f"{path.parent}: has the mode {state.st_mode & 0o777:o} and the owner {state.st_uid}; expected 700 and "
            f"{os.geteuid()}: whoever reaches the socket in it reads the node's outputs"
        )
    if len(os.fsencode(path)) > PATH_BYTES_MAX:
        raise SourceError(f"{path}: is too long for a socket; expected at most {PATH_BYTES_MAX} bytes")
    return Door(f"grpc+unix://{path}")


def _pem(path: Path, what: str) -> bytes:
    data = path.read_bytes()
    if what == "PRIVATE KEY" and path.stat().st_mode & OTHERS:
        raise SourceError(
            f"{path}: has the mode {path.stat().st_mode & 0o777:o}, so anybody here can use it; expected 600, "
            "or 640. If anybody may have read it, have a new certificate made"
        )
    if b"-----BEGIN " not in data or what.encode() not in data:
        raise SourceError(f"{path}: holds no {what.lower()}; expected PEM")
    return data
