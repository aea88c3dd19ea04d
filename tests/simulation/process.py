"""The processes of a node: a shard's and its workers', the real classes in a simulated world."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from fastcore import SnapshotError
from pipeline.feed import Feed, feed
from pipeline.gateway import Gateway, Settings
from pipeline.journal import Buffer, Journal, JournalFull, Mark
from pipeline.keys import PublicKey
from pipeline.links import Received, Sent
from pipeline.node.gathering import Group, Limits
from pipeline.node.internal import (
    Commands,
    Joined,
    Rows,
    Settled,
    Turned,
    Welcomed,
    unpack_from_shard,
    unpack_from_worker,
)
from pipeline.node.layout import Layout
from pipeline.node.proof import Told, prove
from pipeline.node.recovery import recover
from pipeline.node.shard import Shard
from pipeline.node.snapshots import Snapshots
from pipeline.node.snapshotting import SnapshotFailed, Snapshotting
from pipeline.node.state import Outcome, State
from pipeline.node.writer import Writer
from pipeline.wire.commands import Signer
from pipeline.worker.letters import DeadLetters
from pipeline.worker.worker import Worker
from simulation.clock import SimClock
from simulation.county import CONFIG
from simulation.disk import SimDisk
from simulation.follower import OUTPUT
from simulation.model import STALL_S, Model
from simulation.network import Local, LocalLink, NetPost, Network
from simulation.points import Points

ID = bytes(range(16))
SEGMENT = 12 * 4096
START = 4 * 4096
MESSAGE_BYTES = 300
LIMITS = Limits(group_bytes=1 << 14, reserve_bytes=2 * 4096)
SIGNER = Signer(bytes(range(32)))


@contextmanager
def small_messages() -> Iterator[None]:
    """So that most messages of the feed end within a batch."""
    before, feed.MESSAGE_BYTES = feed.MESSAGE_BYTES, MESSAGE_BYTES  # type: ignore[misc]
    try:
        yield
    finally:
        feed.MESSAGE_BYTES = before  # type: ignore[misc]


class WatchedPost:
    """The shard's socket, with the model beside it and kills before and after each answer."""

    def __init__(self, local: Local, model: Model, points: Points) -> None:
        self._local, self._model, self._points = local, model, points

    def receive(self) -> Received | None:
        received = self._local.receive()
        if received is not None:
            self._model.came(unpack_from_worker(received.frames)[0])
        return received

    def send(self, route: bytes, frames: Sequence[Buffer]) -> Sent:
        message, bodies = unpack_from_shard(frames)
        what = {Commands: "command", Rows: "rows"}.get(type(message), "answer")
        counts = isinstance(message, Commands | Rows | Settled | Turned | Welcomed)
        if counts:
            self._points.reach(f"before {what}")
        sent = self._local.send(route, frames)
        if sent is Sent.SENT:
            if isinstance(message, Commands):
                self._model.commanded(message, bytes(bodies[0]))
            self._model.answered(message)
        if counts:
            self._points.reach(f"after {what}")
        return sent


class WatchedWriter(Writer):
    """The writer, with the model beside it and kills before and after each group is applied."""

    model: Model
    points: Points

    def apply(self, group: Group, mark: Mark | None, now_s: int) -> list[Any]:
        self.points.reach("before apply")
        out = super().apply(group, mark, now_s)
        if mark is not None:
            self.model.applied(mark.number)
        self.points.reach("after apply")
        return out


class Commits:
    """The committer's thread: at most one group is with it, written in one step and synced in another."""

    def __init__(self, journal: Journal, model: Model) -> None:
        self._journal, self._model = journal, model
        self._group: Group | None = None
        self._written = False
        self._done: tuple[Group, Mark] | None = None
        self._error: Exception | None = None

    @property
    def idle(self) -> bool:
        return self._group is None and self._done is None

    def commit(self, group: Group) -> None:
        assert self.idle
        self._group, self._written = group, False
        self._model.written(group.buffers)

    def taken(self) -> tuple[Group, Mark] | None:
        if self._error is not None:
            raise self._error
        done, self._done = self._done, None
        return done

    def run(self) -> None:
        """One step of the thread."""
        group = self._group
        if group is None or self._error is not None:
            return
        try:
            if not self._written:
                self._journal.write(
                    group.buffers,
                    now_s=group.now_s or 0,
                    first_batch=group.first_batch,
                    batches=group.batches,
                )
                self._written = True
                return
            self._journal.sync()
            self._done, self._group = (group, self._journal.durable), None
        except Exception as error:  # the main thread raises it
            self._error = error


class Copy:
    """What a copy of the process does, done at once; it is looked at later."""

    def __init__(self, work: Callable[[], str]) -> None:
        self._text = self._error = ""
        try:
            self._text = work()
        except Exception as error:
            self._error = f"{type(error).__name__}: {error}"

    def result(self) -> str:
        if self._error:
            raise SnapshotFailed(self._error)
        return self._text

    def kill(self) -> None:
        """It has ended already."""


class Proof:
    """A process that checks a snapshot, when it is asked first."""

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check

    def poll(self) -> int:
        try:
            self._check()
        except (SnapshotError, OSError):
            return 1
        return 0

    def kill(self) -> None:
        """It has not begun."""

    def wait(self) -> None:
        """It has not begun."""


class SimSnapshotting(Snapshotting):
    """Snapshots without copies of the process: the same steps."""

    def __init__(self, disk: SimDisk, shelf: SimDisk, spoil: Callable[[int], None]) -> None:
        self.pause_s = 0.0
        self._spoil = spoil
        self.snapshots = Snapshots(shelf)
        self._journal_disk = disk
        self._clear()

    def _fork(self, work: Callable[[], str]) -> Any:
        return Copy(work)

    def _prove(self, number: int, told: Told) -> Any:
        self._spoil(number)
        return Proof(lambda: prove(self._journal_disk, Snapshots(self.snapshots.disk), number, told))


