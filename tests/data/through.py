"""Files through the sources and the engine: what the tests over real data share."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.batchlog import BatchLog
from pipeline.replay import Run, replay
from pipeline.sources.build import Options, Report, build
from pipeline.sources.made import MadeRegistry
from pipeline.sources.mapping import Mapping

TARIFF = """
[tariffs.flat]
[[tariffs.flat.rates]]
valid_from = {start}
prices = {{ all = "0.14228" }}
schedule = [{{ price = "all" }}]
"""
ENGINE = """
[engine]
currency = "GBP"
timezone = "{timezone}"
calendar = {{ from = {start}, to = {end} }}
cell = "{cell}"
window = "{window}"
late_horizon = "3650d"
max_jump = "3650d"
{more}
{tariffs}
[policies.home]
warn_below = ["0"]
"""


def config(
    start: str,
    end: str,
    cell: str,
    timezone: str = "UTC",
    window: str = "1h",
    more: str = "",
    tariffs: str = TARIFF,
) -> str:
    """A configuration whose calendar is [start, end], and that forgets no gap."""
    tariffs = tariffs.replace("{start}", start) if tariffs is not TARIFF else TARIFF.format(start=start)
    return ENGINE.format(
        start=start, end=end, cell=cell, timezone=timezone, window=window, more=more, tariffs=tariffs
    )


def made(interval_s: int, max_w: int = 0) -> MadeRegistry:
    """A registry made of the reads' ids, with money enough that nobody is ever tripped."""
    balance = Decimal(100_000_000)
    return MadeRegistry("flat", "home", "1", interval_s=interval_s, max_w=max_w, opening_balance=balance)


class NoSteps:
    """Nobody watches."""

    def start(self, what: str, total: int) -> None:
        """A stretch begins."""

    def step(self, note: str = "") -> None:
        """A step is done."""


@dataclass(frozen=True)
class Outcome:
    """A build and a replay, and where their files lie."""

    folder: Path
    report: Report
    run: Run

    def output(self, name: str) -> pa.Table:
        """An output of the replay."""
        return pq.read_table(self.folder / "out" / "outputs" / f"{name}.parquet")

    def state(self, name: str) -> pa.Table:
        """A table of the state at the end."""
        return pq.read_table(self.folder / "out" / "state" / f"{name}.parquet")

    def rejects(self) -> list[dict[str, Any]]:
        """The rows that the sources could not use."""
        path = self.folder / "log" / "rejects.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def refused(self) -> Counter[str]:
        """How many reads the engine refused, by reason."""
        return Counter(
            {reason: rows for (kind, reason), rows in self.run.tally.refused.items() if kind == "reads"}
        )

    def gaps(self) -> dict[str, int]:
        """The gaps at the end, in the words of the data's own counts."""
        gaps = self.state("gaps")
        missing = gaps["missing"].to_pylist()
        return {
            "missing_intervals": sum(missing),
            "gap_runs": len(missing),
            "longest_gap_intervals": max(missing, default=0),
            "meters_with_gaps": len(gaps["meter_id"].unique()),
        }

    def zero(self) -> int:
        """How many accepted reads have no energy."""
        energy = self.output("intervals")["energy"].cast(pa.decimal128(18, 3))
        return int(pc.sum(pc.equal(energy, Decimal(0))).as_py() or 0)

    def opened(self, kind: str) -> int:
        """How often a finding opened."""
        return self.run.tally.findings[kind, "opened"]


def through(
    folder: Path,
    text: str,
    reads: tuple[Path, ...],
    mapping: dict[str, Any],
    *,
    registry: MadeRegistry | None = None,
    files: dict[str, tuple[Path, ...]] | None = None,
    batch: Literal["interval", "day"] = "day",
) -> Outcome:
    """Build a log of `reads` and replay it; every row is accounted for, or this fails."""
    (folder / "config.toml").write_text(text)
    tables = {"reads": {"unit": "kWh", **mapping}}
    options = Options(
        folder / "config.toml", {"reads": reads, **(files or {})}, Mapping(tables), batch=batch, made=registry
    )
    report = build(options, folder / "log", NoSteps())
    run = replay(BatchLog.open(folder / "log"), folder / "out")
    assert not run.malformed
    assert run.rows["reads"] == report.rows["reads"] > 0
    refused = sum(rows for (kind, _), rows in run.tally.refused.items() if kind == "reads")
    assert run.outputs["intervals"] + refused == run.rows["reads"]
    return Outcome(folder, report, run)


def defects(folder: Path) -> dict[str, Any]:
    """What is wrong in a data set, as its own counts say."""
    counted: dict[str, Any] = json.loads((folder / "defects.json").read_text())
    return counted
