"""The core at the reduced job: all its rules and outputs, configured so that every due trip goes out at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.answers import integers
from benchmarks.peers.job import INTERVALS, MODULUS, REASONS, START_S, Emit, Job, Output
from benchmarks.sweeps import instants
from benchmarks.tariffs import CELL_S, CONFIG, TARIFFS
from fastcore import Config, Effects, Engine

__all__ = ["make", "settled"]

POLICY = """
[policies.plain]
warn_below = ["0"]
trip_below = "0"
notice = "0s"
"""


def reduced_config() -> str:
    """The county's configuration without tiers and standing charges, and without limits on how many are tripped."""
    text = CONFIG.replace(
        "mass_trip_fraction = 0.05", "mass_trip_fraction = 1\ntrip_rate_engine = 1\ntrip_rate_district = 1"
    )
    gone = ('tier_period = "year"', "tiers = ", "standing = ")
    return "\n".join(line for line in text.splitlines() if not line.startswith(gone)) + POLICY


class CorePeer:
    """An engine over the registry, each meter with its read at the baseline as the initial one."""

    def __init__(self, job: Job) -> None:
        n, registry = job.meters, job.registry
        self.engine = Engine(Config.from_toml(reduced_config()))
        tariffs = pa.DictionaryArray.from_arrays(
            pa.array(registry["tariff"].astype(np.int8)), pa.array(TARIFFS)
        )
        no = pa.array(np.zeros(n, np.bool_))
        opening = pa.Array.from_buffers(pa.decimal64(18, 9), n, [None, pa.py_buffer(registry["balance"])])
        accounts = {
            "account_id": pa.array(registry["account_id"]),
            "district_id": pa.array(registry["district_id"]),
            "tariff": tariffs,
            "policy": _all("plain", n),
            "klass": _all("low_voltage", n),
            "opening_balance": opening,
            "protected": no,
            "manual_approval": no,
        }
        meters = {
            "meter_id": pa.array(registry["meter_id"]),
            "role": _all("consumer", n),
            "account_id": pa.array(registry["account_id"]),
            "reading": _all("register", n),
            "interval_s": pa.array(np.full(n, CELL_S, np.int32)),
            "wh_per_count": pa.array(registry["wh_per_count"]),
            "modulus": pa.array(np.full(n, MODULUS)),
            "max_w": pa.array(registry["max_w"]),
            "switchable": pa.array(np.ones(n, np.bool_)),
            "initial_at": instants(np.full(n, START_S)),
            "initial_value": pa.array(registry["value"]),
        }
        self.engine.apply("accounts", pa.table(accounts), START_S)
        self.engine.apply("meters", pa.table(meters), START_S)

    def run(self, batches: list[pa.RecordBatch], now_s: list[int], emit: Emit) -> None:
        """Take all batches."""
        apply = self.engine.apply
        for batch, now in zip(batches, now_s, strict=True):
            emit(Output(effects=apply("reads", batch, now)))


def settled(effects: Effects) -> Output:
    """What the job asks for, out of all that the engine gives; batches number from 0, trips are those sent first."""
    intervals: dict[str, Any] = {name: integers(effects.intervals.column(name)) for name in INTERVALS}
    before = np.uint64(4)  # the configuration, the accounts, the meters, and the first batch is number 0
    intervals["seq"] = intervals["seq"] - before
    exceptions, commands = effects.exceptions, effects.commands
    codes = [REASONS.index(reason) for reason in exceptions.column("reason").to_pylist()]
    rows = zip(commands.column("kind").to_pylist(), commands.column("attempt").to_pylist(), strict=True)
    first = [kind == "trip" and attempt == 1 for kind, attempt in rows]
    refused = {"row": integers(exceptions.column("row")), "reason": np.array(codes, np.int64)}
    return Output(intervals, refused, integers(commands.column("account_id"))[np.array(first, np.bool_)])


def _all(word: str, n: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int8)), pa.array([word]))


def make(job: Job) -> CorePeer:
    """One over the registry of `job`, at the baseline."""
    return CorePeer(job)
