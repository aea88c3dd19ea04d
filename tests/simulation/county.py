"""A very small county: who sends what, made from a seed, as clients take it and as engines do."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from random import Random
from typing import Any

import pyarrow as pa

from pipeline.wire import Kind, Role, tick_body, write_batch
from unit import core_world as rows
from unit.core_world import NANO, START, STEP

IDS = "uint64"
ACCOUNTS = 5
CONFIG = (
    rows.CONFIG.replace("to = 2027-01-01", "to = 2026-01-08")
    .replace("max_attempts = 1", 'max_attempts = 4\nack_timeout = "60s"\ncommand_ttl = "10m"')
    .replace('max_jump = "7d"', 'max_jump = "12h"')
)
BEGIN_S = START + 4 * STEP
END_S = START + 5 * 86_400


@dataclass(frozen=True)
class Given:
    """A batch as it was meant: `content` is what the engine takes, None where none of it may reach one."""

    kind: Kind
    rows: int
    body: bytes
    content: Any


def of_rows(kind: str, *given: dict[str, Any]) -> Given:
    """A batch of rows."""
    batch = rows.rows(kind, IDS, *given)
    wire_kind = Kind[kind.upper()]
    return Given(wire_kind, batch.num_rows, write_batch(wire_kind, batch, IDS), batch)


def registry() -> list[Given]:
    """All accounts and their meters."""
    names = range(ACCOUNTS)
    return [
        of_rows("accounts", *(rows.account(IDS, f"A{i}", (1 + 5 * i) * NANO, f"D{i % 2}") for i in names)),
        of_rows("meters", *(rows.meter(IDS, f"M{i}", f"A{i}") for i in names)),
    ]


class Reader:
    """A feeder of some of the meters; what they draw now and then costs more than their account has.

    `off` are the meters whose relay is open now: they draw nothing.
    """

    def __init__(self, random: Random, meters: list[int], off: Collection[int | str]) -> None:
        self._random = random
        self._meters = meters
        self._off = off
        self._values = dict.fromkeys(meters, 0)

    def next(self, now_s: int) -> Given:
        """One read of each meter, or a batch with something wrong."""
        random, step = self._random, (now_s - START) // STEP
        if random.random() < 0.04:
            return _wrong(random, step)
        for meter in self._meters:
            drawn = random.choice((0, 100, 1000, 3000))
            self._values[meter] += 0 if rows.id_of(IDS, f"M{meter}") in self._off else drawn
        return of_rows("reads", *(rows.read(IDS, f"M{m}", step, self._values[m]) for m in self._meters))


class Cashier:
    """A pay channel."""

    def __init__(self, random: Random, first: int) -> None:
        self._random = random
        self._number = first

    def next(self, now_s: int) -> Given:
        """A payment, or word that the channel is up."""
        if self._random.random() < 0.1:
            empty = rows.rows("payments", IDS, rows.payment(IDS, 0, "A0", NANO)).slice(0, 0)
            return Given(Kind.PAYMENTS, 0, write_batch(Kind.PAYMENTS, empty, IDS), empty)
        return self.of(self._random.randrange(ACCOUNTS), self._random.choice((5, 50)), now_s)

    def of(self, account: int, amount: int, now_s: int) -> Given:
        """A payment to an account."""
        self._number += 1
        return of_rows("payments", rows.payment(IDS, self._number, f"A{account}", amount * NANO, now_s))


class Clerk:
    """An operator, who rarely interferes."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def next(self, now_s: int) -> Given:
        """An update, or what time it is."""
        account = f"A{self._random.randrange(ACCOUNTS)}"
        what = self._random.randrange(8)
        if what == 0:
            return self.tick(now_s)
        if what == 1:
            return self.trips("suspend_trips")
        if what in (2, 3):
            return self.trips("resume_trips")
        if what == 4:
            return of_rows("updates", rows.update(IDS, "suspend_trips", text=str(rows.id_of(IDS, "D1"))))
        if what == 5:
            return of_rows("updates", rows.update(IDS, "resume_trips", text=str(rows.id_of(IDS, "D1"))))
        return of_rows("updates", rows.update(IDS, "set_protected", account, value=int(what == 6)))

    def tick(self, now_s: int) -> Given:
        """The time."""
        return Given(Kind.TICK, 0, tick_body(now_s), now_s)

    def trips(self, op: str) -> Given:
        """All trips of the node, suspended or resumed."""
        return of_rows("updates", rows.update(IDS, op))


def _wrong(random: Random, step: int) -> Given:
    """A batch that is refused whole: by a worker, or by the engine."""
    if random.random() < 0.5:
        batch = rows.rows("reads", "utf8", rows.read("utf8", "M0", step, 1))
        return Given(Kind.READS, 1, write_batch(Kind.READS, batch, "utf8"), batch)
    good = of_rows("reads", rows.read(IDS, "M0", step, 1))
    return Given(Kind.READS, good.rows, good.body[:-1] + b"\xff", None)


def reads_only(given: list[Given]) -> pa.RecordBatch:
    """Batches of one kind as one, as a worker gathers them."""
    return pa.concat_batches([each.content for each in given])


ROLES = {
    "registry": Role.REGISTRY,
    "reads-0": Role.READS,
    "reads-1": Role.READS,
    "payments-0": Role.PAYMENTS,
    "payments-1": Role.PAYMENTS,
    "operator": Role.OPERATOR,
    "headend": Role.HEADEND,
    "subscriber": Role.SUBSCRIBER,
}


def key_of(name: str) -> bytes:
    """The public key of a client."""
    return name.encode().ljust(32, b".")
