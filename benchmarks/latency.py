"""How long a payment takes to become a restore command at a head-end, while reads come at half of what the node takes.

The clock runs from the payment's bytes on one socket to the command's on another: worker, journal with fdatasync,
engine, gateway and worker lie between. One payment is under way at a time, each at another moment of the reads' flow;
the head-end checks and acknowledges each command before the next is paid. Held against one bare write and fdatasync of
as many bytes as a frame of the same run has, before and after each round, while nothing else is written.
"""

from __future__ import annotations

import random
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from benchmarks import disks
from benchmarks.answers import expect, expect_columns, fingerprint, integers
from benchmarks.command import main
from benchmarks.errors import CannotRun
from benchmarks.figures import ROUNDS, Figure, Question, Size
from benchmarks.loopback import Loopback, wait_for
from benchmarks.machine import need_memory
from benchmarks.node import READ_BYTES, Large, Run, running
from benchmarks.prepaid import account_number, config_with_prompt, payment, prompt_reads, prompt_registry
from benchmarks.present import newest_quarter_s
from benchmarks.senders import Sender, let_in
from pipeline.client import CommandAck, HeadEnd
from pipeline.closing import Closing
from pipeline.keys import PublicKey
from pipeline.transport import Sockets
from pipeline.wire import Kind

QUESTION = Question(
    "latency", "payment to restore command, among reads", "p99 ≤ 4 × p99 of one bare fdatasync + 5 ms"
)
METER_BYTES: Final = 2_000
SYNCS: Final = 100
MARGIN_S: Final = 0.005
LONG_S: Final = 60.0
PERCENTILES: Final = (50.0, 99.0, 99.9)


@dataclass(frozen=True)
class Paid:
    """How many payments a round has at most, beside what load."""

    load: Large
    payments: int


SIZES: dict[Size, Paid] = {
    "smoke": Paid(Large(3_000, 2, 1_024, 8), 5),
    "full": Paid(Large(1_000_000, 4, 65_536, 24), 400),
}


def run(size: Size) -> list[Figure]:
    """Measure it: the first round, as fast as the node takes reads, tells what half of that is."""
    paid = SIZES[size]
    need_memory(f"{paid.load.meters:,} meters", paid.load.meters * METER_BYTES)
    ours: list[list[float]] = []
    bare_s: list[float] = []
    with running(paid.load, config_with_prompt()) as run_, ExitStack() as stack:
        aside = Path(stack.enter_context(TemporaryDirectory(dir=_memory())))
        customers = stack.enter_context(_Customers(run_.node_, aside, ROUNDS * paid.payments))
        run_.round()
        rate = run_.node[0] * 1e6 / 2
        for _ in range(ROUNDS):
            measured_s, frame_bytes = _round(run_, customers, paid.payments, rate)
            bare_s.append(_percentile(disks.syncs_s(run_.node_.folder, frame_bytes, 2 * SYNCS), 99))
            ours.append(measured_s)
        paid_ids = customers.paid
        run_.senders.close()
        run_.node_.stop()
        found = run_.node_.recovered()
        expect("latency: balances of those who paid", {found.balance(each) for each in paid_ids}, {9})
        registers = {"last_value": integers(found.meters()["last_value"])[: paid.load.meters]}
        expect_columns("latency", registers, {"last_value": run_.core_.present.county.value}, ", state")
        answer = fingerprint(registers)
    allowed = tuple(1e3 * (4 * each + MARGIN_S) for each in bare_s)
    bare_ms = 1e3 * float(np.median(bare_s))
    note = (
        f"{sum(map(len, ours))} payments; reads at {rate / 1e6:.2f} M/s; bare fdatasync p99 {bare_ms:.1f} ms"
    )
    return [
        Figure(
            f"p{percentile:g}",
            "ms",
            tuple(1e3 * _percentile(each, percentile) for each in ours),
            "4 × fdatasync + 5 ms",
            allowed,
            1.0 if percentile == 99.0 else None,
            at_most=True,
            answer=answer,
            note=note if percentile == 99.0 else "",
        )
        for percentile in PERCENTILES
    ]


