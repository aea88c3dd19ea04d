"""What an operator looks at in a shift: gaps to be read again, what is open, an account, a meter.

Each is a SELECT over the state as it is now, and over the outputs for what happened last; ids are given as text, of
whichever type they are. See `pipeline.query.catalog`.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from pipeline.query.catalog import Catalog, Result
from pipeline.query.folder import QueryError

__all__ = ["OPEN", "Part", "account", "gaps", "meter", "open_entries"]

OPEN: Final = ("findings", "orders")

_GAPS: Final = """
SELECT g.meter_id AS meter, m.account_id AS account, m.district_id AS district, g."from", g."to", g.missing
FROM state.gaps g JOIN state.meters m USING (shard, meter_id)
WHERE ($meter IS NULL OR CAST(g.meter_id AS VARCHAR) = $meter)
    AND ($account IS NULL OR CAST(m.account_id AS VARCHAR) = $account)
    AND ($district IS NULL OR CAST(m.district_id AS VARCHAR) = $district)
    AND g.missing >= $least
ORDER BY g.missing DESC, g."from", meter
LIMIT $limit
"""
_ENTRIES: Final = """
SELECT id, kind, subject, district_id AS district, grid, "at" AS since, detail
FROM state.{table}
WHERE ($kind IS NULL OR kind = $kind)
    AND ($subject IS NULL OR subject = $subject)
    AND ($district IS NULL OR CAST(district_id AS VARCHAR) = $district)
    AND ($grid IS NULL OR grid = $grid)
ORDER BY since, id
LIMIT $limit
"""
_ACCOUNT: Final = """
SELECT account_id AS account, district_id AS district, state, blocked_by, unsure, balance, tier_energy,
    tariff, policy, klass, shard
FROM state.accounts WHERE CAST(account_id AS VARCHAR) = $id
"""
_METER: Final = """
SELECT m.meter_id AS meter, m.account_id AS account, m.district_id AS district, d.name AS district_name, d.grid,
    m.in_use, m.last_at, m.last_value, m.typical, m.quality, m.shard
FROM state.meters m LEFT JOIN state.districts d USING (shard, district_id)
WHERE CAST(m.meter_id AS VARCHAR) = $id
"""
_METERS_OF: Final = """
SELECT meter_id AS meter, in_use, last_at, last_value, typical, quality
FROM state.meters WHERE CAST(account_id AS VARCHAR) = $id ORDER BY in_use DESC, meter
"""
_COMMANDS: Final = """
SELECT command_id, kind, attempt, meter_id AS meter, issued_at, expires_at, reason
FROM state.commands WHERE CAST({column} AS VARCHAR) = $id ORDER BY command_id
"""
_GAPS_OF: Final = """
SELECT g.meter_id AS meter, g."from", g."to", g.missing
FROM state.gaps g JOIN state.meters m USING (shard, meter_id)
WHERE CAST({column} AS VARCHAR) = $id ORDER BY g."from", meter LIMIT $limit
"""
_OPEN_OF_ACCOUNT: Final = """
SELECT '{singular}' AS what, id, kind, subject, "at" AS since, detail
FROM state.{table}
WHERE subject = $id OR subject IN (
    SELECT CAST(meter_id AS VARCHAR) FROM state.meters WHERE CAST(account_id AS VARCHAR) = $id)
"""
_OPEN_OF_METER: Final = """
SELECT '{singular}' AS what, id, kind, subject, "at" AS since, detail FROM state.{table} WHERE subject = $id
"""
_MONEY: Final = """
SELECT "at", kind, amount, balance FROM ledger
WHERE CAST(account_id AS VARCHAR) = $id ORDER BY seq DESC, "row" DESC, kind LIMIT $limit
"""
_TOLD: Final = """
SELECT "at", what, detail, balance FROM (
    SELECT seq, 0 AS place, "at", 'notice ' || kind AS what, detail, balance FROM notices
    WHERE CAST(account_id AS VARCHAR) = $id
    UNION ALL
    SELECT seq, 1, issued_at, 'command ' || kind, 'attempt ' || attempt || ', ' || reason, NULL FROM commands
    WHERE CAST(account_id AS VARCHAR) = $id)
