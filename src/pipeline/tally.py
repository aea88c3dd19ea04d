"""What a run came to, counted while its rows stream past: for the summary that a person reads."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Tally"]

QUALITY_BITS = {"first": 1, "rollover": 2, "gap": 4, "late": 8, "estimated": 16, "suspect": 32, "outage": 64}


@dataclass(slots=True)
class Tally:
    """Counts and sums over a run's outputs; an output that is not computed leaves its figures at zero.

    `refused` counts (kind of batch, reason), `notices` kinds, `commands` (kind, reason, first attempt or
    not), `windows` closed and revised, `findings` and `orders` (kind, opened or closed), `quality` the bits
    of accepted reads, `ledger` sums money by kind, `charged` and `energy_kwh` are the sums over the accepted
    reads of consumers, `supply_kwh` that of supply meters.
    """

    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    notices: Counter[str] = field(default_factory=Counter)
    commands: Counter[tuple[str, str, bool]] = field(default_factory=Counter)
    windows: Counter[str] = field(default_factory=Counter)
    findings: Counter[tuple[str, str]] = field(default_factory=Counter)
    orders: Counter[tuple[str, str]] = field(default_factory=Counter)
    quality: Counter[str] = field(default_factory=Counter)
    ledger: dict[str, Decimal] = field(default_factory=dict)
    ledger_rows: Counter[str] = field(default_factory=Counter)
    charged: Decimal = Decimal(0)
    energy_kwh: Decimal = Decimal(0)
    supply_kwh: Decimal = Decimal(0)
    supply_reads: int = 0

    def add(self, name: str, batch: pa.RecordBatch) -> None:
        """Count the rows of output `name` in."""
        if batch.num_rows:
            getattr(self, f"_add_{name}")(batch)

    def _add_intervals(self, batch: pa.RecordBatch) -> None:
        self.charged += _sum(batch["charge"])
        energy = batch["energy"]
        consumers = batch["charge"].is_valid()
        self.energy_kwh += _sum(energy.filter(consumers))
        self.supply_kwh += _sum(energy.filter(pc.invert(consumers)))
        self.supply_reads += batch.num_rows - int(pc.sum(consumers).as_py())
        quality = batch["quality"].to_numpy(zero_copy_only=False)
        if not quality.any():
            self.quality["good"] += batch.num_rows
            return
        self.quality["good"] += int((quality == 0).sum())
        for name, bit in QUALITY_BITS.items():
            self.quality[name] += int((quality & bit != 0).sum())

    def _add_ledger(self, batch: pa.RecordBatch) -> None:
        kinds = _plain(batch["kind"])
        for kind, rows in _counts(kinds).items():
            self.ledger_rows[kind] += rows
            amount = _sum(batch["amount"].filter(pc.equal(kinds, kind)))
            self.ledger[kind] = self.ledger.get(kind, Decimal(0)) + amount

    def _add_exceptions(self, batch: pa.RecordBatch) -> None:
        self.refused.update(_pairs(batch, "kind", "reason"))

    def _add_notices(self, batch: pa.RecordBatch) -> None:
        self.notices.update(_counts(_plain(batch["kind"])))

    def _add_commands(self, batch: pa.RecordBatch) -> None:
        columns = (_plain(batch["kind"]), _plain(batch["reason"]), pc.equal(batch["attempt"], 1))
        self.commands.update(zip(*(column.to_pylist() for column in columns), strict=True))

    def _add_districts(self, batch: pa.RecordBatch) -> None:
        revised = int(pc.sum(pc.greater(batch["revision"], 0)).as_py() or 0)
        self.windows["closed"] += batch.num_rows - revised
        self.windows["revised"] += revised

    def _add_collection(self, batch: pa.RecordBatch) -> None:
        self.windows["collection rows"] += batch.num_rows

    def _add_findings(self, batch: pa.RecordBatch) -> None:
        self.findings.update(_pairs(batch, "kind", "state"))

    def _add_orders(self, batch: pa.RecordBatch) -> None:
        self.orders.update(_pairs(batch, "kind", "state"))


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _counts(column: pa.Array) -> dict[Any, int]:
    return {pair["values"]: pair["counts"] for pair in column.value_counts().to_pylist()}


def _pairs(batch: pa.RecordBatch, first: str, second: str) -> Counter[tuple[str, str]]:
    table = pa.table({"first": _plain(batch[first]), "second": _plain(batch[second])})
    groups = table.group_by(["first", "second"]).aggregate([([], "count_all")]).to_pylist()
    return Counter({(group["first"], group["second"]): group["count_all"] for group in groups})


def _sum(column: pa.Array) -> Decimal:
    """The exact sum of a decimal column; nulls count as 0."""
    return pc.sum(column.cast(pa.decimal128(38, column.type.scale))).as_py() or Decimal(0)
