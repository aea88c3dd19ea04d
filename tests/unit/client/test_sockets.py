"""Producers and head-ends over real sockets, against a model of a node that has a socket too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from fastcore import SchemaError
from pipeline.client import CommandAck, Fenced, HeadEnd, NotAccepted, Patience, Producer, Progress, Why
from pipeline.keys import KeyPair, new_pair
from pipeline.transport import Server, Sockets, Waiter
from pipeline.wire import Kind, Role, read_batch
from pipeline.wire.commands import Command, Signer, commands_body
from unit.client.node import NODE_PAIR, ModelNode

QUICK = Patience(hello_s=0.2, silence_s=5, progress_s=15)
LONG_S = 30.0
NOON = 1_767_268_800


class Serving:
    """A model behind a socket, in a thread of its own."""

    def __init__(self, model: ModelNode, endpoint: str = "tcp://127.0.0.1:*") -> None:
        self.model = model
        self.routes: set[bytes] = set()
        self._sockets = Sockets({"producers": lambda key: key == model.key})
        self._server: Server = self._sockets.serve(endpoint, NODE_PAIR, "producers")
        self.endpoint = self._server.endpoint
        self._todo: list[Callable[[Server], None]] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def do(self, what: Callable[[Server], None]) -> None:
        """Have something done in the thread that may use the socket."""
        self._todo.append(what)

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()
        self._sockets.close()
        self.model.restart()

    def _run(self) -> None:
        waiter = Waiter(self._server)
        while not self._ending.is_set():
            waiter.wait(0.01)
            while (received := self._server.receive()) is not None:
                self.routes = {received.route}
                for answer in self.model.take(received.frames):
                    self._server.send(received.route, answer)
            while self._todo:
                self._todo.pop(0)(self._server)


@pytest.fixture
def pair() -> KeyPair:
    return new_pair("feeder-1", Role.READS)


@pytest.fixture
def serving(pair):
    made = Serving(ModelNode(pair.public.curve))
    yield made
    made.stop()


def reads(rows: int, first: int = 0) -> dict[str, object]:
    return {
        "meter_id": np.arange(first, first + rows, dtype=np.uint64),
        "at": np.full(rows, NOON),
        "value": np.arange(rows),
        "status": np.zeros(rows, np.uint16),
    }


def meters(model: ModelNode) -> list[int]:
    """The meters of all that was applied, in order."""
    out: list[int] = []
    for seq in sorted(model.applied):
        body = model.applied[seq]
        rows = pa.ipc.open_stream(body).read_all().num_rows
        out += read_batch(Kind.READS, body, rows)["meter_id"].to_pylist()
    return out


def test_ten_lines_are_enough(serving, pair, tmp_path):
    key = pair.save(tmp_path)
    NODE_PAIR.public.save(tmp_path)
    told: list[object] = []
    with Producer(
        serving.endpoint, key, tmp_path / "node.pub", tmp_path / "outbox", on_event=told.append
    ) as producer:
        assert [producer.send("reads", reads(3, first=3 * i)) for i in range(4)] == [1, 2, 3, 4]
        assert producer.flush(LONG_S)
        assert producer.waiting == 0
    assert meters(serving.model) == list(range(12))
    assert told[-1] == Progress(4, 0, 4)


def test_any_arrow_will_do_and_large_ones_are_cut(serving, pair, tmp_path):
    table = pa.table(reads(150_000))
    with Producer(serving.endpoint, pair, NODE_PAIR.public, tmp_path) as producer:
        assert producer.send("reads", table) == 3
        assert producer.send("reads", table.slice(0, 2).to_batches()[0]) == 4
        assert producer.send("reads", pl.DataFrame(table.slice(0, 5))) == 5
        with pytest.raises(SchemaError, match="'metres' is no kind of batch; expected one of accounts"):
            producer.send("metres", table)
        with pytest.raises(SchemaError, match="expected Arrow data or columns by name; found int"):
            producer.send("reads", 5)
        with pytest.raises(SchemaError, match=r"READS.at: 0 columns"):
            producer.send("reads", table.drop_columns("at"))
        with pytest.raises(NotAccepted, match="a key of the role reads may not send TICK"):
            producer.send("tick", NOON)
        assert producer.flush(LONG_S)
    assert meters(serving.model) == [*range(150_000), 0, 1, *range(5)]


def test_what_was_taken_without_a_node_is_sent_when_there_is_one(pair, tmp_path):
    model = ModelNode(pair.public.curve)
    first = Serving(model)
    with Producer(first.endpoint, pair, NODE_PAIR.public, tmp_path, patience=QUICK) as producer:
        producer.send("reads", reads(2))
        assert producer.flush(LONG_S)
        first.stop()
        producer.send("reads", reads(2, first=2))
        assert not producer.flush(0.05)
        assert producer.waiting == 1
    second = Serving(model)
    with Producer(second.endpoint, pair, NODE_PAIR.public, tmp_path, patience=QUICK) as producer:
        assert producer.waiting == 1
        assert producer.flush(LONG_S)
    second.stop()
    assert meters(model) == [0, 1, 2, 3]
    assert model.hellos[-1].acked == 1, "what was acknowledged before is told"


def test_a_node_that_comes_back_at_the_same_place_is_found(pair, tmp_path):
    model = ModelNode(pair.public.curve)
    serving = Serving(model)
    with Producer(serving.endpoint, pair, NODE_PAIR.public, tmp_path, patience=QUICK) as producer:
        for i in range(3):
            producer.send("reads", reads(2, first=2 * i))
            assert producer.flush(LONG_S)
            serving.stop()
            serving = Serving(model, serving.endpoint)
        producer.send("reads", reads(2, first=6))
        assert producer.flush(LONG_S)
    serving.stop()
    assert meters(model) == list(range(8))


CHILD = """
import os, signal, sys
import numpy as np
from pipeline.client import Producer
endpoint, folder, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with Producer(endpoint, f"{folder}/feeder-1.key", f"{folder}/node.pub", f"{folder}/outbox") as producer:
    for i in range(count):
        columns = {"meter_id": np.array([i], np.uint64), "at": [1767268800], "value": [i]}
        seq = producer.send("reads", {**columns, "status": np.zeros(1, np.uint16)})
        print(seq, flush=True)
        if i == count // 2:
            os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_producer_that_is_killed_resumes(serving, pair, tmp_path):
    pair.save(tmp_path)
    NODE_PAIR.public.save(tmp_path)
    promised = 0
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for _ in range(3):
        child = subprocess.run(
            [sys.executable, "-c", CHILD, serving.endpoint, str(tmp_path), "20"],
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
        )
        assert child.returncode == -signal.SIGKILL, child.stderr
        numbers = [int(line) for line in child.stdout.split()]
        assert numbers == list(range(promised + 1, promised + 12))
        promised = numbers[-1]
    with Producer(serving.endpoint, pair, NODE_PAIR.public, tmp_path / "outbox") as producer:
        assert producer.flush(LONG_S)
    assert meters(serving.model) == list(range(11)) * 3
    assert serving.model.line.epoch == 4


