"""A node's data directory with a journal in it, written frame by frame; and the outputs of it, made step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.journal import Journal, RealDisk, Recovery
from pipeline.node.entries import Entry, encode
from pipeline.node.layout import Layout, Places, write_layout
from pipeline.node.snapshots import Snapshots
from pipeline.node.state import State
from pipeline.outputs.description import DescriptionFile
from pipeline.outputs.follower import ALL, Follower
from pipeline.outputs.keeper import Keeper
from pipeline.outputs.outside import Outside
from pipeline.outputs.places import OutputPlaces
from pipeline.outputs.starting import Begin, begin
from pipeline.outputs.tables import output_schema
from pipeline.outputs.tree import Tree
from pipeline.wire import write_batch
from unit import core_world as world
from unit.node.world import kind_of

ID = bytes(range(16))
SEGMENT = 12 * 4096
IDS = "uint64"
DAY_S = 86_400
LAYOUT = Layout(1, 3)


@cache
def history(days: int = 3, accounts: int = 6, ids: str = IDS) -> tuple[Entry, ...]:
    """What a shard took in some days: every kind of batch, each with its time, none with a sender."""
    names = range(accounts)
    batches: list[tuple[str, Any, int]] = [("config", world.CONFIG, world.START), *world.story(ids, accounts)]
    now_s = max(now for _, _, now in batches)
    last_s = world.START + days * DAY_S
    number = 1000
    value = 10_000
    while now_s < last_s:
        now_s += 3 * 900
        step = (now_s - world.START) // 900
        value += 100
        reads = (world.read(ids, f"M{i}", step, value + i) for i in names)
        batches.append(("reads", world.rows("reads", ids, *reads), now_s))
        number += 1
        pay = world.payment(ids, number, f"A{number % accounts}", 10**10, now_s)
        batches.append(("payments", world.rows("payments", ids, pay), now_s + 7))
        batches.append(("tick", now_s + 70, now_s + 70))
        if step % 16 == 0:
            batches.append(("config", "this is no configuration", now_s + 71))
            batches.append(("acks", world.rows("acks", ids, world.ack(77, "done")), now_s + 72))
    entries = []
    for kind, batch, now in batches:
        what, rows, body = kind_of(kind), 0, b""
        if kind == "config":
            body = batch.encode()
        elif kind != "tick":
            rows, body = batch.num_rows, write_batch(what, batch, ids)
        entries.append(Entry(what, (), now, rows, 0, body))
    return tuple(entries)


class Shard:
    """A shard whose journal is written by hand, in frames of some entries, with its writer's state beside it."""

    def __init__(self, data: Path, entries: Iterable[Entry], seed: int = 0, shard: int = 0) -> None:
        self.places = Places(data, shard)
        self.random = Random(seed)
        self.left = list(entries)
        self.state = State(())
        self.disk = RealDisk(self.places.journal)
        self.journal: Journal = self.recover()

    def recover(self) -> Journal:
        with Recovery(self.disk, new_id=ID, segment_bytes=SEGMENT) as recovery:
            self.journal = recovery.finish()
        return self.journal

    def write(self, frames: int = 1 << 30) -> int:
        """Write so many frames, or what is left; the number of the last."""
        while self.left and frames:
            count = self.random.randint(1, 5)
            group, self.left = self.left[:count], self.left[count:]
            self.journal.commit(encode(group), now_s=0)
            for entry in group:
                self.state.apply(entry)
            self.state.mark = self.journal.durable
            frames -= 1
        return self.journal.durable.number

    def snapshot(self) -> int:
        """A verified snapshot of now."""
        snapshots = Snapshots(RealDisk(self.places.snapshots))
        number = snapshots.write(self.state)
        snapshots.count(number)
        return number

    @property
    def last(self) -> int:
        return self.journal.durable.number


class Outputs:
    """The outputs of a data directory with one shard, followed step by step; `at` sees each step on the disk."""

    def __init__(
        self,
        data: Path,
        at: Callable[[str], None] = lambda step: None,
        cut_s: int = 3600,
        outputs: tuple[str, ...] = ALL,
        layout: Layout = LAYOUT,
        shard: int = 0,
        keep_days: dict[str, int] | None = None,
    ) -> None:
        self.places = OutputPlaces(data)
        self.said: list[str] = []
        self.tree = Tree(at)
        self.hours = 0.0
        self.keeper = Keeper(self.places, self.tree, outputs, keep_days or {}, self._later)
        self.keeper.recover()
        file = DescriptionFile(self.places.description, layout.shards, layout.generation, self.tree)
        self.description = file
        asked = Begin(Places(data, shard), layout, self.tree, file, cut_s, outputs, 1 << 22, self.said.append)
        self.follower: Follower = begin(asked)

    def follow(self, until: int, checkpoint_every: int = 7) -> None:
        """Take all frames up to a number, with a checkpoint at a cut now and then."""
        frames = 0
        while self.follower.turn(until):
            frames += 1
            if frames % checkpoint_every == 0:
                self.follower.checkpoint_due = True

    def keep(self) -> None:
        """Compact and drop days that are over."""
        self.keeper.look(self.follower.cutter.day)

    def _later(self) -> float:
        """A clock that is an hour further each time."""
        self.hours += 1
        return 3600 * self.hours


def node(data: Path) -> Path:
    """A data directory of one shard."""
    write_layout(RealDisk(data), LAYOUT)
    return data


def files(data: Path) -> dict[str, bytes]:
    """Every file that a reader of the data set sees."""
    root = OutputPlaces(data).root
    found = (path for path in root.glob("*/day=*/*") if path.name[0] not in "._")
    return {str(path.relative_to(root)): path.read_bytes() for path in found}


def rows_of(data: Path, name: str) -> pa.Table | None:
    """The rows of an output as files have them, in the order of the batches."""
    tables = [pq.ParquetFile(path).read() for path in OutputPlaces(data).files(name)]
    return pa.concat_tables(tables) if tables else None


def made(
    entries: Iterable[Entry], layout: Layout = LAYOUT, shard: int = 0, ids: pa.DataType | None = None
) -> dict[str, pa.Table]:
    """What an engine makes of a history, as it leaves the node: what files must hold."""
    outside = Outside(layout, shard)
    found: dict[str, list[pa.RecordBatch]] = {name: [] for name in ALL}
    for effects in _effects(entries):
        for name, batch in effects:
            if batch.num_rows:
                found[name].append(outside.batch(name, batch))
    tables = {}
    for name, batches in found.items():
        schema = output_schema(name, ids or pa.uint64())
        tables[name] = pa.Table.from_batches([batch.cast(schema) for batch in batches], schema)
    return tables


def _effects(entries: Iterable[Entry]) -> Iterator[Any]:
    state = State(ALL)
    for entry in entries:
        outcome = state.apply(entry)
        if outcome.effects is not None:
            yield outcome.effects
