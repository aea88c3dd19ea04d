"""What workers and shards of one node say to each other: a link inside one machine, between processes of one version.

A message is a frame of MessagePack, its head, and then body frames, untouched: Arrow bytes and texts are never copied
into a head. A worker is a DEALER, a shard the ROUTER; each worker talks to every shard. Keys of producers are their
32 bytes.

::

    worker                                   shard
      │ Join  directory wanted                 │
      │ ─────────────────────────────────────▶ │
      │ Joined, Credit, Directory …            │
      │ ◀───────────────────────────────────── │
      │ Greet  (a HELLO that was checked)      │
      │ ─────────────────────────────────────▶ │  everything of this producer that came before is settled first
      │ Welcomed  session                      │
      │ ◀───────────────────────────────────── │
      │ Batch + body, Batch + body, Spent      │
      │ ─────────────────────────────────────▶ │  journal, sync, apply
      │ Turned (if any), then Settled          │
      │ ◀───────────────────────────────────── │

Messages of one worker arrive in order, or the link is gone: then its sessions here are, and what it knew of this shard
may be old. It learns that from a `Joined` of another start than the one that it knew, or of none, which is what a shard
answers to whatever a worker says that has not joined; it ends, and is started anew. A session belongs to the worker
whose `Greet` opened it; `Ended` tells that worker when another one took its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Final, TypeVar

import msgspec

from pipeline.wire import BATCHES, MAY_SEND, Buffer, Kind, Reason, Role

__all__ = [
    "HEAD_BYTES_MAX",
    "LANES",
    "LANE_OF",
    "PARTS_MAX",
    "Batch",
    "Commands",
    "Credit",
    "Directory",
    "Ended",
    "FencedOff",
    "FromShard",
    "FromWorker",
    "Gone",
    "Greet",
    "Join",
    "Joined",
    "Lane",
    "Learned",
    "LinkError",
    "NoRows",
    "Part",
    "Place",
    "Ready",
    "Rows",
    "Settled",
    "Spent",
    "Subscribed",
    "Turned",
    "Welcomed",
    "pack",
    "unpack_from_shard",
    "unpack_from_worker",
]

_Any = TypeVar("_Any")

PARTS_MAX: Final = 4096
"""Senders that are gathered into one batch."""
HEAD_BYTES_MAX: Final = 1 << 20
"""Of one head: that of a batch of `PARTS_MAX` parts takes a third of it."""


class Lane(Enum):
    """What has credit of its own, so that no flood of one delays another; the first goes first."""

    OPERATOR = "operator"
    URGENT = "urgent"
    BULK = "bulk"


LANES: Final[dict[Kind, Lane]] = {
    Kind.UPDATES: Lane.OPERATOR,
    Kind.CONFIG: Lane.OPERATOR,
    Kind.TICK: Lane.OPERATOR,
    Kind.PAYMENTS: Lane.URGENT,
    Kind.ACKS: Lane.URGENT,
    Kind.READS: Lane.BULK,
    Kind.ACCOUNTS: Lane.BULK,
    Kind.METERS: Lane.BULK,
    Kind.DISTRICTS: Lane.BULK,
}
"""The lane of each kind of batch: all that one key may send is in one lane, so nothing of one producer is reordered."""


def _lane_of(role: Role) -> Lane | None:
    lanes = {LANES[kind] for kind in MAY_SEND[role] & BATCHES}
    assert len(lanes) <= 1, "what one key sends must not be reordered"
    return lanes.pop() if lanes else None


LANE_OF: Final = {role: _lane_of(role) for role in Role}
"""The lane of all that a role may send; None for one that sends no batches."""


class LinkError(Exception):
    """A message that is none of this link's: the other end is of another version, or damaged."""


