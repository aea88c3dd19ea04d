"""Why was I cut off? The account's story, from its last good moment to now, and the answer first.

The story of a cut begins with the last money that came in before the notice of it: from there on it is nothing but
use, warnings, waiting, and the command. Thresholds are those of the configuration in force now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final

from fastcore.config_model import Policy
from pipeline.query.account import account_of, missing, movements
from pipeline.query.catalog import Catalog
from pipeline.query.events import PAID, Event, events_of
from pipeline.query.gates import Change

__all__ = ["Story", "explain"]

CENT: Final = Decimal("0.01")
STATES: Final = {
    "on": "has supply",
    "warned": "has supply, and was warned",
    "due": "has supply, and is due to be cut",
    "tripping": "is being cut: the command is under way",
    "off": "is cut off",
    "restoring": "is being restored: the command is under way",
    "closed": "is closed",
}


@dataclass(frozen=True, slots=True)
class Story:
    """An account's row of state, the answer line by line, all events, and from which on they belong to it."""

    account: dict[str, Any]
    answer: list[str]
    events: list[Event]
    first: int

    @property
    def told(self) -> list[Event]:
        """The events of the story."""
        return self.events[self.first :]


def explain(
    catalog: Catalog, account: str, told: Iterable[Change] = (), since: datetime | None = None
) -> Story:
    """The story of an account; from an instant on, where one is given. Raises `QueryError`."""
    row = account_of(catalog, account)
    booked = movements(catalog, row)
    events = events_of(catalog, row, booked, told)
    if since is None:
        first = _first(events)
    else:
        first = next((place for place, event in enumerate(events) if event.at >= since), len(events))
    policy = catalog.config.policies.get(row["policy"]) if catalog.config is not None else None
    answer = [*_now(row, policy, catalog.currency), *_cut(events, policy)]
    if missing(booked):
        answer.append("Some rows of this account are missing: balances jump between those below.")
    return Story(row, answer, events, first)


def _last(events: Sequence[Event], kind: str, before: int | None = None) -> int | None:
    places = range(len(events) if before is None else before)
    return next((place for place in reversed(places) if events[place].kind == kind), None)


def _first_attempt(events: Sequence[Event]) -> int | None:
    found = (
        place
        for place in reversed(range(len(events)))
        if events[place].kind == "trip" and events[place].reads == 1
    )
    return next(found, None)


def _first(events: Sequence[Event]) -> int:
    """With the last money before the notice of the last cut, or else of what is about to come."""
    end = _first_attempt(events)
    for notice in ("notice trip_due", "notice low_balance"):
        place = _last(events, notice, end)
        if place is not None:
            end = place
            break
    if end is None:
        end = len(events)
    money = (place for place in reversed(range(end)) if events[place].kind in ("opening", *PAID))
    return next(money, 0)


def _now(row: dict[str, Any], policy: Policy | None, currency: str | None) -> list[str]:
    unit = f" {currency}" if currency else ""
    lines = [
        f"Account {row['account_id']} {STATES[row['state']]}. Its balance is {_cents(row['balance'])}{unit}."
    ]
    if row["unsure"]:
        lines.append("A trip was given up without an answer: nobody knows whether the relay is open.")
    if row["state"] == "due":
        lines.append(
            f"Now the trip is held by the gate {row['blocked_by']}."
            if row["blocked_by"]
            else "No gate holds it."
        )
    if policy is not None:
        trip, restore = _money(policy.trip_below_nano), _money(policy.restore_above_nano)
        lines.append(
            f"Policy {row['policy']}: cut at {_cents(trip)} or less, after {_span(policy.notice_s)} of notice; "
            f"back above {_cents(restore)}."
        )
        limit = restore if row["state"] == "off" else trip
        if row["state"] in ("off", "due", "tripping") and row["balance"] <= limit:
            need = (limit - row["balance"]).quantize(CENT, ROUND_FLOOR) + CENT
            what = "bring supply back" if row["state"] == "off" else "end this"
            lines.append(f"A payment of {_cents(need)}{unit} will {what}.")
    return lines


def _cut(events: Sequence[Event], policy: Policy | None) -> list[str]:
    """How the last cut came about, in a few lines."""
    trip = _first_attempt(events)
    if trip is None:
        return ["It was never cut, as far as the rows go."]
    sent = events[trip]
    balance = next((e.balance for e in reversed(events[:trip]) if e.balance is not None), None)
    lines = [f"Last cut: {sent.text}, sent {_at(sent)} at a balance of {_cents(balance)}."]
    due = _last(events, "notice trip_due", trip)
    if due is not None:
        lines.append(
            f"The customer was told {_at(events[due])}, at a balance of {_cents(events[due].balance)}."
        )
        lines += _held(events[due : trip + 1], policy)
    low = [event for event in events[:trip] if event.kind == "notice low_balance"]
    if low:
        times = "once" if len(low) == 1 else f"{len(low)} times, last"
        lines.append(f"Warned of a low balance {times} {_at(low[-1])}.")
    lines += _late(events, trip)
    done = next((event for event in events[trip:] if event.kind == "notice tripped"), None)
    back = next((event for event in events[trip:] if event.kind == "notice restored"), None)
    if done is not None:
        lines.append(f"Supply was off from {_at(done)}" + (f" to {_at(back)}." if back is not None else "."))
    elif back is not None:
        lines.append(f"The relay never said that it had opened; supply was there again {_at(back)}.")
    return lines


def _held(waiting: Sequence[Event], policy: Policy | None) -> list[str]:
    """What held the trip, from the notice of it, the first event, to the trip, the last."""
    sent = waiting[-1]
    gates = [event for event in waiting if event.kind == "gate"]
    if gates:
        ends = [*gates[1:], sent]
        parts = [
            f"{gate.subject} to {_at(end)}" for gate, end in zip(gates, ends, strict=True) if gate.subject
        ]
        return [f"The trip was held by these gates in turn: {', '.join(parts)}."]
    began = next(e for e in reversed(waiting) if e.kind in ("notice trip_due", "notice autopay_failed"))
    waited_s = int((sent.at - began.at).total_seconds())
    lines = [f"{_span(waited_s)} passed until the trip."]
    if policy is not None and waited_s > policy.notice_s:
        ran = began.at + timedelta(seconds=policy.notice_s)
        lines.append(
            f"Its notice of {_span(policy.notice_s)} had run by {_moment(ran)}: "
            "other gates held it longer; --log tells which."
        )
    return lines


def _late(events: Sequence[Event], trip: int) -> list[str]:
    """Money that was paid before the trip, and came after it: whom a customer means who says "I had paid"."""
    sent = events[trip]
    return [
        f"{_cents(event.amount)} was paid {_at(event)}, before the trip, but came in after it was sent."
        for event in events[trip:]
        if event.kind == "top_up" and event.at < sent.at and event.seq > sent.seq
    ]


def _money(nano: int) -> Decimal:
    return Decimal(nano).scaleb(-9)


def _cents(amount: Decimal | None) -> str:
    return "?" if amount is None else f"{amount:,.2f}"


def _at(event: Event) -> str:
    return _moment(event.at)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


def _span(seconds: int) -> str:
    hours, minutes = divmod(seconds // 60, 60)
    if hours and minutes:
        return f"{hours} h {minutes} min"
    return f"{hours} h" if hours else f"{minutes} min"
