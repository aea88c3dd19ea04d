"""Who may not, who sends nonsense, who sends too much: the worker stays the same process, and others are served."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest

from e2e.node import COMMAND, ENVIRONMENT, LONG_S, Node, quarter_hours, reads, wait_for
from pipeline.keys import KeyPair, PublicKey, new_pair
from pipeline.transport import Client, Sockets
from pipeline.wire import Hello, Kind, Role, check_answer, control
from pipeline.wire import pack as pack_header

IDS = np.arange(20, dtype=np.uint64)
TINY = 100_000


@pytest.fixture
def node() -> Iterator[Node]:
    made = Node()
    made.start().register(len(IDS))
    yield made
    made.remove()


class Watch:
    """The largest resident memory of a node's worker, as long as it is watched; and whether it is the same one."""

    def __init__(self, node: Node) -> None:
        (self.pid,) = node.pids("worker")
        self.begin_bytes = self.now_bytes()
        self.most_bytes = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def now_bytes(self) -> int:
        with open(f"/proc/{self.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def stop(self) -> int:
        """How much it grew at most."""
        self._ending.set()
        self._thread.join()
        return self.most_bytes - self.begin_bytes

    def _run(self) -> None:
        while not self._ending.wait(0.02):
            with suppress(OSError):
                self.most_bytes = max(self.most_bytes, self.now_bytes())


def serves(node: Node, name: str = "good") -> bool:
    """Whether a producer is served."""
    with node.producer(name, "reads") as producer:
        producer.send("reads", reads(IDS, quarter_hours(1)))
        return producer.flush(LONG_S)


class Raw:
    """A client that says what it wants."""

    def __init__(self, node: Node, pair: KeyPair, sockets: Sockets) -> None:
        self.key = pair.public.curve
        node_key = PublicKey.load(node.data / "keys" / "node.pub")
        self.link: Client = sockets.connect(node.endpoint, pair, node_key.curve, queue=64)
        self.heard: Counter[str] = Counter()
        self.session = 0

    def say(self, frames: list[bytes]) -> None:
        until_s = time.monotonic() + LONG_S
        while not self.link.send(frames):
            assert time.monotonic() < until_s, "the node reads nothing"
            self.listen()
            time.sleep(0.001)

    def listen(self) -> None:
        while (frames := self.link.receive()) is not None:
            checked = check_answer(frames, self.key)
            name = checked.header.kind.name
            if checked.header.kind is Kind.WELCOME:
                self.session = checked.header.session
            if checked.header.kind is Kind.REJECTED:
                name = f"REJECTED {checked.content.reason}"
            self.heard[name] += 1

    def hello(self) -> None:
        self.say(list(control(self.key, Hello(1, 0, 0), epoch=1)))
        wait_for(lambda: (self.listen(), self.session)[1], "welcomed")


def test_a_hundred_thousand_tiny_messages(node):
    watch = Watch(node)
    with Sockets() as sockets:
        raw = Raw(node, node.key("flood", "reads"), sockets)
        raw.hello()
        for i in range(TINY):
            raw.say([bytes([i % 256]), b""])
            if i % 64 == 0:
                raw.listen()
        assert serves(node)
        wait_for(lambda: (raw.listen(), raw.heard.total())[1] > 1, "it is answered")
    assert set(raw.heard) == {"WELCOME", "REJECTED 2"}
    assert watch.stop() < 100 << 20
    assert node.pids("worker") == [watch.pid]


def test_frames_of_sixteen_mebibytes_without_credit(node):
    watch = Watch(node)
    body = bytes(15 << 20)
    with Sockets() as sockets:
        raws = [Raw(node, node.key(f"large-{i}", "reads"), sockets) for i in range(4)]
        for raw in raws:
            raw.hello()
        for seq in range(1, 6):
            for raw in raws:
                header = pack_header(Kind.READS, raw.key, body, epoch=1, session=raw.session, seq=seq, rows=1)
                raw.say([header, body])
        assert serves(node)
        wait_for(lambda: all((raw.listen(), raw.heard.total() > 1)[1] for raw in raws), "all are answered")
    assert watch.stop() < 512 << 20
    assert node.pids("worker") == [watch.pid]


def test_garbage_and_half_open_handshakes_on_the_port(node):
    watch = Watch(node)
    host, port = node.endpoint.removeprefix("tcp://").split(":")
    dice = random.Random(4)
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00CURVE" + bytes(15) + b"\x00" + bytes(31)
    opened = []
    for i in range(300):
        made = socket.create_connection((host, int(port)), timeout=5)
        opened.append(made)
        with suppress(OSError):
            made.sendall([b"", greeting[: dice.randrange(64)], greeting, dice.randbytes(500)][i % 4])
            if i % 4 == 2:
                made.sendall(b"\x04\xc8\x05HELLO" + dice.randbytes(194))
    assert serves(node)
    for made in opened:
        made.close()
    assert serves(node, "another")
    assert watch.stop() < 100 << 20
    assert node.pids("worker") == [watch.pid]


def test_a_key_that_is_not_allowed_gets_no_word(node):
    stranger = new_pair("stranger", Role.OPERATOR)
    with Sockets() as sockets:
        raw = Raw(node, stranger, sockets)
        time.sleep(1.0)
        assert not raw.link.send([b"x", b"y"])
        assert raw.link.receive() is None
    assert serves(node)


def test_a_producer_that_is_stopped_delays_nobody(node):
    """SIGSTOP: it neither reads nor goes away."""
    with Sockets() as sockets:
        raw = Raw(node, node.key("asleep", "reads"), sockets)
        raw.hello()
        for _ in range(2_000):
            raw.say([b"x", b""])  # and never reads what it is answered
        assert serves(node)


def test_a_worker_by_itself_ends_when_its_engine_does(node):
    folder = node.folder
    assert node.stop() == 0
    parts = [
        subprocess.Popen(
            [*COMMAND, part, str(node.config), "--data", str(node.data), *options],
            env=ENVIRONMENT,
            stderr=(folder / f"{part}.log").open("wb"),
        )
        for part, options in (("engine", []), ("worker", ["--listen", node.endpoint]))
    ]
    engine, worker = parts
    try:
        wait_for(lambda: "serves" in (folder / "worker.log").read_text(), "it serves")
        assert serves(node)
        engine.send_signal(signal.SIGKILL)
        assert worker.wait(LONG_S) == 1
        assert "shard 0: its engine has ended" in (folder / "worker.log").read_text()
    finally:
        for part in parts:
            part.kill()
            part.wait(LONG_S)
