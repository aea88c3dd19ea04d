"""Warnings, trips and restores, from notices, commands and orders; and how long those waited who had paid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pipeline.demo import settings
from pipeline.demo.desk import Held
from pipeline.demo.driver import Record

NOTICES: Final = ("low_balance", "trip_due", "autopay_failed", "tripped", "press_button", "restored")
GATES: Final = (
    "protected", "approval", "suspended", "cooldown", "autopay", "notice",
    "window", "payments", "reading", "outage", "switch", "rate",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """Notices of one kind: on the evening before, and during the day."""

    kind: str
    evening: int
    day: int


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds from payment to light, by the clock of the day; all 0 where nobody waited."""

    for_balance: int
    commanded_at_once: int
    restored: int
    p50_s: int
    p95_s: int
    max_s: int


@dataclass(frozen=True, slots=True)
class Gate:
    """Trips that one gate has held back."""

    gate: str
    customers: int
    hours: float
    still: int


@dataclass(frozen=True, slots=True)
class Control:
    """What the engine commanded, and what came of it."""

    told: list[Told]
    trips: int
    trips_repeated: int
    tripped: int
    restores: int
    restores_repeated: int
    restored: int
    waits: Waits
    gates: list[Gate]
    gates_never_closed: list[str]


def control(record: Record, held: Held) -> Control:
    """Count what happened to customers."""
    notices = record.rows("notices", ("kind", "account_id", "at"))
    commands = record.rows("commands", ("kind", "attempt", "reason", "account_id", "issued_at", "seq"))
    told = Counter((kind, at.timestamp() >= settings.MIDNIGHT_S) for kind, _, at in notices)
    sent = Counter((kind, attempt == 1) for kind, attempt, *_ in commands)
    return Control(
        told=[Told(kind, told[kind, False], told[kind, True]) for kind in NOTICES],
        trips=sent["trip", True],
        trips_repeated=sent["trip", False],
        tripped=told["tripped", True],
        restores=sent["restore", True],
        restores_repeated=sent["restore", False],
        restored=told["restored", True],
        waits=_waits(record, notices, commands),
        gates=[
            Gate(gate, len(held.accounts[gate]), held.looks[gate] * settings.QUARTER_S / 3600, held.now[gate])
            for gate in GATES
            if gate in held.accounts
        ],
        gates_never_closed=[gate for gate in GATES if gate not in held.accounts],
    )


def _waits(record: Record, notices: Sequence[Any], commands: Sequence[Any]) -> Waits:
    """From the payment in whose batch a restore was sent to the notice that it is done."""
    paid_at = {
        (seq, account): at.timestamp()
        for seq, account, kind, at in record.rows("ledger", ("seq", "account_id", "kind", "at"))
        if kind == "top_up"
    }
    restored: dict[int, list[float]] = {}
    for kind, account, at in notices:
        if kind == "restored":
            restored.setdefault(account, []).append(at.timestamp())
    waits: list[int] = []
    for_balance = at_once = 0
    for kind, attempt, reason, account, issued_at, seq in commands:
        if (kind, attempt, reason) != ("restore", 1, "balance"):
            continue
        for_balance += 1
        at_once += (seq, account) in paid_at
        done = [at for at in restored.get(account, ()) if at >= issued_at.timestamp()]
        if done and (seq, account) in paid_at:
            waits.append(round(done[0] - paid_at[seq, account]))
    waits.sort()
    return Waits(
        for_balance=for_balance,
        commanded_at_once=at_once,
        restored=len(waits),
        p50_s=percentile(waits, 50),
        p95_s=percentile(waits, 95),
        max_s=waits[-1] if waits else 0,
    )


def percentile(ordered: Sequence[int], percent: int) -> int:
    """The nearest-rank percentile of values in rising order; 0 of none."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else 0
