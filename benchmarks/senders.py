"""Senders of reads in a process of their own, as light as they can be: what they send is made before the clock starts.

A producer of `pipeline.client` keeps what it sends on a disk of its own, on another machine. Here there is one machine,
and the node is what is measured: so these hold their messages in memory, and say what the wire asks for, no more.
"""

from __future__ import annotations

import gc
import resource
import time
from collections import deque
from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.errors import CannotRun
from benchmarks.loopback import LONG_S
from benchmarks.present import Body, Present
from pipeline.closing import Closing
from pipeline.keys import KeyPair, PublicKey
from pipeline.transport import Client, Sockets
from pipeline.wire import (
    HEADER_BYTES,
    Ack,
    Credit,
    Hello,
    Kind,
    Message,
    Welcome,
    check_answer,
    control,
    pack,
    plain,
)

__all__ = ["Sender", "Senders", "Told", "let_in"]

PER_CONTEXT: Final = 250
"""Clients that share a thread which carries and ciphers their bytes; each takes three of a context's 1,023 sockets."""
PING_S: Final = 20.0


class Told(NamedTuple):
    """What a process of senders tells of a round.

    Attributes:
        reads: that were acknowledged, all of them.
        spent_s: from the first message to the last acknowledgement.
        latencies_s: of each message, from being sent to being acknowledged.
    """

    reads: int
    spent_s: float
    latencies_s: list[float]


class Sender:
    """One key's side of the wire: numbers rise, credit is kept to, any refusal is an error."""

    def __init__(self, client: Client, key: bytes, kind: Kind = Kind.READS) -> None:
        self._client = client
        self._key = key
        self._kind = kind
        self._session = self._credit = self._flying = self._seq = self.acked = 0
        self._waiting: deque[Message] = deque()
        self._flights: deque[tuple[int, int, float]] = deque()
        self.in_flight = 0
        self.latencies_s: list[float] = []

    @property
    def open(self) -> bool:
        """Whether its session is open."""
        return self._session > 0

    @property
    def waiting(self) -> int:
        """How many messages it has not sent."""
        return len(self._waiting)

    @property
    def settled(self) -> bool:
        """Whether all that it has was acknowledged."""
        return not self._waiting and not self._flights

    def hello(self) -> bool:
        """Begin a session; whether that could be said."""
        return self._client.send(control(self._key, Hello(1, 0, 0), epoch=1))

    def ping(self) -> None:
        """Say that it is still there."""
        self._client.send(plain(self._key, Kind.PING, epoch=1, session=self._session))

    def load(self, bodies: Sequence[Body]) -> None:
        """Take messages to be sent."""
        for rows, data, digest in bodies:
            self._seq += 1
            header = pack(
                self._kind,
                self._key,
                data,
                epoch=1,
                session=self._session,
                seq=self._seq,
                rows=rows,
                digest=digest,
            )
            self._waiting.append(Message(header, data))

    def push(self, at_once: int, now_s: float) -> bool:
        """Send what may be sent, at most so many messages; whether anything was."""
        waiting, send = self._waiting, self._client.send
        sent = 0
        while waiting and sent < at_once:
            if 0 < self.in_flight <= len(self._flights):
                break
            cost = HEADER_BYTES + len(waiting[0].body)
            if (self._flights and self._flying + cost > self._credit) or not send(waiting[0]):
                break
            waiting.popleft()
            self._flying += cost
            sent += 1
            self._flights.append((self._seq - len(waiting), cost, now_s))
        return sent > 0

    def take(self) -> bool:
        """Take what has been answered; whether there was anything. Raises `CannotRun` for a refusal."""
        frames = self._client.receive()
        if frames is None:
            return False
        while frames is not None:
            self._answer(frames)
            frames = self._client.receive()
        return True

    def _answer(self, frames: Sequence[Any]) -> None:
        header, _, content, _ = check_answer(frames, self._key)
        if isinstance(content, Welcome):
            self._session, self._credit = header.session, content.credit
        elif isinstance(content, Ack):
            self._credit = content.credit
            now_s = time.monotonic()
            while self._flights and self._flights[0][0] <= header.seq:
                _, cost, sent_s = self._flights.popleft()
                self._flying -= cost
                self.latencies_s.append(now_s - sent_s)
        elif isinstance(content, Credit):
            self._credit = content.credit
        elif header.kind is not Kind.PONG:
            raise CannotRun(f"a sender was answered {header.kind.name}: {content}")


