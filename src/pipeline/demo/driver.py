"""The county's end of the wire: a producer for each kind of batch, a head-end, and what the node reports.

One batch after the other: time is an operator's TICK, and a batch is given once all before it is applied, so that a
seed gives the same day each time. The node's own clock stands still.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, Final, NamedTuple

import pyarrow as pa

from fastcore.errors import FeikongError
from fastcore.schemas import OUTPUTS
from pipeline.client import CommandAck, HeadEnd, Ignored, Producer
from pipeline.clock import RealClock
from pipeline.demo.arrow import Ack
from pipeline.demo.desk import Look
from pipeline.demo.reports import Report, Took
from pipeline.transport import Waiter
from pipeline.wire.commands import Command

__all__ = ["CountyClock", "DemoError", "Driver", "Record", "Station", "rows_of"]

_ROLES: Final = {
    "districts": "registry",
    "accounts": "registry",
    "meters": "registry",
    "reads": "reads",
    "payments": "payments",
    "updates": "operator",
    "tick": "operator",
}

SILENCE_S: Final = 30.0
"""So long may the node say nothing before the demo gives up."""
POLL_S: Final = 0.5
"""Between two looks at whoever has nothing to send."""


class DemoError(FeikongError):
    """The node of the demo does not do what it should."""


class CountyClock(RealClock):
    """A clock that says what time it is in the county, and measures as the machine's does.

    Attributes:
        at_s: the county's time.
    """

    def __init__(self, at_s: int) -> None:
        self.at_s = at_s

    def now_s(self) -> int:
        """The county's time."""
        return self.at_s


class Station(NamedTuple):
    """Who talks to the node: a producer by the role of its key, and the head-end, with the commands it ignored."""

    producers: Mapping[str, Producer]
    headend: HeadEnd
    ignored: list[Ignored]

    def poll(self) -> None:
        """Let everybody hear and say what there is, so that no session falls silent."""
        for each in (*self.producers.values(), self.headend):
            each.poll()


