"""Whoever means no good, each in a process of its own that goes on until it is told to end.

Each does one thing, over and over, as fast as it is let: what a stranger can do who only reaches the port, and what the
holder of a key can do who may send reads and nothing else. They run at the lowest priority, since an attacker's
processor is not the node's: what they cost is what the node does with what they send.
"""

from __future__ import annotations

import os
import random
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from ctypes import c_uint64
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from benchmarks.errors import CannotRun
from benchmarks.loopback import LONG_S
from pipeline.closing import Closing
from pipeline.keys import KeyPair, PublicKey, new_pair
from pipeline.transport import Client, Sockets
from pipeline.wire import (
    Buffer,
    Hello,
    Kind,
    Reason,
    Rejected,
    Role,
    Welcome,
    check_answer,
    control,
    pack,
)

__all__ = ["ATTACKS", "Attacker", "Target"]

NICE: Final = 19
HALF_OPEN: Final = 200
"""Connections that one holds open: more would ask for more file descriptors than a process usually may have."""
LARGE_BYTES: Final = 15 << 20
BOMB_ROWS: Final = 65_536
PAUSE_S: Final = 0.0005
GREETING: Final = b"\xff" + bytes(8) + b"\x7f\x03\x00CURVE" + bytes(15) + b"\x00" + bytes(31)


class Target(NamedTuple):
    """A node, and a key that it lets in to send reads."""

    endpoint: str
    node: Path
    pair: KeyPair

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = self.endpoint.removeprefix("tcp://").rpartition(":")
        return host, int(port)


class Caller:
    """A client that says what it wants, and begins a session like any other."""

    def __init__(self, target: Target, sockets: Sockets) -> None:
        self.key = target.pair.public.curve
        self.seq = self.session = self.heard = 0
        self._client: Client = sockets.connect(
            target.endpoint, target.pair, PublicKey.load(target.node).curve, queue=64
        )
        until_s = time.monotonic() + LONG_S
        while not self.session:
            self.say(list(control(self.key, Hello(1, 0, 0), epoch=1)))
            time.sleep(0.01)
            self.listen()
            if time.monotonic() > until_s:
                raise CannotRun(f"an attacker was not let in within {LONG_S:g} s")

    def say(self, frames: list[Buffer]) -> bool:
        """Say something, if there is room for it."""
        return self._client.send(frames)

    def listen(self) -> None:
        """Take what there is."""
        while (frames := self._client.receive()) is not None:
            self.heard += 1
            answer = check_answer(frames, self.key)
            if isinstance(answer.content, Welcome):
                self.session = answer.header.session
            elif isinstance(answer.content, Rejected) and answer.content.reason == Reason.CREDIT:
                self.seq = min(self.seq, answer.header.seq - 1)
            elif answer.header.kind is Kind.NACK:
                self.seq = answer.header.seq - 1

    def reads(self, body: Buffer, rows: int, kind: Kind = Kind.READS) -> list[Buffer]:
        """A message of this session, of the number that comes next, with a right digest."""
        return [
            pack(kind, self.key, body, epoch=1, session=self.session, seq=self.seq + 1, rows=rows),
            body,
        ]


def tiny(target: Target, ending: Event, done: Any) -> None:
    """Messages of one byte, that are none, by the hundred thousand."""
    with Sockets() as sockets:
        caller = Caller(target, sockets)
        while not ending.is_set():
            sent = sum(caller.say([bytes([i]), b""]) for i in range(64))
            done.value += sent
            caller.listen()
            if not sent:
                time.sleep(PAUSE_S)


def deaf(target: Target, ending: Event, done: Any) -> None:
    """The same, from one that never reads what it is answered."""
    with Sockets() as sockets:
        caller = Caller(target, sockets)
        while not ending.is_set():
            sent = sum(caller.say([bytes([i]), b""]) for i in range(64))
            done.value += sent
            if not sent:
                time.sleep(PAUSE_S)


def roles(target: Target, ending: Event, done: Any) -> None:
    """Each kind of message that this key may not send."""
    kinds = [kind for kind in Kind if kind not in (Kind.HELLO, Kind.PING, Kind.READS)]
    with Sockets() as sockets:
        caller = Caller(target, sockets)
        while not ending.is_set():
            sent = sum(caller.say(caller.reads(b"x" * 64, 0, kind)) for kind in kinds)
            done.value += sent
            caller.listen()
            if not sent:
                time.sleep(PAUSE_S)