class Senders(Closing):
    """A process of senders of a county's reads, and the way to tell it what to do; a context manager.

    `pairs` are its senders' keys, `rows` the reads of a message; each sender has its meters, whose reads it sends in
    order. `at_once` is how many messages one sender sends before the next has its turn; `in_flight` how many of one
    may be unanswered, 0: as many as it has credit for.
    """

    def __init__(
        self,
        endpoint: str,
        node: Path,
        pairs: Sequence[KeyPair],
        *,
        meters: int,
        start_s: int,
        rows: int,
        at_once: int = 8,
        in_flight: int = 0,
    ) -> None:
        context = get_context("spawn")
        self._pipe, other = context.Pipe()
        arguments = (other, endpoint, node, list(pairs), meters, start_s, rows, at_once, in_flight)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        other.close()
        self._hear()

    def prepare(self, sweeps: int) -> int:
        """Have the next sweeps' messages made; how many reads they are."""
        self._pipe.send(("prepare", sweeps))
        reads: int = self._hear()
        return reads

    def begin(self, rate: float = 0.0) -> None:
        """Have them sent; at most so many reads a second, 0: as fast as they are taken."""
        self._pipe.send(("send", rate))

    def told(self) -> Told:
        """Wait until all is acknowledged."""
        told: Told = self._hear()
        return told

    @property
    def done(self) -> bool:
        """Whether `told` would not wait."""
        return self._pipe.poll()

    def close(self) -> None:
        """End the process."""
        if not self._pipe.closed:
            self._pipe.close()
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _hear(self) -> Any:
        if not self._pipe.poll(2 * LONG_S):
            raise CannotRun(f"the senders have said nothing for {2 * LONG_S:g} s")
        try:
            said = self._pipe.recv()
        except EOFError:
            raise CannotRun("the senders' process has ended") from None
        if isinstance(said, str):
            raise CannotRun(f"the senders: {said}")
        return said


def _serve(
    pipe: Connection,
    endpoint: str,
    node: Path,
    pairs: list[KeyPair],
    meters: int,
    start_s: int,
    rows: int,
    at_once: int,
    in_flight: int,
) -> None:
    """The process."""
    gc.disable()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard > 0 else soft, hard))
    present = Present(meters, start_s)
    contexts: list[Sockets] = []
    try:
        senders = _connected(contexts, endpoint, PublicKey.load(node).curve, pairs)
        for sender in senders:
            sender.in_flight = in_flight
        pipe.send(len(senders))
        while True:
            while not pipe.poll(PING_S):
                for sender in senders:
                    sender.ping()
                    sender.take()
            what, value = pipe.recv()
            if what == "prepare":
                bodies = present.bodies(value, rows, len(senders))
                for sender, mine in zip(senders, bodies, strict=True):
                    sender.load(mine)
                reads = sum(body.rows for mine in bodies for body in mine)
                pipe.send(reads)
            else:
                pipe.send(_send(senders, reads, at_once, value))
    except EOFError:
        pass
    except Exception as error:
        pipe.send(f"{type(error).__name__}: {error}")
    finally:
        for each in contexts:
            each.close()


def _connected(contexts: list[Sockets], endpoint: str, node: bytes, pairs: Sequence[KeyPair]) -> list[Sender]:
    senders = []
    for first in range(0, len(pairs), PER_CONTEXT):
        contexts.append(Sockets())
        for pair in pairs[first : first + PER_CONTEXT]:
            senders.append(Sender(contexts[-1].connect(endpoint, pair, node), pair.public.curve))
    let_in(senders)
    return senders


def let_in(senders: Sequence[Sender]) -> None:
    """Have all of them open their sessions; raises `CannotRun` if some cannot."""
    silent = list(senders)
    until_s = time.monotonic() + LONG_S
    while silent or not all(sender.open for sender in senders):
        silent = [sender for sender in silent if not sender.hello()]
        for sender in senders:
            sender.take()
        if time.monotonic() > until_s:
            raise CannotRun(f"not all of {len(senders)} senders were let in within {LONG_S:g} s")
        time.sleep(0.01)


def _send(senders: Sequence[Sender], reads: int, at_once: int, rate: float) -> Told:
    """Send all there is; of a lower rate, so many messages a turn, each when it is due."""
    for sender in senders:
        sender.latencies_s.clear()
    messages = sum(sender.waiting for sender in senders)
    started_s = time.monotonic()
    sent, active = 0, list(senders)
    while active:
        now_s = time.monotonic()
        moved = False
        for sender in active:
            if rate and sent > (now_s - started_s) * rate / reads * messages:
                break
            if sender.push(1 if rate else at_once, now_s):
                moved = True
                sent += 1
        for sender in active:
            moved |= sender.take()
        active = [sender for sender in active if not sender.settled]
        if rate and len(active) > 1:
            active = active[1:] + active[:1]
        if not moved:
            time.sleep(0.0005)
    spent_s = time.monotonic() - started_s
    return Told(reads, spent_s, [each for sender in senders for each in sender.latencies_s])
