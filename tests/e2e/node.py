"""A node of real processes, on loopback: started, killed in parts, and asked afterwards what it has."""

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
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fastcore import Engine
from pipeline.batchlog import BatchLog, BatchLogWriter
from pipeline.client import Patience, Producer
from pipeline.journal import RealDisk
from pipeline.keys import KeyPair, allow, new_pair
from pipeline.node.export import export
from pipeline.node.layout import Places, read_layout
from pipeline.node.recovery import recover
from pipeline.node.snapshots import Snapshots
from pipeline.replay import Run, replay

COMMAND = [sys.executable, "-m", "pipeline.cli"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
LONG_S = 60.0
QUICK = Patience(hello_s=0.3, silence_s=2.0, progress_s=6.0)
CONFIG = """
[engine]
currency = "CNY"
timezone = "Asia/Shanghai"
calendar = { from = 2025-01-01, to = 2030-01-01 }

[tariffs.home]
[[tariffs.home.rates]]
valid_from = 2025-01-01
prices = { flat = "0.558" }
schedule = [ { price = "flat" } ]

[policies.home]
warn_below = ["50"]

"""


def wait_for(what: Callable[[], object], why: str, timeout_s: float = LONG_S) -> None:
    """Wait until something is true; fails if it does not become so."""
    until_s = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < until_s, f"after {timeout_s} s, still not so: {why}"
        time.sleep(0.02)


class Node:
    """A node in a folder of its own, with a short name: a socket's path has few bytes."""

    def __init__(self, workers: int = 1, shards: int = 1, snapshot_every: str = "1h") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="fk-"))
        self.data = self.folder / "d"
        self.config = self.folder / "county.toml"
        self.keys: dict[str, KeyPair] = {}
        self.environment = dict(ENVIRONMENT)
        self.run_options: list[str] = []
        self.endpoint = ""
        self.node_settings = (
            f'workers = {workers}\nshards = {shards}\nsnapshot_every = "{snapshot_every}"\n'
            "worker_memory_mib = 512\n"
        )
        self._listen = "tcp://127.0.0.1:*"
        self._log = self.folder / "run.log"
        self._process: subprocess.Popen[bytes] | None = None

    # Processes.

    def start(self) -> Node:
        """Start it, at the same address each time, and wait until it serves."""
        self.config.write_text(f'{CONFIG}[node]\nlisten = "{self._listen}"\n{self.node_settings}')
        self._log.write_bytes(b"")
        with self._log.open("ab") as log:
            command = [*COMMAND, "run", str(self.config), "--data", str(self.data), *self.run_options]
            self._process = subprocess.Popen(command, stderr=log, stdout=log, env=self.environment)
        wait_for(lambda: "serves" in self.said or not self.runs, "it serves")
        assert self.runs, self.said
        found = re.search(r"listens at (\S+);", self.said)
        assert found is not None, self.said
        self.endpoint = self._listen = found[1]
        return self

    @property
    def said(self) -> str:
        return self._log.read_text()

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> int:
        """End it as an operator does; returns the exit status."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(LONG_S)

    def wait(self) -> int:
        """Wait until it has ended by itself."""
        assert self._process is not None
        return self._process.wait(LONG_S)

    def kill(self, part: str) -> None:
        """`kill -9` of all processes of a part: run, engine, worker."""
        for pid in self.pids(part):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def pids(self, part: str) -> list[int]:
        """The processes of a part."""
        assert self._process is not None
        if part == "run":
            return [self._process.pid]
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (folder / "cmdline").read_bytes().split(b"\0")
                if part.encode() in words and os.fsencode(self.data) in words:
                    found.append(int(folder.name))
        return found

    def status(self, shard: int = 0) -> dict[str, Any]:
        """What a shard says of itself."""
        found: dict[str, Any] = json.loads((self.data / "run" / f"shard-{shard}.json").read_bytes())
        return found

    def remove(self) -> None:
        """End whatever still runs, and forget all."""
        for part in ("run", "worker", "engine", "outputs"):
            if self._process is not None:
                self.kill(part)
        shutil.rmtree(self.folder, ignore_errors=True)

    # Producers.

    def key(self, name: str, role: str) -> KeyPair:
        """A key that is allowed."""
        if name not in self.keys:
            self.keys[name] = new_pair(name, role)
            self.keys[name].save(self.folder)
            allow(self.data, self.keys[name].public)
        return self.keys[name]

    def producer(self, name: str, role: str, **options: object) -> Producer:
        """A producer with an outbox in the node's folder."""
        options = {"patience": QUICK, "ids": "uint64", **options}
        node = self.data / "keys" / "node.pub"
        return Producer(self.endpoint, self.key(name, role), node, self.folder / f"{name}.outbox", **options)

    def register(self, meters: int, per_district: int = 10) -> None:
        """Accounts and meters of these numbers, 0 on."""
        ids = np.arange(meters, dtype=np.uint64)
        districts = ids // np.uint64(per_district)
        with self.producer("registry", "registry") as producer:
            producer.send("districts", {"district_id": np.unique(districts)})
            producer.send("accounts", accounts(ids, districts))
            producer.send("meters", consumers(ids))
            assert producer.flush(LONG_S)

    # What it has, once it has ended.

    def journaled(self, shard: int = 0) -> Run:
        """An undisturbed replay of what a shard has journaled."""
        log, out = self.folder / f"log-{shard}", self.folder / f"out-{shard}"
        for each in (log, out):
            shutil.rmtree(each, ignore_errors=True)
        with BatchLogWriter(log, "arrow") as writer:
            export(RealDisk(Places(self.data, shard).journal), writer)
        return replay(BatchLog.open(log), out, outputs=("intervals", "ledger", "exceptions"))

    def recovered(self, shard: int = 0) -> Engine:
        """The engine that the next start would have."""
        places = Places(self.data, shard)
        with_snapshots = Snapshots(RealDisk(places.snapshots))
        found = recover(RealDisk(places.journal), with_snapshots, new_id=bytes(16))
        found.journal.close()
        assert found.state.engine is not None
        return found.state.engine

    def check(self) -> None:
        """Whether each shard recovers to what an undisturbed replay gives."""
        for shard in range(read_layout(RealDisk(self.data)).shards):
            assert self.recovered(shard).digest() == self.journaled(shard).digest

    def reads(self) -> list[tuple[int, int]]:
        """Meter and value of each read that was accepted, by its interval's end; call `journaled` first."""
        found: list[tuple[int, int]] = []
        for path in sorted(self.folder.glob("out-*/outputs/intervals.parquet")):
            rows = pq.read_table(path, columns=["meter_id", "end"])
            ends = rows["end"].cast(pa.timestamp("s", "UTC")).cast(pa.int64()).to_pylist()
            found += zip(rows["meter_id"].to_pylist(), ends, strict=True)
        return sorted(found)

    def refused(self) -> int:
        """Rows that were refused, in all shards."""
        paths = sorted(self.folder.glob("out-*/outputs/exceptions.parquet"))
        assert paths
        return sum(pq.read_metadata(path).num_rows for path in paths)


