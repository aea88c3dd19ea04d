"""The slow, plain model: what was journaled, acknowledged and commanded; and what therefore must be true.

It stands beside the disks and outlives every process. What it watches is what leaves a process: frames on their way to
the disk, answers, commands. After each recovery it looks whether all that has left still holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.gateway.evidence import nano
from pipeline.journal import Buffer
from pipeline.node.internal import Batch, Commands, Greet, Joined, Place, Settled, Turned, Welcomed
from pipeline.node.state import State
from pipeline.wire import Kind, read_batch
from pipeline.wire.commands import SignedCommand, commands_of
from simulation.county import Given
from simulation.frames import Entry, entries_of
from simulation.judge import Command, Judge, require

STALL_S = CATCH_UP_S = 5.0
DECIDING = {Kind.PAYMENTS, Kind.UPDATES, Kind.ACCOUNTS, Kind.METERS, Kind.DISTRICTS, Kind.CONFIG}


@dataclass
class Hold:
    """The payments keys whose word is waited for since a start: None, or the number up to which they had given."""

    waited: dict[bytes, int | None]

    def holds(self, judge: Judge) -> bool:
        """Whether some payment may not be in."""
        return any(
            newest is None or key not in judge.lines or judge.lines[key].settled < newest
            for key, newest in self.waited.items()
        )


class Model:
    """What one shard has promised, and what its state must be.

    `truth` are the batches that each producer has been given to send, in order; `signer` whose commands are good.
    """

    def __init__(
        self,
        truth: Mapping[bytes, Sequence[Given]],
        payments: Callable[[], Sequence[bytes]],
        signer: bytes,
        now_s: Callable[[], int],
        no_trip: Callable[[], bool],
        passed_s: Callable[[], float],
    ) -> None:
        self.judge = Judge(truth)
        self.frames: list[list[Entry]] = []
        self.promised: dict[bytes, int] = {}
        self.covered: dict[bytes, int] = {}
        self.snapshots: dict[int, dict[bytes, int]] = {}
        self.sent: dict[Command, int] = {}
        self.here: set[tuple[bytes, int]] = set()
        self._newest: set[tuple[bytes, int]] = set()
        self._greeted: bytes | None = None
        self.hold = Hold({})
        self.trips = self.restores = 0
        self.oldest = 0
        self._spoiled: set[int] = set()
        self._truth = truth
        self._payments = payments
        self._signer = signer
        self._now_s = now_s
        self._no_trip = no_trip
        self._passed_s = passed_s
        self._waits_s = 0.0

    # What a process does.

    def written(self, buffers: Sequence[Buffer]) -> None:
        """A frame is on its way to the disk."""
        self.frames.append(entries_of(buffers))

    def applied(self, number: int) -> None:
        """The process has applied a frame."""
        require(number == self.judge.frames + 1, f"frame {number} is applied behind {self.judge.frames}")
        resumed = self.judge.resumed
        self._apply()
        if self.judge.resumed > resumed:
            self.hold.waited.clear()

    def came(self, message: object) -> None:
        """A worker's message is in the hands of the shard."""
        self._newest, self._greeted = set(), None
        if isinstance(message, Greet) and self.hold.waited.get(message.producer, 0) is None:
            line = self.judge.lines.get(message.producer)
            if line is None or message.epoch >= line.epoch:
                self.hold.waited[message.producer] = message.newest
                self._greeted = message.producer
        if isinstance(message, Batch) and message.kind in DECIDING:
            parts = {
                (part.producer, part.seq) for part in message.parts if part.seq > self._settled(part.producer)
            }
            self._newest = parts - self.here
            self.here |= parts

    def answered(self, message: object) -> None:
        """An answer leaves."""
        if isinstance(message, Settled):
            for place in message.places:
                self._promise(place)
        elif isinstance(message, Welcomed):
            place = Place(message.producer, message.session, message.last_seq, message.covered)
            self._promise(place)
        elif isinstance(message, Turned):
            self.here.discard((message.producer, message.seq))
        elif isinstance(message, Joined) and not message.incarnation:
            # Who is not known here is not heard.
            self.here -= self._newest
            if self._greeted is not None:
                self.hold.waited[self._greeted] = None

    def commanded(self, message: Commands, body: bytes) -> None:
        """Commands leave."""
        for signed in commands_of(read_batch(Kind.COMMAND, body, message.rows)):
            self._command(signed)

    def revoked(self, key: bytes) -> None:
        """A key may not connect any more: nobody waits for what it has."""
        self.hold.waited.pop(key, None)

    def stood_still(self) -> None:
        """The process goes on after standing still: what was paid meanwhile is in queues."""
        self._waits_s = self._passed_s() + CATCH_UP_S

    def spoiled(self, number: int) -> None:
        """A snapshot that is being checked is damaged."""
        self._spoiled.add(number)

    def keeps(self, oldest: int) -> None:
        """The feed keeps rows from a batch on; the highest such number counts: an answer may be late."""
        self.oldest = max(self.oldest, oldest)

    def snapshot(self, number: int) -> None:
        """A snapshot is taken of the state as it is."""
        require(number == self.judge.frames, f"a snapshot {number} of frame {self.judge.frames}")
        self._spoiled.discard(number)
        self.snapshots[number] = {key: line.settled for key, line in self.judge.lines.items()}

    def counted(self, number: int) -> None:
        """A snapshot counts."""
        require(number not in self._spoiled, f"snapshot {number} is damaged, and counts")
        for key, seq in self.snapshots[number].items():
            self.covered[key] = max(self.covered.get(key, 0), seq)

    # What must be true.

    def recovered(self, state: State, snapshots: Sequence[int]) -> None:
        """A process has recovered to this; these snapshots count."""
        number = state.mark.number
        require(self.judge.frames <= number, f"frame {self.judge.frames} was applied, {number} is recovered")
        require(
            number <= len(self.frames), f"frame {number} is recovered, and {len(self.frames)} were written"
        )
        del self.frames[number:]
        while self.judge.frames < number:
            self._apply()
        for key, seq in self.promised.items():
            require(self._settled(key) >= seq, f"{_name(key)}: batch {seq} was acknowledged, and is lost")
        for command in self.sent:
            require(command in self.judge.issued, f"command {command} was sent, and nothing says so")
        for counts in snapshots:
            self.counted(counts)
        self.here.clear()
        self.hold = Hold(dict.fromkeys(self._payments()))
        self._waits_s = 0.0  # a start waits for more than that
        self.compare(state)

    def compare(self, state: State) -> None:
        """The state is the judge's."""
        judge = self.judge
        if not judge.configured:
            require(state.engine is None, "an engine without a configuration")
            return
        assert state.engine is not None
        require(state.engine.digest() == judge.engine.digest(), f"another state behind frame {judge.frames}")
        found = {
            key: (line.epoch, line.next_seq - 1, line.refused, line.frozen)
            for key, line in state.lines.items()
        }
        known = {key: (o.epoch, o.settled, o.refused, o.frozen) for key, o in judge.lines.items()}
        require(found == known, f"other lines behind frame {judge.frames}: {found}, not {known}")
        require(
            (state.suspended_by_node, state.suspended_by_operator)
            == (judge.held_by_node, judge.held_by_operator),
            f"others have suspended trips behind frame {judge.frames}",
        )

    def acknowledged(self, key: bytes, acked: int, covered: int) -> None:
        """A client believes this."""
        require(
            acked <= self.promised.get(key, 0), f"{_name(key)} saw {acked} acknowledged, which nobody said"
        )
        require(covered <= self.covered.get(key, 0), f"{_name(key)} saw {covered} covered, which nobody said")

    def _apply(self) -> None:
        self.judge.apply(self.frames[self.judge.frames])
        for key, seq in list(self.here):
            if seq <= self._settled(key):
                self.here.discard((key, seq))

    def _settled(self, key: bytes) -> int:
        line = self.judge.lines.get(key)
        return line.settled if line is not None else 0

    def _promise(self, place: Place) -> None:
        name = _name(place.producer)
        require(
            place.seq <= self._settled(place.producer), f"{name}: {place.seq} is acknowledged, not applied"
        )
        covered = self.covered.get(place.producer, 0)
        require(place.covered <= covered, f"{name}: {place.covered} is said to be covered, {covered} is")
        self.promised[place.producer] = max(self.promised.get(place.producer, 0), place.seq)

    def _command(self, signed: SignedCommand) -> None:
        command = signed.command
        what = (command.command_id, command.attempt, command.kind)
        issued = self.judge.issued.get(what)
        require(issued is not None, f"{what} was never issued")
        assert issued is not None
        require(signed.verify([self._signer]), f"{what} is not signed")
        require(command.account_id == issued.account, f"{what} goes to another account")
        require(command.expires_at_s == issued.expires_s, f"{what} expires at another time")
        self.sent[what] = issued.frame
        if command.kind == "restore":
            self.restores += 1
            return
        self.trips += 1
        judge = self.judge
        evidence = (command.balance_nano, command.decided_seq)
        require(evidence == (issued.balance_nano, issued.sequence), f"{what} has other evidence")
        require(self._passed_s() >= self._waits_s, f"{what} leaves just after the node stood still")
        require(not self._no_trip(), f"{what} leaves although NO-TRIP is there")
        require(not self.hold.holds(judge), f"{what} leaves before all payments are in")
        require(not judge.suspended, f"{what} leaves while trips are suspended")
        require(not self.here, f"{what} leaves while payments, updates or registry rows are unapplied")
        require(self._now_s() < command.expires_at_s, f"{what} leaves after it expired")
        require(what in judge.current(), f"{what} leaves, and is not the account's command any more")
        balance = nano(judge.engine.balance(command.account_id))
        require(balance <= command.threshold_nano, f"{what} leaves to an account that has {balance}")
        table = judge.engine.districts()
        stopped = table.filter(table["suspended"])["district_id"].to_pylist()
        require(
            self._district(command.account_id) not in stopped,
            f"{what} leaves to a district that is suspended",
        )

    def _district(self, account_id: int | str) -> int | str:
        table = self.judge.engine.accounts()
        found: int | str = table["district_id"][table["account_id"].to_pylist().index(account_id)].as_py()
        return found


def _name(key: bytes) -> str:
    return key.rstrip(b".").decode()
