"""The day: from the registry on the evening before to the last late read, step by step, through the engine.

A step is half a minute. In each, what has been paid comes in, the bank and the desk have their say, meters
answer, and at set minutes of a quarter-hour the concentrators hand in their reads. Whatever the engine says
is acted on at once: commands go to the head-end, notices to the customers, orders to the crews. Nothing here
reads a clock: simulated time counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from pipeline.demo import collection, county, fates, registry, settings
from pipeline.demo.arrow import Payment, Reads, Update, acks_batch, payments_batch, updates_batch
from pipeline.demo.customers import Customers, Message
from pipeline.demo.desk import Desk
from pipeline.demo.driver import Driver, rows_of
from pipeline.demo.examiner import Examiner
from pipeline.demo.headend import Command, HeadEnd
from pipeline.demo.load import Load
from pipeline.demo.payments import PayChannels

STEP_S: Final = 30
TICK_S: Final = 60
WAVES_AT_S: Final = (60, 180)
LOOK_AT_S: Final = 300
BATCH_ROWS: Final = 65_536


@dataclass(frozen=True, slots=True)
class Day:
    """What is left of the day when it is over.

    ``payments`` are all that were sent, each batch with its number.
    """

    county: county.County
    plan: fates.Plan
    driver: Driver
    desk: Desk
    examiner: Examiner
    payments: list[tuple[int, list[Payment]]]


class Simulation:
    """The county around one engine: the same ``seed`` and ``scale`` give the same day."""

    def __init__(self, seed: int, scale: float, driver: Driver) -> None:
        streams = [
            np.random.Generator(np.random.PCG64(child)) for child in np.random.SeedSequence(seed).spawn(8)
        ]
        self._county = county.build(streams[0], scale)
        self._plan = fates.plan(self._county, streams[1])
        self._load = Load(self._county, streams[2])
        self._collection = collection.Collection(self._county, self._plan, streams[3])
        self._channels = PayChannels(self._county, streams[4])
        self._customers = Customers(self._county, self._channels, streams[5])
        self._headend = HeadEnd(self._county, streams[6])
        self._desk = Desk(self._county, self._plan, streams[7])
        self._examiner = Examiner(self._county)
        self._payments: list[tuple[int, list[Payment]]] = []
        self._number = {int(account): number for number, account in enumerate(self._county.account_id)}
        self._driver = driver

    def day(self, on_quarter: Callable[[int, int], None] = lambda over, of: None) -> Day:
        """Run the day and two hours more; ``on_quarter`` hears how many quarters of how many are over."""
        self._evening()
        quarters = fates.LAST_QUARTER + 1
        end_s = settings.MIDNIGHT_S
        for quarter in range(quarters):
            start_s, end_s = end_s, end_s + settings.QUARTER_S
            for now_s in range(start_s + STEP_S, end_s + 1, STEP_S):
                self._step(quarter, start_s, now_s)
            if quarter < settings.QUARTERS:
                self._load.advance(quarter, self._headend.open_seconds(start_s, end_s))
                self._collection.take(quarter, self._load.registers())
            on_quarter(quarter + 1, quarters)
        self._apply("tick", None, end_s)  # the day's last windows close
        return Day(self._county, self._plan, self._driver, self._desk, self._examiner, self._payments)

    def _evening(self) -> None:
        self._apply("districts", registry.districts_batch(self._county), settings.EVENING_S)
        self._apply("accounts", registry.accounts_batch(self._county), settings.EVENING_S)
        self._apply("meters", registry.meters_batch(self._county), settings.EVENING_S)
        self._apply("meters", registry.freeze_batch(self._county), settings.MIDNIGHT_S)

    def _step(self, quarter: int, start_s: int, now_s: int) -> None:
        newest_batch_s = self._driver.now_s
        self._customers.act(now_s)
        payments = self._channels.payments_due(now_s)
        if payments is not None:
            self._payments.append((self._driver.sequence + 1, payments))
            self._apply("payments", payments_batch(payments), now_s)
        if now_s - start_s in WAVES_AT_S:
            for batch in _batches(self._collection.handed_in(quarter, WAVES_AT_S.index(now_s - start_s))):
                self._apply("reads", batch, now_s)
        if acks := self._headend.acks_due(now_s):
            self._apply("acks", acks_batch(acks), now_s)
        if updates := self._updates(start_s, now_s):
            self._examiner.decided(updates)
            self._apply("updates", updates_batch(updates), now_s)
        if self._driver.now_s == newest_batch_s and now_s - newest_batch_s >= TICK_S:
            self._apply("tick", None, now_s)

    def _updates(self, start_s: int, now_s: int) -> list[Update]:
        updates = self._channels.updates_due(now_s)
        if now_s - start_s == STEP_S:
            shown = self._collection.shown(self._load.registers())
            updates += [*self._desk.works(start_s), *self._desk.rebases(start_s, shown)]
        if now_s - start_s == LOOK_AT_S:
            updates += self._desk.look(self._driver.engine.accounts(), start_s)
        return updates

    def _apply(self, kind: str, batch: pa.RecordBatch | None, now_s: int) -> None:
        """Apply a batch, and let everybody act on what the engine says."""
        effects = self._driver.apply(kind, batch, now_s)
        if kind in ("payments", "updates"):
            for account_id, entry, amount in rows_of(effects.ledger, ("account_id", "kind", "amount")):
                if entry in ("top_up", "reversal"):
                    self._examiner.paid(account_id, amount)
        self._tell(effects, now_s)
        self._command(effects, now_s)
        for order, state, account_id in rows_of(effects.orders, ("kind", "state", "subject")):
            if (order, state) == ("field_restore", "opened"):
                self._headend.send_crew(self._number[int(account_id)], now_s)

    def _tell(self, effects: Any, now_s: int) -> None:
        for account_id, notice, balance in rows_of(effects.notices, ("account_id", "kind", "balance")):
            if notice == "trip_due":
                self._examiner.told(account_id, balance, now_s)
            message = Message(self._number[account_id], notice, int(balance.scaleb(9)))
            self._customers.hear(message, now_s)

    def _command(self, effects: Any, now_s: int) -> None:
        columns = ("command_id", "kind", "attempt", "account_id", "expires_at")
        for command_id, kind, attempt, account_id, expires_at in rows_of(effects.commands, columns):
            if kind == "trip" and attempt == 1:
                self._examiner.trip(account_id, self._driver.engine.balance(account_id), now_s)
            expires_s = int(expires_at.timestamp())
            self._headend.take(Command(command_id, kind, self._number[account_id], expires_s), now_s)


def _batches(reads: Reads | None) -> Iterator[pa.RecordBatch]:
    """The reads of a wave in batches of at most 65,536 rows."""
    if reads is not None:
        whole = reads.batch()
        for first in range(0, whole.num_rows, BATCH_ROWS):
            yield whole.slice(first, BATCH_ROWS)
