"""The process of the outputs: a thread for each shard, which follows it, one for days that are over, and services.

Whatever goes wrong here, the node goes on: what is missing is made as soon as it can be. An error of the disk is tried
again; a file that comes out otherwise than it was stops its shard until a person has looked; what nobody thought of
ends the process, which is started again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from threading import Event, Thread
from typing import Final, NamedTuple, Protocol

from fastcore.errors import FeikongError
from pipeline.clock import Clock, RealClock
from pipeline.journal import JournalError, RealDisk
from pipeline.journal.disk import DiskLocked
from pipeline.journal.follow import JournalPruned
from pipeline.logs import under
from pipeline.node.config_outputs import OutputsConfig
from pipeline.node.layout import Layout, LayoutError, Places, read_layout
from pipeline.node.mark import read_mark
from pipeline.node.reporting import Alarms
from pipeline.node.status import StatusFile
from pipeline.outputs.checkpoints import kept_frames
from pipeline.outputs.dataset import OutputsDiffer
from pipeline.outputs.description import DescriptionFile, OutputsError, read_description
from pipeline.outputs.follower import Follower
from pipeline.outputs.keeper import Keeper
from pipeline.outputs.places import OutputPlaces
from pipeline.outputs.shown import Shown
from pipeline.outputs.starting import Begin, begin
from pipeline.outputs.status import OutputsStatus, ShardFollowed
from pipeline.outputs.tables import Tables
from pipeline.outputs.tree import Tree

__all__ = ["Service", "serve"]

KEPT_BYTES: Final = 32 << 20
"""Of each output's newest rows in memory, in each shard."""
LOCK: Final = "outputs.lock"
POLL_S: Final = 0.02
STATUS_S: Final = 1.0
KEEP_S: Final = 60.0
AGAIN_S: Final = 5.0
ANEW_S: Final = 60.0


class Service(Protocol):
    """Something that serves tables, in threads of its own."""

    def close(self) -> None:
        """End."""


class _Failures:
    """What ends the process."""

    def __init__(self, ending: Event) -> None:
        self.first: BaseException | None = None
        self._ending = ending

    @contextmanager
    def told(self) -> Iterator[None]:
        """Whatever a thread raises."""
        try:
            yield
        except BaseException as error:
            self.first = self.first or error
            self._ending.set()


class _Common(NamedTuple):
    config: OutputsConfig
    layout: Layout
    places: OutputPlaces
    tree: Tree
    description: DescriptionFile
    clock: Clock
    ending: Event
    failures: _Failures
    say: Callable[[str], None]


def serve(
    config: OutputsConfig,
    places: OutputPlaces,
    services: Sequence[Callable[[Tables], Service]],
    *,
    ending: Event,
    say: Callable[[str], None],
    clock: Clock | None = None,
) -> None:
    """Make the outputs of a node until told to end; each of `services` is started with the tables.

    Raises `OutputsError`, `LayoutError`, `OSError` for what cannot be begun.
    """
    clock = clock or RealClock()
    layout, tree = read_layout(RealDisk(places.data)), Tree()
    of_generation(places, layout, say)
    try:
        lock = RealDisk(places.own).lock(LOCK, "")
    except DiskLocked:
        raise LayoutError(f"{places.root}: another process makes the outputs; expected none") from None
    try:
        file = DescriptionFile(places.description, layout.shards, layout.generation, tree)
        common = _Common(config, layout, places, tree, file, clock, ending, _Failures(ending), say)
        _Process(common).run(services)
    finally:
        lock.release()


def of_generation(places: OutputPlaces, layout: Layout, say: Callable[[str], None]) -> None:
    """Move the data set of another number of shards to where those shards are; it is made again from the journals."""
    there = read_description(places.description)
    if there is None or there.generation == layout.generation:
        return
    kept = places.data / f"before-{there.generation}"
    if there.generation > layout.generation or (kept / places.root.name).exists():
        raise OutputsError(
            f"{places.root}: is of generation {there.generation} of the shards; expected {layout.generation}. Move it "
            "away: it is made again from the journals"
        )
    Tree().move(places.root, kept / places.root.name)
    say(f"the outputs of before the change of the shards are in {kept}; all are made again")


