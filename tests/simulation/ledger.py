"""What must be true: every frame that was ever durable, and what a plain replay of them says."""

from __future__ import annotations

from typing import Any

from model import Twin
from pipeline.journal import Disk, Mark, read
from pipeline.node.entries import Entry, What, decode, is_batch
from pipeline.node.lines import Lines
from pipeline.node.snapshots import state_digest
from pipeline.node.state import State, content_of
from pipeline.wire import Kind, engine_kind
from pipeline.wire.commands import Command
from simulation.clients import Client, Violation


class Ledger:
    """The frames of a journal, kept outside of it; a second state that only ever replays them."""

    def __init__(self) -> None:
        self.frames: list[list[Entry]] = []
        self.lines = Lines()
        self.reference = State()
        self.mark = Mark(0, b"")

    def durable(self, mark: Mark, buffers: list[Any]) -> None:
        """A frame is on the disk: from now on it must always be found."""
        if mark.number != len(self.frames) + 1:
            raise Violation(f"frame {mark.number} follows {len(self.frames)}")
        entries = list(decode([bytes(buffer) for buffer in buffers]))
        self.frames.append(entries)
        self.mark = mark
        for entry in entries:
            self.lines.record(entry)

    def recovered(self, disk: Disk, state: State) -> None:
        """A start has found this state: nothing durable is lost or altered, and the state is what it should be."""
        if state.mark.number < len(self.frames):
            raise Violation(f"frame {len(self.frames)} was durable; recovery found {state.mark.number}")
        if state.mark.number > len(self.frames):
            for frame in read(disk, self.mark if self.frames else None, until=state.mark.number):
                self.durable(frame.mark, frame.buffers)
        if state.mark != self.mark and self.frames:
            raise Violation("recovery found another history")
        self.check(state)

    def check(self, state: State) -> None:
        """A state is what a replay of the frames gives."""
        self.advance(state.mark.number)
        if state.engine is not None and self.reference.engine is not None:
            found, expected = state_digest(state), state_digest(self.reference)
            if found != expected:
                raise Violation(
                    f"behind frame {state.mark.number}: the state {found}; a replay gives {expected}"
                )

    def advance(self, number: int) -> State:
        """The second state, behind this frame."""
        while self.reference.mark.number < number:
            at = self.reference.mark.number
            for entry in self.frames[at]:
                self.reference.apply(entry)
            self.reference.mark = Mark(at + 1, self.mark.chain if at + 1 == self.mark.number else b"")
        if number == self.mark.number:
            self.reference.mark = self.mark
        return self.reference

    def settled(self, producer: bytes) -> int:
        """The newest number of a producer that is durable."""
        line = self.lines.get(producer)
        return line.next_seq - 1 if line else 0

    def waiting(self, number: int, kinds: set[Kind]) -> bool:
        """Whether a batch of these kinds is durable behind a frame."""
        return any(entry.what in kinds for frame in self.frames[number:] for entry in frame)

    def resumes(self) -> int:
        """How often an operator resumed trips."""
        found = 0
        for frame in self.frames:
            for entry in frame:
                if entry.what == Kind.UPDATES and entry.parts:
                    found += "resume_trips" in content_of(entry)["op"].to_pylist()
        return found

    def check_once(self, clients: list[Client]) -> None:
        """What each client gave stands here once, in its order, and nothing else does."""
        found: dict[bytes, list[tuple[int, bytes]]] = {client.public.curve: [] for client in clients}
        for frame in self.frames:
            for entry in frame:
                if is_batch(entry) or entry.what == What.SPENT:
                    for part in entry.parts:
                        found[part.producer].append((part.seq, part.digest))
        for client in clients:
            batches = [client.outbox.get(seq) for seq in range(client.outbox.first, client.outbox.newest + 1)]
            expected = [(batch.seq, batch.digest) for batch in batches]
            there = found[client.public.curve]
            if [seq for seq, _ in there] != list(range(1, len(client.given) + 1)):
                raise Violation(
                    f"{client.public.name}: {[seq for seq, _ in there]}; gave {len(client.given)}"
                )
            if expected and there[-len(expected) :] != expected:
                raise Violation(f"{client.public.name}: other batches than were given")

    def check_twin(self, executed: list[Command]) -> None:
        """The plain twin of the engine comes to the same balances, and has decided all that was executed."""
        twin: Twin | None = None
        decided: set[tuple[int, int, str, int]] = set()
        for frame in self.frames:
            for entry in frame:
                if not is_batch(entry):
                    continue
                content = None if entry.kind is Kind.TICK else content_of(entry)
                if twin is None:
                    twin = Twin(str(content))
                    continue
                effects = twin.apply(engine_kind(entry.kind), content, entry.now_s)
                for row in effects["commands"]:
                    decided.add((row["command_id"], row["attempt"], row["kind"], row["account_id"]))
        assert twin is not None
        for command in executed:
            key = (command.command_id, command.attempt, command.kind, command.account_id)
            if key not in decided:
                raise Violation(f"{command} was executed, and never decided")
        accounts = self.reference.engine.accounts()
        balances = [int(value.scaleb(9)) for value in accounts["balance"].to_pylist()]
        expected = {row["account_id"]: row["balance"] for row in twin.accounts()}
        if dict(zip(accounts["account_id"].to_pylist(), balances, strict=True)) != expected:
            raise Violation("the twin has other balances")
