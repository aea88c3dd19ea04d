"""Why a client cannot go on: each needs a person."""

from __future__ import annotations

from fastcore.errors import FeikongError

__all__ = [
    "ClientError",
    "CursorGone",
    "CursorsError",
    "Fenced",
    "Frozen",
    "NodeBehind",
    "NotAccepted",
    "OutboxBehind",
    "OutboxError",
    "OutboxFull",
]


class ClientError(FeikongError):
    """What every error of a client is."""


class OutboxError(ClientError):
    """An outbox that cannot be used: damaged, in use by another process, or of another key."""


class OutboxFull(OutboxError):
    """No room on this machine's disk: the batch was not taken. The same call may be made again."""


class CursorsError(ClientError):
    """Cursors on this machine's disk that cannot be used: damaged, of another output, or the disk fails."""


class CursorGone(ClientError):
    """The node does not keep the rows any more that come next, or counts anew: some would be missing."""


class Fenced(ClientError):
    """A process with a higher epoch has taken over: another copy of this outbox is in use."""


class Frozen(ClientError):
    """The node holds another batch of the same number, and takes no more from this key until a person has looked."""


class OutboxBehind(ClientError):
    """The node holds batches that this outbox has never given: it is an old copy."""


class NodeBehind(ClientError):
    """The node has lost what it had acknowledged, and this outbox has it no more."""


class NotAccepted(ClientError):
    """The node refuses this client's messages, whatever is sent: its key's role, or a fault of the client."""
