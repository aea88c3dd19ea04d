"""What a ticket asks for: JSON, with exactly one of `output`, `state`, `tail`, `follow`, the name of a table.

::

    {"output": "intervals", "from": "2026-11-01T00:00:00+08:00", "to": "2026-12-01T00:00:00+08:00",
     "accounts": ["A1"], "columns": ["end", "energy", "charge"]}
    {"state": "accounts", "districts": ["north-1"]}
    {"tail": "ledger"}                                   rows that no file holds yet
    {"follow": "ledger", "shard": 0, "seq": 812}         rows of batch 812 on, and then as they come
    {"follow": "notices", "shard": 0, "start": "newest"} those that come; "oldest": from the first that is kept

A ticket comes from outside: what is not exactly this is refused, with the reason.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, Literal, NamedTuple

import msgspec
from pyarrow import flight

__all__ = ["KINDS", "Ask", "Kind", "refusal", "ticket_of"]

Kind = Literal["output", "state", "tail", "follow"]
KINDS: Final[tuple[Kind, ...]] = ("output", "state", "tail", "follow")
TICKET_BYTES_MAX: Final = 1 << 20
IDS_MAX: Final = 10_000
SHARD_MAX: Final = 255
_WHOLE: Final = (1 << 63) - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Id = str | int


class _Ticket(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    output: str | None = None
    state: str | None = None
    tail: str | None = None
    follow: str | None = None
    since: datetime | None = msgspec.field(default=None, name="from")
    until: datetime | None = msgspec.field(default=None, name="to")
    districts: list[Id] | None = None
    accounts: list[Id] | None = None
    meters: list[Id] | None = None
    columns: list[str] | None = None
    shard: int | None = None
    seq: int | None = None
    start: Literal["oldest", "newest"] | None = None


class Ask(NamedTuple):
    """What is asked for.

    Attributes:
        kind: how: from files and memory, of the state, what no file holds, or as it comes.
        name: the output or the state table.
        since_s: rows of that moment and later, in seconds since 1970 UTC; None: from the first on.
        until_s: rows before that moment; None: up to the last.
        ids: by column, the ids whose rows are wanted.
        columns: in this order; None: all.
        shard: of `follow`.
        seq: of `follow`: of batches from this number on; None: of those that come, and 0: of all that are kept.
    """

    kind: Kind
    name: str
    since_s: int | None = None
    until_s: int | None = None
    ids: tuple[tuple[str, tuple[Id, ...]], ...] = ()
    columns: tuple[str, ...] | None = None
    shard: int = 0
    seq: int | None = 0

    @classmethod
    def read(cls, data: bytes) -> Ask:
        """What a ticket says; raises `FlightServerError`."""
        if len(data) > TICKET_BYTES_MAX:
            raise refusal(f"a ticket of {len(data)} bytes; expected at most {TICKET_BYTES_MAX}")
        try:
            ticket = msgspec.json.decode(data, type=_Ticket)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise refusal(f'the ticket: {error}; expected JSON such as {{"output": "ledger"}}') from None
        asked = [(kind, name) for kind in KINDS if (name := getattr(ticket, kind)) is not None]
        if len(asked) != 1:
            found = " and ".join(kind for kind, _ in asked) or "none"
            raise refusal(f"the ticket has {found} of {', '.join(KINDS)}; expected exactly one")
        kind, name = asked[0]
        if kind != "follow" and (ticket.shard, ticket.seq, ticket.start) != (None,) * 3:
            raise refusal(f"the ticket: shard, seq and start are for follow; expected none with {kind}")
        if kind == "state" and (ticket.since or ticket.until):
            raise refusal("the ticket: a state is of now; expected no from or to with it")
        return cls(
            kind,
            name,
            _instant("from", ticket.since),
            _instant("to", ticket.until),
            _ids(ticket),
            tuple(ticket.columns) if ticket.columns is not None else None,
            _count("shard", ticket.shard or 0, SHARD_MAX),
            _seq(ticket),
        )


def ticket_of(kind: Kind, name: str, shard: int | None = None) -> flight.Ticket:
    """The ticket for a whole table, or for all rows of a shard and those that come."""
    return flight.Ticket(msgspec.json.encode({kind: name} | ({} if shard is None else {"shard": shard})))


def refusal(text: str, reason: bytes = b"ticket") -> flight.FlightServerError:
    """A refusal as the client gets it: in words, and with a word for programs as its `extra_info`."""
    return flight.FlightServerError(text, reason)


def _instant(key: str, value: datetime | None) -> int | None:
    """The first whole second that is not before: rows have whole ones."""
    if value is None:
        return None
    if value.tzinfo is None:
        raise refusal(f'the ticket: {key} has no zone; expected one, such as "2026-11-01T00:00:00+08:00"')
    return -((_EPOCH - value) // timedelta(seconds=1))


def _ids(ticket: _Ticket) -> tuple[tuple[str, tuple[Id, ...]], ...]:
    found = []
    for key in ("districts", "accounts", "meters"):
        values: list[Id] | None = getattr(ticket, key)
        if values is None:
            continue
        if not 1 <= len(values) <= IDS_MAX:
            raise refusal(f"the ticket: {len(values)} {key}; expected 1 to {IDS_MAX}")
        found.append((f"{key[:-1]}_id", tuple(values)))
    return tuple(found)


def _seq(ticket: _Ticket) -> int | None:
    if ticket.seq is None:
        return None if ticket.start == "newest" else 0
    if ticket.start is not None:
        raise refusal("the ticket: both seq and start; expected one of them")
    return _count("seq", ticket.seq, _WHOLE)


def _count(key: str, value: int, most: int) -> int:
    if not 0 <= value <= most:
        raise refusal(f"the ticket: {key} is {value}; expected 0 to {most}")
    return value
