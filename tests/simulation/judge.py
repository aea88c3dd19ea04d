"""What a shard's state must be: an engine of its own, given what producers meant, and plain notes of the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from xxhash import xxh3_128_digest

from fastcore import Config, ConfigError, Engine, SchemaError
from pipeline.wire import Kind
from simulation.county import CONFIG, Given
from simulation.frames import EPOCH, FROZEN, SPENT, Entry

CONFIGURED = Config.from_toml(CONFIG)
Command = tuple[int, int, str]
"""Number, attempt and kind."""


class Violation(AssertionError):
    """Something that must never be: what a simulation looks for."""


def require(true: object, what: str) -> None:
    """Raise `Violation` unless it is true."""
    if not true:
        raise Violation(what)


@dataclass
class Line:
    """How far one producer is."""

    epoch: int = 0
    settled: int = 0
    refused: int = 0
    frozen: bool = False


@dataclass(frozen=True)
class Issued:
    """A command that the engine of the judge has sent: behind which frame and batch, and on what balance."""

    frame: int
    sequence: int
    account: int
    balance_nano: int
    expires_s: int


@dataclass
class Judge:
    """The state behind so many frames.

    `truth` are the batches that each producer has been given to send, in order.
    """

    truth: Mapping[bytes, Sequence[Given]]
    engine: Engine = field(default_factory=lambda: Engine(CONFIGURED))
    configured: bool = False
    frames: int = 0
    lines: dict[bytes, Line] = field(default_factory=dict)
    issued: dict[Command, Issued] = field(default_factory=dict)
    held_by_node: bool = False
    held_by_operator: bool = False
    resumed: int = 0
    """How often an operator has let all trips go."""
    rows: list[tuple[int, int, dict[str, Any]]] = field(default_factory=list)
    """Of the output that is followed: batch, place and what is in it."""

    def apply(self, entries: Sequence[Entry]) -> None:
        """Take a frame."""
        self.frames += 1
        for entry in entries:
            if entry.what == EPOCH:
                (part,) = entry.parts
                line = self.lines.setdefault(part.producer, Line())
                require(part.epoch >= line.epoch, f"epoch {part.epoch} behind {line.epoch}")
                line.epoch = part.epoch
            elif entry.what == FROZEN:
                self._freeze(entry)
            elif entry.what == SPENT:
                (given,) = self._given(entry)
                require(given.content is None, f"a good batch was refused: {_names(entry)}")
                self.lines[entry.parts[0].producer].refused += 1
            else:
                self._batch(entry)

    @property
    def suspended(self) -> bool:
        """Whether trips are suspended as a whole."""
        alarms = set(self.engine.findings()["kind"].to_pylist()) & {"mass_trip", "clock_jump"}
        return self.held_by_node or self.held_by_operator or bool(alarms)

    def current(self) -> set[Command]:
        """The engine's commands."""
        table = self.engine.commands()
        return set(zip(*(table[name].to_pylist() for name in ("command_id", "attempt", "kind")), strict=True))

    def _batch(self, entry: Entry) -> None:
        kind = Kind(entry.what)
        if not entry.parts:
            self._own(kind, entry)
            return
        given = self._given(entry)
        require(all(each.kind is kind for each in given), f"rows of another kind: {_names(entry)}")
        require(
            all(each.content is not None for each in given), f"a bad batch was let through: {_names(entry)}"
        )
        contents = [each.content for each in given]
        content = pa.concat_batches(contents) if isinstance(contents[0], pa.RecordBatch) else None
        if not self._run(kind, content, entry.now_s):
            for part in entry.parts:
                self.lines[part.producer].refused += 1
        elif kind is Kind.UPDATES:
            last = ""
            for op, text in zip(content["op"].to_pylist(), content["text"].to_pylist(), strict=True):
                if op in ("suspend_trips", "resume_trips") and text is None:
                    last = op
            if last:
                self.held_by_operator = last == "suspend_trips"
                self.held_by_node = self.held_by_node and self.held_by_operator
                self.resumed += last == "resume_trips"

    def _own(self, kind: Kind, entry: Entry) -> None:
        """A batch of the node's own: the first configuration, the hold of a start, a tick."""
        if kind is Kind.CONFIG:
            require(not self.configured and entry.body == CONFIG.encode(), "another configuration")
            self.configured = True
            return
        if kind is Kind.TICK:
            self._run(kind, None, entry.now_s)
            return
        require(kind is Kind.UPDATES, f"{kind.name} of nobody")
        batch = pa.ipc.open_stream(entry.body).read_next_batch()
        (op,) = batch["op"].to_pylist()
        require(
            op != "resume_trips" or not self.held_by_operator, "the node resumes what an operator suspended"
        )
        self.held_by_node = op == "suspend_trips"
        self._run(kind, batch, entry.now_s)

    def _run(self, kind: Kind, content: Any, now_s: int) -> bool:
        try:
            effects = self.engine.apply(kind.name.lower(), content, now_s)
        except (SchemaError, ConfigError):
            return False
        ledger = effects.ledger
        for place, row in enumerate(ledger.to_pylist() if ledger.num_rows else ()):
            self.rows.append((self.engine.sequence, place, row))
        commands = effects.commands
        if commands.num_rows:
            expires = commands["expires_at"].cast(pa.int64()).to_pylist()
            columns = (commands[name].to_pylist() for name in ("command_id", "attempt", "kind", "account_id"))
            for *command, account, expires_s in zip(*columns, expires, strict=True):
                balance = int(self.engine.balance(account).scaleb(9))
                issued = Issued(self.frames, self.engine.sequence, account, balance, expires_s)
                self.issued[command[0], command[1], command[2]] = issued
        return True

    def _given(self, entry: Entry) -> list[Given]:
        """What the parts were meant to be; each is the next of its producer, and unaltered."""
        found = []
        for part in entry.parts:
            line = self.lines.get(part.producer)
            name = part.producer.rstrip(b".").decode()
            require(line is not None, f"{name} sends without an epoch")
            assert line is not None
            require(part.seq == line.settled + 1, f"{name}: batch {part.seq} is applied after {line.settled}")
            require(not line.frozen, f"{name} is frozen, and sends")
            truth = self.truth[part.producer]
            require(part.seq <= len(truth), f"{name}: batch {part.seq} was never given")
            given = truth[part.seq - 1]
            require(part.digest == xxh3_128_digest(given.body), f"{name}: batch {part.seq} is another")
            # Of a batch that is refused no row is here, whatever its header says.
            require(
                entry.what == SPENT or part.rows == given.rows, f"{name}: batch {part.seq} has other rows"
            )
            line.settled += 1
            found.append(given)
        return found

    def _freeze(self, entry: Entry) -> None:
        raise Violation(f"frozen without two batches of one number: {_names(entry)}")


def _names(entry: Entry) -> str:
    return ", ".join(f"{part.producer.rstrip(b'.').decode()} {part.seq}" for part in entry.parts)
