"""No trip after a start until what customers have paid meanwhile is in, or an operator says go.

Somebody may have paid while the node was down, and a pay channel may hold what the node has acknowledged and lost. So
trips wait until every payments key that may connect has said HELLO and everything up to the newest number that it then
named is settled. Restores wait for nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from pipeline.keys import Keyring
from pipeline.node.lines import Lines
from pipeline.wire import Role

__all__ = ["UNREADABLE", "Hold", "Payers"]

UNREADABLE: Final = b"a key file cannot be used".ljust(32, b".")
"""Stands for the key in a file that is damaged: it may be that of payments."""


class Payers:
    """The payments keys that trips wait for: those that may connect.

    A file of keys that is damaged lets nobody in; but it is no word that somebody is not to be waited for. While there
    is one, those count that could connect before, and one that never comes.
    """

    def __init__(self, ring: Keyring) -> None:
        self._ring = ring
        self._before: frozenset[bytes] = frozenset()

    def wanted(self) -> frozenset[bytes]:
        """Those of the ring's last `refresh`."""
        now = frozenset(self._ring.of_role(Role.PAYMENTS).values())
        if self._ring.problems:
            return now | self._before | {UNREADABLE}
        self._before = now
        return now


class Hold:
    """The hold of one shard, from its start on; it ends once, and does not come back before the next start."""

    def __init__(self, payments_keys: Collection[bytes]) -> None:
        self._missing = set(payments_keys)
        self._newest: dict[bytes, int] = {}

    @property
    def held(self) -> bool:
        """Whether trips wait."""
        return bool(self._missing or self._newest)

    @property
    def missing(self) -> frozenset[bytes]:
        """Payments keys that have not said HELLO since the start."""
        return frozenset(self._missing)

    @property
    def draining(self) -> frozenset[bytes]:
        """Payments keys that have, and whose batches are not all settled yet."""
        return frozenset(self._newest)

    def greeted(self, producer: bytes, newest: int) -> None:
        """A producer has said HELLO, and given numbers up to this one; the first since the start counts."""
        if producer in self._missing:
            self._missing.discard(producer)
            self._newest[producer] = newest

    def look(self, lines: Lines, payments_keys: Collection[bytes]) -> None:
        """See what has been settled, and who may still connect: a key that was revoked is not waited for."""
        self._missing.intersection_update(payments_keys)
        for producer, newest in list(self._newest.items()):
            line = lines.get(producer)
            if producer not in payments_keys or (line and (line.frozen or line.next_seq > newest)):
                del self._newest[producer]

    def go(self) -> None:
        """An operator says that trips may go."""
        self._missing.clear()
        self._newest.clear()