def accounts(ids: np.ndarray, districts: np.ndarray) -> dict[str, object]:
    count = len(ids)
    return {
        "account_id": ids,
        "district_id": districts,
        "tariff": ["home"] * count,
        "policy": ["home"] * count,
        "klass": ["low_voltage"] * count,
        "opening_balance": ["100"] * count,
        "protected": [False] * count,
        "manual_approval": [False] * count,
    }


def consumers(ids: np.ndarray) -> dict[str, object]:
    count = len(ids)
    return {
        "meter_id": ids,
        "role": ["consumer"] * count,
        "account_id": ids,
        "reading": ["interval"] * count,
        "interval_s": np.full(count, 900, np.int32),
        "wh_per_count": np.ones(count, np.int64),
        "modulus": np.zeros(count, np.int64),
        "max_w": np.zeros(count, np.int64),
        "switchable": [True] * count,
    }


def reads(ids: np.ndarray, ends: np.ndarray) -> dict[str, object]:
    """A read of each meter at each of these instants."""
    meters, at = np.repeat(ids, len(ends)), np.tile(ends, len(ids))
    order = np.argsort(at, kind="stable")
    return {
        "meter_id": meters[order],
        "at": at[order],
        "value": np.full(len(at), 100, np.int64),
        "status": np.zeros(len(at), np.uint16),
    }


def quarter_hours(count: int) -> np.ndarray:
    """The ends of the last whole quarter-hours, the oldest first."""
    newest = int(time.time()) // 900 * 900
    return np.arange(newest - 900 * (count - 1), newest + 1, 900)
