"""A node on loopback, as `feikong run` has it: real processes, CURVE, a journal that is synced.

Who wants to know what it came to stops it, and asks what a recovery of its journal has.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa

from benchmarks.errors import CannotRun
from fastcore import Engine
from pipeline.client import Producer
from pipeline.closing import Closing
from pipeline.journal import RealDisk
from pipeline.keys import KeyPair, allow, new_pair
from pipeline.node.layout import Places
from pipeline.node.recovery import recover
from pipeline.node.snapshots import Snapshots
from pipeline.node.status import Status, read_status

__all__ = ["Loopback", "wait_for"]

LONG_S: Final = 120.0


def wait_for(what: Callable[[], object], why: str, timeout_s: float = LONG_S) -> None:
    """Wait until something is true; raises `CannotRun` if it does not become so."""
    until_s = time.monotonic() + timeout_s
    while not what():
        if time.monotonic() > until_s:
            raise CannotRun(f"the node: after {timeout_s:g} s it is still not so that {why}")
        time.sleep(0.02)


class Loopback(Closing):
    """A node of one worker and one shard in a folder of its own; a context manager that leaves nothing behind.

    `folder` is where it is made, by default where temporary files are: its disk is the one that is measured. `written`
    are the outputs of which it makes a data set.
    """

    def __init__(
        self,
        config: str,
        snapshot_every: str = "1h",
        parent: Path | None = None,
        written: Sequence[str] = (),
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="fkb-", dir=parent))
        self.data = self.folder / "d"
        self._config = self.folder / "county.toml"
        self._log = self.folder / "run.log"
        self._config.write_text(
            f'{config}\n[node]\nlisten = "tcp://127.0.0.1:*"\nsnapshot_every = "{snapshot_every}"\n'
            f"worker_memory_mib = 2048\n[node.outputs]\nwrite = {json.dumps(list(written))}\n"
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoint = ""

    def start(self) -> None:
        """Start it, and wait until it serves."""
        command = [sys.executable, "-m", "pipeline.cli", "run", str(self._config), "--data", str(self.data)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        wait_for(lambda: "serves" in self.said or not self.runs, "it serves")
        found = re.search(r"listens at (\S+);", self.said)
        if not self.runs or found is None:
            raise CannotRun(f"the node does not start: {self.said}")
        self.endpoint = found[1]

    @property
    def said(self) -> str:
        """What it has said."""
        return self._log.read_text()

    @property
    def runs(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def status(self) -> Status | None:
        """What its shard says of itself."""
        return read_status(self.data)[0]

    @property
    def node_key(self) -> Path:
        """The file with the node's public key."""
        return self.data / "keys" / "node.pub"

    def stop(self) -> None:
        """End it as an operator does; raises `CannotRun` if it ends otherwise."""
        assert self._process is not None
        self._process.terminate()
        if self._process.wait(LONG_S) != 0:
            raise CannotRun(f"the node has failed: {self.said}")

    def close(self) -> None:
        """End whatever still runs, and forget all."""
        if self._process is not None and self.runs:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(LONG_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- who talks to it

    def allowed(self, name: str, role: str) -> KeyPair:
        """A new key pair that may connect."""
        pair = new_pair(name, role)
        allow(self.data, pair.public)
        return pair

    def producer(self, name: str, role: str) -> Producer:
        """A producer of `pipeline.client`, with an outbox."""
        return Producer(
            self.endpoint,
            self.allowed(name, role),
            self.node_key,
            self.folder / f"{name}.outbox",
            ids="uint64",
        )

    def register(self, batches: Iterable[tuple[str, pa.RecordBatch]], by: str = "registry") -> None:
        """Have it take a registry, from a key of this name."""
        with self.producer(by, "registry") as producer:
            for kind, batch in batches:
                producer.send(kind, batch)
            if not producer.flush(LONG_S):
                raise CannotRun(f"the node has not taken the registry within {LONG_S:g} s: {self.said}")

    # ---- what it has, once it has ended

    @property
    def frames(self) -> tuple[int, int]:
        """Frames of its journal, and the bytes of its segments."""
        journal = Places(self.data, 0).journal
        status = self.status
        return status.frame if status else 0, sum(path.stat().st_size for path in journal.glob("*"))

    def recovered(self) -> Engine:
        """The engine that the next start would have."""
        places = Places(self.data, 0)
        found = recover(RealDisk(places.journal), Snapshots(RealDisk(places.snapshots)), new_id=bytes(16))
        found.journal.close()
        assert found.state.engine is not None
        return found.state.engine
