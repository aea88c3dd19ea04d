"""A node of real processes: nothing acknowledged is lost or applied twice, whoever is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from e2e.node import COMMAND, ENVIRONMENT, LONG_S, Node, quarter_hours, reads, wait_for
from pipeline.client import BatchRefused, NotAccepted
from pipeline.keys import revoke

METERS = 40
IDS = np.arange(METERS, dtype=np.uint64)


@pytest.fixture
def node() -> Iterator[Node]:
    made = Node()
    yield made
    made.remove()


def expected(ends: np.ndarray, ids: np.ndarray = IDS) -> list[tuple[int, int]]:
    return sorted((int(meter), int(end)) for meter in ids for end in ends)


def test_producers_are_acknowledged_and_the_export_replays_to_the_same_state(node):
    node.start().register(METERS)
    ends = quarter_hours(6)
    with node.producer("feeder", "reads") as feeder, node.producer("till", "payments") as till:
        for end in ends:
            feeder.send("reads", reads(IDS, np.array([end])))
        till.send(
            "payments",
            {
                "payment_id": [bytes([7] * 16)],
                "account_id": np.array([3], np.uint64),
                "kind": ["top_up"],
                "amount": ["25.50"],
                "at": [int(ends[-1])],
            },
        )
        assert feeder.flush(LONG_S)
        assert till.flush(LONG_S)
    assert node.stop() == 0
    node.check()
    assert node.reads() == expected(ends)
    assert node.refused() == 0
    used = Decimal("0.558") * 6 / 10
    assert node.recovered().balance(3) == Decimal("125.50") - used


def test_what_is_refused_for_good_is_told_and_uses_up_its_number(node):
    node.start().register(METERS)
    told: list[object] = []
    ends = quarter_hours(2)
    with node.producer("feeder", "reads", ids=None, on_event=told.append) as feeder:
        feeder.send("reads", reads(IDS, ends[:1]))
        columns = reads(IDS, ends[1:])
        feeder.send("reads", {**columns, "meter_id": [str(meter) for meter in columns["meter_id"]]})
        feeder.send("reads", columns)
        assert feeder.flush(LONG_S)
    assert [event.seq for event in told if isinstance(event, BatchRefused)] == [2]
    assert node.stop() == 0
    node.check()
    assert node.reads() == expected(ends)


CHILD = """
import sys
import numpy as np
from e2e.node import QUICK, reads
from pipeline.client import Producer
endpoint, key, node, outbox, meters, first, *ends = sys.argv[1:]
ids = np.arange(int(meters), dtype=np.uint64)
with Producer(endpoint, key, node, outbox, patience=QUICK) as producer:
    print(producer.newest, flush=True)
    for end in ends[producer.newest:]:
        producer.send("reads", reads(ids, np.array([int(end)])))
        producer.poll(0.01)
    producer.flush(120)
    print("all", flush=True)
"""


def child(node: Node, ends: np.ndarray) -> subprocess.Popen[str]:
    """A producer in a process of its own; each batch is a quarter of an hour, its number the hour's."""
    pair = node.key("feeder", "reads")
    paths = [
        node.folder / f"{pair.public.name}.key",
        node.data / "keys" / "node.pub",
        node.folder / "feeder.outbox",
    ]
    arguments = [node.endpoint, *map(str, paths), str(METERS), "0", *map(str, ends.tolist())]
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
    )


def test_a_producer_that_is_killed_goes_on_where_it_was(node):
    node.start().register(METERS)
    ends = quarter_hours(60)
    begun = []
    for pause_s in (0.05, 0.1, 0.2, None):
        process = child(node, ends)
        begun.append(int(process.stdout.readline()))
        if pause_s is not None:
            time.sleep(pause_s)
            process.send_signal(signal.SIGKILL)
            assert process.wait(LONG_S) == -signal.SIGKILL
        else:
            assert process.stdout.readline() == "all\n"
            assert process.wait(LONG_S) == 0
    assert begun == sorted(begun)
    assert node.stop() == 0
    node.check()
    assert node.reads() == expected(ends)
    assert node.refused() == 0


class Load:
    """Producers that send all the time, in threads, whatever happens to the node."""

    def __init__(self, node: Node, producers: int, ends: np.ndarray) -> None:
        self.ends = ends
        self.errors: list[BaseException] = []
        self._node = node
        self._shares = np.array_split(IDS, producers)
        for i in range(producers):
            node.key(f"feeder-{i}", "reads")
        self._threads = [threading.Thread(target=self._send, args=(i,)) for i in range(producers)]
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        for thread in self._threads:
            thread.join(3 * LONG_S)
            assert not thread.is_alive(), "a producer waits for ever"
        assert not self.errors

    def _send(self, i: int) -> None:
        try:
            with self._node.producer(f"feeder-{i}", "reads") as producer:
                for end in self.ends:
                    producer.send("reads", reads(self._shares[i], np.array([end])))
                    producer.poll(0.02)
                assert producer.flush(2 * LONG_S)
        except BaseException as error:
            self.errors.append(error)


@pytest.mark.parametrize("shards", [1, 2])
def test_kill_9_of_workers_under_load(shards):
    node = Node(workers=2, shards=shards)
    try:
        node.start().register(METERS)
        load = Load(node, 4, quarter_hours(150))
        for _ in range(4):
            time.sleep(0.7)
            before = node.pids("worker")
            assert before
            os.kill(before[0], signal.SIGKILL)
        load.finish()
        wait_for(lambda: node.said.count("has ended: signal SIGKILL") == 4, "each is noticed")
        assert node.stop() == 0
        node.check()
        assert node.reads() == expected(load.ends)
        assert node.refused() == 0
    finally:
        node.remove()


