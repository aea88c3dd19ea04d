"""A customer's statement of a month: brought forward, each day's energy, each payment, carried forward.

Rows belong to a month by their own time: a charge and its standing charges by the end of the read's stretch, so a read
at midnight is of the day before; a payment by when it was paid. What is posted late for an earlier month therefore
changes that month's statement, and the balance brought forward of every later one.

Amounts are exact. Only `printed` rounds: balances to cents, half to even, and each amount is the difference of two
printed balances, so that what a customer adds up comes out, and whole cents that were paid stay what they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa

from pipeline.query.account import Movement, account_of, missing, movements
from pipeline.query.catalog import Catalog
from pipeline.query.folder import QueryError
from pipeline.query.reports import Period

__all__ = ["Line", "Statement", "printed", "statement"]

CENT: Final = Decimal("0.01")
POSTED: Final = ("opening", "top_up", "reversal", "adjustment")
"""Kinds that are lines of their own; all else is a day's use."""
SCHEMA: Final = pa.schema(
    [
        ("day", pa.date32()),
        ("kind", pa.string()),
        ("at", pa.timestamp("s", "UTC")),
        ("reads", pa.int64()),
        ("energy", pa.decimal128(18, 3)),
        ("amount", pa.decimal128(38, 9)),
        ("balance", pa.decimal128(38, 9)),
        ("ref", pa.string()),
    ]
)


@dataclass(slots=True)
class Line:
    """A line: a day's charges (`energy`), standing charges or corrections, or one movement of money.

    Attributes:
        day: the local date.
        kind: `charge`, or the kind of the ledger's rows.
        amount: what it adds to the balance, exactly.
        balance: after it, in the statement's own order.
        at: when it was paid, of a payment.
        reads: how many reads a day's charges are of.
        energy: kWh of those reads.
        ref: a payment's id.
    """

    day: date
    kind: str
    amount: Decimal = Decimal(0)
    balance: Decimal = Decimal(0)
    at: datetime | None = None
    reads: int = 0
    energy: Decimal = Decimal(0)
    ref: str | None = None


@dataclass(slots=True)
class Statement:
    """A month of an account; `opening` and `closing` are the balances brought and carried forward, exactly."""

    account: dict[str, Any]
    month: date
    timezone: str
    currency: str | None
    opening: Decimal
    closing: Decimal
    lines: list[Line] = field(default_factory=list)

    def table(self) -> pa.Table:
        """The lines, exact."""
        rows = [{name: getattr(line, name) for name in SCHEMA.names} for line in self.lines]
        at = SCHEMA.get_field_index("at")
        return pa.Table.from_pylist(rows, SCHEMA.set(at, pa.field("at", pa.timestamp("s", self.timezone))))


def statement(catalog: Catalog, account: str, month: date) -> Statement:
    """The statement of the local month in which `month` lies.

    Raises `QueryError` for an unknown account, and where rows are missing, so that a statement would be wrong.
    """
    row = account_of(catalog, account)
    booked = movements(catalog, row)
    period = Period.month(month)
    since, until = period.since(catalog.timezone), period.until(catalog.timezone)
    assert since is not None
    assert until is not None
    if (gap := missing(booked)) or (
        booked and booked[0].kind == "opening" and booked[0].balance != booked[0].amount
    ):
        raise QueryError(
            f"account {account}: rows of {gap} are missing between those that are there; expected all outputs of "
            "its time. Take what `feikong replay` makes of the journal"
        )
    now = booked[-1].balance if booked else row["balance"]
    closing = now - sum((each.amount for each in booked if _behind(each, until)), Decimal(0))
    inside = [each for each in booked if not _behind(each, until) and _behind(each, since)]
    opening = closing - sum((each.amount for each in inside), Decimal(0))
    lines = _lines(inside, ZoneInfo(catalog.timezone))
    balance = opening
    for line in lines:
        balance += line.amount
        line.balance = balance
    return Statement(row, period.first or month, catalog.timezone, catalog.currency, opening, closing, lines)


def printed(balances: Iterable[Decimal]) -> list[tuple[Decimal, Decimal]]:
    """Amount and balance in cents for each balance but the first, from which they begin."""
    rounded = [balance.quantize(CENT, ROUND_HALF_EVEN) for balance in balances]
    return [(after - before, after) for before, after in pairwise(rounded)]


def _behind(each: Movement, midnight: datetime) -> bool:
    """Whether a movement is of the time from a midnight on: money that moves at it is, a read that ends at it not."""
    return each.moment >= midnight if each.kind in POSTED else each.moment > midnight


def _lines(booked: Sequence[Movement], zone: ZoneInfo) -> list[Line]:
    """Days in order; in a day its money in order of time, then what was used."""
    days: dict[tuple[date, str], Line] = {}
    lines: list[Line] = []
    for each in booked:
        if each.kind in POSTED:
            day = each.moment.astimezone(zone).date()
            lines.append(Line(day, each.kind, each.amount, at=each.moment, ref=each.ref))
            continue
        day = (each.moment - timedelta(seconds=1)).astimezone(zone).date()
        line = days.setdefault((day, each.kind), Line(day, each.kind))
        line.amount += each.amount
        line.reads += each.kind == "charge"
        line.energy += each.energy or Decimal(0)
    lines += days.values()
    order = {kind: place for place, kind in enumerate((*POSTED, "charge", "standing", "correction"))}

    def place(line: Line) -> tuple[Any, ...]:
        paid_s = line.at.timestamp() if line.at is not None else 0
        return (line.day, line.kind not in POSTED, paid_s, order[line.kind])

    return sorted(lines, key=place)