class _Process:
    """The threads, and what is told of them each second."""

    def __init__(self, common: _Common) -> None:
        self._common = common
        self._alarms = Alarms(common.say)
        self._shards = [_Shard(common, shard) for shard in range(common.layout.shards)]
        self._followers: dict[int, Follower] = {}
        self._keeper = Keeper(
            common.places,
            common.tree,
            common.config.write,
            common.config.keep_days,
            common.clock.monotonic_s,
        )
        self._kept: str | None = None

    def run(self, services: Sequence[Callable[[Tables], Service]]) -> None:
        """Until told to end."""
        common = self._common
        self._keeper.recover()
        threads = [Thread(target=shard.run, args=(self._followers,), daemon=True) for shard in self._shards]
        threads.append(Thread(target=self._keep, daemon=True))
        tables = Shown(common.layout, common.config.write, self._followers)
        status = StatusFile(common.places.status)
        for thread in threads:
            thread.start()
        serving: list[Service] = []
        try:
            for start in services:
                serving.append(start(tables))
            while True:
                status.write(self._status())
                if common.ending.wait(STATUS_S):
                    return
        finally:
            common.ending.set()
            for service in serving:
                service.close()
            for thread in threads:
                thread.join()
            if common.failures.first is not None:
                raise common.failures.first

    def _status(self) -> OutputsStatus:
        now_s = self._common.clock.monotonic_s()
        for shard in self._shards:
            self._alarms.set(f"outputs of shard {shard.number}", shard.wrong, now_s)
        self._alarms.set("days that are over", self._kept, now_s)
        followed = tuple(shard.followed(self._followers.get(shard.number)) for shard in self._shards)
        return OutputsStatus(at_s=self._common.clock.now_s(), shards=followed, alarms=self._alarms.texts)

    def _keep(self) -> None:
        with self._common.failures.told():
            self._keep_on()

    def _keep_on(self) -> None:
        while not self._common.ending.wait(KEEP_S):
            try:
                self._keeper.look(self._oldest_day())
                self._kept = None
            except (OSError, FeikongError) as error:
                self._kept = str(error)

    def _oldest_day(self) -> date | None:
        """The day before which no shard writes anything; None as long as one may."""
        days = [shard.day(self._followers.get(shard.number)) for shard in self._shards]
        known = [day for day in days if day is not None]
        return min(known) if len(known) == len(days) else None


class _Shard:
    """The thread that follows a shard.

    Attributes:
        wrong: why its outputs are not made now, or what was wrong last; None while all is right.
    """

    def __init__(self, common: _Common, number: int) -> None:
        self.number = number
        self.wrong: str | None = None
        self._common = common
        self._places = Places(common.places.data, number)
        self._applied = 0
        self._caught_s = self._kept_s = common.clock.monotonic_s()
        self._stopped = False

    def run(self, followers: dict[int, Follower]) -> None:
        """Follow until told to end."""
        with self._common.failures.told():
            self._run(followers)

    def _run(self, followers: dict[int, Follower]) -> None:
        common = self._common
        while not common.ending.is_set():
            try:
                follower = followers.get(self.number)
                if follower is None:
                    follower = followers[self.number] = begin(self._begin())
                moved = self._turn(follower)
                self.wrong = None
            except JournalPruned as error:
                followers.pop(self.number, None)
                self.wrong, moved = str(error), False
                common.ending.wait(AGAIN_S)
            except OSError as error:
                self.wrong, moved = f"{error}; what waits is tried again", False
                common.ending.wait(AGAIN_S)
            except OutputsDiffer as error:
                self.wrong, self._stopped = str(error), True
                return
            except (FeikongError, JournalError) as error:
                followers.pop(self.number, None)
                self.wrong, moved = str(error), False
                common.ending.wait(ANEW_S)
            if not moved:
                common.ending.wait(POLL_S)

    def followed(self, follower: Follower | None) -> ShardFollowed:
        """How far it is."""
        if follower is None:
            return ShardFollowed(running=False)
        common = self._common
        with follower.changed:
            frame, seq, sealed = follower.frame, follower.seq, follower.sealed
            now_s = follower.engine.now_s if follower.engine is not None else None
        behind = max(self._applied - frame, 0)
        checkpoints = kept_frames(common.places.of_shard(self.number))
        return ShardFollowed(
            running=not self._stopped,
            frame=frame,
            seq=seq,
            now_s=now_s,
            sealed=sealed,
            lag_frames=behind,
            lag_s=round(common.clock.monotonic_s() - self._caught_s, 3) if behind else 0.0,
            written=follower.data_set.written,
            same=follower.data_set.same,
            checkpoint=checkpoints[-1] if checkpoints else None,
            gaps=common.description.now.shards[self.number].gaps,
        )

    def day(self, follower: Follower | None) -> date | None:
        """The day of its newest batch, all before being in files; None where that is not known."""
        if follower is None or self._stopped:
            return None
        with follower.changed:
            return None if follower.cutter.due else follower.cutter.day

    def _turn(self, follower: Follower) -> bool:
        applied = read_mark(self._places.mark)
        now_s = self._common.clock.monotonic_s()
        if applied is None:
            return False
        self._applied = applied.frame
        if now_s >= self._kept_s + self._common.config.checkpoint_every_s:
            follower.checkpoint_due, self._kept_s = True, now_s
        moved = follower.turn(applied.frame)
        if not moved:
            self._caught_s = now_s
        return moved

    def _begin(self) -> Begin:
        common = self._common

        def say(text: str) -> None:
            common.say(under(f"shard {self.number}", text, shard=self.number))

        return Begin(
            self._places,
            common.layout,
            common.tree,
            common.description,
            common.config.cut_s,
            common.config.write,
            KEPT_BYTES,
            say,
        )