@pytest.mark.parametrize("part", ["engine", "run"])
def test_kill_9_of_the_engine_or_of_all_under_load(node, part):
    node.start().register(METERS)
    load = Load(node, 3, quarter_hours(150))
    killed_under_load(node, load, part)
    assert node.stop() == 0
    node.check()
    assert node.reads() == expected(load.ends)
    assert node.refused() == 0


def test_kill_9_between_snapshots():
    node = Node(snapshot_every="1s")
    try:
        node.start().register(METERS)
        load = Load(node, 3, quarter_hours(150))
        killed_under_load(node, load, "engine")
        wait_for(lambda: node.status()["snapshot"], "a snapshot is verified")
        assert node.stop() == 0
        engine = node.recovered()
        assert engine.balance(7) == 100 - Decimal("0.0558") * len(load.ends)
        assert set(
            engine.meters()["last_at"].cast(pa.timestamp("s", "UTC")).cast(pa.int64()).to_pylist()
        ) == {int(load.ends[-1])}
        assert engine.gaps().num_rows == 0
        assert engine.digest() == node.recovered().digest()
    finally:
        node.remove()


def killed_under_load(node: Node, load: Load, part: str) -> None:
    """Kill a part three times, and start the node again, while producers send."""
    for _ in range(3):
        time.sleep(1.0)
        node.kill(part)
        assert node.wait() == (1 if part == "engine" else -signal.SIGKILL)
        wait_for(lambda: not node.pids("engine") and not node.pids("worker"), "no part is left")
        node.start()
    load.finish()


def test_a_second_node_does_not_run_in_the_same_folder(node):
    node.start()
    command = [sys.executable, "-m", "pipeline.cli", "run", str(node.config), "--data", str(node.data)]
    second = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=60)
    assert second.returncode == 1
    assert "another node runs here" in second.stderr
    assert node.runs


def test_a_revoked_key_is_out_within_a_second_and_others_go_on(node):
    node.start().register(METERS)
    ends = quarter_hours(4)
    with node.producer("good", "reads") as good, node.producer("bad", "reads") as bad:
        good.send("reads", reads(IDS[:20], ends[:1]))
        bad.send("reads", reads(IDS[20:], ends[:1]))
        assert good.flush(LONG_S)
        assert bad.flush(LONG_S)
        revoke(node.data, "bad")
        time.sleep(1.0)
        bad.send("reads", reads(IDS[20:], ends[1:2]))
        with pytest.raises(NotAccepted, match="not allowed to connect any more"):
            bad.flush(10)
        good.send("reads", reads(IDS[:20], ends[1:2]))
        assert good.flush(LONG_S)
    assert node.stop() == 0
    node.check()
    assert node.reads() == sorted(expected(ends[:1]) + expected(ends[1:2], IDS[:20]))


def test_shards_are_changed_at_rest_and_the_producers_go_on():
    node = Node(shards=2)
    try:
        node.start().register(METERS)
        ends = quarter_hours(6)
        with node.producer("feeder", "reads") as feeder:
            feeder.send("reads", reads(IDS, ends[:3]))
            assert feeder.flush(LONG_S)
        assert node.stop() == 0
        told = subprocess.run(
            [*COMMAND, "shards", "3", "--data", str(node.data), "--json"],
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
            timeout=120,
        )
        assert told.returncode == 0, told.stderr
        assert json.loads(told.stdout)["accounts"] == METERS
        node.node_settings = node.node_settings.replace("shards = 2", "shards = 3")
        node.start()
        with node.producer("feeder", "reads") as feeder:
            feeder.send("reads", reads(IDS, ends[3:]))
            assert feeder.flush(LONG_S)
        assert node.stop() == 0
        node.check()
        assert node.reads() == expected(ends)
        assert node.refused() == 0
    finally:
        node.remove()


def test_files_are_sent_by_a_command(node, tmp_path):
    node.start()
    keys = {role: node.key(role, role) for role in ("registry", "reads")}
    stamps = [f"2026-11-2{day}T00:{minute}:00Z" for day in (1, 2) for minute in ("15", "30")]
    (tmp_path / "accounts.csv").write_text(
        "account_id,district_id,tariff,policy,klass,opening_balance\n7,1,home,home,low_voltage,10\n"
    )
    (tmp_path / "meters.csv").write_text(
        "meter_id,role,account_id,reading,interval_s,wh_per_count\n17,consumer,7,interval,900,1\n"
    )
    (tmp_path / "reads.csv").write_text("meter_id,at,value\n" + "".join(f"17,{at},100\n" for at in stamps))
    for role, names in (("registry", ["accounts", "meters"]), ("reads", ["reads"]), ("reads", ["reads"])):
        files = [str(tmp_path / f"{name}.csv") for name in names]
        options = ["--to", node.endpoint, "--key", str(node.folder / f"{keys[role].public.name}.key")]
        options += ["--node", str(node.data / "keys" / "node.pub"), "--ids", "uint64", "--json"]
        told = subprocess.run(
            [*COMMAND, "send", *files, *options], capture_output=True, text=True, env=ENVIRONMENT, timeout=120
        )
        assert told.returncode == 0, told.stderr
        summary = json.loads(told.stdout)
        assert (summary["waiting"], summary["refused_batches"], summary["rejected_rows"]) == (0, [], 0)
    assert summary["sent_before"] == files
    assert node.stop() == 0
    node.check()
    assert len(node.reads()) == 4
