"""Every trip examined: was it right to cut this customer off, by what is known outside of the engine.

The examiner keeps its own book of who was told what, who has paid what, and who is protected, and looks at
each trip as it is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from pipeline.demo import settings
from pipeline.demo.arrow import Update
from pipeline.demo.county import INDUSTRY, County
from pipeline.demo.registry import policies


class Examiner:
    """Holds the evidence; :meth:`trip` judges.

    Attributes:
        examined: how many trips were looked at.
        wrong: what was wrong with those that should not have been sent.
    """

    def __init__(self, county: County) -> None:
        self._policy = policies(county)
        self._protected = {int(account) for account in county.account_id[county.protected]}
        self._approval = {int(account) for account in county.account_id[county.kind == INDUSTRY]}
        self._approved: set[int] = set()
        self._due: dict[int, tuple[int, Decimal]] = {}
        self._paid: dict[int, Decimal] = {}
        self._number = {int(account): number for number, account in enumerate(county.account_id)}
        self.examined = 0
        self.wrong: list[str] = []

    def told(self, account_id: int, balance: Decimal, at_s: int) -> None:
        """The customer was told that a trip is due."""
        self._due[account_id] = (at_s, balance)
        self._paid[account_id] = Decimal(0)

    def paid(self, account_id: int, amount: Decimal) -> None:
        """A payment of the customer was accepted (or taken back: a negative amount)."""
        self._paid[account_id] = self._paid.get(account_id, Decimal(0)) + amount

    def decided(self, updates: Sequence[Update]) -> None:
        """People have decided: who is protected from now on, whose trip is approved."""
        for update in updates:
            if update.account_id is not None and update.op == "set_protected":
                (self._protected.add if update.value else self._protected.discard)(update.account_id)
            elif update.account_id is not None and update.op == "approve_trip":
                self._approved.add(update.account_id)

    def trip(self, account_id: int, balance: Decimal, now_s: int) -> None:
        """Judge a trip sent at ``now_s``; ``balance`` is what the engine's book says at that moment."""
        self.examined += 1
        policy = str(self._policy[self._number[account_id]])
        below = Decimal(settings.TRIP_BELOW[policy])
        told_s, told_balance = self._due.get(account_id, (now_s, Decimal(0)))
        second = (now_s - settings.MIDNIGHT_S) % 86_400
        findings = {
            f"a balance of {balance}": balance > below,
            f"{self._paid.get(account_id)} paid since a balance of {told_balance}": (
                told_balance + self._paid.get(account_id, Decimal(0)) > below
            ),
            "protection": account_id in self._protected,
            "no approval": account_id in self._approval and account_id not in self._approved,
            f"a notice of {now_s - told_s} s": now_s - told_s < settings.NOTICE_S[policy],
            f"{second // 3600}:{second % 3600 // 60:02} o'clock": not (
                settings.TRIP_FROM_S <= second < settings.TRIP_TO_S
            ),
        }
        self.wrong += [
            f"account {account_id} was tripped in spite of {what}"
            for what, is_wrong in findings.items()
            if is_wrong
        ]
