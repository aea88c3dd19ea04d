"""A node of two shards over three days: its clock, what happens to it, and what replays of its journals give."""

from __future__ import annotations

import csv
import io
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from e2e import node as e2e_node
from e2e.node import LONG_S, QUICK, Node, reads, wait_for
from fastcore.schemas import OUTPUTS
from pipeline.batchlog import BatchLog, BatchLogWriter
from pipeline.cli import main
from pipeline.client import CommandAck, HeadEnd
from pipeline.journal import RealDisk
from pipeline.node.export import export
from pipeline.node.layout import Places
from pipeline.outputs.status import read_outputs_status
from pipeline.replay import replay
from pipeline.worker.directory import home_of

SHARDS = 2
ACCOUNTS = 24
PER_DISTRICT = 4
ZONE = ZoneInfo("Asia/Shanghai")
DAYS = [datetime(2026, 3, day, 10, tzinfo=ZONE) for day in (3, 4, 5)]
CUT, PAID, NOBODY = range(8), range(4), 999
MOVED, MOVED_TO = 12, next(n for n in range(ACCOUNTS) if home_of(n // 4, SHARDS) != home_of(3, SHARDS))
"""A meter, and an account of the other shard to which a row gives it: it stays where it is."""
COUNTED = {"commands": "command_id", "findings": "id", "orders": "id"}
STATES = ("accounts", "meters", "gaps", "commands", "findings", "orders", "districts")
CLOCK = """
import os
import pathlib
import time

_hands = pathlib.Path(os.environ["FEIKONG_TEST_CLOCK"])
time.time = lambda: float(_hands.read_text())
"""
LIMITS = "mass_trip_fraction = 1\ntrip_rate_engine = 1\ntrip_rate_district = 1\noutage_coverage = 0\n"


class Clock:
    """The node's clock: it stands where a file says, so that days pass when they should, and nothing at other times."""

    def __init__(self, folder: Path) -> None:
        self.hands = folder / "clock"
        place = folder / "site"
        place.mkdir()
        (place / "sitecustomize.py").write_text(CLOCK)
        self.variables = {
            "FEIKONG_TEST_CLOCK": str(self.hands),
            "PYTHONPATH": f"{place}:{e2e_node.ENVIRONMENT['PYTHONPATH']}",
        }

    def set(self, at: datetime) -> None:
        aside = self.hands.with_suffix(".new")
        aside.write_text(str(int(at.timestamp())))
        aside.rename(self.hands)

    def time(self) -> float:
        return float(self.hands.read_text())


class County(SimpleNamespace):
    """The node, its clock, and the replay of each shard's journal."""

    node: Node
    clock: Clock
    config: str
    tables: dict[str, list[dict[str, Any]]]
    states: dict[str, list[dict[str, Any]]]
    digests: list[str]

    def ask(self, *words: str) -> str:
        """What a command prints, of the node's data."""
        done = CliRunner().invoke(main, [*words, "--data", str(self.node.data)])
        assert done.exit_code == 0, done.output
        return str(done.stdout)

    def json(self, *words: str) -> Any:
        return json.loads(self.ask(*words, "--json"))

    def query(self, sql: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.ask("query", sql, "--format", "csv"))))

    def report(self, name: str, *words: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.ask("report", name, *words, "--format", "csv"))))

    def replayed(self) -> None:
        """Take what `replay` makes of what each shard has journaled; ids as they leave the node."""
        self.tables, self.states, self.digests = defaultdict(list), defaultdict(list), []
        for shard in range(SHARDS):
            log, out = self.node.folder / f"shift-{shard}", self.node.folder / f"made-{shard}"
            with BatchLogWriter(log, "arrow") as writer:
                export(RealDisk(Places(self.node.data, shard).journal), writer)
            self.digests.append(replay(BatchLog.open(log), out).digest)
            for found, folder, names in (
                (self.tables, "outputs", OUTPUTS),
                (self.states, "state", STATES),
            ):
                for name in names:
                    for row in pq.read_table(out / folder / f"{name}.parquet").to_pylist():
                        if name in COUNTED:
                            row[COUNTED[name]] += shard << 40
                        found[name].append({**row, "shard": shard})

    def account(self, number: int) -> dict[str, Any]:
        (row,) = [each for each in self.states["accounts"] if each["account_id"] == number]
        return row


def ends(at: datetime, *back: int) -> np.ndarray:
    """Ends of quarter-hours, so many before an instant."""
    return np.array([int(at.timestamp()) - 900 * each for each in back])


def used(meters: range, at: np.ndarray, wh: int) -> dict[str, object]:
    batch = reads(np.array(meters, np.uint64), at)
    return {**batch, "value": np.full(len(batch["at"]), wh, np.int64)}


def money(first: int, accounts: range, amount: str, at: datetime) -> dict[str, object]:
    return {
        "payment_id": [(first + each).to_bytes(16, "big") for each in accounts],
        "account_id": np.array(accounts, np.uint64),
        "kind": ["top_up"] * len(accounts),
        "amount": [amount] * len(accounts),
        "at": [int(at.timestamp())] * len(accounts),
    }


