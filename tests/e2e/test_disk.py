"""A real node on a disk that fails once, or is full for a while: nothing acknowledged is lost, nothing counts twice."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from e2e.node import LONG_S, Node, reads, wait_for

METERS = 10_000
FIRST_S = 1_735_776_000

PAYMENT = {
    "payment_id": [bytes(16)],
    "account_id": np.zeros(1, np.uint64),
    "kind": ["top_up"],
    "amount": ["5"],
    "channel": ["app"],
}

# What Python runs first in each process of the node: files in the folder say what the disk does now.
FAULTS = """
import errno, os, sys
from types import SimpleNamespace
folder = {folder!r}
fdatasync, pwritev, statvfs = os.fdatasync, os.pwritev, os.statvfs
def failing_sync(fd):
    try:
        os.rename(folder + "/eio", folder + "/eio-was")
    except FileNotFoundError:
        return fdatasync(fd)
    raise OSError(errno.EIO, os.strerror(errno.EIO))
def no_more_room(fd, buffers, offset):
    if os.path.exists(folder + "/full") and offset + sum(map(len, buffers)) > os.fstat(fd).st_size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return pwritev(fd, buffers, offset)
def room(path):
    found = statvfs(path)
    full = os.path.exists(folder + "/full")
    return SimpleNamespace(f_bavail=0 if full else found.f_bavail, f_frsize=found.f_frsize)
if "engine" in sys.orig_argv:
    os.fdatasync, os.pwritev, os.statvfs = failing_sync, no_more_room, room
"""


@pytest.fixture
def node() -> Iterator[Node]:
    made = Node()
    hooks = made.folder / "hooks"
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(FAULTS.format(folder=str(hooks)))
    made.environment["PYTHONPATH"] = os.pathsep.join([str(hooks), made.environment["PYTHONPATH"]])
    yield made
    made.remove()


class Feeder(threading.Thread):
    """Sends a read of every meter, again and again, until it is told to end."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        node.key("feeder", "reads")
        self.sent = 0
        self.error: BaseException | None = None
        self._node = node
        self._ending = threading.Event()
        self.start()

    def run(self) -> None:
        ids = np.arange(METERS, dtype=np.uint64)
        try:
            with self._node.producer("feeder", "reads") as producer:
                while not self._ending.is_set():
                    producer.send("reads", reads(ids, np.array([FIRST_S + 900 * self.sent])))
                    self.sent += 1
                    while producer.waiting > 20 and not self._ending.is_set():
                        producer.poll(0.02)
                assert producer.flush(2 * LONG_S)
        except BaseException as error:
            self.error = error

    def end(self) -> int:
        self._ending.set()
        self.join(3 * LONG_S)
        assert not self.is_alive()
        assert self.error is None
        return self.sent


def stands_still(feeder: Feeder) -> bool:
    before = feeder.sent
    time.sleep(1.0)
    return feeder.sent == before


def check(node: Node, sent: int) -> None:
    assert node.stop() == 0
    node.check()
    assert node.refused() == 0
    assert len(set(node.reads())) == len(node.reads()) == sent * METERS


def fault(node: Node, name: str) -> Path:
    path = node.folder / "hooks" / name
    path.touch()
    return path


@pytest.mark.slow
def test_a_sync_that_fails_once_ends_the_node_and_the_next_start_has_all(node):
    node.start().register(METERS)
    feeder = Feeder(node)
    try:
        time.sleep(0.5)
        fault(node, "eio")
        assert node.wait() == 1
        assert "What is on the disk is not known" in node.said
        assert (node.folder / "hooks" / "eio-was").exists()
        wait_for(lambda: not node.pids("engine") and not node.pids("worker"), "no part is left")
        node.start()
        time.sleep(0.5)
    finally:
        sent = feeder.end()
    check(node, sent)


@pytest.mark.slow
def test_a_disk_that_is_full_for_a_while_stops_reads_and_loses_none(node):
    node.start().register(METERS)
    feeder = Feeder(node)
    try:
        full = fault(node, "full")
        wait_for(lambda: "MiB are free" in node.said, "it says so", 3 * LONG_S)
        wait_for(lambda: stands_still(feeder), "reads wait")
        with node.producer("payer", "payments") as payer:
            payer.send("payments", {**PAYMENT, "at": [int(time.time())]})
            assert payer.flush(LONG_S), "payments go on"
        full.unlink()
        wait_for(lambda: "all right again" in node.said, "there is room again")
        before = feeder.sent
        wait_for(lambda: feeder.sent > before + 50, "reads go on")
    finally:
        sent = feeder.end()
    check(node, sent)
