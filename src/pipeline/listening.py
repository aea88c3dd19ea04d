"""Listening sockets of which several share one address, so that several processes can serve it.

Whoever starts the processes makes the sockets, and hands one to each: the kernel spreads connections over them. A
process that ends leaves its socket with its parent, for the one that takes its place.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import Final

from pipeline.transport import TransportError

__all__ = ["endpoint_of", "listen"]

BACKLOG: Final = 1024
PORT_MAX: Final = 65_535


def listen(endpoint: str, count: int) -> list[socket.socket]:
    """So many sockets that listen at one endpoint, ``tcp://HOST:PORT``, and do not block.

    Raises `TransportError` where it is no address of this machine, or anybody listens there already.
    """
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    host = "" if host == "*" else host.strip("[]")
    made: list[socket.socket] = []
    try:
        number = 0 if port == "*" else int(port)
        if number > PORT_MAX:
            raise ValueError(f"there is no port {number}")
        # Shared addresses can be shared by others too, unawares: alone, one bind tells whether anybody is there.
        with _bound(host, number, shared=False) as alone:
            alone.listen(1)
        for _ in range(count):
            made.append(_bound(host, number, shared=count > 1))
            number = made[0].getsockname()[1]
            made[-1].listen(BACKLOG)
    except (OSError, OverflowError, ValueError) as error:
        for each in made:
            each.close()
        raise TransportError(
            f"{endpoint}: cannot be bound: {error}; expected a free address of this machine"
        ) from None
    return made


def endpoint_of(listening: socket.socket) -> str:
    """The endpoint at which a socket listens, its port as it is."""
    host, port = listening.getsockname()[:2]
    return f"tcp://[{host}]:{port}" if listening.family == socket.AF_INET6 else f"tcp://{host}:{port}"


def _bound(host: str, port: int, shared: bool) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE, family=_family(host)
    )[0]
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            with suppress(AttributeError):  # where there is no such option, one process has to do
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(address)
        made.setblocking(False)
    except BaseException:
        made.close()
        raise
    return made


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_UNSPEC if host else socket.AF_INET
