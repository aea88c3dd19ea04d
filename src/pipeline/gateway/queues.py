"""Commands that wait for a head-end: restores and trips apart, and of each account the newest alone."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from pipeline.gateway.evidence import Decided

__all__ = ["Queue"]

_Account = int | str


class Queue:
    """What waits for one head-end, in order of arrival; another attempt stands where the one before stood.

    Attributes:
        restores: by account.
        trips: by account.
    """

    def __init__(self) -> None:
        self.restores: dict[_Account, Decided] = {}
        self.trips: dict[_Account, Decided] = {}

    def __len__(self) -> int:
        return len(self.restores) + len(self.trips)

    def put(self, decided: Decided) -> None:
        """Add a command; an older one of its account is gone, whichever kind it was."""
        account_id = decided.command.account_id
        mine, other = (
            (self.trips, self.restores) if decided.command.kind == "trip" else (self.restores, self.trips)
        )
        other.pop(account_id, None)
        mine[account_id] = decided

    def put_back(self, restores: Iterable[Decided]) -> None:
        """Put restores that did not get away back, unless there is something newer; the earliest decided goes first."""
        again = {each.command.account_id: each for each in restores}
        waiting = [each for account, each in {**again, **self.restores}.items() if account not in self.trips]
        waiting.sort(key=lambda each: each.command.command_id)
        self.restores = {each.command.account_id: each for each in waiting}

    def first_restores(self, most: int) -> list[Decided]:
        """Take out the first restores, at most so many."""
        taken = list(islice(self.restores.values(), most))
        for each in taken:
            del self.restores[each.command.account_id]
        return taken

    def expire(self, now_s: int) -> int:
        """Take out what nobody would execute any more; returns how many that were."""
        before = len(self)
        for waiting in (self.restores, self.trips):
            over = [each for each in waiting.values() if now_s > each.command.expires_at_s]
            for each in over:
                del waiting[each.command.account_id]
        return before - len(self)
