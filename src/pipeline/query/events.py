"""What happened to an account, in the order in which it did: reads, charges, payments, notices, commands, gates.

The order is the engine's: batch by batch; in a batch the rows that came in, then what the control step made of them.
Times are those of each event itself, so a payment that came late stands where it took effect, with the time at which it
was paid. Reads between two other events are drawn together, a line a local day.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from pipeline.query.account import Movement
from pipeline.query.catalog import Catalog
from pipeline.query.gates import Change

__all__ = ["PAID", "Event", "drawn_together", "events_of", "words_of"]

# What comes first in a batch: rows, then what was found, notices, commands, and how the account stands after it.
ROWS, REFUSED, FOUND, NOTICED, COMMANDED, HELD = range(6)

QUALITY: Final = {
    1: "first",
    2: "rollover",
    4: "gap",
    8: "late",
    16: "estimated",
    32: "suspect",
    64: "outage",
}
NEVER: Final = datetime.max.replace(tzinfo=UTC)
"""The time of what has none."""
PAID: Final = ("top_up", "reversal", "adjustment")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Attributes:
        seq: the batch.
        at: the event's own time.
        kind: `reads`, a kind of the ledger, `refused`, `finding`, `order`, `notice`, `trip`, `restore`, `gate`, `ack`,
            `update`.
        text: what it was, in words.
        amount: what it added to the balance; None where it moved nothing.
        balance: after it; None where that is not told.
        order: its place in the batch.
        quality: of reads, the bits of any of them.
        energy: of reads.
        reads: how many they are; of a command, its attempt.
        subject: of a gate, which; None: none any more.
    """

    seq: int
    at: datetime
    kind: str
    text: str
    amount: Decimal | None = None
    balance: Decimal | None = None
    order: tuple[int, int] = (0, 0)
    quality: int = 0
    energy: Decimal = Decimal(0)
    reads: int = 0
    subject: str | None = None


_NOTICES = (
    'SELECT seq, kind, detail, "at", balance FROM notices WHERE shard = $shard AND account_id = $account'
)
_COMMANDS = """
SELECT seq, command_id, kind, attempt, meter_id, issued_at, expires_at, reason
FROM commands WHERE shard = $shard AND account_id = $account
"""
_REFUSED = """
SELECT seq, "row", kind, reason, subject, "at", value, amount FROM exceptions
WHERE shard = $shard AND ((kind IN ('payments', 'updates') AND subject = $text)
    OR (kind = 'reads' AND subject IN (
        SELECT CAST(meter_id AS VARCHAR) FROM state.meters WHERE shard = $shard AND account_id = $account)))
"""
_FOUND = """
SELECT seq, what, kind, state, subject, "at" FROM (
    SELECT 'finding' AS what, * FROM findings UNION ALL SELECT 'order', * FROM orders)
WHERE shard = $shard AND (subject = $text
    OR subject IN (SELECT CAST(meter_id AS VARCHAR) FROM state.meters WHERE shard = $shard AND account_id = $account)
    OR kind IN ('mass_trip', 'clock_jump') OR (kind = 'outage' AND subject = $district))
"""


def events_of(
    catalog: Catalog, account: dict[str, Any], booked: Sequence[Movement], told: Iterable[Change] = ()
) -> list[Event]:
    """Everything that happened to an account, each read by itself; raises `QueryError`."""
    key: dict[str, Any] = {"account": account["account_id"], "shard": account["shard"]}
    text = {**key, "text": str(account["account_id"])}
    events = [_moved(each) for each in booked]
    events += [_noticed(row) for row in catalog.run(_NOTICES, key).rows()]
    events += [_commanded(row) for row in catalog.run(_COMMANDS, key).rows()]
    events += [_refused(row) for row in catalog.run(_REFUSED, text).rows()]
    district = {**text, "district": str(account["district_id"])}
    events += [_found(row) for row in catalog.run(_FOUND, district).rows()]
    tripped = {event.seq for event in events if event.kind == "trip"}
    events += [
        _changed(each, catalog.timezone)
        for each in told
        if each.kind != "gate" or each.detail is not None or each.seq not in tripped
    ]
    return _timed(sorted(events, key=lambda event: (event.seq, event.order)))


def _timed(events: list[Event]) -> list[Event]:
    """The same; what has no time of its own has that of the event before it."""
    last = datetime.fromtimestamp(0, UTC)
    out = []
    for event in events:
        out.append(replace(event, at=last) if event.at == NEVER else event)
        last = out[-1].at
    return out


