"""Subscribers of a real node: killed at random, with the node started anew in between, against a replay."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from e2e.node import ENVIRONMENT, LONG_S, QUICK, Node, quarter_hours, reads, wait_for
from pipeline.client import CursorGone, NotAccepted, Subscriber

METERS = 40
IDS = np.arange(METERS, dtype=np.uint64)

CONSUMER = """
import sys
from pathlib import Path
from e2e.node import QUICK
from pipeline.client import Subscriber
endpoint, key, node, folder, store = sys.argv[1:]
store = Path(store)
with Subscriber(endpoint, key, node, "intervals", folder, patience=QUICK) as subscriber:
    # What lies behind the cursors was stored and not yet said to be: it comes again.
    cursors, kept = subscriber.cursors, []
    for line in store.read_text().splitlines(True) if store.exists() else ():
        shard, seq, place, *rest = map(int, line.split())
        if line.endswith("\\n") and (seq, place) < tuple(cursors[shard]):
            kept.append(line)
    store.write_text("".join(kept))
    print("runs", flush=True)
    with store.open("a") as file:
        while True:
            for batch in subscriber.batches(timeout_s=1):
                columns = batch.rows["seq"], batch.places(), batch.rows["meter_id"], batch.rows["end"].cast("int64")
                for row in zip(*(column.tolist() for column in columns)):
                    file.write(f"{batch.shard} {' '.join(map(str, row))}\\n")
                file.flush()
                subscriber.taken(batch)
"""


@pytest.fixture
def made() -> Iterator[list[Node]]:
    nodes: list[Node] = []
    yield nodes
    for node in nodes:
        node.remove()


def fed(made: list[Node], feed: str = '["intervals", "ledger"]', **options: object) -> Node:
    node = Node(**options)
    node.node_settings += f"feed = {feed}\n"
    made.append(node)
    return node.start()


def consumer(node: Node) -> subprocess.Popen[str]:
    pair = node.key("books", "subscriber")
    paths = [
        node.folder / f"{pair.public.name}.key",
        node.data / "keys" / "node.pub",
        node.folder / "books",
        node.folder / "store.txt",
    ]
    arguments = [sys.executable, "-c", CONSUMER, node.endpoint, *map(str, paths)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)


def stored(node: Node) -> list[tuple[int, ...]]:
    path = node.folder / "store.txt"
    return [tuple(map(int, line.split())) for line in path.read_text().splitlines()] if path.exists() else []


def replayed(node: Node, shards: int) -> list[tuple[int, ...]]:
    """Shard, number, meter and end of each interval, in order, as a replay of the journals gives them."""
    found: list[tuple[int, ...]] = []
    for shard in range(shards):
        node.journaled(shard)
        rows = pq.read_table(node.folder / f"out-{shard}" / "outputs" / "intervals.parquet")
        ends = rows["end"].cast(pa.timestamp("s", "UTC")).cast(pa.int64())
        columns = rows["seq"], rows["meter_id"], ends
        found += [(shard, *row) for row in zip(*(each.to_pylist() for each in columns), strict=True)]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("shards", [1, 2])
def test_a_consumer_that_is_killed_has_what_a_replay_gives(made, shards):
    random = Random(shards)
    node = fed(made, shards=shards)
    node.register(METERS)
    ends = quarter_hours(60)
    with node.producer("feeder", "reads") as feeder:
        for part in np.array_split(ends, 5):
            process = consumer(node)
            assert process.stdout.readline() == "runs\n"
            for end in part:
                feeder.send("reads", reads(IDS, np.array([end])))
                feeder.poll(0.01)
            time.sleep(random.uniform(0.0, 0.5))
            process.send_signal(signal.SIGKILL)
            assert process.wait(LONG_S) == -signal.SIGKILL
            if random.random() < 0.3 or part[0] == ends[0]:
                assert node.stop() == 0
                node.start()
        assert feeder.flush(LONG_S)
    process = consumer(node)
    wait_for(lambda: len(stored(node)) >= METERS * len(ends), "all rows are stored")
    process.kill()
    process.wait(LONG_S)
    assert node.stop() == 0
    mine = sorted(stored(node))
    assert [(shard, seq, *rest) for shard, seq, _, *rest in mine] == replayed(node, shards)
    assert len({each[:3] for each in mine}) == len(mine) == METERS * len(ends)


def subscriber(node: Node, output: str = "ledger", name: str = "books", **options: object) -> Subscriber:
    key, public = node.key(name, "subscriber"), node.data / "keys" / "node.pub"
    return Subscriber(node.endpoint, key, public, output, node.folder / name, patience=QUICK, **options)


def test_an_output_that_is_not_fed_and_a_key_that_may_not(made):
    node = fed(made)
    with (
        subscriber(node, "notices") as wrong,
        pytest.raises(NotAccepted, match=r"'notices' is no output .* intervals, "),
    ):
        wrong.batches(LONG_S)
    key, public = node.key("feeder", "reads"), node.data / "keys" / "node.pub"
    with pytest.raises(NotAccepted, match="has the role reads; expected subscriber"):
        Subscriber(node.endpoint, key, public, "ledger", node.folder / "x")
    with (
        subscriber(node, name="ahead", cursors=[(10_000, 0)]) as ahead,
        pytest.raises(CursorGone, match="asked for from row 0 of batch 10000"),
    ):
        ahead.batches(LONG_S)
    node.register(METERS)
    with subscriber(node, "intervals", "good") as good, node.producer("feeder", "reads") as feeder:
        feeder.send("reads", reads(IDS, quarter_hours(1)))
        assert feeder.flush(LONG_S)
        (batch,) = good.batches(LONG_S)
        assert batch.rows.num_rows == METERS


def test_a_subscriber_that_takes_nothing_delays_nobody(made):
    node = fed(made)
    node.register(METERS)
    with subscriber(node, "intervals", "slow") as slow, node.producer("feeder", "reads") as feeder:
        assert not slow.batches(0.5)
        for end in quarter_hours(200):
            feeder.send("reads", reads(IDS, np.array([end])))
        assert feeder.flush(LONG_S)
        found = 0
        while found < 200 * METERS:
            batches = slow.batches(LONG_S)
            assert batches
            for batch in batches:
                found += batch.rows.num_rows
                slow.taken(batch)
        assert found == 200 * METERS
