"""Where the effects of a batch go once it is durable and applied, and what the gateway may ask of the writer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, Protocol

import pyarrow as pa

from fastcore.effects import Effects
from fastcore.engine import Engine
from pipeline.wire import Kind

__all__ = ["HEARD", "CommandBody", "Desk", "Gateway", "Outlet"]

HEARD: Final = frozenset({Kind.DISTRICTS})
"""The kinds of batch that a gateway must know of: a district may have moved to another grid."""


class Outlet(Protocol):
    """Takes outputs: of each batch once, in order, after it is on the disk and applied."""

    def take(self, seq: int, effects: Effects) -> None:
        """What batch `seq` of the engine did."""


class Desk(Protocol):
    """What the gateway may ask at the moment of sending; answers are of that moment."""

    @property
    def engine(self) -> Engine:
        """The engine, for its balances and its state; to be read only."""

    @property
    def held(self) -> bool:
        """Whether trips are held since the start, until all payments are in or an operator says go."""

    @property
    def suspended(self) -> bool:
        """Whether trips are suspended for the whole engine, by whomever; those of a district the engine tells."""

    @property
    def unapplied(self) -> bool:
        """Whether a batch of payments, updates or registry is here and not yet applied."""


class CommandBody(NamedTuple):
    """A COMMAND message for a head-end: to whom, in which session, its rows and its body, and whether of restores."""

    producer: bytes
    session: int
    rows: int
    body: bytes
    restores: bool = False


class Gateway(Outlet, Protocol):
    """Carries commands to head-ends; an `Outlet` that also sees who is there. No call of it waits."""

    def start(self, desk: Desk, commands: pa.Table, now_s: int) -> None:
        """Take over after recovery: `commands` are the engine's current ones, `Engine.commands`."""

    def heard(self, kind: Kind) -> None:
        """A batch of this kind was applied; called before `take` of the same one, if it is one of `HEARD`."""

    def ready(self, producer: bytes, session: int, until: int) -> None:
        """A head-end takes commands: in this session, so many in all."""

    def gone(self, producer: bytes, session: int) -> None:
        """A head-end's session has ended; what it was not sent waits, and expires."""

    def poll(self, now_s: int) -> Iterable[CommandBody]:
        """What should leave now, restores first; called after every group, and at least each second."""

    def stats(self) -> dict[str, Any]:
        """What a person should see of it, as plain values."""

    def unsent(self, bodies: Sequence[CommandBody]) -> None:
        """These could not be handed to their worker: its link is gone."""
