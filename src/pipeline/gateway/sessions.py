"""The head-ends that are there, and how many messages each will take."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Session", "Sessions"]


@dataclass(slots=True)
class Session:
    """A head-end that is there: `until` messages may be sent to it in this session, and `sent` were."""

    key: bytes
    number: int
    until: int
    sent: int = 0

    @property
    def room(self) -> int:
        """How many messages may be sent now."""
        return max(self.until - self.sent, 0)


class Sessions:
    """The newest session of each head-end; numbers of sessions rise."""

    def __init__(self) -> None:
        self._of: dict[bytes, Session] = {}

    def __len__(self) -> int:
        return len(self._of)

    def of(self, key: bytes | None) -> Session | None:
        """The session of a key, None if it has none."""
        return None if key is None else self._of.get(key)

    def ready(self, key: bytes, number: int, until: int) -> None:
        """So many messages in all may be sent in this session; one that is over says nothing any more."""
        known = self._of.get(key)
        if known is None or known.number < number:
            self._of[key] = Session(key, number, until)
        elif known.number == number:
            known.until = max(known.until, until)

    def gone(self, key: bytes, number: int) -> None:
        """A session has ended, or a later one of its key has begun since."""
        known = self._of.get(key)
        if known is not None and known.number == number:
            del self._of[key]
