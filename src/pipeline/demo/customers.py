"""The customers: when they pay, how much, and what a message from the utility makes them do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from pipeline.demo.county import FARM, HOUSEHOLD, INDUSTRY, NANO, SHOP, County
from pipeline.demo.events import Agenda
from pipeline.demo.payments import PayChannels
from pipeline.demo.settings import MIDNIGHT_S

_DAY_S: Final = 86_400
_UP_FROM_S: Final = 6 * 3600 + 1_800
_UP_TO_S: Final = 22 * 3600 + 1_800
_REGULAR_SHARE: Final = 0.015
_TYPICAL: Final = {INDUSTRY: 20_000, HOUSEHOLD: 50, SHOP: 300, FARM: 50}

# Of a hundred who get the message, how many pay, and after how many seconds at least and at most.
_ANSWERS: Final = {
    "low_balance": (0.40, 1_200, 10 * 3600),
    "trip_due": (0.50, 900, 7 * 3600),
    "autopay_failed": (0.60, 900, 3 * 3600),
    "tripped": (0.92, 120, 2 * 3600),
}
_TOO_LITTLE: Final = 0.06


@dataclass(frozen=True, slots=True)
class Message:
    """A notice as its customer reads it."""

    account: int
    kind: str
    balance_nano: int


class Customers:
    """Everybody who pays for electricity in the county."""

    def __init__(self, county: County, channels: PayChannels, rng: np.random.Generator) -> None:
        self._county = county
        self._channels = channels
        self._rng = rng
        self._visits: Agenda[Message] = Agenda()
        self._intended_s: dict[int, int] = {}
        self._plan_regular_visits()

    def hear(self, message: Message, now_s: int) -> None:
        """Take note of a message: some pay soon, some late, some by their bank, some not at all."""
        answer = _ANSWERS.get(message.kind)
        if answer is None:
            return
        share, soonest_s, latest_s = answer
        account = message.account
        asks_bank = message.kind in ("low_balance", "trip_due") and bool(self._county.debits[account])
        if asks_bank and self._channels.debit(account, self._amount(message), max(now_s, MIDNIGHT_S)):
            return
        if self._rng.random() >= share:
            return
        at_s = self._when_up(max(MIDNIGHT_S, now_s + int(self._rng.integers(soonest_s, latest_s))))
        if at_s < self._intended_s.get(account, at_s + 1):
            self._intended_s[account] = at_s
            self._visits.add(at_s, message)

    def act(self, now_s: int) -> None:
        """Let everybody pay who meant to until ``now_s``; nobody does after the day."""
        for at_s, message in self._visits.due(now_s):
            if self._intended_s.get(message.account) == at_s and at_s < MIDNIGHT_S + _DAY_S:
                del self._intended_s[message.account]
                self._pay(message, at_s)

    def _pay(self, message: Message, at_s: int) -> None:
        amount_nano = self._amount(message)
        if (
            message.kind == "tripped"
            and message.balance_nano < -2 * NANO
            and self._rng.random() < _TOO_LITTLE
        ):
            self._channels.pay(message.account, -message.balance_nano // 2, at_s)
            again_s = at_s + int(self._rng.integers(900, 5_400))
            self._intended_s[message.account] = again_s
            self._visits.add(again_s, message)
            return
        self._channels.pay(message.account, amount_nano, at_s)

    def _amount(self, message: Message) -> int:
        """What is owed and something on top, in notes of ten."""
        typical = _TYPICAL[int(self._county.kind[message.account])] * int(self._rng.choice([1, 1, 2, 4]))
        owed = max(0, -message.balance_nano) + typical * NANO
        return -(-owed // (10 * NANO)) * 10 * NANO

    def _when_up(self, at_s: int) -> int:
        """The instant itself, or, of the night, some time in the morning after it."""
        second = (at_s - MIDNIGHT_S) % _DAY_S
        if _UP_FROM_S <= second < _UP_TO_S:
            return at_s
        morning_s = at_s - second + _UP_FROM_S + (_DAY_S if second >= _UP_TO_S else 0)
        return morning_s + int(self._rng.integers(0, 5 * 3600))

    def _plan_regular_visits(self) -> None:
        """Those who top up today because they do so every few weeks."""
        prepaid = np.flatnonzero(self._county.prepaid)
        today = self._rng.choice(prepaid, max(4, int(len(prepaid) * _REGULAR_SHARE)), replace=False)
        for account, at_s in zip(today, self._rng.integers(_UP_FROM_S, _UP_TO_S, len(today)), strict=True):
            visit_s = MIDNIGHT_S + int(at_s)
            self._intended_s[int(account)] = visit_s
            self._visits.add(visit_s, Message(int(account), "regular", 0))
