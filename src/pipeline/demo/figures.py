"""The figures of the day, each counted from what the engine gave: outputs, state and its own audit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pyarrow as pa

from pipeline.demo.figures_control import Control, control
from pipeline.demo.figures_windows import Collected, LineLoss, collected, line_loss
from pipeline.demo.payments import CHANNELS
from pipeline.demo.reports import Ended, Intervals
from pipeline.demo.run import Day

_ROLLOVER, _GAP, _LATE, _SUSPECT = 2, 4, 8, 32
_NANO: Final = 10**9


@dataclass(frozen=True, slots=True)
class Reads:
    """What became of the reads that came in."""

    came: int
    accepted: int
    refused: int
    late: int
    after_a_gap: int
    suspect: int
    rolled_over: int


@dataclass(frozen=True, slots=True)
class Channel:
    """Payments of one channel, and those of its rows that were refused."""

    channel: str
    sent: int
    accepted: int
    refused: int
    accepted_yuan: float


@dataclass(frozen=True, slots=True)
class Counted:
    """Findings or orders of one kind."""

    kind: str
    opened: int
    closed: int

    @property
    def open(self) -> int:
        """How many are open at the end."""
        return self.opened - self.closed


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds by the clock of the wall.

    `reads_s`: in which reads were on their way, from the producer to the engine's outputs. `restores_s`: from a batch
    of payments to its restores, verified at the head-end, in rising order. `total_s`: of all.
    """

    reads_s: float
    restores_s: list[float]
    total_s: float
    batches: int

    def reads_per_s(self, reads: int) -> float:
        """Reads per second, while they were on their way."""
        return reads / self.reads_s if self.reads_s else 0.0


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that the demo shows."""

    customers: dict[str, int]
    states: dict[str, int]
    collection: list[Collected]
    reads: Reads
    loss: LineLoss
    control: Control
    charged_yuan: float
    channels: list[Channel]
    exceptions: list[tuple[str, str, int]]
    findings: list[Counted]
    orders: list[Counted]
    trips_examined: int
    wrong_trips: list[str]
    digest: str
    speed: Speed

    def as_json(self) -> dict[str, Any]:
        """The figures as plain JSON values, ratios among them."""
        plain = asdict(self)
        for row, entry in zip(self.collection, plain["collection"], strict=True):
            entry["success"] = row.success
        for loss, entry in (
            (self.loss.county, plain["loss"]["county"]),
            *zip(self.loss.worst, plain["loss"]["worst"], strict=True),
            *zip(self.loss.negative, plain["loss"]["negative"], strict=True),
        ):
            entry["ratio"] = loss.ratio
        plain["speed"]["reads_per_s"] = self.speed.reads_per_s(self.reads.came)
        return plain


def gather(day: Day, ended: Ended, total_s: float) -> Figures:
    """Count the figures of a day that is over."""
    record, driver = day.driver.record, day.driver
    exceptions = Counter(record.rows("exceptions", ("kind", "reason")))
    findings = record.rows("findings", ("kind", "state", "subject"))
    return Figures(
        customers=_customers(ended.tables),
        states=_counts(ended.tables["accounts"]["state"]),
        collection=collected(day.county, record.table("collection")),
        reads=_reads(day, ended.intervals, exceptions),
        loss=line_loss(day.county, record.table("districts"), findings),
        control=control(record, day.desk.held),
        charged_yuan=ended.intervals.charged_nano / _NANO,
        channels=_channels(day),
        exceptions=[(kind, reason, rows) for (kind, reason), rows in exceptions.most_common()],
        findings=_opened_and_closed([(kind, state) for kind, state, _ in findings]),
        orders=_opened_and_closed(record.rows("orders", ("kind", "state"))),
        trips_examined=day.examiner.examined,
        wrong_trips=day.examiner.wrong,
        digest=ended.digest,
        speed=Speed(driver.reads_s, sorted(driver.restores_s), total_s, driver.sequence),
    )


def _customers(tables: Mapping[str, pa.Table]) -> dict[str, int]:
    accounts = tables["accounts"]
    by_class = _counts(accounts["klass"])
    return {
        "special": by_class.get("special", 0),
        "low_voltage": by_class.get("low_voltage", 0),
        "prepaid_low_voltage": by_class.get("low_voltage", 0)
        - _counts(accounts["policy"]).get("postpaid", 0),
        "districts": tables["districts"].num_rows,
        "meters": tables["meters"].num_rows,
    }


def _reads(day: Day, intervals: Intervals, exceptions: Counter[tuple[str, str]]) -> Reads:
    quality = intervals.quality
    refused = sum(rows for (kind, _), rows in exceptions.items() if kind == "reads")

    def carrying(bit: int) -> int:
        return int(quality[(np.arange(len(quality)) & bit) != 0].sum())

    return Reads(
        came=day.driver.rows["reads"],
        accepted=day.driver.rows["reads"] - refused,
        refused=refused,
        late=carrying(_LATE),
        after_a_gap=carrying(_GAP),
        suspect=carrying(_SUSPECT),
        rolled_over=carrying(_ROLLOVER),
    )


def _channels(day: Day) -> list[Channel]:
    """Payments by channel: the rows that were sent, less those that came back as exceptions."""
    rows = day.driver.record.rows("exceptions", ("kind", "seq", "row"))
    refused = {(seq, row) for kind, seq, row in rows if kind == "payments"}
    sent, turned_away = Counter[str](), Counter[str]()
    amount: dict[str, Decimal] = dict.fromkeys(CHANNELS, Decimal(0))
    for seq, payments in day.payments:
        for row, payment in enumerate(payments):
            sent[payment.channel] += 1
            if (seq, row) in refused:
                turned_away[payment.channel] += 1
            else:
                amount[payment.channel] += Decimal(payment.amount_nano) / _NANO
    return [
        Channel(name, sent[name], sent[name] - turned_away[name], turned_away[name], float(amount[name]))
        for name in CHANNELS
    ]


def _opened_and_closed(rows: list[tuple[str, ...]]) -> list[Counted]:
    counted = Counter(rows)
    kinds = sorted({kind for kind, *_ in rows})
    return [Counted(kind, counted[kind, "opened"], counted[kind, "closed"]) for kind in kinds]


def _counts(column: pa.ChunkedArray) -> dict[str, int]:
    words = column.cast(pa.string()).value_counts()
    return {pair["values"]: pair["counts"] for pair in words.to_pylist()}
