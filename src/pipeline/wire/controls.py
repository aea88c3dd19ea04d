"""The bodies of messages that carry no batch: a few fixed numbers, little-endian, and sometimes a text behind them.

::

    HELLO       attempt u64: counts the HELLOs of this epoch; acked u64, newest u64: the highest numbers that the
                producer knows to be acknowledged, and that its outbox has given; 0 for none
    READY       until u64: so many commands may have been sent in this session, in all
    SUBSCRIBE   from_seq u64, from_row u32, shard u32, credit u64; then the output's name
    WELCOME     attempt u64: of the HELLO that it answers; credit u64; covered u64; refused u64: batches of this
                producer that were ever refused for good
    ACK         covered u64, credit u64
    CONFLICT    16 bytes: the digest of what came under this number before
    REJECTED    reason u16; then words for a person
    CREDIT      credit u64
    PING, PONG, FENCED, NACK   nothing: what they say is in the header

A text is UTF-8 of at most 1,024 bytes, and ends with the body.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final, NamedTuple

from pipeline.wire.header import Buffer
from pipeline.wire.kinds import Kind
from pipeline.wire.refusals import Reason, Refused

__all__ = [
    "TEXT_BYTES_MAX",
    "Ack",
    "Conflict",
    "Control",
    "Credit",
    "Hello",
    "Ready",
    "Rejected",
    "Subscribe",
    "Welcome",
    "pack_control",
    "unpack_control",
]

TEXT_BYTES_MAX: Final = 1024


class Hello(NamedTuple):
    """A producer begins a session. What it has seen acknowledged is evidence: a node that lacks it has lost it."""

    attempt: int
    acked: int
    newest: int


class Ready(NamedTuple):
    """A head-end takes commands: in this session, up to this number."""

    until: int


class Subscribe(NamedTuple):
    """A subscriber has taken all of a shard's output before a row, and asks for at most so many bytes from there on."""

    from_seq: int
    from_row: int
    shard: int
    credit: int
    output: str


class Welcome(NamedTuple):
    """A session begins: `seq` of the header is the last number that is settled, `session` the session's.

    `attempt` tells a late answer to an earlier HELLO from the one that counts: its numbers are old.
    """

    attempt: int
    credit: int
    covered: int
    refused: int


class Ack(NamedTuple):
    """All up to `seq` of the header is settled; up to `covered` it is under a verified snapshot too."""

    covered: int
    credit: int


class Conflict(NamedTuple):
    """Another batch has come under this number: the producer is frozen."""

    digest: bytes


class Rejected(NamedTuple):
    """A message is refused. `reason` may be one that this end does not know yet."""

    reason: int
    text: str


class Credit(NamedTuple):
    """So many bytes of batches, headers too, may be on their way without an acknowledgement."""

    credit: int


Control = Hello | Ready | Subscribe | Welcome | Ack | Conflict | Rejected | Credit


class _Form(NamedTuple):
    control: Callable[..., Control] | None
    fields: struct.Struct
    text: bool = False


_NOTHING: Final = _Form(None, struct.Struct(""))
_FORMS: Final[dict[Kind, _Form]] = {
    Kind.HELLO: _Form(Hello, struct.Struct("<QQQ")),
    Kind.PING: _NOTHING,
    Kind.READY: _Form(Ready, struct.Struct("<Q")),
    Kind.SUBSCRIBE: _Form(Subscribe, struct.Struct("<QIIQ"), text=True),
    Kind.WELCOME: _Form(Welcome, struct.Struct("<QQQQ")),
    Kind.FENCED: _NOTHING,
    Kind.ACK: _Form(Ack, struct.Struct("<QQ")),
    Kind.NACK: _NOTHING,
    Kind.CONFLICT: _Form(Conflict, struct.Struct("<16s")),
    Kind.REJECTED: _Form(Rejected, struct.Struct("<H"), text=True),
    Kind.CREDIT: _Form(Credit, struct.Struct("<Q")),
    Kind.PONG: _NOTHING,
}
_KIND_OF: Final = {form.control: kind for kind, form in _FORMS.items() if form.control}


def pack_control(control: Control) -> tuple[Kind, bytes]:
    """The kind and the body of a control message; a text that is too long is cut."""
    kind = _KIND_OF[type(control)]
    form = _FORMS[kind]
    if not form.text:
        return kind, form.fields.pack(*control)
    *numbers, text = control
    data = str(text).encode("utf8", "replace")[:TEXT_BYTES_MAX]
    return kind, form.fields.pack(*numbers) + data.decode("utf8", "ignore").encode("utf8")


def unpack_control(kind: Kind, body: Buffer) -> Control | None:
    """What the body of a control message says, None where there is nothing to say; raises `Refused`."""
    form = _FORMS[kind]
    most = form.fields.size + (TEXT_BYTES_MAX if form.text else 0)
    if not form.fields.size <= len(body) <= most:
        expected = f"{form.fields.size} to {most}" if form.text else str(most)
        raise Refused(Reason.BODY_LENGTH, f"{kind.name} has a body of {len(body)} bytes; expected {expected}")
    if form.control is None:
        return None
    fields = form.fields.unpack_from(body)
    if not form.text:
        return form.control(*fields)
    try:
        return form.control(*fields, bytes(body[form.fields.size :]).decode("utf8"))
    except UnicodeDecodeError as error:
        raise Refused(Reason.CONTENT, f"the text of {kind.name} is no UTF-8: {error}") from None
