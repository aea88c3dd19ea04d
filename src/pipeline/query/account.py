"""One account: its state, and every row that moved its balance, in the order in which they were booked."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

from pipeline.query.catalog import Catalog
from pipeline.query.folder import QueryError

__all__ = ["Movement", "account_of", "missing", "movements"]

_ACCOUNT = "FROM state.accounts WHERE CAST(account_id AS VARCHAR) = $account"
_MOVEMENTS = """
SELECT seq, "row", 0 AS place, 'charge' AS kind, meter_id, start, "end" AS moment, energy, quality,
    -charge AS amount, balance, NULL::UUID AS ref
FROM intervals WHERE shard = $shard AND account_id = $account
UNION ALL
SELECT seq, "row", 1, kind, NULL, NULL, "at", NULL, NULL, amount, balance, ref
FROM ledger WHERE shard = $shard AND account_id = $account
ORDER BY seq, "row", place, kind DESC
"""


class Movement(NamedTuple):
    """A row that moved the balance, or a read that might have.

    Attributes:
        seq: the batch.
        row: in the batch.
        kind: `charge`, or the kind of the ledger's row.
        meter_id: of a charge, the meter.
        start: of a charge, where its stretch begins.
        moment: of a charge, where its stretch ends; else the ledger's `at`.
        energy: of a charge, kWh.
        quality: of a charge, its bits.
        amount: what it added to the balance.
        balance: after it.
        ref: of a payment, its id.
    """

    seq: int
    row: int
    kind: str
    meter_id: int | str | None
    start: datetime | None
    moment: datetime
    energy: Decimal | None
    quality: int | None
    amount: Decimal
    balance: Decimal
    ref: str | None


def account_of(catalog: Catalog, account: str) -> dict[str, Any]:
    """The row of state of an account, by its id as text; raises `QueryError` where there is none."""
    found = catalog.run(_ACCOUNT, {"account": account}).rows()
    if not found:
        raise QueryError(f"{catalog.folder.path}: there is no account {account}")
    return found[0]


def movements(catalog: Catalog, account: dict[str, Any]) -> list[Movement]:
    """All that moved an account's balance, as booked; raises `QueryError`."""
    parameters = {"account": account["account_id"], "shard": account["shard"]}
    return [
        Movement(**{name: row[name] for name in Movement._fields})
        for row in catalog.run(_MOVEMENTS, parameters).rows()
    ]


def missing(booked: list[Movement]) -> Decimal:
    """By how much balances moved between rows, up and down, beyond what the rows say: 0 if none is missing there."""
    return sum(
        (abs(after.balance - after.amount - before.balance) for before, after in pairwise(booked)), Decimal(0)
    )
