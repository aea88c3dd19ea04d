"""How many reads a second a durable node takes, from its producers' sockets to their acknowledgements.

`feikong run` on loopback, one worker and one shard: CURVE, checks, the journal with fdatasync, the engine, the gateway;
no output is subscribed, and none is written; reported beside it, `intervals` are. Large messages are what head-ends
send, 65,536 reads; small ones are 64 reads of each of 1,000 concentrators. Senders are processes on the same cores,
whose messages are made before the clock starts; a round ends with the last acknowledgement. In every round the core
takes the same reads alone, and the disk pieces of 1 MiB, each synced. At the end a recovery of the node's journal must
have the core's registers and balances.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from benchmarks import disks
from benchmarks.answers import expect, expect_columns, fingerprint, integers
from benchmarks.command import main
from benchmarks.contest import seconds
from benchmarks.figures import ROUNDS, Figure, Question, Size
from benchmarks.loopback import Loopback
from benchmarks.machine import need_memory
from benchmarks.present import Present, config, newest_quarter_s
from benchmarks.senders import Senders
from fastcore import Config, Engine

__all__ = ["JOURNAL_READ_BYTES", "READ_BYTES", "Large", "Run", "running", "small"]

QUESTION = Question(
    "node",
    "reads through a durable node, acknowledged",
    "large messages ≥ 0.5 × the lower of core and disk; of 64 reads ≥ 2 M reads/s",
)
READ_BYTES: Final = 24
WRITTEN: Final = ("intervals",)
SMALL_TARGET_M: Final = 2.0
METER_BYTES: Final = 2_000
JOURNAL_READ_BYTES: Final = 60


@dataclass(frozen=True)
class Large:
    """How a node is loaded.

    Attributes:
        meters: of the county.
        senders: keys that share them.
        rows: reads of a message.
        sweeps: of a round; `rounds` of them, after one that does not count.
    """

    meters: int
    senders: int
    rows: int
    sweeps: int
    rounds: int = ROUNDS


def small(meters: int, senders: int, sweeps: int, rounds: int = ROUNDS) -> Large:
    """The same with messages of 64 reads."""
    return Large(meters, senders, 64, sweeps, rounds)


LARGE: dict[Size, Large] = {"smoke": Large(3_000, 2, 1_024, 2), "full": Large(1_000_000, 4, 65_536, 16, 8)}
SMALL: dict[Size, Large] = {"smoke": small(3_000, 10, 2), "full": small(1_024_000, 1_000, 4)}


def run(size: Size) -> list[Figure]:
    """Measure it with large messages, then with small ones."""
    large, of_64 = _measured(LARGE[size]), _measured(SMALL[size])
    written = _measured(LARGE[size], WRITTEN)
    disk = [rate / READ_BYTES / 1e6 for rate in large.disk_bytes]
    lower = tuple(min(pair) for pair in zip(large.core, disk, strict=True))
    which = "core" if lower[len(lower) // 2] == large.core[len(lower) // 2] else "disk"
    beside = f"core {_middle(large.core):.1f} M reads/s; disk {_middle(large.disk_bytes) / 1e6:,.0f} MB/s"
    return [
        Figure(
            f"{LARGE[size].meters:,} meters, messages of {LARGE[size].rows:,}",
            "M reads/s",
            tuple(large.node),
            which,
            lower,
            0.5,
            answer=large.answer,
            note=beside,
        ),
        Figure(
            f"the same, and {WRITTEN[0]} written",
            "M reads/s",
            tuple(written.node),
            "core",
            tuple(written.core),
            answer=written.answer,
        ),
        Figure(
            f"{SMALL[size].senders:,} senders, messages of 64",
            "M reads/s",
            tuple(of_64.node),
            "target of M reads/s",
            (SMALL_TARGET_M,),
            1.0,
            answer=of_64.answer,
            note=f"core, in batches of 65,536, {_middle(of_64.core):.1f} M reads/s",
        ),
    ]


@dataclass
class Run:
    """A node that runs with its senders, and the core that takes what it takes; rates by round."""

    load: Large
    node_: Loopback
    senders: Senders
    core_: Core
    tick: Callable[[int], None]
    node: list[float] = field(default_factory=list)
    core: list[float] = field(default_factory=list)
    disk_bytes: list[float] = field(default_factory=list)
    answer: str = ""

    def round(self, counts: bool = True) -> None:
        """Take a round, and let time go on to its end."""
        reads = self.senders.prepare(self.load.sweeps)
        core_s = self.core_.take(self.load.sweeps)
        disk = disks.rate_bytes(self.node_.folder)
        self.tick(self.core_.present.now_s)
        self.senders.begin()
        told = self.senders.told()
        expect("node: reads acknowledged", told.reads, reads)
        if counts:
            self.node.append(told.reads / told.spent_s / 1e6)
            self.core.append(reads / core_s / 1e6)
            self.disk_bytes.append(disk)


class Core:
    """An engine that takes what the node does: its answers are what the node's must be."""

    def __init__(self, meters: int, start_s: int) -> None:
        self.present = Present(meters, start_s)
        self.registry = list(self.present.county.registry())
        self._engine = Engine(Config.from_toml(config()))
        for kind, batch in self.registry:
            self._engine.apply(kind, batch, start_s)

    def take(self, sweeps: int) -> float:
        """Take the next sweeps in batches of 65,536; the seconds that they took."""
        batches = self.present.batches(sweeps)
        now_s = self.present.now_s
        self._engine.apply("tick", None, now_s)

        def take() -> None:
            for batch in batches:
                self._engine.apply("reads", batch, now_s)

        return seconds(take)

    def check(self, found: Engine) -> str:
        """Hold the registers and balances of another engine to this one's; the hash of the registers."""
        found.audit()
        right = {"last_value": integers(self._engine.meters()["last_value"])}
        expect_columns("core", right, {"last_value": self.present.county.value}, ", state")
        registers = {"last_value": integers(found.meters()["last_value"])}
        expect_columns("node", registers, right, ", state")
        balances = (integers(engine.accounts()["balance"]) for engine in (found, self._engine))
        expect_columns("node", {"balance": next(balances)}, {"balance": next(balances)}, ", state")
        return fingerprint(registers)


