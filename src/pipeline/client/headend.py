"""A head-end: takes commands, checks them, and reports what became of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa

from pipeline.client.commands import CommandGate, Ignored, SeenFile
from pipeline.client.conversation import Conversation
from pipeline.client.errors import NotAccepted
from pipeline.client.events import Event, Patience
from pipeline.client.outbox import Outbox
from pipeline.client.station import Files, Station
from pipeline.clock import Clock, RealClock
from pipeline.keys import KeyPair, PublicKey
from pipeline.wire import Checked, Kind, Message, Ready, Role, control, write_batch
from pipeline.wire.commands import Command

__all__ = ["CommandAck", "HeadEnd", "HeadEndConversation"]

WINDOW: Final = 16
"""So many COMMAND messages may be on their way, or not yet taken by the caller."""


class CommandAck(NamedTuple):
    """What became of a command: `outcome` is done, armed, failed or refused."""

    command_id: int
    outcome: str
    at_s: int


class HeadEndConversation(Conversation):
    """A producer's conversation, of acks, in which commands come the other way.

    A connection may break without either end's seeing it, and take messages with it. So READY is said again from time
    to time, and of commands that never came the next PONG tells: they make room, and the engine repeats them.

    Attributes:
        batches: commands that have come, not yet taken: one entry a message, not yet checked.
    """

    def __init__(self, key: bytes, outbox: Outbox, patience: Patience | None = None) -> None:
        super().__init__(key, outbox, patience)
        self.batches: deque[pa.RecordBatch] = deque()
        self._ready_session = 0
        self._came = 0
        self._until = 0
        self._saying = 0
        self._ready_due_s = 0.0

    def wake_after_s(self, now_s: float) -> float:
        """Seconds until there may be something to send although nothing has come."""
        after_s = super().wake_after_s(now_s)
        return min(after_s, max(0.0, self._ready_due_s - now_s)) if self.session else after_s

    def _other(self, now_s: float) -> Message | None:
        if self._ready_session != self.session:
            self._ready_session, self._came, self._until = self.session, 0, 0
        self._saying = 0
        room_until = self._came + max(WINDOW - len(self.batches), 0)
        if room_until - self._until < WINDOW // 2 and now_s < self._ready_due_s:
            return None
        self._saying = max(room_until, self._until)
        return control(self._key, Ready(self._saying), epoch=self._outbox.epoch, session=self.session)

    def _said(self, now_s: float) -> None:
        if self._saying:
            self._until = self._saying
            self._ready_due_s = now_s + self._patience.silence_s
        else:
            super()._said(now_s)

    def _in_session(self, checked: Checked, now_s: float) -> list[Event]:
        header = checked.header
        if header.kind is Kind.PONG and self._ready_session == self.session:
            self._came = max(self._came, header.seq)
        if header.kind is not Kind.COMMAND:
            return super()._in_session(checked, now_s)
        if header.seq > self._came and self._ready_session == self.session:
            self._came = header.seq
            if len(self.batches) < WINDOW:
                self.batches.append(checked.content)
        return []


class HeadEnd(Station):
    """A head-end; a context manager, for one thread.

    ::

        with HeadEnd("tcp://node:7070", "headend-1.key", "node.pub", folder="headend-1") as headend:
            while True:
                for command in headend.commands(timeout_s=1):
                    outcome = switch(command.meter_id, command.kind)
                    headend.acknowledge([CommandAck(command.command_id, outcome, clock.now_s())])

    What `commands` gives is signed by the node, has not expired, and is not overtaken; execute it at once. Messages
    move while a method is called. `folder` keeps what must outlive the process: acknowledgements on their way, and the
    newest id of each meter. `on_ignored` is told of commands that are not given, and why. Raises `ClientError`.
    """

    def __init__(
        self,
        endpoint: str,
        key: str | Path | KeyPair,
        node: str | Path | PublicKey,
        folder: str | Path,
        *,
        on_ignored: Callable[[Ignored], None] | None = None,
        on_event: Callable[[Event], None] | None = None,
        clock: Clock | None = None,
        patience: Patience | None = None,
    ) -> None:
        files = Files(endpoint, key, node, Path(folder) / "outbox")
        try:
            if files.role is not Role.HEADEND:
                raise NotAccepted(f"the key has the role {files.role}; expected {Role.HEADEND}")
            assert files.node.commands is not None
            self._seen = SeenFile(Path(folder) / "seen.sqlite")
        except BaseException:
            files.close()
            raise
        self._commands = HeadEndConversation(files.pair.public.curve, files.outbox, patience)
        self._gate = CommandGate([files.node.commands], self._seen)
        self._on_ignored = on_ignored
        super().__init__(files, self._commands, clock or RealClock(), on_event)

    def commands(self, timeout_s: float = 0.0) -> list[Command]:
        """The commands to execute now, in the node's order; waits for some at most so long."""
        self.poll(0.0 if self._commands.batches else timeout_s)
        valid: list[Command] = []
        while self._commands.batches:
            judged = self._gate.judge(self._commands.batches.popleft(), self._clock.now_s())
            valid += judged.valid
            if self._on_ignored is not None:
                for each in judged.ignored:
                    self._on_ignored(each)
        return valid

    def acknowledge(self, acks: Iterable[CommandAck]) -> int:
        """Report what became of commands; kept on the disk, and sent as soon as it can be. Returns its number."""
        rows = list(acks)
        columns = {
            "command_id": pa.array([ack.command_id for ack in rows], pa.uint64()),
            "outcome": pa.array([ack.outcome for ack in rows], pa.string()),
            "at": pa.array([ack.at_s for ack in rows], pa.int64()),
        }
        seq = self._keep((Kind.ACKS, len(rows), write_batch(Kind.ACKS, pa.table(columns))))
        self.poll()
        return seq

    def close(self) -> None:
        """Close; what is not acknowledged stays in the folder, for the next time."""
        self._seen.close()
        super().close()
