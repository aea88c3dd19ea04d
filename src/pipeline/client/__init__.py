"""Clients of a node, for integrators: what they send arrives once, whatever dies on the way (docs/wire.md).

`Conversation` and `HeadEndConversation` are the protocol without a socket or a clock; `Producer` and `HeadEnd` are
those with both. Each module imports only those before it::

    errors  events  outbox  conversation  commands  station  producer  headend
"""

from pipeline.client.commands import CommandGate, Ignored, Judged, Seen, SeenFile, Why
from pipeline.client.conversation import Conversation
from pipeline.client.errors import (
    ClientError,
    Fenced,
    Frozen,
    NodeBehind,
    NotAccepted,
    OutboxBehind,
    OutboxError,
    OutboxFull,
)
from pipeline.client.events import BatchRefused, Event, LostAtNode, Patience, Progress, RefusedUnseen
from pipeline.client.headend import CommandAck, HeadEnd, HeadEndConversation
from pipeline.client.outbox import Batch, Outbox
from pipeline.client.producer import Producer

__all__ = [
    "Batch",
    "BatchRefused",
    "ClientError",
    "CommandAck",
    "CommandGate",
    "Conversation",
    "Event",
    "Fenced",
    "Frozen",
    "HeadEnd",
    "HeadEndConversation",
    "Ignored",
    "Judged",
    "LostAtNode",
    "NodeBehind",
    "NotAccepted",
    "Outbox",
    "OutboxBehind",
    "OutboxError",
    "OutboxFull",
    "Patience",
    "Producer",
    "Progress",
    "RefusedUnseen",
    "Seen",
    "SeenFile",
    "Why",
]
