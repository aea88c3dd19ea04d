"""Clients of a node, for integrators: what they send arrives once, whatever dies on the way (docs/wire.md).

`Conversation`, `HeadEndConversation` and `FeedConversation` are the protocol without a socket or a clock; `Producer`,
`HeadEnd` and `Subscriber` are those with both. Each module imports only those before it::

    errors  events  outbox  conversation  commands  cursors  following  station  producer  headend  subscriber
"""

from pipeline.client.commands import CommandGate, Ignored, Judged, Seen, SeenFile, Why
from pipeline.client.conversation import Conversation
from pipeline.client.cursors import Cursors
from pipeline.client.errors import (
    ClientError,
    CursorGone,
    CursorsError,
    Fenced,
    Frozen,
    NodeBehind,
    NotAccepted,
    OutboxBehind,
    OutboxError,
    OutboxFull,
)
from pipeline.client.events import BatchRefused, Event, LostAtNode, Patience, Progress, RefusedUnseen
from pipeline.client.following import FeedConversation, Rows
from pipeline.client.headend import CommandAck, HeadEnd, HeadEndConversation
from pipeline.client.outbox import Batch, Outbox
from pipeline.client.producer import Producer
from pipeline.client.subscriber import Subscriber

__all__ = [
    "Batch",
    "BatchRefused",
    "ClientError",
    "CommandAck",
    "CommandGate",
    "Conversation",
    "CursorGone",
    "Cursors",
    "CursorsError",
    "Event",
    "FeedConversation",
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
    "Rows",
    "Seen",
    "SeenFile",
    "Subscriber",
    "Why",
]