class _Customers(Closing):
    """A payments key and a head-end, and accounts that are off until they pay; a context manager."""

    def __init__(self, node: Loopback, aside: Path, count: int) -> None:
        self.paid: list[int] = []
        self._count = count
        self._number = 0
        self._stack = ExitStack()
        sockets = self._stack.enter_context(Sockets())
        pair = node.allowed("till", "payments")
        self._headend = self._stack.enter_context(
            HeadEnd(node.endpoint, node.allowed("headend", "headend"), node.node_key, aside)
        )
        node.register(prompt_registry(count), "desk")
        with node.producer("baseline", "reads") as baseline:
            baseline.send("reads", prompt_reads(count, newest_quarter_s()))
            expect("latency: the baseline is taken", baseline.flush(LONG_S), True)
        client = sockets.connect(node.endpoint, pair, PublicKey.load(node.node_key).curve)
        self._till = Sender(client, pair.public.curve, Kind.PAYMENTS)
        let_in([self._till])
        tripped: set[int] = set()

        def all_off() -> bool:
            trips = self._headend.commands(timeout_s=0.1)
            if trips:
                self._headend.acknowledge(
                    [CommandAck(each.command_id, "done", int(time.time())) for each in trips]
                )
                tripped.update(int(each.account_id) for each in trips)
            return len(tripped) == count

        wait_for(all_off, f"all of {count} accounts are cut off")
        expect("latency: acks are settled", self._headend.flush(LONG_S), True)

    def close(self) -> None:
        """End their connections."""
        self._stack.close()

    @property
    def left(self) -> bool:
        """Whether somebody has not paid yet."""
        return self._number < self._count

    def pay(self) -> float:
        """The next one pays; how long it is until the restore is there, which is acknowledged then."""
        number, headend = self._number, self._headend
        self._number += 1
        self._till.load([payment(number, int(time.time()))])
        started_s = time.monotonic()
        while not self._till.push(1, started_s):
            time.sleep(0)
        until_s = started_s + LONG_S
        while True:
            moved = headend.poll(0.05)
            now_s = time.monotonic()
            commands = headend.commands() if moved else []
            if commands:
                headend.acknowledge(
                    [CommandAck(each.command_id, "done", int(time.time())) for each in commands]
                )
            mine = [each for each in commands if account_number(int(each.account_id)) == number]
            if mine:
                expect("latency: what a payment gives", mine[0].kind, "restore")
                self.paid.append(int(mine[0].account_id))
                self._till.take()
                return now_s - started_s
            if now_s > until_s:
                raise CannotRun(f"a payment gave no restore within {LONG_S:g} s")


def _round(run_: Run, customers: _Customers, payments: int, rate: float) -> tuple[list[float], int]:
    """Payments while reads come; how long each took, and the bytes of a frame of that time."""
    reads = run_.senders.prepare(run_.load.sweeps)
    run_.core_.take(run_.load.sweeps)
    run_.tick(run_.core_.present.now_s)
    frames = _frames(run_.node_)
    draw = random.Random(payments)
    out: list[float] = []
    run_.senders.begin(rate)
    while len(out) < payments and customers.left and not (run_.senders.done and out):
        out.append(customers.pay())
        time.sleep(draw.uniform(0, 0.01))
    expect("latency: reads acknowledged", run_.senders.told().reads, reads)
    return out, max(4096, reads * READ_BYTES // max(1, _frames(run_.node_) - frames))


def _frames(node: Loopback) -> int:
    """Frames that there are; a status is a second old at most."""
    time.sleep(1.2)
    status = node.status
    if status is None:
        raise CannotRun("the node tells no status")
    return status.frame


def _memory() -> Path | None:
    """A folder in memory, where there is one: a head-end's disk is not the node's."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() else None


def _percentile(values: list[float], percentile: float) -> float:
    return float(np.percentile(np.array(values), percentile, method="higher"))


if __name__ == "__main__":
    main([QUESTION.name])