@contextmanager
def running(
    load: Large,
    text: str | None = None,
    *,
    snapshot_every: str = "1h",
    in_flight: int = 0,
    written: Sequence[str] = (),
) -> Iterator[Run]:
    """A node that has taken the registry and the baseline, and its senders.

    With `in_flight` a sender has so many messages under way at the most; `written` are outputs of a data set.
    """
    start_s = newest_quarter_s()
    with Loopback(text or config(), snapshot_every, written=written) as node:
        node.start()
        core = Core(load.meters, start_s)
        node.register(core.registry)
        core.registry.clear()
        pairs = [node.allowed(f"sender-{i}", "reads") for i in range(load.senders)]
        with (
            Senders(
                node.endpoint,
                node.node_key,
                pairs,
                meters=load.meters,
                start_s=start_s,
                rows=load.rows,
                in_flight=in_flight,
            ) as senders,
            node.producer("operator", "operator") as operator,
        ):

            def tick(at_s: int) -> None:
                operator.send("tick", at_s)
                expect("node: the time that an operator tells is taken", operator.flush(60), True)

            run_ = Run(load, node, senders, core, tick)
            senders.prepare(1)
            core.take(1)
            senders.begin()
            senders.told()
            yield run_


def _measured(load: Large, written: Sequence[str] = ()) -> Run:
    need_memory(f"{load.meters:,} meters", load.meters * METER_BYTES)
    with running(load, written=written) as run_:
        reads = load.meters * (load.sweeps * (load.rounds + 1) + 1)
        disks.need_room("the journal", run_.node_.folder, reads * JOURNAL_READ_BYTES)
        run_.round(counts=False)
        for _ in range(load.rounds):
            run_.round()
        run_.senders.close()
        run_.node_.stop()
        run_.answer = run_.core_.check(run_.node_.recovered())
    return run_


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


if __name__ == "__main__":
    main([QUESTION.name])