def test_who_was_fenced_stops(pair, tmp_path):
    model = ModelNode(pair.public.curve)
    model.line.epoch = 7
    serving = Serving(model)
    with (
        Producer(serving.endpoint, pair, NODE_PAIR.public, tmp_path) as producer,
        pytest.raises(Fenced, match="the node knows 7"),
    ):
        producer.flush(LONG_S)
    serving.stop()


def test_keys_must_be_of_their_kind(pair, tmp_path):
    with pytest.raises(NotAccepted, match="the roles reads and reads"):
        Producer("tcp://127.0.0.1:9", pair, pair.public, tmp_path)
    with pytest.raises(NotAccepted, match="the roles node and node"):
        Producer("tcp://127.0.0.1:9", NODE_PAIR, NODE_PAIR.public, tmp_path)
    with pytest.raises(NotAccepted, match="role reads; expected headend"):
        HeadEnd("tcp://127.0.0.1:9", pair, NODE_PAIR.public, tmp_path)


class At:
    """A clock that stands still for whoever asks what time it is."""

    def now_s(self) -> int:
        return NOON

    def monotonic_s(self) -> float:
        return time.monotonic()


def test_a_head_end_takes_commands_and_reports_what_became_of_them(tmp_path):
    pair = new_pair("headend-1", Role.HEADEND)
    model = ModelNode(pair.public.curve, Role.HEADEND)
    serving = Serving(model)
    signer = Signer(NODE_PAIR.commands_secret)
    trip = Command(5, "trip", 1, 7, 17, NOON, NOON + 600, "balance", -1, 0, 3)
    late = trip._replace(command_id=4, kind="restore", expires_at_s=NOON - 1, meter_id=18)
    ignored: list[object] = []

    def command(server: Server) -> None:
        body = commands_body([signer.sign(late), signer.sign(trip)])
        for route in serving.routes:
            server.send(route, model.command(1, body, 2))

    with HeadEnd(
        serving.endpoint,
        pair,
        NODE_PAIR.public,
        tmp_path,
        on_ignored=ignored.append,
        clock=At(),
        patience=QUICK,
    ) as headend:
        assert headend.flush(LONG_S)
        while not model.ready:
            headend.poll(0.05)
        serving.do(command)
        found: list[Command] = []
        for _ in range(200):
            found += headend.commands(timeout_s=0.1)
            if found:
                break
        assert found == [trip]
        assert [(each.command, each.why) for each in ignored] == [(late, Why.EXPIRED)]
        assert headend.acknowledge([CommandAck(5, "done", NOON + 3)]) == 1
        assert headend.flush(LONG_S)
    serving.stop()
    acks = read_batch(Kind.ACKS, model.applied[1], 1)
    assert acks.select(["command_id", "outcome"]).to_pylist() == [{"command_id": 5, "outcome": "done"}]
    assert Path(tmp_path / "seen.sqlite").exists()
