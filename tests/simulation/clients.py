"""Clients: the real conversations and outboxes, over simulated disks and a simulated network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from types import SimpleNamespace
from typing import Any

from pipeline.client.commands import CommandGate
from pipeline.client.conversation import Conversation
from pipeline.client.errors import OutboxFull
from pipeline.client.events import Event, LostAtNode
from pipeline.client.headend import CommandAck, HeadEnd, HeadEndConversation
from pipeline.client.outbox import Outbox
from pipeline.client.station import Station
from pipeline.wire import Role
from pipeline.wire.commands import Command
from simulation.clock import SimClock
from simulation.county import ROLES, Given, key_of, of_rows
from simulation.disk import SimDisk
from simulation.judge import require
from simulation.model import Model
from simulation.network import NetLink, Network
from simulation.points import Points
from unit import core_world as rows

SEGMENT = 8 * 4096


class Client:
    """A producer: what it is given is in `truth`; what it has promised to deliver survives all that happens to it."""

    def __init__(self, name: str, points: Points, clock: SimClock, network: Network, model: Model) -> None:
        self.name, self.role, self.key = name, ROLES[name], key_of(name)
        self.truth: list[Given] = []
        self.points = points
        self.disk = SimDisk(points, name="segment")
        self.disks = [self.disk]
        self.clock, self.network, self.model = clock, network, model
        self.promised = 0
        self.station: Station | None = None
        self.outbox: Outbox | None = None

    @property
    def settled(self) -> bool:
        """Whether all that it was given is acknowledged."""
        return self.outbox is not None and self.outbox.acked == len(self.truth)

    def start(self) -> None:
        """Open the outbox; what was promised must be in it."""
        self.outbox = outbox = Outbox(
            self.disk,
            self.key,
            new_id=bytes(16),
            keep_covered=self.role is Role.PAYMENTS,
            segment_bytes=SEGMENT,
        )
        require(
            outbox.newest >= self.promised, f"{self.name}: batch {self.promised} was promised, and is lost"
        )
        require(outbox.newest <= len(self.truth), f"{self.name}: batch {outbox.newest} was never given")
        del self.truth[outbox.newest :]
        self.promised = outbox.newest
        self.station = self._station(outbox)

    def give(self, given: Given) -> None:
        """Have a batch delivered."""
        assert self.outbox is not None
        self.truth.append(given)
        try:
            self.outbox.add((given.kind, given.rows, given.body))
        except OutboxFull:
            self.truth.pop()
            return
        self.promised = len(self.truth)

    def run(self) -> None:
        """Exchange messages."""
        assert self.station is not None
        assert self.outbox is not None
        self.station.poll()
        self.model.acknowledged(self.key, self.outbox.acked, self.outbox.covered)

    def note(self) -> None:
        """Write down what is known to be acknowledged."""
        assert self.outbox is not None
        self.outbox.note()

    def die(self, power: bool) -> None:
        """The process is gone."""
        if self.station is not None:
            self._link.close()
        self.station = self.outbox = None
        for disk in self.disks:
            if power:
                disk.power_failure()
            else:
                disk.kill()

    def _station(self, outbox: Outbox) -> Station:
        return Station(self._files(outbox), Conversation(self.key, outbox), self.clock, self._event)

    def _files(self, outbox: Outbox) -> Any:
        self._link = NetLink(self.network, self.key.hex())
        return SimpleNamespace(link=self._link, outbox=outbox, role=self.role, close=outbox.close)

    def _event(self, event: Event) -> None:
        require(not isinstance(event, LostAtNode), f"{self.name}: {event}")


class SimHeadEnd(HeadEnd):
    """A head-end without files."""

    def __init__(
        self, files: Any, key: bytes, gate: CommandGate, clock: SimClock, on_event: Callable[[Event], None]
    ) -> None:
        self._commands = HeadEndConversation(key, files.outbox)
        self._gate = gate
        self._on_ignored = None
        Station.__init__(self, files, self._commands, clock, on_event)


class Seen(dict[Any, int]):
    """The newest command of each meter; on a disk that loses nothing."""

    def newest(self, meter: int | str) -> int:
        return self.get(meter, 0)

    def note(self, ids: Mapping[int | str, int]) -> None:
        self.update(ids)


class Meters(Client):
    """A head-end with its meters: `off` are those whose relay is open."""

    def __init__(self, random: Random, signer: bytes, *args: Any) -> None:
        super().__init__(*args)
        self.off: set[int | str] = set()
        self.executed = 0
        self.faithful = False
        self._random = random
        self._seen = Seen()
        self._gate = CommandGate([signer], self._seen)

    def run(self) -> None:
        station = self.station
        assert isinstance(station, SimHeadEnd)
        for command in station.commands():
            self._execute(command)
        super().run()

    def _station(self, outbox: Outbox) -> Station:
        return SimHeadEnd(self._files(outbox), self.key, self._gate, self.clock, self._event)

    def _execute(self, command: Command) -> None:
        """Switch, or not; and say so, or not."""
        chance = 0.0 if self.faithful else self._random.random()
        if chance < 0.8:
            require(
                command.kind == "restore" or self.clock.now_s() <= command.expires_at_s,
                "a trip after it expired",
            )
            (self.off.add if command.kind == "trip" else self.off.discard)(command.meter_id)
            self.executed += 1
        outcome = "done" if chance < 0.75 else "failed"
        if chance < 0.9 and not 0.75 <= chance < 0.8:
            self.acknowledge([CommandAck(command.command_id, outcome, self.clock.now_s())])

    def acknowledge(self, acks: list[CommandAck]) -> None:
        """Give an acknowledgement to deliver."""
        self.give(
            of_rows("acks", *(rows.ack(ack.command_id, ack.outcome) | {"at": ack.at_s} for ack in acks))
        )
