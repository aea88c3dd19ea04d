"""`kill -9` at random moments, under load, for as long as one likes: ``make kills MINUTES=10``.

Producers of reads and of payments, each a process of its own, send without a pause. Again and again one of them, a
worker, the engine or the whole node is killed, and started again. At the end everything that was ever given must have
arrived once, and the state must be that of an undisturbed replay of the journal, of which a copy is kept as it is cut
back.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from e2e.node import ENVIRONMENT, LONG_S, QUICK, Node, reads, wait_for
from pipeline.batchlog import BatchLog, BatchLogWriter
from pipeline.client import Producer
from pipeline.journal import RealDisk
from pipeline.node.export import export
from pipeline.node.layout import Places
from pipeline.node.snapshots import Snapshots
from pipeline.replay import replay

METERS = 40
FEEDERS = 3
FIRST_S = 1_735_776_000
"""2025-01-02 UTC: the end of the first quarter-hour that is sent."""
PARTS = ("worker", "engine", "run", "feeder", "payer")
PAUSE_S = (0.3, 3.0)


def feed(name: str, share: int, endpoint: str, folder: Path) -> None:
    """What a producer does: batch n is always the same, and as many are given as there is time for."""
    ids = np.array_split(np.arange(METERS, dtype=np.uint64), FEEDERS)[share]
    node = folder / "d" / "keys" / "node.pub"
    with Producer(
        endpoint, folder / f"{name}.key", node, folder / f"{name}.outbox", ids="uint64", patience=QUICK
    ) as producer:
        while not (folder / "stop").exists():
            number = producer.newest
            if name.startswith("feeder"):
                producer.send("reads", reads(ids, np.array([FIRST_S + 900 * number])))
            else:
                producer.send("payments", payments(number))
            producer.poll(0.02)
        done = producer.flush(2 * LONG_S)
        print(producer.newest if done else f"{producer.waiting} batches wait still", flush=True)


def payments(number: int) -> dict[str, object]:
    """A payment to each account."""
    return {
        "payment_id": [number.to_bytes(8, "big") + account.to_bytes(8, "big") for account in range(METERS)],
        "account_id": np.arange(METERS, dtype=np.uint64),
        "kind": ["top_up"] * METERS,
        "amount": ["0.01"] * METERS,
        "at": np.full(METERS, int(time.time())),
        "channel": ["app"] * METERS,
    }


class Trial:
    """A node, its producers, and what has been killed."""

    def __init__(self, node: Node, seed: int) -> None:
        self.killed: Counter[str] = Counter()
        self.snapshots: set[int] = set()
        self._node = node
        self._random = random.Random(seed)
        self._archive = node.folder / "archive"
        self._archive.mkdir()
        self._names = [*(f"feeder-{share}" for share in range(FEEDERS)), "payer"]
        for name in self._names:
            node.key(name, "payments" if name == "payer" else "reads")
        self._children = {name: self._child(name) for name in self._names}

    def run(self, minutes: float) -> None:
        """Kill, for so long, each part once at least; then wait for a snapshot if there was none."""
        until_s = time.monotonic() + 60 * minutes
        while time.monotonic() < until_s or len(self.killed) < len(PARTS):
            self._pause(self._random.uniform(*PAUSE_S))
            part = min(PARTS, key=lambda part: (part in self.killed, self._random.random()))
            self._kill(part)
            self.killed[part] += 1
        while not self.snapshots:
            self._pause(0.5)
            assert time.monotonic() < until_s + 5 * LONG_S, "no snapshot is verified"

    def end(self) -> dict[str, int]:
        """Let the producers finish, and the node; returns how many batches each has given."""
        (self._node.folder / "stop").touch()
        given = {}
        for name, child in self._children.items():
            said, _ = child.communicate(timeout=3 * LONG_S)
            assert child.returncode == 0, f"{name}: exit status {child.returncode}"
            assert said.strip().isdigit(), f"{name}: {said}"
            given[name] = int(said)
        assert self._node.stop() == 0
        self._keep()
        return given

    def check(self, given: dict[str, int]) -> tuple[int, int]:
        """Compare what has arrived with what was given; returns the rows of reads and of payments."""
        log, out = self._node.folder / "log", self._node.folder / "out"
        for each in (log, out):
            shutil.rmtree(each, ignore_errors=True)
        with BatchLogWriter(log, "arrow") as writer:
            export(RealDisk(self._archive), writer)
        undisturbed = replay(BatchLog.open(log), out, outputs=("intervals", "ledger", "exceptions"))
        assert self._node.recovered().digest() == undisturbed.digest, "the state is not that of a replay"
        intervals = pq.read_table(out / "outputs" / "intervals.parquet", columns=["meter_id", "end"])
        shares = np.array_split(np.arange(METERS), FEEDERS)
        expected = sum(given[f"feeder-{share}"] * len(ids) for share, ids in enumerate(shares))
        assert intervals.num_rows == expected, f"{intervals.num_rows} reads; {expected} were given"
        assert intervals.group_by(["meter_id", "end"]).aggregate([]).num_rows == expected, "a read came twice"
        ledger = pq.read_table(out / "outputs" / "ledger.parquet", columns=["kind"])
        paid = pc.sum(pc.equal(ledger["kind"].cast("string"), "top_up")).as_py()
        assert paid == given["payer"] * METERS, f"{paid} payments; {given['payer'] * METERS} were given"
        refused = pq.read_metadata(out / "outputs" / "exceptions.parquet").num_rows
        assert refused == 0, f"{refused} rows were refused"
        return expected, paid

    def close(self) -> None:
        """End the producers that still run."""
        for child in self._children.values():
            child.kill()
            child.wait(LONG_S)

    def _child(self, name: str) -> subprocess.Popen[str]:
        code = "import sys; from pathlib import Path; from e2e.kills import feed; feed(*{!r}, Path({!r}))"
        share = int(name.rpartition("-")[2]) if name.startswith("feeder") else 0
        arguments = code.format((name, share, self._node.endpoint), str(self._node.folder))
        return subprocess.Popen(
            [sys.executable, "-c", arguments], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
        )

    def _kill(self, part: str) -> None:
        if part in ("feeder", "payer"):
            name = self._random.choice([name for name in self._names if name.startswith(part)])
            child = self._children[name]
            child.send_signal(signal.SIGKILL)
            assert child.wait(LONG_S) == -signal.SIGKILL, f"{name} had ended by itself"
            self._children[name] = self._child(name)
        elif part == "worker":
            pids = self._node.pids("worker")
            if pids:
                with suppress(ProcessLookupError):
                    os.kill(self._random.choice(pids), signal.SIGKILL)
        else:
            self._node.kill(part)
            self._node.wait()
            wait_for(
                lambda: not self._node.pids("engine") and not self._node.pids("worker"), "no part is left"
            )
            self._keep()
            self._node.start()

    def _pause(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            self._keep()
            time.sleep(0.1)

    def _keep(self) -> None:
        """Keep each segment of the journal, the newest file of its name: it is cut back behind snapshots."""
        places = Places(self._node.data, 0)
        self.snapshots.update(Snapshots(RealDisk(places.snapshots)).verified())
        for path in places.journal.glob("segment-*.journal"):
            kept = self._archive / path.name
            with suppress(FileNotFoundError):
                if kept.exists() and kept.samefile(path):
                    continue
                aside = kept.with_suffix(".aside")
                aside.unlink(missing_ok=True)
                os.link(path, aside)
                aside.replace(kept)


@contextmanager
def trial(minutes: float, seed: int) -> Iterator[tuple[Trial, dict[str, int]]]:
    """One that has ended, and how many batches each producer gave."""
    node = Node(workers=2, snapshot_every="1s")
    try:
        node.start().register(METERS)
        tried = Trial(node, seed)
        try:
            tried.run(minutes)
            yield tried, tried.end()
        finally:
            tried.close()
    finally:
        node.remove()


def main() -> None:
    """As a command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with trial(arguments.minutes, arguments.seed) as (tried, given):
        rows, paid = tried.check(given)
        print("killed:", ", ".join(f"{part} {tried.killed[part]}" for part in PARTS))
        print(f"{len(tried.snapshots)} snapshots verified; {rows:,} reads and {paid:,} payments, each once")


if __name__ == "__main__":
    main()
