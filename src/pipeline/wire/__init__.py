"""The wire: what producers, head-ends and nodes say to each other, byte by byte (docs/wire.md).

It knows bytes and Arrow, no sockets. Each module imports only those before it::

    kinds  refusals  header  controls  schemas  flat  bodies  forms  check  ordinary  answers  commands  cim  outputs
"""

from pipeline.wire.answers import Acks, Message, control, plain, refusal, tick_body
from pipeline.wire.bodies import read_batch, write_batch
from pipeline.wire.check import Checked, Line, Sender, check, check_answer, read_content
from pipeline.wire.controls import (
    Ack,
    Conflict,
    Credit,
    Hello,
    Ready,
    Rejected,
    Subscribe,
    Welcome,
)
from pipeline.wire.forms import Form, Forms
from pipeline.wire.header import HEADER_BYTES, KEY_BYTES, Buffer, Header, pack
from pipeline.wire.kinds import BATCHES, BODY_BYTES_MAX, MAY_SEND, ROWS_MAX, Kind, Role, engine_kind
from pipeline.wire.ordinary import Ordinary
from pipeline.wire.refusals import FINAL, Reason, Refused

__all__ = [
    "BATCHES",
    "BODY_BYTES_MAX",
    "FINAL",
    "HEADER_BYTES",
    "KEY_BYTES",
    "MAY_SEND",
    "ROWS_MAX",
    "Ack",
    "Acks",
    "Buffer",
    "Checked",
    "Conflict",
    "Credit",
    "Form",
    "Forms",
    "Header",
    "Hello",
    "Kind",
    "Line",
    "Message",
    "Ordinary",
    "Ready",
    "Reason",
    "Refused",
    "Rejected",
    "Role",
    "Sender",
    "Subscribe",
    "Welcome",
    "check",
    "check_answer",
    "control",
    "engine_kind",
    "pack",
    "plain",
    "read_batch",
    "read_content",
    "refusal",
    "tick_body",
    "write_batch",
]