class _Message(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A head; its class is named by the tag in front."""


class Part(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One sender's part of a batch.

    `rows` are the sender's rows in this shard's body, 0 where they all went to others: each shard is told of every
    number, so that its sequence has no hole. `digest` is XXH3-128 of the sender's own body, whole, as its header said.
    `session` is this shard's.
    """

    producer: bytes
    epoch: int
    session: int
    seq: int
    rows: int
    digest: bytes


# What a worker says.


class Join(_Message, frozen=True, tag="join"):
    """A worker begins, or begins anew: whatever it had open here is gone.

    With `directory`, it wants to know which accounts and meters are here, all and for ever.
    """

    worker: str
    directory: bool


class Greet(_Message, frozen=True, tag="greet"):
    """A HELLO that was checked; the answer is `Welcomed`, `FencedOff`, or `Turned` of session 0 and number 0."""

    producer: bytes
    role: Role
    epoch: int
    attempt: int
    acked: int
    newest: int


class Batch(_Message, frozen=True, tag="batch"):
    """A batch, checked whole; its body follows, as the wire has it (of Arrow kinds one IPC stream of one batch).

    One part for a message that is passed on as it came, several where small ones were gathered: the rows stand in
    the order of the parts, and all parts had the same schema. CONFIG and TICK have one part of 0 rows.
    """

    kind: Kind
    parts: list[Part]


class Spent(_Message, frozen=True, tag="spent"):
    """A batch that the worker refuses for good: its number is used up, which is journaled before it is answered.

    The answer is `Turned` with the same reason and text, then `Settled`.
    """

    kind: Kind
    part: Part
    reason: Reason
    text: str


class Ready(_Message, frozen=True, tag="ready"):
    """A head-end takes commands: so many in this session, in all."""

    producer: bytes
    session: int
    until: int


class Subscribed(_Message, frozen=True, tag="subscribed"):
    """A subscriber has taken all of an output before a row, and takes so many bytes more."""

    producer: bytes
    session: int
    output: str
    from_seq: int
    from_row: int
    credit: int


class Gone(_Message, frozen=True, tag="gone"):
    """A producer is no longer there: its key was revoked, its connection ended, or it fell silent."""

    producer: bytes
    session: int


class Learned(_Message, frozen=True, tag="learned"):
    """All of the directory up to this message's number is known to the worker now."""

    number: int


# What a shard says.


class Joined(_Message, frozen=True, tag="joined"):
    """The answer to `Join`: which shard this is, of how many, and the start that it runs since.

    To anything else, from a worker that is not known here, it is of start 0.
    """

    shard: int
    shards: int
    incarnation: int


class Credit(_Message, frozen=True, tag="credit"):
    """Bytes of bodies that this worker may have here and not yet answered, by lane; it replaces what was said before.

    Each part of a batch is answered by `Turned` or `Settled`; a batch is when all its parts are. One batch may always
    be, unless the lane's credit is 0.
    """

    operator_bytes: int
    urgent_bytes: int
    bulk_bytes: int


class Welcomed(_Message, frozen=True, tag="welcomed"):
    """A session is open: all up to `last_seq` is settled, and nothing of this producer is under way.

    `digests` are those of the newest batches by number, as many as are known; with `frozen` nothing more is taken.
    """

    producer: bytes
    epoch: int
    attempt: int
    session: int
    last_seq: int
    covered: int
    refused: int
    frozen: bool
    digests: dict[int, bytes]


class FencedOff(_Message, frozen=True, tag="fenced"):
    """A HELLO with an epoch that is over; `epoch` is the one in force."""

    producer: bytes
    epoch: int


class Place(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """How far a session is settled: all up to `seq`; up to `covered` it is under a verified snapshot too."""

    producer: bytes
    session: int
    seq: int
    covered: int


class Settled(_Message, frozen=True, tag="settled"):
    """What is on the disk and applied now, or refused for good; also sent when only `covered` has moved."""

    places: list[Place]


class Turned(_Message, frozen=True, tag="turned"):
    """A batch, or a HELLO (session and number 0), that was not taken, and why.

    SESSION, SEQ, CONFLICT, FROZEN and NOT_NOW use up no number; a reason that is final does, and `Settled` follows.
    `next_seq` is the number that is expected; `digest` is, of a CONFLICT, that of what came under the number before.
    """

    producer: bytes
    session: int
    seq: int
    reason: Reason
    text: str
    next_seq: int
    digest: bytes


class Ended(_Message, frozen=True, tag="ended"):
    """A session is over: the producer said HELLO through another worker."""

    producer: bytes
    session: int


class Commands(_Message, frozen=True, tag="commands"):
    """Commands for a head-end; the body is that of one COMMAND message, of so many rows, all trips or all restores."""

    producer: bytes
    session: int
    rows: int
    trips: bool = False


class Rows(_Message, frozen=True, tag="rows"):
    """Rows for a subscriber; the body is that of one OUTPUT message, of so many rows."""

    producer: bytes
    session: int
    rows: int


class NoRows(_Message, frozen=True, tag="no_rows"):
    """What a subscriber asked for is not here, and why; `Reason.OUTPUT` or `Reason.CURSOR`."""

    producer: bytes
    session: int
    reason: Reason
    text: str


class Directory(_Message, frozen=True, tag="directory"):
    """Ids that are in this shard: `what` is ``accounts`` or ``meters``; the body is an IPC stream with a column ``id``.

    Of meters in a batch that was applied it has ``account_id``, too: those are here whose account is, or which have
    none. `number` counts these messages to this worker from 1. The worker answers `Learned`: a registry batch is
    settled only when every worker that wants the directory knows what it brought.
    """

    what: str
    number: int


FromWorker = Join | Greet | Batch | Spent | Ready | Subscribed | Gone | Learned
FromShard = (
    Joined | Credit | Welcomed | FencedOff | Settled | Turned | Ended | Commands | Rows | NoRows | Directory
)

_ENCODER: Final = msgspec.msgpack.Encoder()
_FROM_WORKER: Final = msgspec.msgpack.Decoder(FromWorker)
_FROM_SHARD: Final = msgspec.msgpack.Decoder(FromShard)


def pack(message: FromWorker | FromShard, *bodies: Buffer) -> list[Buffer]:
    """The frames of a message; at most three bodies, or the other end does not see them all."""
    return [_ENCODER.encode(message), *bodies]


def unpack_from_worker(frames: Sequence[Buffer]) -> tuple[FromWorker, Sequence[Buffer]]:
    """A worker's message and its bodies; raises `LinkError`."""
    return _unpack(_FROM_WORKER, frames), frames[1:]


def unpack_from_shard(frames: Sequence[Buffer]) -> tuple[FromShard, Sequence[Buffer]]:
    """A shard's message and its bodies; raises `LinkError`."""
    return _unpack(_FROM_SHARD, frames), frames[1:]


def _unpack(decoder: msgspec.msgpack.Decoder[_Any], frames: Sequence[Buffer]) -> _Any:
    if not frames or len(frames[0]) > HEAD_BYTES_MAX:
        raise LinkError(
            f"a message of {len(frames)} frames, or with a head of more than {HEAD_BYTES_MAX} bytes"
        )
    try:
        return decoder.decode(frames[0])
    except msgspec.MsgspecError as error:
        raise LinkError(f"a head that is none of this version's: {error}") from None