ORDER BY seq DESC, place DESC LIMIT $limit
"""
_READS: Final = """
SELECT start, "end", energy, quality, charge, balance FROM intervals
WHERE CAST(meter_id AS VARCHAR) = $id ORDER BY seq DESC, "row" DESC LIMIT $limit
"""
_REFUSED: Final = """
SELECT "at", reason, value, seq, "row" FROM exceptions
WHERE kind = 'reads' AND subject = $id ORDER BY seq DESC, "row" DESC LIMIT $limit
"""


class Part(NamedTuple):
    """A part of an answer: what it is called, and its rows."""

    title: str
    rows: Result


def gaps(
    catalog: Catalog,
    *,
    meter: str | None = None,
    account: str | None = None,
    district: str | None = None,
    least: int = 0,
    limit: int = 1_000_000,
) -> Result:
    """The stretches in which reads are missing, those of most reads first."""
    given = {"meter": meter, "account": account, "district": district, "least": least, "limit": limit}
    return catalog.run(_GAPS, given)


def open_entries(
    catalog: Catalog,
    table: str,
    *,
    kind: str | None = None,
    subject: str | None = None,
    district: str | None = None,
    grid: str | None = None,
    limit: int = 1_000_000,
) -> Result:
    """The open findings or orders, the oldest first."""
    given = {"kind": kind, "subject": subject, "district": district, "grid": grid, "limit": limit}
    return catalog.run(_ENTRIES.format(table=table), given)


def account(catalog: Catalog, account_id: str, recent: int) -> dict[str, Part]:
    """An account: its state, and all that belongs to it; of what happened, the last `recent` rows.

    Raises `QueryError` where there is none.
    """
    state = _one(catalog, _ACCOUNT, account_id, "account")
    return {
        "account": Part(f"Account {account_id}", state),
        "meters": Part("Meters", _of(catalog, _METERS_OF, account_id)),
        "commands": Part("Under way", _of(catalog, _COMMANDS.format(column="account_id"), account_id)),
        "open": Part("Open", _of(catalog, _both(_OPEN_OF_ACCOUNT), account_id)),
        "gaps": Part("Gaps", _of(catalog, _GAPS_OF.format(column="m.account_id"), account_id, recent)),
        "money": Part("Money, newest first", _of(catalog, _MONEY, account_id, recent)),
        "told": Part("Notices and commands, newest first", _of(catalog, _TOLD, account_id, recent)),
    }


def meter(catalog: Catalog, meter_id: str, recent: int) -> dict[str, Part]:
    """A meter: its state, and all that belongs to it; of what happened, the last `recent` rows.

    Raises `QueryError` where there is none.
    """
    state = _one(catalog, _METER, meter_id, "meter")
    return {
        "meter": Part(f"Meter {meter_id}", state),
        "commands": Part("Under way", _of(catalog, _COMMANDS.format(column="meter_id"), meter_id)),
        "open": Part("Open", _of(catalog, _both(_OPEN_OF_METER), meter_id)),
        "gaps": Part("Gaps", _of(catalog, _GAPS_OF.format(column="m.meter_id"), meter_id, recent)),
        "reads": Part("Reads, newest first", _of(catalog, _READS, meter_id, recent)),
        "refused": Part("Refused reads, newest first", _of(catalog, _REFUSED, meter_id, recent)),
    }


def _one(catalog: Catalog, sql: str, subject: str, what: str) -> Result:
    found = catalog.run(sql, {"id": subject}).table()
    if not found.num_rows:
        raise QueryError(
            f"{catalog.folder.path}: knows no {what} {subject}; expected its id, as in the registry"
        )
    return Result(found.schema, iter(found.to_batches()))


def _of(catalog: Catalog, sql: str, subject: str, limit: int | None = None) -> Result:
    given: dict[str, Any] = {"id": subject} | ({} if limit is None else {"limit": limit})
    found = catalog.run(sql, given).table()
    return Result(found.schema, iter(found.to_batches()))


def _both(sql: str) -> str:
    """Open findings and open orders."""
    return (
        "UNION ALL".join(sql.format(table=table, singular=table[:-1]) for table in OPEN)
        + "ORDER BY since, id"
    )