class ShardProcess:
    """A shard, from recovery on: anything it does to a disk may end it."""

    def __init__(
        self,
        disks: tuple[SimDisk, SimDisk],
        points: Points,
        model: Model,
        clock: SimClock,
        keys: Callable[[], list[bytes]],
        headends: Callable[[], dict[str, bytes]],
        no_trip: Callable[[], bool],
        queue: int,
        kept_bytes: int,
        spoil: Callable[[int], None],
    ) -> None:
        disk, shelf = disks
        self._clock, self._turned_s = clock, float("inf")
        self.feed = Feed([OUTPUT], kept_bytes)
        self.points, self.model = points, model
        points.phase = " in recovery"
        points.reach("before replay")
        recovered = recover(
            disk,
            Snapshots(shelf),
            new_id=ID,
            outputs=["commands", OUTPUT],
            segment_bytes=SEGMENT,
            start_bytes=START,
            on_batch=self._replayed,
        )
        points.phase = ""
        self.recovered = recovered
        self.journal: Journal = recovered.journal
        self._points_at(self.journal, "_switch", "switch of segments")
        self._points_at(self.journal, "prune", "prune")
        model.recovered(recovered.state, Snapshots(shelf).verified())
        engine = recovered.state.engine
        self.feed.begin(recovered.snapshot is None, engine.sequence if engine else 0)
        gateway = Gateway(Settings({}, headends, SIGNER, no_trip))
        self.writer = WatchedWriter(
            recovered.state,
            joined=Joined(0, 1, self.journal.incarnation),
            lost=self.journal.prove,
            payments_keys=keys(),
            limits=LIMITS,
            gateway=gateway,
            feed=self.feed,
        )
        self.writer.model, self.writer.points = model, points
        self.gateway = gateway
        self.local = Local(queue, points.injected)
        self.commits = Commits(self.journal, model)
        self.snapshotting = SimSnapshotting(disk, shelf, spoil)
        self.troubles: list[str] = []
        self.writer.begin(CONFIG, clock.now_s())
        post = WatchedPost(self.local, model, points)
        self.shard = Shard(self.writer, self.journal, post, self.commits, clock, keys, self.troubles.append)
        self._snapshot = recovered.snapshot

    @property
    def state(self) -> State:
        return self.writer.state

    def turn(self) -> None:
        """The main loop, once."""
        if self._clock.passed_s > self._turned_s + STALL_S:
            self.model.stood_still()
        self._turned_s = self._clock.passed_s
        self.model.keeps(self.feed.stats()["oldest"][OUTPUT])
        with small_messages():
            self.shard.turn()
        self.model.keeps(self.feed.stats()["oldest"][OUTPUT])

    def prepare(self) -> None:
        """The thread that makes the next segment."""
        if not self.journal.has_next:
            try:
                self.journal.prepare_next()
            except JournalFull as error:
                self.troubles.append(str(error))

    def snapshots(self, begin: bool) -> None:
        """What the main loop does about snapshots, as `engine_process` does it."""
        snapshotting, state = self.snapshotting, self.state
        try:
            number = snapshotting.look(state)
            if number is not None:
                self._snapshot = number
                self.model.counted(number)
                self.points.reach("after snapshot")
                self.shard.tell(self.writer.covered(snapshotting.snapshots.outline(number).lines.settled()))
                older = snapshotting.snapshots.remove_older()
                if older is not None:
                    self.journal.prune(older + 1)
            if (
                begin
                and snapshotting.idle
                and state.engine is not None
                and state.mark.number != self._snapshot
            ):
                self.points.reach("before snapshot")
                self.model.snapshot(state.mark.number)
                snapshotting.begin(state)
        except (SnapshotFailed, SnapshotError, OSError) as error:
            self.troubles.append(str(error))

    def _replayed(self, seq: int, outcome: Outcome) -> None:
        self.points.reach("during replay")
        assert outcome.effects is not None
        self.feed.take(seq, outcome.effects)

    def _points_at(self, owner: object, method: str, what: str) -> None:
        """Kills before and after a method."""
        inner, points = getattr(owner, method), self.points

        def outer(*args: Any) -> Any:
            points.reach(f"before {what}")
            result = inner(*args)
            points.reach(f"after {what}")
            return result

        setattr(owner, method, outer)


class WorkerProcess:
    """A worker: it joins, then serves."""

    def __init__(self, name: str, network: Network, keys: dict[bytes, PublicKey], clock: SimClock) -> None:
        self.name = name
        self._network, self._keys, self._clock = network, keys, clock
        self.letters = DeadLetters(SimDisk(), name, 1 << 20)
        self.post: NetPost | None = None

    def join(self, local: Local, route: bytes) -> None:
        """Start: connect to the shard."""
        self.link = LocalLink(local, route)
        self.post = NetPost(self._network, self.name)
        self.worker = Worker(
            self.name, self.post, [self.link], self._keys, self.letters, self._clock, Layout(1)
        )

    def run(self) -> None:
        """Once through its loop."""
        assert self.post is not None
        now_s = self._clock.monotonic_s()
        while (frames := self.link.receive()) is not None:
            self.worker.on_shard(0, frames, now_s)
        while self.worker.ready and (received := self.post.receive()) is not None:
            self.worker.on_producer(received, now_s)
        self.worker.on_time(now_s)

    @property
    def unanswered(self) -> int:
        """Batches that this worker believes to be under way to the shard."""
        return self.worker._shards[0].unanswered

    def die(self) -> None:
        if self.post is not None:
            self.post.die()
            self.link.close()
