"""A county of some hundred accounts whose balances often lie exactly on a level, its history, and its head-end.

A count is 100 Wh and costs 0.05, so every balance is a multiple of that. Reads come at each full hour; a minute later
the head-end answers, two minutes later people pay, three minutes later it answers again. It answers a restore at its
next word, a trip after up to three hours.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from fastcore import Config, Engine
from pipeline.batchlog import BatchLogWriter
from unit import core_world as world

IDS = "utf8"
HOUR_S = 3600
STEP_NANO = 50_000_000  # a count
CONFIG = """
[engine]
currency = "CNY"
timezone = "UTC"
calendar = { from = 2026-01-01, to = 2026-02-01 }
mass_trip_fraction = 1
trip_rate_engine = 1
trip_rate_district = 1
outage_coverage = 0
[tariffs.plain]
[[tariffs.plain.rates]]
valid_from = 2026-01-01
prices = { p = "0.5" }
schedule = [ { price = "p" } ]
[policies.strict]
warn_below = ["3", "1"]
trip_below = "0"
restore_above = "0"
notice = "0s"
ack_timeout = "1h"
max_attempts = 1000
"""

Line = tuple[int, str, Any]


@dataclass
class County:
    """Its batches as plain values, (now, kind, rows), for whoever wants to count by hand.

    Rows are (account, opening in nano-units) of accounts, (account, counts) of reads, (account, nano-units) of
    payments, and (account, how many commands it had been sent) of acks.
    """

    lines: list[Line] = field(default_factory=list)
    batches: list[tuple[str, Any, int]] = field(default_factory=list)

    def write(self, path: Path) -> Path:
        with BatchLogWriter(path) as log:
            log.config(CONFIG)
            for kind, batch, now_s in self.batches:
                log.write(kind, batch, now_s)
        return path


def account_name(number: int) -> str:
    return f"A{number}"


def county(seed: int, accounts: int = 150, hours: int = 60, silent: float = 0.0) -> County:
    """A history; a share of the relays never answers."""
    rng = Random(seed)
    names = [account_name(number) for number in range(accounts)]
    dead = {name for name in names if rng.random() < silent}
    openings = {name: rng.randint(2, 120) * STEP_NANO for name in names}
    engine = Engine(Config.from_toml(CONFIG), ("commands",))
    made = County()
    sent: dict[str, int] = dict.fromkeys(names, 0)
    waiting: list[tuple[int, str, int, int]] = []  # due_s, account, its how-manieth, command id

    def apply(kind: str, batch: pa.RecordBatch, now_s: int, rows: list[Any]) -> None:
        made.lines.append((now_s, kind, rows))
        made.batches.append((kind, batch, now_s))
        commands = engine.apply(kind, batch, now_s).commands
        for command in commands.filter(pa.compute.equal(commands["attempt"], 1)).to_pylist():
            name = command["account_id"]
            sent[name] += 1
            hours_off = rng.choice((0, 0, 1, 3)) if command["kind"] == "trip" else 0
            if name not in dead:
                waiting.append((now_s + hours_off * HOUR_S, name, sent[name], command["command_id"]))

    def answer(now_s: int) -> None:
        due = [each for each in waiting if each[0] <= now_s]
        waiting[:] = [each for each in waiting if each[0] > now_s]
        if due:
            acks = world.rows("acks", IDS, *(world.ack(each[3], "done") for each in due))
            apply("acks", acks, now_s, [(each[1], each[2]) for each in due])

    registry = [world.account(IDS, name, openings[name]) for name in names]
    meters = [
        world.meter(IDS, f"M{n}", name, "interval") | {"interval_s": HOUR_S, "wh_per_count": 100}
        for n, name in enumerate(names)
    ]
    apply("accounts", world.rows("accounts", IDS, *registry), world.START, list(openings.items()))
    apply("meters", world.rows("meters", IDS, *meters), world.START, [])
    for hour in range(1, hours + 1):
        now_s = world.START + hour * HOUR_S
        used = {name: rng.choice((0, 1, 1, 2, 3, 5)) for name in names}
        reads = [
            {"meter_id": f"M{n}", "at": now_s, "value": used[name], "status": 0}
            for n, name in enumerate(names)
        ]
        apply("reads", world.rows("reads", IDS, *reads), now_s, list(used.items()))
        answer(now_s + 60)
        payers = sorted(rng.sample(names, rng.randint(0, accounts // 12)))
        paid = [(name, rng.choice((1, 2, 5, 20, 60, 90)) * STEP_NANO) for name in payers]
        if paid:
            payments = [
                world.payment(IDS, hour * 1000 + n, name, amount, now_s)
                for n, (name, amount) in enumerate(paid)
            ]
            apply("payments", world.rows("payments", IDS, *payments), now_s + 120, paid)
        answer(now_s + 180)
    return made
