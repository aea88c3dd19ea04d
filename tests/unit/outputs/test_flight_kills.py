"""Who follows over Flight is killed at any step a thousand times, and so is who makes the outputs; against a replay."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import flight

from pipeline.batchlog import BatchLog, BatchLogWriter
from pipeline.node.export import export
from pipeline.outputs.flight import Server, sealed, streams
from pipeline.outputs.flight.wanted import plain
from pipeline.outputs.outside import Outside
from pipeline.outputs.tables import output_schema
from pipeline.replay import replay
from unit.outputs.flight_world import Served, ask
from unit.outputs.test_kills import Killed, Killer
from unit.outputs.world import LAYOUT

KILLS = 1000
NAMES = ("intervals", "ledger", "notices", "commands", "exceptions")
POINTS = ("began", "asked", "read", "half stored", "stored", "committed")
IN_ORDER = ("intervals", "ledger", "exceptions")


class Consumer:
    """A program as the guide has it: rows and cursor in one transaction; `at` may end it at any of its steps."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name
        with closing(self._open()) as store, store:
            store.execute(
                "create table if not exists rows (number integer primary key, seq integer, row text)"
            )
            store.execute(
                "create table if not exists cursor (only integer primary key check (only = 1), seq integer)"
            )

    def run(self, client: flight.FlightClient, last: int, at: Killer) -> None:
        """Take all rows up to a batch."""
        with closing(self._open()) as store:
            at.at("began")
            (seq,) = store.execute("select max(seq) from cursor").fetchone()
            if seq is not None and seq > last:
                return
            asked = {"follow": self.name, "shard": 0} | ({} if seq is None else {"seq": seq})
            reader = client.do_get(ask(**asked), flight.FlightCallOptions(timeout=60))
            try:
                at.at("asked")
                while seq is None or seq <= last:
                    chunk = reader.read_chunk()
                    at.at("read")
                    seq = json.loads(chunk.app_metadata.to_pybytes())["seq"]
                    self._store(store, chunk.data.to_pylist(), seq, at)
            finally:
                reader.cancel()

    def rows(self) -> list[str]:
        with closing(self._open()) as store:
            return [row for (row,) in store.execute("select row from rows order by number")]

    def _store(self, store: sqlite3.Connection, rows: list[dict[str, object]], seq: int, at: Killer) -> None:
        for place, row in enumerate(rows):
            if place == len(rows) // 2:
                at.at("half stored")
            store.execute("insert into rows (seq, row) values (?, ?)", (row["seq"], repr(row)))
        store.execute("insert or replace into cursor values (1, ?)", (seq,))
        at.at("stored")
        store.commit()
        at.at("committed")

    def _open(self) -> sqlite3.Connection:
        store = sqlite3.connect(self.path)
        store.execute("pragma synchronous = off")  # it is ended, the machine is not
        return store


class World:
    """A journal that grows, who makes its outputs, and who follows them."""

    def __init__(self, folder: Path, random: Random) -> None:
        self.random = random
        self.maker, self.at = Killer(random), Killer(random)
        self.served = Served(folder / "node", days=8, cut_s=3600, at=self.maker.at)
        self.consumers = [Consumer(folder / f"{name}.db", name) for name in NAMES]
        self.server: Server | None = None

    def grow(self) -> None:
        """More comes, and is followed; or who follows it is ended somewhere, and started again, with its server."""
        self.served.shard.write(self.random.randint(1, 2))
        if self.random.random() < 0.3:
            self.maker.arm()
        while True:
            try:
                if self.server is None:
                    self.served.again()
                    self.server = self.served.serve()
                self.served.outputs.follow(self.served.shard.last, checkpoint_every=3)
                if self.random.random() < 0.3:
                    self.served.outputs.keep()
                break
            except Killed:
                if self.server is not None:
                    self.server.close()
                self.server = None
        self.maker.left = None

    def live(self, consumer: Consumer) -> bool:
        """A life of a consumer, which ends somewhere, unless it has all rows before."""
        self.at.left = self.random.randint(1, 9)
        try:
            with self.served.client() as client:
                consumer.run(client, self.served.outputs.follower.seq, self.at)
        except Killed:
            return False
        self.at.left = None
        return True


def replayed(served: Served, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """What a replay of the journal gives, as it travels."""
    with BatchLogWriter(folder / "log") as log:
        export(served.shard.disk, log)
    replay(BatchLog.open(folder / "log"), folder / "out")
    outside = Outside(LAYOUT, 0)
    for name in NAMES:
        table = outside.table(name, pq.read_table(folder / "out" / "outputs" / f"{name}.parquet"))
        schema = plain(output_schema(name, pa.uint64()))
        yield name, [repr(row) for row in table.cast(schema).to_pylist()]


def test_who_follows_has_every_row_once_however_often_it_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(streams, "READ_BYTES", 2000)
    monkeypatch.setattr(sealed, "WINDOW_ROWS", 20)
    random = Random(7)
    world = World(tmp_path, random)
    while world.served.shard.left:  # rows come while they are made
        world.grow()
        for consumer in random.sample(world.consumers, 3):
            world.live(consumer)
    expected = dict(replayed(world.served, tmp_path))
    again = 0
    while world.consumers or world.at.kills.total() < KILLS:  # and from files, and from memory
        if not world.consumers:
            again += 1
            world.consumers = [Consumer(tmp_path / f"{again}-{name}.db", name) for name in NAMES]
        consumer = random.choice(world.consumers)
        if world.live(consumer):
            world.consumers.remove(consumer)
            check(consumer, expected[consumer.name])
    assert world.server is not None
    world.server.close()
    print(f"consumers {dict(world.at.kills)}, outputs {dict(world.maker.kills)}, {again + 1} times")
    assert min(world.at.kills[point] for point in POINTS) > 50
    assert world.maker.kills.total() > 20
    assert again > 0


def check(consumer: Consumer, expected: list[str]) -> None:
    """Each row once, and in order where the files keep it."""
    rows = consumer.rows()
    assert len(rows) >= 20, consumer.name
    assert Counter(rows) == Counter(expected), consumer.name
    if consumer.name in IN_ORDER:
        assert rows == expected, consumer.name