class Record:
    """What the engine gave, but for intervals.

    Attributes:
        kept: for each output, its batches that have rows.
    """

    def __init__(self) -> None:
        self.kept: dict[str, list[pa.RecordBatch]] = {name: [] for name in OUTPUTS if name != "intervals"}

    def take(self, outputs: Mapping[str, pa.RecordBatch]) -> None:
        """Take the outputs of a batch."""
        for name, rows in outputs.items():
            self.kept[name].append(rows)

    def rows(self, name: str, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        """Some columns of an output, all its rows, as Python values."""
        return [row for batch in self.kept[name] for row in rows_of(batch, columns)]

    def table(self, name: str) -> pa.Table | None:
        """All rows of an output, or ``None`` if it never had one."""
        return pa.Table.from_batches(self.kept[name]) if self.kept[name] else None


class Driver:
    """Gives batches to a node, in order, and waits for what they do.

    Attributes:
        record: what came out.
        sequence: the number of the newest batch; the configuration is 1.
        rows: rows given, by kind.
        reads_s: seconds in which reads were on their way, by the clock of the wall.
        restores_s: from a batch of payments to its restores at the head-end, likewise.
        look: what the desk saw when it last looked.
    """

    def __init__(
        self,
        station: Station,
        reports: Connection,
        county: CountyClock,
        clock: Callable[[], float],
    ) -> None:
        self.record = Record()
        self.sequence = 1
        self.rows: Counter[str] = Counter()
        self.reads_s = 0.0
        self.restores_s: list[float] = []
        self.look = Look([], [])
        self._station = station
        self._reports = reports
        self._county = county
        self._clock = clock
        self._commands: deque[Command] = deque()
        self._came = 0
        self._sent = 0
        self._waiter = Waiter(reports.fileno())
        self._given: Counter[str] = Counter()
        self._polled_s = float("-inf")

    @property
    def now_s(self) -> int:
        """The time of the county, which is the engine's."""
        return self._county.at_s

    def begin(self) -> None:
        """Wait until everybody has a session, and the node holds no trips any more, as it does from a start on."""
        for each in (*self._station.producers.values(), self._station.headend):
            self._until(partial(each.flush, 0.01), "lets everybody in")

        def ready() -> bool:
            self._station.poll()
            report = self._hear(True)
            if report is not None:
                self._took(report.took)
            return report is not None and report.ready

        self._until(ready, "has its time, and holds no trips")

    def time(self, now_s: int) -> list[Took]:
        """Let time go on; what that did."""
        if now_s <= self.now_s:
            return []
        self._county.at_s = now_s
        return self._give("operator", "tick", now_s)

    def apply(self, kind: str, batch: pa.RecordBatch) -> list[Took]:
        """Give a batch to the node, at the county's time; one that is large becomes several: what each did."""
        started_s = self._clock()
        took = self._give(_ROLES[kind], kind, batch)
        self.rows[kind] += batch.num_rows
        if kind == "reads":
            self.reads_s += self._clock() - started_s
        elif kind == "payments" and self._commands:
            self.restores_s.append(self._clock() - started_s)
        return took

    def acknowledge(self, acks: Sequence[Ack]) -> list[Took]:
        """Have the head-end report; what that did."""
        headend = self._station.headend
        headend.acknowledge(CommandAck(ack.command_id, ack.outcome, ack.at_s) for ack in acks)
        self.rows["acks"] += len(acks)
        return self._wait(1, headend)

    def commands(self) -> list[Command]:
        """What the head-end was sent since it was last asked."""
        taken = list(self._commands)
        self._commands.clear()
        return taken

    def _give(self, role: str, kind: str, batch: Any) -> list[Took]:
        """Give a batch to a producer, which may cut it; what each part did."""
        producer = self._station.producers[role]
        last = producer.send(kind, batch)
        given, self._given[role] = last - self._given[role], last
        return self._wait(given, producer)

    def _wait(self, given: int, sender: Producer | HeadEnd) -> list[Took]:
        """Wait until so many batches are applied, and the commands that came of them are at the head-end."""
        took: list[Took] = []

        def all_came() -> bool:
            sender.poll()
            while (report := self._hear(len(took) < given)) is not None:
                took.extend(report.took)
                self._sent = report.commands
            if len(took) < given:
                return False
            if self._came + len(self._station.ignored) < self._sent:
                commands = self._station.headend.commands(timeout_s=0.002)
                self._came += len(commands)
                self._commands.extend(commands)
            return self._came + len(self._station.ignored) >= self._sent

        self._until(all_came, f"takes {given} batches, and that their commands come")
        self._took(took)
        if self._clock() > self._polled_s + POLL_S:
            self._polled_s = self._clock()
            self._station.poll()
        return took

    def _hear(self, wait: bool) -> Report | None:
        """The next report; None if there is none, after a moment if one is waited for."""
        if not self._waiter.wait(0.002 if wait else 0.0):
            return None
        try:
            report: Report = self._reports.recv()
        except (EOFError, ConnectionError):
            raise DemoError(
                "the engine's process has ended; what it said on standard error tells why"
            ) from None
        return report

    def _took(self, took: Sequence[Took]) -> None:
        for each in took:
            self.sequence = each.seq
            self.record.take(each.outputs)
            if each.look is not None:
                self.look = each.look

    def _until(self, done: Callable[[], bool], what: str) -> None:
        started_s = self._clock()
        while not done():
            if self._clock() - started_s > SILENCE_S:
                raise DemoError(f"the node has not answered for {SILENCE_S:g} s; expected that it {what}")


def rows_of(batch: pa.RecordBatch | None, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """Some columns of a small batch as rows of Python values: names as text, money as ``Decimal``."""
    if batch is None or not batch.num_rows:
        return []
    return list(zip(*(batch[name].to_pylist() for name in columns), strict=True))
