"""Credit: how many bytes each producer may have under way, so that all of them together fit.

A lane has a budget. Each producer is granted the same share of it, which is halved each time that their number doubles,
so that not everybody has to be told whenever somebody comes. One message may always be under way, however small the
share; so a producer's *claim* is its share, or the largest message that it has sent, if that is more.
As many producers as have room with their claims are *served*; the others are granted nothing, wait in line, and take
the place of those that have used up their share, or have nothing to send.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

__all__ = ["Credit"]

SHARE_BYTES_MAX: Final = 16 << 20
CLAIM_BYTES_LEAST: Final = 16 << 10
IDLE_S: Final = 0.05
"""A producer that has sent nothing for so long makes room, if others wait."""
CLOSED_S: Final = 0.5
"""So long must a shard take nothing before producers are told to wait."""


@dataclass(slots=True)
class _Account:
    """One producer's: what it was granted, and was told of that; its largest message, what it has sent, and when."""

    granted_bytes: int = 0
    told_bytes: int = 0
    largest_bytes: int = 0
    sent_bytes: int = 0
    sent_s: float = 0.0
    claim_bytes: int = 0


class Credit:
    """The credit of the producers of one lane, by their keys.

    Attributes:
        flying_bytes: what all of them have under way.
    """

    def __init__(self, budget_bytes: int) -> None:
        self.flying_bytes = 0
        self._budget_bytes = budget_bytes
        self._most_bytes = 0
        self._served: OrderedDict[bytes, _Account] = OrderedDict()
        self._waiting: OrderedDict[bytes, _Account] = OrderedDict()
        self._claimed_bytes = 0
        self._changed: dict[bytes, None] = {}
        self._stale = False
        self._closed_s: float | None = None

    @property
    def budget_bytes(self) -> int:
        """What all of them may have under way."""
        return self._budget_bytes

    @property
    def full(self) -> bool:
        """Whether so much is under way that nothing more is taken, whoever was granted what.

        By the largest budget that was told: what was granted may be on its way when it shrinks, and is taken.
        """
        return self.flying_bytes > 2 * (self._most_bytes or self._budget_bytes)

    def budget(self, bytes_: int, now_s: float) -> None:
        """The budget is another from the next `turn` on.

        None at all grants nobody anything, once that has lasted: a shard that makes room does so in a moment.
        """
        self._most_bytes = max(self._most_bytes, bytes_)
        if bytes_:
            self._closed_s = None
            self._stale = self._stale or bytes_ != self._budget_bytes
            self._budget_bytes = bytes_
        elif self._closed_s is None and self._budget_bytes:
            self._closed_s = now_s

    def begin(self, key: bytes, now_s: float) -> int:
        """A producer has come; returns what it is granted at first.

        If what is under way leaves room for it, it need not wait: the others' shares shrink at the next `turn`.
        """
        account = self._waiting[key] = _Account()
        self._stale = True
        self._let_in(key, account, self._share_bytes(), self.flying_bytes, now_s)
        account.told_bytes = account.granted_bytes
        return account.granted_bytes

    def close(self, key: bytes, flying_bytes: int) -> None:
        """A producer has gone, with so much under way that will not be told as landed."""
        self.flying_bytes -= flying_bytes
        account = self._served.pop(key, None)
        if account is not None:
            self._claimed_bytes -= account.claim_bytes
        self._waiting.pop(key, None)
        self._changed.pop(key, None)
        self._stale = True

    def granted(self, key: bytes) -> int:
        """What a producer may have under way."""
        account = self._served.get(key)
        return account.granted_bytes if account is not None else 0

    def sent(self, key: bytes, cost_bytes: int, now_s: float) -> None:
        """A producer has sent a message."""
        self.flying_bytes += cost_bytes
        account = self._served.get(key) or self._waiting[key]
        account.sent_bytes += cost_bytes
        account.sent_s = now_s
        if cost_bytes > account.largest_bytes:
            account.largest_bytes = cost_bytes
            if key in self._served:
                self._claim(account)

    def landed(self, cost_bytes: int) -> None:
        """So much is not under way any more."""
        self.flying_bytes -= cost_bytes

    def turn(self, now_s: float) -> None:
        """Some time has passed: let those that wait take their turn, and all have their share of now."""
        if self._closed_s is not None and now_s >= self._closed_s + CLOSED_S:
            self._closed_s, self._budget_bytes, self._stale = None, 0, True
        if not self._waiting and not self._stale:
            return
        for key in list(self._served) if self._waiting else ():
            account = self._served[key]
            if account.sent_bytes >= account.claim_bytes or now_s - account.sent_s >= IDLE_S:
                self._put_off(key, account)
        self._serve(now_s)

    def changes(self) -> list[bytes]:
        """Whose credit is another than was told last; asking takes them.

        Who was put off and let in again need not hear of it: where one waits, that may be everybody, each turn.
        """
        if not self._changed:
            return []
        changed, self._changed = self._changed, {}
        return [key for key in changed if self._is_news(key)]

    def _is_news(self, key: bytes) -> bool:
        """Whether a producer's credit is another than it was told, which it is now."""
        account = self._served.get(key) or self._waiting[key]
        told_bytes, account.told_bytes = account.told_bytes, account.granted_bytes
        return told_bytes != account.granted_bytes

    def _share_bytes(self) -> int:
        count = len(self._served) + len(self._waiting)
        return min(self._budget_bytes >> max(count - 1, 0).bit_length(), SHARE_BYTES_MAX)

    def _serve(self, now_s: float) -> None:
        """Grant all that are served their share, and let in those that still fit, in their order."""
        self._stale = False
        share_bytes = self._share_bytes()
        for key, account in self._served.items():
            self._grant(key, account, share_bytes)
        while len(self._served) > 1 and self._claimed_bytes > self._budget_bytes:
            self._put_off(*next(reversed(self._served.items())))
        while self._waiting:
            key, account = next(iter(self._waiting.items()))
            if not self._let_in(key, account, share_bytes, self._claimed_bytes, now_s):
                break
            self._changed[key] = None

    def _let_in(
        self, key: bytes, account: _Account, share_bytes: int, taken_bytes: int, now_s: float
    ) -> bool:
        """Serve one that waits, if it fits beside so much."""
        claim_bytes = max(share_bytes, account.largest_bytes, CLAIM_BYTES_LEAST)
        if not share_bytes or (self._served and taken_bytes + claim_bytes > self._budget_bytes):
            return False
        del self._waiting[key]
        self._served[key] = account
        account.sent_bytes, account.sent_s = 0, now_s
        account.granted_bytes, account.claim_bytes = share_bytes, claim_bytes
        self._claimed_bytes += claim_bytes
        return True

    def _put_off(self, key: bytes, account: _Account) -> None:
        """Let one that is served wait."""
        del self._served[key]
        self._claimed_bytes -= account.claim_bytes
        self._waiting[key] = account
        account.sent_bytes = account.granted_bytes = 0
        self._changed[key] = None

    def _grant(self, key: bytes, account: _Account, share_bytes: int) -> None:
        if account.granted_bytes != share_bytes:
            self._changed[key] = None
            account.granted_bytes = share_bytes
            self._claim(account)

    def _claim(self, account: _Account) -> None:
        self._claimed_bytes -= account.claim_bytes
        account.claim_bytes = max(account.granted_bytes, account.largest_bytes, CLAIM_BYTES_LEAST)
        self._claimed_bytes += account.claim_bytes
