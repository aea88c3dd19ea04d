"""Sockets: the only module that knows ZeroMQ.

A `Sockets` holds what one process has of them, and the authenticator that all its servers ask. A `Server` is a ROUTER
that strangers cannot talk to, a `Client` a DEALER; both move messages, never wait, and belong to one thread. A
`Waiter` waits for several.

What keeps strangers out is CURVE, a ZAP domain that is set, `ZAP_ENFORCE_DOMAIN`, and an authenticator that runs:
libzmq lets everybody in where the domain is missing, and, without the enforcement, where the authenticator has died.
So `Sockets.serve` reads the settings back, and then tries it: a random key, no key at all and a password must be
turned away, and a key that is let in for this alone must get in. Else there is no server.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final
from uuid import uuid4

import zmq
from zmq.utils.monitor import recv_monitor_message

from fastcore.errors import FeikongError
from pipeline.clock import RealClock
from pipeline.closing import Closing
from pipeline.keys import KeyPair, new_pair
from pipeline.links import FRAMES_MAX, Received, Sent
from pipeline.wire import BODY_BYTES_MAX, Buffer, Role
from pipeline.zap import Admit, Door

__all__ = ["Client", "Server", "Sockets", "TransportError", "Waiter"]

_Socket = zmq.Socket[bytes]

COPIED_MAX: Final = 1 << 16
"""Bytes up to which a frame is copied; larger ones are handed over as they lie."""
PROBE_MS: Final = 5_000
REDIAL_S: Final = 2.0
LOCAL_PATH_BYTES_MAX: Final = 100
ALONE: Final = "tcp://127.0.0.1:*"
ZAP: Final = "inproc://zeromq.zap.01"
_MORE: Final = int(zmq.NOBLOCK | zmq.SNDMORE)  # joined anew for each frame, flags cost more than the frame

_TURNED_AWAY: Final = (
    zmq.Event.HANDSHAKE_FAILED_AUTH
    | zmq.Event.HANDSHAKE_FAILED_PROTOCOL
    | zmq.Event.HANDSHAKE_FAILED_NO_DETAIL
)
_REFUSALS: Final = _TURNED_AWAY | zmq.Event.DISCONNECTED
_COMMON: Final[dict[int, int]] = {
    zmq.LINGER: 0,
    zmq.MAXMSGSIZE: BODY_BYTES_MAX,
    zmq.HANDSHAKE_IVL: 5_000,
    zmq.HEARTBEAT_IVL: 5_000,
    zmq.HEARTBEAT_TIMEOUT: 15_000,
    zmq.HEARTBEAT_TTL: 30_000,
}


class TransportError(FeikongError):
    """A socket that cannot be had, or would not be safe: what is wrong, where, what would be right."""


class Server:
    """A ROUTER; made by `Sockets`."""

    def __init__(self, socket: zmq.Socket[bytes], watch: Callable[[], None], secure: bool) -> None:
        self._socket = socket
        self._watch = watch
        self._secure = secure
        self.endpoint = socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def receive(self) -> Received | None:
        """The next message, None if there is none; raises `TransportError` if the authenticator has died."""
        self._watch()
        try:
            first = self._socket.recv(zmq.NOBLOCK, copy=False)
        except zmq.Again:
            return None
        frames: list[Buffer] = []
        more = first.more
        while more:
            frame = self._socket.recv(zmq.NOBLOCK, copy=False)
            more = frame.more
            if len(frames) < FRAMES_MAX:
                frames.append(_buffer(frame))
        return Received(first.bytes, str(first.get("User-Id")) if self._secure else "", frames)

    def send(self, route: bytes, frames: Sequence[Buffer]) -> Sent:
        """Send a message, all of it or nothing."""
        try:
            self._socket.send(route, _MORE)
        except zmq.Again:
            return Sent.FULL
        except zmq.ZMQError as error:
            if error.errno == zmq.EHOSTUNREACH:
                return Sent.GONE
            raise
        _send(self._socket, frames)
        return Sent.SENT

    def close(self) -> None:
        """Close, with what was not yet sent; closing twice does nothing."""
        self._socket.close(linger=0)


class Client:
    """A DEALER; made by `Sockets`. It connects by itself, again and again."""

    def __init__(self, socket: _Socket, watch: _Socket | None = None, redial: _Redial | None = None) -> None:
        self._socket = socket
        self._watch = watch
        self._redial = redial

    @property
    def lost(self) -> bool:
        """Whether a connection of a local link has ended since it began: what was under way may be lost."""
        return self._watch is not None and bool(self._watch.poll(0))

    def receive(self) -> list[Buffer] | None:
        """The next message, None if there is none."""
        frames: list[Buffer] = []
        more = True
        while more:
            try:
                frame = self._socket.recv(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return None
            more = frame.more
            if len(frames) < FRAMES_MAX:
                frames.append(_buffer(frame))
        return frames

    def send(self, frames: Sequence[Buffer]) -> bool:
        """Send a message, all of it or nothing: False if there is no connection, or its queue is full."""
        try:
            _send(self._socket, frames)
        except zmq.Again:
            if self._redial is not None:
                self._redial.look()
            return False
        return True

    def wait(self, timeout_s: float) -> bool:
        """Wait until there is a message, at most so long; whether there is one."""
        return bool(self._socket.poll(int(timeout_s * 1000)))

    def close(self) -> None:
        """Close, with what was not yet sent; closing twice does nothing."""
        self._socket.close(linger=0)


class _Redial:
    """Connects anew where this end was turned away, since libzmq gives up then: its key may have been allowed since."""

    def __init__(self, socket: _Socket, endpoint: str) -> None:
        self._socket, self._endpoint = socket, endpoint
        self._watch = socket.get_monitor_socket(_TURNED_AWAY, f"inproc://{uuid4()}")
        self._due_s = float("inf")

    def look(self) -> None:
        """See whether it was, and whether it is time to try again."""
        now_s = RealClock().monotonic_s()
        while self._watch.poll(0) and recv_monitor_message(self._watch):
            self._due_s = now_s + REDIAL_S
        if now_s >= self._due_s:
            self._due_s = float("inf")
            self._socket.disconnect(self._endpoint)
            self._socket.connect(self._endpoint)


class Waiter:
    """Waits for several ends, and for file descriptors that become readable."""

    def __init__(self, *ends: Server | Client | int) -> None:
        self._poller = zmq.Poller()
        self._ends: dict[Any, Server | Client | int] = {}
        for end in ends:
            polled = end if isinstance(end, int) else end._socket
            self._poller.register(polled, zmq.POLLIN)
            self._ends[polled] = end

    def wait(self, timeout_s: float) -> list[Server | Client | int]:
        """Wait at most so long; returns those that have something to read."""
        return [self._ends[polled] for polled, _ in self._poller.poll(int(timeout_s * 1000))]


class Sockets(Closing):
    """The sockets of a process, and its authenticator; a context manager.

    `domains` says who may come in to servers of each domain. `io_threads` carry bytes, and cipher them: one takes some
    hundreds of MB/s.
    """

    def __init__(self, domains: Mapping[str, Admit] | None = None, io_threads: int = 1) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context(io_threads)
        self._door = Door(domains or {})
        self._ending = Event()
        self._thread: Thread | None = None

    def serve(
        self, endpoint: str, pair: KeyPair, domain: str, *, queue: int = 8, listening: int | None = None
    ) -> Server:
        """Bind a ROUTER for producers, once it has proved to be closed to strangers; else raises `TransportError`.

        `queue` is the number of messages that wait in either direction for each peer. `listening` is the file
        descriptor of a socket that listens at the endpoint already, beside those of other processes: then the proof
        is made at an address of this process alone, before that one is touched.
        """
        self._authenticate()
        socket = self._context.socket(zmq.ROUTER)
        try:
            _set(socket, {**_COMMON, zmq.ROUTER_MANDATORY: 1, zmq.RCVHWM: queue, zmq.SNDHWM: queue})
            _set(socket, _guards(pair, domain))
            _bind(socket, endpoint if listening is None else ALONE)
            self._prove(socket, pair.public.curve)
            if listening is not None:
                socket.unbind(socket.getsockopt_string(zmq.LAST_ENDPOINT))
                _set(socket, {zmq.USE_FD: listening})
                _bind(socket, endpoint)
        except BaseException:
            socket.close(linger=0)
            raise
        return Server(socket, self.check, secure=True)

    def connect(self, endpoint: str, pair: KeyPair, server_key: bytes, *, queue: int = 8) -> Client:
        """A DEALER to a server whose public CURVE key is known; returns at once, and connects when it can."""
        socket = self._context.socket(zmq.DEALER)
        _set(socket, {**_COMMON, zmq.IMMEDIATE: 1, zmq.RCVHWM: queue, zmq.SNDHWM: queue})
        _set(socket, {zmq.RECONNECT_IVL: 100, zmq.RECONNECT_IVL_MAX: 5_000})
        _set(socket, _credentials(pair, server_key))
        return Client(_connect(socket, endpoint), redial=_Redial(socket, endpoint))

    def serve_local(self, path: Path, *, queue: int = 64) -> Server:
        """Bind a ROUTER for this machine's other processes: a socket in a folder that is its owner's alone."""
        folder = path.parent
        state = folder.stat()
        if state.st_mode & 0o077 or state.st_uid != os.geteuid():
            raise TransportError(
                f"{folder}: has the mode {state.st_mode & 0o777:o} and the owner {state.st_uid}; expected 700 and "
                f"{os.geteuid()}: whoever reaches the socket in it speaks for the node"
            )
        socket = self._context.socket(zmq.ROUTER)
        _set(socket, {zmq.LINGER: 0, zmq.ROUTER_MANDATORY: 1, zmq.RCVHWM: queue, zmq.SNDHWM: queue})
        _bind(socket, _local(path))
        return Server(socket, _nothing, secure=False)

    def connect_local(self, path: Path, *, queue: int = 64) -> Client:
        """A DEALER to `serve_local`, in this process or another."""
        socket = self._context.socket(zmq.DEALER)
        _set(socket, {zmq.LINGER: 0, zmq.IMMEDIATE: 1, zmq.RCVHWM: queue, zmq.SNDHWM: queue})
        _set(socket, {zmq.RECONNECT_IVL: 20, zmq.RECONNECT_IVL_MAX: 500})
        watch = socket.get_monitor_socket(zmq.Event.DISCONNECTED, f"inproc://{uuid4()}")
        return Client(_connect(socket, _local(path)), watch)

    def check(self) -> None:
        """Raise `TransportError` if the authenticator is not running: nobody could be let in, or kept out."""
        if self._thread is not None and not self._thread.is_alive():
            raise TransportError("the authenticator has ended; end this process and start it again")

    def close(self) -> None:
        """End the authenticator and close all; ends must not be used any more."""
        self._ending.set()
        if self._thread is not None:
            self._thread.join()
        self._context.destroy(linger=0)

    def _authenticate(self) -> None:
        """Start the authenticator, if it was not: one thread that answers what libzmq asks at each handshake."""
        if self._thread is None:
            socket = self._context.socket(zmq.REP)
            _bind(socket, ZAP)
            self._thread = Thread(
                target=_answer_all, args=(socket, self._door, self._ending), name="authenticator", daemon=True
            )
            self._thread.start()

    def _prove(self, socket: zmq.Socket[bytes], server_key: bytes) -> None:
        """Raise `TransportError` unless this server is closed to strangers, and open to whom it should be."""
        endpoint = socket.getsockopt_string(zmq.LAST_ENDPOINT)
        if missing := _missing(socket):
            raise TransportError(f"{endpoint}: {', '.join(missing)} is not set; nothing is served like that")
        strangers: dict[str, dict[int, Any]] = {
            "a random key": _credentials(new_pair("stranger", Role.READS), server_key),
            "no key": {},
            "a password": {zmq.PLAIN_USERNAME: b"operator", zmq.PLAIN_PASSWORD: b"operator"},
        }
        for what, options in strangers.items():
            if self._gets_in(endpoint, options):
                raise TransportError(
                    f"{endpoint}: the self-test got in with {what}; nothing is served like that"
                )
        with self._door.guest(new_pair("guest", Role.READS)) as guest:
            if not self._gets_in(endpoint, _credentials(guest, server_key)):
                raise TransportError(
                    f"{endpoint}: the self-test was turned away with a key that is allowed; the authenticator is not "
                    "asked, or does not answer"
                )

    def _gets_in(self, endpoint: str, options: Mapping[int, Any]) -> bool:
        socket = self._context.socket(zmq.DEALER)
        _set(socket, {zmq.LINGER: 0, zmq.RECONNECT_IVL: -1, **options})
        monitor = socket.get_monitor_socket(_REFUSALS | zmq.Event.HANDSHAKE_SUCCEEDED)
        try:
            _connect(socket, endpoint.replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]"))
            if not monitor.poll(PROBE_MS):
                raise TransportError(f"{endpoint}: the self-test had no answer for {PROBE_MS} ms")
            return bool(recv_monitor_message(monitor)["event"] == zmq.Event.HANDSHAKE_SUCCEEDED)
        finally:
            socket.disable_monitor()
            monitor.close(linger=0)
            socket.close(linger=0)


def _answer_all(socket: zmq.Socket[bytes], door: Door, ending: Event) -> None:
    with socket:
        while not ending.is_set():
            if socket.poll(100):
                socket.send_multipart(door.answer(socket.recv_multipart()))


def _guards(pair: KeyPair, domain: str) -> dict[int, Any]:
    """What makes a server ask who comes."""
    return {
        zmq.CURVE_SERVER: 1,
        zmq.CURVE_SECRETKEY: pair.secret,
        zmq.CURVE_PUBLICKEY: pair.public.curve,
        zmq.ZAP_DOMAIN: domain.encode(),
        zmq.ZAP_ENFORCE_DOMAIN: 1,
    }


def _missing(socket: zmq.Socket[bytes]) -> list[str]:
    """Which of those settings a socket does not have."""
    found = {
        "CURVE_SERVER": socket.getsockopt(zmq.CURVE_SERVER) == 1,
        "ZAP_DOMAIN": bool(socket.getsockopt_string(zmq.ZAP_DOMAIN)),
        "ZAP_ENFORCE_DOMAIN": socket.getsockopt(zmq.ZAP_ENFORCE_DOMAIN) == 1,
    }
    return [name for name, is_set in found.items() if not is_set]


def _credentials(pair: KeyPair, server_key: bytes) -> dict[int, Any]:
    return {
        zmq.CURVE_SERVERKEY: server_key,
        zmq.CURVE_PUBLICKEY: pair.public.curve,
        zmq.CURVE_SECRETKEY: pair.secret,
    }


def _set(socket: zmq.Socket[bytes], options: Mapping[int, Any]) -> None:
    for option, value in options.items():
        socket.setsockopt(option, value)


def _bind(socket: zmq.Socket[bytes], endpoint: str) -> None:
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        socket.close(linger=0)
        raise TransportError(
            f"{endpoint}: cannot be bound: {error}; expected a free address of this machine"
        ) from None


def _connect(socket: zmq.Socket[bytes], endpoint: str) -> zmq.Socket[bytes]:
    try:
        socket.connect(endpoint)
    except zmq.ZMQError as error:
        socket.close(linger=0)
        raise TransportError(
            f"{endpoint}: cannot be connected to: {error}; expected tcp://host:port"
        ) from None
    return socket


def _local(path: Path) -> str:
    if len(os.fsencode(path)) > LOCAL_PATH_BYTES_MAX:
        raise TransportError(
            f"{path}: is too long for a socket; expected at most {LOCAL_PATH_BYTES_MAX} bytes"
        )
    return f"ipc://{path}"


def _buffer(frame: zmq.Frame) -> Buffer:
    return frame.bytes if len(frame) <= COPIED_MAX else frame.buffer


def _send(socket: zmq.Socket[bytes], frames: Sequence[Buffer]) -> None:
    """Send frames as one message; only the first can fail, and then nothing was sent."""
    *first, last = frames
    for frame in first:
        socket.send(frame, _MORE, copy=len(frame) <= COPIED_MAX)
    socket.send(last, zmq.NOBLOCK, copy=len(last) <= COPIED_MAX)


def _nothing() -> None:
    """Watch over a socket that has no authenticator."""