def bombs(target: Target, ending: Event, done: Any) -> None:
    """Bodies that are small, and would be large if anybody unpacked them."""
    zeros = np.zeros(BOMB_ROWS, np.uint64)
    columns = [pa.array(zeros), pa.array(zeros.astype(np.int64), pa.timestamp("s", "UTC"))]
    columns += [pa.array(zeros.astype(np.int64)), pa.array(zeros.astype(np.uint16))]
    batch = pa.RecordBatch.from_arrays(columns, ["meter_id", "at", "value", "status"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_batch(batch)
    body = sink.getvalue().to_pybytes()
    with Sockets() as sockets:
        caller = Caller(target, sockets)
        while not ending.is_set():
            if caller.say(caller.reads(body, BOMB_ROWS)):
                caller.seq += 1
                done.value += 1
            else:
                time.sleep(PAUSE_S)
            caller.listen()


def large(target: Target, ending: Event, done: Any) -> None:
    """Bodies of 15 MiB, of nothing, whatever credit there is."""
    body = bytes(LARGE_BYTES)
    with Sockets() as sockets:
        caller = Caller(target, sockets)
        while not ending.is_set():
            if caller.say(caller.reads(body, 1)):
                caller.seq += 1
                done.value += 1
            else:
                time.sleep(PAUSE_S)
            caller.listen()


def garbage(target: Target, ending: Event, done: Any) -> None:
    """Connections that speak no ZeroMQ, or stop in the middle of a handshake's word."""
    dice = random.Random(4)
    while not ending.is_set():
        with suppress(OSError), socket.create_connection(target.address, timeout=5) as made:
            made.sendall(
                dice.choice([GREETING + dice.randbytes(500), dice.randbytes(500), GREETING[:11] + b"\0" * 99])
            )
            done.value += 1


def half_open(target: Target, ending: Event, done: Any) -> None:
    """Connections that begin a handshake and say no more, as many as one can hold; the oldest goes for each new one."""
    dice = random.Random(5)
    opened: list[socket.socket] = []
    while not ending.is_set():
        with suppress(OSError):
            made = socket.create_connection(target.address, timeout=5)
            opened.append(made)
            made.sendall(
                GREETING + b"\x04\xc8\x05HELLO" + dice.randbytes(194) if len(opened) % 2 else b"\xff"
            )
            done.value += 1
        if len(opened) > HALF_OPEN:
            opened.pop(0).close()
    for made in opened:
        made.close()


def strangers(target: Target, ending: Event, done: Any) -> None:
    """Keys that nobody has allowed: each costs the node a whole handshake."""
    node = PublicKey.load(target.node).curve
    with Sockets() as sockets:
        while not ending.is_set():
            clients = [
                sockets.connect(target.endpoint, new_pair("stranger", Role.OPERATOR), node) for _ in range(8)
            ]
            until_s = time.monotonic() + 0.05
            while time.monotonic() < until_s:
                if any(client.send([b"x", b"y"]) for client in clients):
                    raise CannotRun("a stranger was let in")
                time.sleep(0.01)
            for client in clients:
                client.close()
            done.value += len(clients)


ATTACKS: Final[dict[str, Callable[[Target, Event, Any], None]]] = {
    "tiny messages": tiny,
    "tiny messages, no answer read": deaf,
    "kinds of other roles": roles,
    "compressed bombs": bombs,
    "15 MiB without credit": large,
    "garbage on the port": garbage,
    "half-open handshakes": half_open,
    "keys that are not allowed": strangers,
}


class Attacker(Closing):
    """A process that attacks until it is closed; a context manager."""

    def __init__(self, attack: str, target: Target) -> None:
        context = get_context("spawn")
        self._ending = context.Event()
        self._done = context.Value(c_uint64, 0, lock=False)
        self._process = context.Process(
            target=_attack, args=(attack, target, self._ending, self._done), daemon=True
        )
        self._process.start()

    @property
    def done(self) -> int:
        """How often it has done it."""
        return self._done.value

    @property
    def runs(self) -> bool:
        """Whether it has not failed."""
        return self._process.is_alive()

    def close(self) -> None:
        """End it."""
        self._ending.set()
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _attack(attack: str, target: Target, ending: Event, done: Any) -> None:
    os.nice(NICE)
    ATTACKS[attack](target, ending, done)
