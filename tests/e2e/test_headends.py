"""Trips and restores through a node of real processes: several shards and workers, a head-end that verifies, a kill."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest

from e2e import node as e2e_node
from e2e.node import QUICK, Node, quarter_hours, reads, wait_for
from pipeline.client import CommandAck, HeadEnd
from pipeline.wire.commands import Command

ACCOUNTS = 40
NOW_DUE = """
mass_trip_fraction = 1
trip_rate_engine = 1
trip_rate_district = 1
outage_coverage = 0
"""


@pytest.fixture
def node(monkeypatch):
    """Two shards, two workers; who owes is cut without notice."""
    config = e2e_node.CONFIG.replace("[tariffs.home]", f"{NOW_DUE}[tariffs.home]", 1)
    monkeypatch.setattr(e2e_node, "CONFIG", f'{config.rstrip()}\nnotice = "0s"\nack_timeout = "2s"\n\n')
    made = Node(workers=2, shards=2)
    try:
        yield made
    finally:
        made.remove()


class Field:
    """A head-end, and what it has executed."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.came: list[Command] = []
        self.newest: dict[int, int] = {}
        self.open: set[int] = set()

    def __enter__(self) -> Field:
        key, public = self.node.key("headend-1", "headend"), self.node.data / "keys" / "node.pub"
        self.headend = HeadEnd(self.node.endpoint, key, public, self.node.folder / "headend", patience=QUICK)
        return self

    def __exit__(self, *error: object) -> None:
        self.headend.close()

    def work(self, seconds: float = 0.1) -> None:
        """Execute and acknowledge what comes in this time."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            commands = self.headend.commands(timeout_s=0.05)
            for command in commands:
                assert command.command_id >= self.newest.get(command.meter_id, 0)
                self.newest[command.meter_id] = command.command_id
                (self.open.add if command.kind == "trip" else self.open.discard)(command.account_id)
            self.came += commands
            if commands:
                self.headend.acknowledge(CommandAck(c.command_id, "done", int(time.time())) for c in commands)

    def until(self, what: set[int]) -> None:
        """Work until just these are off."""

        def so() -> bool:
            self.work()
            return self.open == what

        wait_for(so, f"these are off: {sorted(what)}")

    def kinds(self) -> Counter[str]:
        return Counter(command.kind for command in self.came)


def pay(node: Node, producer: object, accounts: range, first: int) -> None:
    rows = len(accounts)
    producer.send(
        "payments",
        {
            "payment_id": [(first + i).to_bytes(16, "big") for i in range(rows)],
            "account_id": np.array(accounts, np.uint64),
            "kind": ["top_up"] * rows,
            "amount": ["1000"] * rows,
            "at": np.full(rows, int(time.time())),
        },
    )
    assert producer.flush(60)


def spend(node: Node, accounts: range, ends: np.ndarray) -> None:
    """300 kWh in each of these quarter-hours: more than the 100 that everybody has."""
    batch = reads(np.array(accounts, np.uint64), ends)
    batch["value"] = np.full(len(batch["at"]), 300_000, np.int64)
    with node.producer("feeder", "reads") as producer:
        producer.send("reads", batch)
        assert producer.flush(60)


@pytest.mark.slow
def test_trips_and_restores_of_two_shards_through_hold_brake_and_kill(node):
    node.key("app", "payments")
    node.start()
    node.register(ACCOUNTS, per_district=4)
    old, new = quarter_hours(2)[:1], quarter_hours(2)[1:]
    with Field(node) as field:
        spend(node, range(20), old)
        field.work(2.0)
        assert field.came == [], "trips are held until the payments key has come"
        assert all(node.status(shard)["trips_held"] for shard in (0, 1))

        with node.producer("app", "payments") as app:
            assert app.flush(60)
            field.until(set(range(20)))
            assert field.kinds() == {"trip": 20}
            assert {command.command_id >> 40 for command in field.came} == {0, 1}, "of both shards"

            (node.data / "NO-TRIP").touch()
            spend(node, range(20, 30), old)
            pay(node, app, range(10), first=1)
            field.until(set(range(10, 20)))
            wait_for(
                lambda: sum(node.status(s)["commands"]["not_sent"]["no_trip"] for s in (0, 1)) >= 10,
                "NO-TRIP has stopped them",
            )
            assert field.kinds() == {"trip": 20, "restore": 10}
            pay(node, app, range(20, 30), first=100)
            (node.data / "NO-TRIP").unlink()

    for part in ("run", "engine", "worker"):
        node.kill(part)
    node.wait()
    node.start()
    with Field(node) as field, node.producer("app", "payments") as app:
        field.open = set(range(10, 20))
        assert app.flush(60)
        spend(node, range(30, 40), new)
        field.until(set(range(10, 20)) | set(range(30, 40)))
        pay(node, app, range(10, 40), first=200)
        field.until(set())
        field.work(1.0)
    assert {command.account_id for command in field.came if command.kind == "trip"} == set(range(30, 40))
    assert node.stop() == 0
    node.check()