class Field:
    """A head-end that does what it is told."""

    def __init__(self, county: County, headend: HeadEnd) -> None:
        self.county, self.headend = county, headend
        self.came: list[Any] = []

    def work(self, kind: str, count: int) -> None:
        """Until so many commands of a kind have come, in all."""

        def so() -> bool:
            commands = self.headend.commands(timeout_s=0.05)
            self.came += commands
            if commands:
                at_s = int(self.county.clock.time())
                self.headend.acknowledge(CommandAck(each.command_id, "done", at_s) for each in commands)
            return Counter(each.kind for each in self.came)[kind] == count

        wait_for(so, f"{count} {kind}s")


def three_days(county: County) -> None:
    """What happens: use, money, cuts and restores, and an operator who suspends trips."""
    node, clock = county.node, county.clock
    everyone = range(ACCOUNTS)
    key, public = node.key("headend", "headend"), node.data / "keys" / "node.pub"
    with (
        node.producer("feeder", "reads") as feeder,
        node.producer("till", "payments") as till,
        HeadEnd(node.endpoint, key, public, node.folder / "headend", patience=QUICK) as headend,
    ):
        field = Field(county, headend)

        def sent() -> None:
            assert feeder.flush(LONG_S)
            assert till.flush(LONG_S)

        till.send("payments", money(1000, everyone, "3.141592653", DAYS[0]))
        assert till.flush(LONG_S)
        feeder.send("reads", used(everyone, ends(DAYS[0], 4, 3), 1_234))
        sent()
        clock.set(DAYS[0] + timedelta(minutes=2))
        feeder.send("reads", used(range(1, ACCOUNTS), ends(DAYS[0], 2), 1_000))
        sent()
        clock.set(DAYS[0] + timedelta(minutes=4))
        feeder.send("reads", used(everyone, ends(DAYS[0], 1), 777))
        feeder.send("reads", used(range(NOBODY, NOBODY + 1), ends(DAYS[0], 1), 5))
        sent()
        clock.set(DAYS[1])
        feeder.send("reads", used(CUT, ends(DAYS[1], 1), 300_000))
        feeder.send("reads", used(range(CUT.stop, ACCOUNTS), ends(DAYS[1], 1), 250))
        sent()
        field.work("trip", len(CUT))
        clock.set(DAYS[1] + timedelta(minutes=7))
        till.send("payments", money(2000, PAID, "200.000000007", DAYS[1]))
        sent()
        field.work("restore", len(PAID))
        wait_for(lambda: not county.query("FROM state.commands"), "all commands are done")
        clock.set(DAYS[2])
        last = used(everyone, ends(DAYS[2], 1), 0)
        feeder.send("reads", {**last, "value": np.arange(1, ACCOUNTS + 1) * 100})
        sent()
        operator = node.key("chief", "operator")
        assert operator
        station = ["--to", node.endpoint, "--key", str(node.folder / "chief.key"), "--node", str(public)]
        with node.producer("registry", "registry") as registry:
            moved = e2e_node.consumers(np.array([MOVED], np.uint64))
            registry.send("meters", {**moved, "account_id": np.array([MOVED_TO], np.uint64)})
            assert registry.flush(LONG_S)
        feeder.send("reads", used(range(MOVED, MOVED + 1), ends(DAYS[2], 0), 10))
        sent()
        for words in (["suspend", "--district", "2"], ["suspend"], ["resume"]):
            done = CliRunner().invoke(main, ["trips", *words, *station])
            assert done.exit_code == 0, done.output
        till.send("payments", money(3000, range(4, 5), "0.000000001", DAYS[2]))
        sent()


def alike(rows: list[dict[str, Any]]) -> Counter[frozenset[tuple[str, Any]]]:
    """Rows in no order; bytes of ids as queries show them."""
    found = []
    for row in rows:
        plain = {k: str(UUID(bytes=v)) if isinstance(v, bytes) else v for k, v in row.items() if k != "day"}
        found.append(frozenset(plain.items()))
    return Counter(found)


def day_of(at: datetime) -> date:
    """The local day in which what ends at an instant lies."""
    return (at - timedelta(seconds=1)).astimezone(ZONE).date()


def caught_up(node: Node) -> bool:
    """Whether the outputs have all that is journaled."""
    status = read_outputs_status(node.data)
    return status is not None and all(
        each.running and each.seq == node.status(shard)["sequence"]
        for shard, each in enumerate(status.shards)
    )


@contextmanager
def three_days_gone() -> Iterator[County]:
    with pytest.MonkeyPatch.context() as patch:
        config = e2e_node.CONFIG.replace("[tariffs.home]", f"{LIMITS}[tariffs.home]", 1)
        patch.setattr(e2e_node, "CONFIG", f'{config.rstrip()}\nnotice = "0s"\nack_timeout = "1h"\n\n')
        node = Node(workers=1, shards=SHARDS)
        node.node_settings += '[node.outputs]\ncheckpoint_every = "1s"\n'
        found = County(node=node, clock=Clock(node.folder), config=e2e_node.CONFIG)
        try:
            found.clock.set(DAYS[0])
            node.environment |= found.clock.variables
            patch.setattr(
                "pipeline.clock.time", SimpleNamespace(time=found.clock.time, monotonic=time.monotonic)
            )
            node.key("till", "payments")
            node.start().register(ACCOUNTS, PER_DISTRICT)
            three_days(found)
            wait_for(lambda: caught_up(node), "the outputs are up to date")
            found.replayed()
            yield found
        finally:
            node.remove()
