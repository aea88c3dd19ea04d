"""The pay channels: app, counter, agent and bank, and all that goes wrong with them.

A payment travels from its channel to the utility for seconds or minutes. Some are sent twice with the same
id, a few come again with another amount, for a mistyped account, of nothing, or from a terminal whose clock
is wrong; counters take a payment back now and then. For some minutes of the morning the pay gateway is down:
nothing comes then, not even the empty batch that says that nobody has paid, and all of it comes afterwards.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from pipeline.demo.arrow import Payment, Update
from pipeline.demo.county import NANO, County
from pipeline.demo.events import Agenda
from pipeline.demo.settings import MIDNIGHT_S

CHANNELS: Final = ("app", "counter", "agent", "bank")
GATEWAY_DOWN_FROM_S: Final = MIDNIGHT_S + 10 * 3600 + 20 * 60
GATEWAY_DOWN_TO_S: Final = GATEWAY_DOWN_FROM_S + 35 * 60
HEARTBEAT_S: Final = 240

_TRANSIT_S: Final = {"app": (1, 6), "counter": (2, 12), "agent": (15, 180), "bank": (30, 300)}
_COUNTER_HOURS: Final = (8 * 3600 + 1_800, 17 * 3600 + 1_800)
_AGENT_HOURS: Final = (7 * 3600, 21 * 3600)

_TWICE, _CONFLICT, _MISTYPED, _NOTHING, _WRONG_CLOCK, _TAKEN_BACK = 0.03, 0.002, 0.003, 0.002, 0.002, 0.005
_CLEARED, _FAILED = 0.78, 0.10


class PayChannels:
    """Takes what customers pay, and hands it in as rows for the engine."""

    def __init__(self, county: County, rng: np.random.Generator) -> None:
        self._county = county
        self._rng = rng
        self._payments: Agenda[Payment] = Agenda()
        self._updates: Agenda[Update] = Agenda()
        self._debits: set[int] = set()
        self._sent_s = MIDNIGHT_S - HEARTBEAT_S

    def pay(self, account: int, amount_nano: int, at_s: int, channel: str | None = None) -> None:
        """Customer ``account`` pays at ``at_s``, by ``channel`` or by one that is open then."""
        channel = channel or self._open_channel(at_s)
        account_id = int(self._county.account_id[account])
        payment = Payment(self._rng.bytes(16), account_id, "top_up", amount_nano, at_s, channel)
        draw = float(self._rng.random())
        bounds = np.cumsum([_TWICE, _CONFLICT, _MISTYPED, _NOTHING, _WRONG_CLOCK, _TAKEN_BACK])
        mishap = int(np.searchsorted(bounds, draw, side="right"))
        arrival_s = at_s + self._seconds(*_TRANSIT_S[channel])
        later_s = arrival_s + self._seconds(5, 900)
        match mishap:
            case 0:
                self._payments.add(later_s, payment)
            case 1:
                self._payments.add(later_s, payment._replace(amount_nano=amount_nano + 10 * NANO))
            case 2:
                mistyped = payment._replace(payment_id=self._rng.bytes(16), account_id=account_id + 10**9)
                self._payments.add(arrival_s - 1, mistyped)
            case 3:
                self._payments.add(
                    arrival_s - 1, payment._replace(payment_id=self._rng.bytes(16), amount_nano=0)
                )
            case 4:
                ahead = payment._replace(payment_id=self._rng.bytes(16), at_s=at_s + 3 * 3600)
                self._payments.add(arrival_s - 1, ahead)
            case 5 if channel == "counter":
                wrong = payment._replace(payment_id=self._rng.bytes(16))
                back = wrong._replace(
                    payment_id=self._rng.bytes(16), kind="reversal", amount_nano=-amount_nano
                )
                self._payments.add(arrival_s, wrong)
                self._payments.add(later_s, back._replace(at_s=later_s))
        self._payments.add(arrival_s, payment)

    def debit(self, account: int, amount_nano: int, now_s: int) -> bool:
        """Start a bank debit; ``False`` if there was one. Most clear, some fail, some hang without a word."""
        if account in self._debits:
            return False
        self._debits.add(account)
        account_id = int(self._county.account_id[account])
        self._updates.add(now_s, Update("autopay_started", account_id))
        draw = float(self._rng.random())
        answered_s = now_s + self._seconds(1_800, 6 * 3600)
        if draw < _CLEARED:
            self.pay(account, amount_nano, answered_s, "bank")
            self._updates.add(answered_s + 330, Update("autopay_cleared", account_id))
        elif draw < _CLEARED + _FAILED:
            self._updates.add(answered_s, Update("autopay_failed", account_id))
        return True

    def payments_due(self, now_s: int) -> list[Payment] | None:
        """What the gateway hands in: rows, no rows as a sign of life, or ``None`` for no batch."""
        if GATEWAY_DOWN_FROM_S <= now_s < GATEWAY_DOWN_TO_S:
            return None
        due = [payment for _, payment in self._payments.due(now_s)]
        if not due and now_s - self._sent_s < HEARTBEAT_S:
            return None
        self._sent_s = now_s
        return due

    def updates_due(self, now_s: int) -> list[Update]:
        """What the bank says about its debits up to ``now_s``."""
        return [update for _, update in self._updates.due(now_s)]

    def _open_channel(self, at_s: int) -> str:
        second = (at_s - MIDNIGHT_S) % 86_400
        draw = float(self._rng.random())
        if draw < 0.22 and _COUNTER_HOURS[0] <= second < _COUNTER_HOURS[1]:
            return "counter"
        if 0.22 <= draw < 0.36 and _AGENT_HOURS[0] <= second < _AGENT_HOURS[1]:
            return "agent"
        return "app"

    def _seconds(self, least: int, most: int) -> int:
        return int(self._rng.integers(least, most))
