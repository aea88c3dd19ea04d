"""The moment of sending a trip: everything that may have changed since it was decided is looked at once more.

On any doubt it is not sent. Nothing is lost by that: the engine repeats a trip whose acknowledgement does not come, for
as long as its gates allow, and each attempt comes through here again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.gateway.evidence import Books, Decided, nano

__all__ = ["WAITS", "Judged", "Moment", "State", "Why", "judge"]


class Why(Enum):
    """Why a command is not sent, in the order in which that is looked at."""

    EXPIRED = "expired"
    NO_TRIP = "no_trip"
    """The file NO-TRIP is in the data directory."""
    HELD = "held"
    """The node has started, and not all payments are in: it waits."""
    SUSPENDED = "suspended"
    """Trips are suspended, for the engine or the district."""
    UNAPPLIED = "unapplied"
    """Payments, updates or registry rows have come, and nobody has looked at them yet: it waits."""
    OVERTAKEN = "overtaken"
    """It is not the account's current command, or not its newest attempt."""
    PAID = "paid"
    """The balance is above what the trip was decided on."""
    NOWHERE = "nowhere"
    """No head-end gets this district's commands."""
    UNDELIVERED = "undelivered"
    """Its worker could not be told at once."""


WAITS = frozenset({Why.HELD, Why.UNAPPLIED})
"""For these a trip stays where it is, and is looked at again."""


class State(Books, Protocol):
    """What is asked of an engine at the moment of sending."""

    def commands(self) -> pa.Table:
        """The current commands, as last sent."""

    def districts(self) -> pa.Table:
        """The districts."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What is true at the moment of sending.

    Attributes:
        now_s: the later of the clock and the engine's time.
        no_trip: whether the file NO-TRIP is there.
        held: whether the node holds trips, since its start.
        suspended: whether trips are suspended for the engine.
        unapplied: whether payments, updates or registry rows are not yet applied.
        engine: for what is true of an account.
    """

    now_s: int
    no_trip: bool
    held: bool
    suspended: bool
    unapplied: bool
    engine: State


class Judged(NamedTuple):
    """Of each trip, in the order in which they came, why it is not sent, None if it is.

    `looked` tells whether the engine's tables were asked, or whether nothing would have been sent anyway.
    """

    why: list[Why | None]
    looked: bool


def judge(trips: Sequence[Decided], moment: Moment, base: int) -> Judged:
    """Look at trips once more, all at one moment; `base` is what was added to the ids of the engine's commands."""
    of_all = _of_all(moment)
    if of_all is not None:
        return Judged([Why.EXPIRED if _expired(trip, moment) else of_all for trip in trips], looked=False)
    current = _current(trips, moment.engine, base)
    suspended = _suspended(trips, moment.engine)
    return Judged([_of_one(trip, moment, current, suspended) for trip in trips], looked=True)


def _of_all(moment: Moment) -> Why | None:
    """Why no trip at all is sent at this moment."""
    if moment.no_trip:
        return Why.NO_TRIP
    if moment.held:
        return Why.HELD
    if moment.suspended:
        return Why.SUSPENDED
    if moment.unapplied:
        return Why.UNAPPLIED
    return None


def _of_one(
    trip: Decided, moment: Moment, current: set[tuple[int, int, str]], suspended: set[int | str]
) -> Why | None:
    command = trip.command
    if _expired(trip, moment):
        return Why.EXPIRED
    if trip.district_id in suspended:
        return Why.SUSPENDED
    if (command.command_id, command.attempt, command.kind) not in current:
        return Why.OVERTAKEN
    if nano(moment.engine.balance(command.account_id)) > command.threshold_nano:
        return Why.PAID
    return None


def _expired(trip: Decided, moment: Moment) -> bool:
    """A trip that expires in this very second would be too late on the way."""
    return moment.now_s >= trip.command.expires_at_s


def _current(trips: Sequence[Decided], engine: State, base: int) -> set[tuple[int, int, str]]:
    """Of the accounts of these trips: number, attempt and kind of the engine's current command."""
    table = engine.commands()
    wanted = pa.array([trip.command.account_id for trip in trips], table["account_id"].type)
    rows = table.filter(pc.is_in(table["account_id"], value_set=wanted))
    columns = (rows[name].to_pylist() for name in ("command_id", "attempt", "kind"))
    return {(base + own_id, attempt, kind) for own_id, attempt, kind in zip(*columns, strict=True)}


def _suspended(trips: Sequence[Decided], engine: State) -> set[int | str]:
    """Which of the districts of these trips are suspended."""
    table = engine.districts()
    wanted = pa.array([trip.district_id for trip in trips], table["district_id"].type)
    rows = table.filter(pc.and_(table["suspended"], pc.is_in(table["district_id"], value_set=wanted)))
    return set(rows["district_id"].to_pylist())
