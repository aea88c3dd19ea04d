"""The day: from the registry on the evening before to the last late read, step by step, through a node.

A step is a minute. In each, what has been paid comes in, the bank and the desk have their say, meters
answer, and at set minutes of a quarter-hour the concentrators hand in their reads. Whatever the node says
is acted on at once: commands come to the head-end, notices to the customers, orders to the crews. Nothing here
reads a clock: simulated time counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
import pyarrow as pa

from pipeline.demo import collection, county, fates, registry, settings
from pipeline.demo.arrow import Payment, Update, payments_batch, updates_batch
from pipeline.demo.customers import Customers, Message
from pipeline.demo.desk import Desk
from pipeline.demo.driver import Driver, rows_of
from pipeline.demo.examiner import Examiner
from pipeline.demo.headend import Command, HeadEnd
from pipeline.demo.load import Load
from pipeline.demo.payments import PayChannels
from pipeline.demo.reports import Took
from pipeline.wire import commands as wire

STEP_S: Final = 60
TICK_S: Final = 300
WAVES_AT_S: Final = (60, 180)


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
    """The county around one node: the same ``seed`` and ``scale`` give the same day."""

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
        self._examined: set[int] = set()
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
        self._time(end_s)  # the day's last windows close
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
            took = self._apply("payments", payments_batch(payments), now_s)
            self._payments.append((took[0].seq, payments))
        if now_s - start_s in WAVES_AT_S:
            self._reads(quarter, WAVES_AT_S.index(now_s - start_s), now_s)
        if acks := self._headend.acks_due(now_s):
            self._time(now_s)
            self._act("acks", self._driver.acknowledge(acks), now_s)
        if now_s - start_s == settings.LOOK_AT_S:
            self._time(now_s)
        if updates := self._updates(start_s, now_s):
            self._examiner.decided(updates)
            self._apply("updates", updates_batch(updates), now_s)
        if self._driver.now_s == newest_batch_s and now_s - newest_batch_s >= TICK_S:
            self._time(now_s)

    def _updates(self, start_s: int, now_s: int) -> list[Update]:
        updates = self._channels.updates_due(now_s)
        if now_s - start_s == STEP_S:
            shown = self._collection.shown(self._load.registers())
            updates += [*self._desk.works(start_s), *self._desk.rebases(start_s, shown)]
        if now_s - start_s == settings.LOOK_AT_S:
            updates += self._desk.look(self._driver.look, start_s)
        return updates

    def _reads(self, quarter: int, wave: int, now_s: int) -> None:
        reads = self._collection.handed_in(quarter, wave)
        if reads is not None:
            self._time(now_s)
            self._act("reads", self._driver.apply("reads", reads.batch()), now_s)

    def _time(self, now_s: int) -> None:
        """Let time go on, and everybody act on what that brings."""
        self._act("tick", self._driver.time(now_s), now_s)

    def _apply(self, kind: str, batch: pa.RecordBatch, now_s: int) -> list[Took]:
        """Give a batch to the node, and let everybody act on what it does."""
        self._time(now_s)
        took = self._driver.apply(kind, batch)
        self._act(kind, took, now_s)
        return took

    def _act(self, kind: str, took: list[Took], now_s: int) -> None:
        for outputs in (each.outputs for each in took):
            if kind in ("payments", "updates"):
                for account_id, entry, amount in rows_of(
                    outputs.get("ledger"), ("account_id", "kind", "amount")
                ):
                    if entry in ("top_up", "reversal"):
                        self._examiner.paid(account_id, amount)
            self._tell(outputs, now_s)
            for order, state, account_id in rows_of(outputs.get("orders"), ("kind", "state", "subject")):
                if (order, state) == ("field_restore", "opened"):
                    self._headend.send_crew(self._number[int(account_id)], now_s)
        for command in self._driver.commands():
            self._command(command, now_s)

    def _tell(self, outputs: Mapping[str, pa.RecordBatch], now_s: int) -> None:
        for account_id, notice, balance in rows_of(outputs.get("notices"), ("account_id", "kind", "balance")):
            if notice == "trip_due":
                self._examiner.told(account_id, balance, now_s)
            message = Message(self._number[account_id], notice, int(balance.scaleb(9)))
            self._customers.hear(message, now_s)

    def _command(self, command: wire.Command, now_s: int) -> None:
        """A command has come to the head-end, which has verified it; a trip is examined when it first comes."""
        if command.kind == "trip" and command.command_id not in self._examined:
            self._examined.add(command.command_id)
            self._examiner.trip(int(command.account_id), Decimal(command.balance_nano).scaleb(-9), now_s)
        number = self._number[int(command.account_id)]
        self._headend.take(Command(command.command_id, command.kind, number, command.expires_at_s), now_s)