def drawn_together(events: Sequence[Event], timezone: str) -> list[Event]:
    """The same with reads that follow one another drawn together by local day, and refused rows by reason."""
    zone = ZoneInfo(timezone)
    out: list[Event] = []
    for event in events:
        last = out[-1] if out else None
        if last is not None and event.kind == "reads" == last.kind and _day(event, zone) == _day(last, zone):
            out[-1] = Event(
                event.seq,
                event.at,
                "reads",
                "",
                (last.amount or Decimal(0)) + (event.amount or Decimal(0)),
                event.balance,
                event.order,
                last.quality | event.quality,
                last.energy + event.energy,
                last.reads + event.reads,
            )
        elif last is not None and event.kind == "refused" == last.kind and event.text == last.text:
            out[-1] = Event(
                event.seq, event.at, "refused", event.text, order=event.order, reads=last.reads + event.reads
            )
        else:
            out.append(event)
    return out


def words_of(event: Event) -> str:
    """What an event was, as one says it: how many reads, of which quality."""
    if event.kind == "reads":
        bits = ", ".join(word for bit, word in QUALITY.items() if event.quality & bit)
        number = f"{event.reads} reads" if event.reads != 1 else "read"
        return f"{number}, {event.energy:,.3f} kWh{f' ({bits})' if bits else ''}"
    if event.kind == "refused" and event.reads > 1:
        return f"{event.text}, {event.reads} times"
    return event.text


def _day(event: Event, zone: ZoneInfo) -> Any:
    return (event.at - timedelta(seconds=1)).astimezone(zone).date()


def _moved(each: Movement) -> Event:
    order = (ROWS, each.row * 2 + (each.kind != "charge"))
    if each.kind == "charge":
        energy = each.energy or Decimal(0)
        return Event(
            each.seq, each.moment, "reads", "", each.amount, each.balance, order, each.quality or 0, energy, 1
        )
    words = {
        "opening": "account opened",
        "standing": "standing charge",
        "correction": "correction of earlier reads",
        "top_up": "paid",
        "reversal": "payment taken back",
        "adjustment": "adjustment",
    }[each.kind]
    return Event(each.seq, each.moment, each.kind, words, each.amount, each.balance, order)


def _noticed(row: dict[str, Any]) -> Event:
    words = {
        "low_balance": f"notice: balance low, level {row['detail']}",
        "trip_due": "notice: supply will be cut",
        "tripped": "notice: supply is cut",
        "press_button": "notice: press the meter's button",
        "restored": "notice: supply is back",
        "autopay_failed": "notice: bank debit failed; the notice runs anew",
    }[row["kind"]]
    return Event(row["seq"], row["at"], f"notice {row['kind']}", words, None, row["balance"], (NOTICED, 0))


def _commanded(row: dict[str, Any]) -> Event:
    again = f", attempt {row['attempt']}" if row["attempt"] > 1 else ""
    reason = f", because of {row['reason']}" if row["reason"] != "balance" else ""
    text = f"{row['kind']} {row['command_id']} to meter {row['meter_id']}{again}{reason}"
    return Event(
        row["seq"],
        row["issued_at"],
        row["kind"],
        text,
        order=(COMMANDED, row["attempt"]),
        reads=row["attempt"],
    )


def _refused(row: dict[str, Any]) -> Event:
    what = {"reads": f"read of meter {row['subject']}", "payments": "payment", "updates": "update"}[
        row["kind"]
    ]
    amount = f" of {row['amount']:,.2f}" if row["amount"] is not None else ""
    at = row["at"] or NEVER
    return Event(
        row["seq"],
        at,
        "refused",
        f"{what}{amount} refused: {row['reason']}",
        order=(REFUSED, row["row"]),
        reads=1,
    )


def _found(row: dict[str, Any]) -> Event:
    text = f"{row['what']} {row['kind']} {row['state']}"
    about = "" if row["what"] == "order" or row["subject"] is None else f", {row['subject']}"
    return Event(row["seq"], row["at"], row["what"], text + about, order=(FOUND, 0))


def _changed(change: Change, timezone: str) -> Event:
    at = datetime.fromtimestamp(change.now_s, ZoneInfo(timezone))
    text = {
        "gate": f"trip held: gate {change.detail} is closed"
        if change.detail
        else "the trip is not due any more",
        "ack": f"the head-end says: {change.detail}",
        "update": f"update: {change.detail}",
    }[change.kind]
    place = HELD if change.kind == "gate" else REFUSED
    subject = change.detail if change.kind == "gate" else None
    return Event(change.seq, at, change.kind, text, order=(place, 0), subject=subject)
