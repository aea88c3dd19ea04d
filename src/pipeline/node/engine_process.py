"""An engine's process: recovery, then the shard's loop over sockets, threads, clock and disk, until told to end."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from fastcore import Config, SnapshotError
from pipeline.clock import Clock, RealClock
from pipeline.feed import Feed
from pipeline.journal import Journal, JournalDamaged, RealDisk
from pipeline.keys import Keyring
from pipeline.logs import WARNING, Message
from pipeline.node.committing import Committer, Preparer
from pipeline.node.gathering import Limits
from pipeline.node.hold import Payers
from pipeline.node.internal import Joined
from pipeline.node.layout import Layout, Places, read_layout
from pipeline.node.mark import Applied, MarkFile
from pipeline.node.outlet import Gateway, Outlet
from pipeline.node.recovery import Recovered, recover
from pipeline.node.reporting import Alarms, status_of
from pipeline.node.shard import Shard
from pipeline.node.snapshots import Snapshots
from pipeline.node.snapshotting import SnapshotFailed, Snapshotting
from pipeline.node.state import Outcome
from pipeline.node.status import Status, StatusFile
from pipeline.node.timing import Timings
from pipeline.node.writer import Writer
from pipeline.transport import Sockets, Waiter

__all__ = ["OUTPUTS", "Ends", "Settings", "serve"]

OUTPUTS: Final = ("commands",)
"""What an engine must give for the gateway's sake."""
QUEUE: Final = 1024
"""Messages between a worker and a shard, each way; their bytes are bounded by credit."""
KEYS_S: Final = 0.25
STATUS_S: Final = 1.0


class Ends(NamedTuple):
    """Where effects go: outlets, and the outputs that they want beside the gateway's and the feed's."""

    gateway: Gateway | None = None
    feed: Feed | None = None
    outlets: Sequence[Outlet] = ()
    outputs: Collection[str] = OUTPUTS


class Settings(NamedTuple):
    """How a shard is run.

    Attributes:
        snapshot_every_s: seconds between snapshots; 0: none is made.
        accept_loss: go on although a producer has seen acknowledged what is not here: it will send it again.
        prunable: told before which frame no snapshot needs the journal, says before which it may be pruned.
    """

    snapshot_every_s: int = 900
    accept_loss: bool = False
    prunable: Callable[[int], int] = lambda before: before


def serve(
    config: Config,
    data: Path,
    shard: int,
    ends: Ends,
    settings: Settings,
    *,
    ending: Callable[[], bool],
    say: Callable[[str], None],
    ring: Keyring | None = None,
    clock: Clock | None = None,
) -> None:
    """Run a shard until `ending` says so; `say` is told what a person should know.

    Raises `JournalError`, `OSError`, `FeikongError`: what was not acknowledged, producers still have.
    """
    clock = clock or RealClock()
    layout, places = read_layout(RealDisk(data)), Places(data, shard)
    places.link.parent.mkdir(mode=0o700, exist_ok=True)
    with Snapshotting(places, clock.monotonic_s) as snapshotting:
        recovered = _recovered(places, snapshotting.snapshots, ends, say, clock)
        process = _Process(
            config, layout, places, recovered, ends, settings, ring or Keyring(data), clock, say
        )
        try:
            process.run(snapshotting, ending)
        finally:
            recovered.journal.close()


def _recovered(
    places: Places, snapshots: Snapshots, ends: Ends, say: Callable[[str], None], clock: Clock
) -> Recovered:
    began_s = clock.monotonic_s()
    feed = ends.feed
    outputs = [*dict.fromkeys((*OUTPUTS, *ends.outputs, *(feed.outputs if feed else ())))]

    def replayed(seq: int, outcome: Outcome) -> None:
        if feed is not None and outcome.effects is not None:
            feed.take(seq, outcome.effects)

    recovered = recover(
        RealDisk(places.journal), snapshots, new_id=os.urandom(16), outputs=outputs, on_batch=replayed
    )
    if feed is not None:
        engine = recovered.state.engine
        feed.begin(recovered.snapshot is None, engine.sequence if engine else 0)
    for problem in recovered.problems:
        say(Message(problem, WARNING))
    for tail in recovered.tails:
        kept = places.journal / tail.kept_in
        text = f"a torn end of {tail.length} bytes, never acknowledged, is kept in {kept}"
        say(Message(text, WARNING, bytes=tail.length))
    begun = "the journal's start" if recovered.snapshot is None else f"snapshot {recovered.snapshot}"
    frame, took_s = recovered.state.mark.number, clock.monotonic_s() - began_s
    text = (
        f"recovered from {begun}, {recovered.frames} frames behind it, up to frame {frame}, in {took_s:.1f} s"
    )
    say(
        Message(
            text, snapshot=recovered.snapshot, frames=recovered.frames, frame=frame, seconds=round(took_s, 3)
        )
    )
    return recovered


class _Process:
    """The loop, and what happens beside it each second or so."""

    def __init__(
        self,
        config: Config,
        layout: Layout,
        places: Places,
        recovered: Recovered,
        ends: Ends,
        settings: Settings,
        ring: Keyring,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        self._config = config
        self._places = places
        self._journal: Journal = recovered.journal
        self._settings = settings
        self._gateway, self._feed = ends.gateway, ends.feed
        self._timings = Timings()
        self._ring = ring
        self._payers = Payers(ring)
        self._clock = clock
        self._say = say
        self._alarms = Alarms(say)
        self._snapshot_s = clock.monotonic_s()
        self._snapshot = recovered.snapshot
        self._status_s = self._keys_s = float("-inf")
        self._status = StatusFile(places.link.with_suffix(".json"))
        self.writer = Writer(
            recovered.state,
            joined=Joined(places.shard, layout.shards, self._journal.incarnation),
            lost=self._lost,
            payments_keys=self._payments(),
            limits=Limits(),
            outlets=ends.outlets,
            gateway=ends.gateway,
            feed=ends.feed,
        )

    def run(self, snapshotting: Snapshotting, ending: Callable[[], bool]) -> None:
        """Serve workers until told to end; then commit and answer what is under way."""
        self._begin()
        with (
            MarkFile(self._places.mark) as mark,
            Sockets() as sockets,
            Committer(self._journal, self._timings, self._clock) as committer,
            self._preparer() as preparer,
        ):
            self._tell(mark)
            server = sockets.serve_local(self._places.link, queue=QUEUE)
            shard = Shard(
                self.writer,
                self._journal,
                server,
                committer,
                self._clock,
                self._payments,
                self._say,
                self._timings,
            )
            waiter = Waiter(server, committer.wake)
            while not ending():
                rest_s = shard.turn()
                self._tell(mark)
                self._beside(shard, preparer, snapshotting)
                if rest_s:
                    waiter.wait(rest_s)
            while not shard.quiet:
                rest_s = shard.turn(receiving=False)
                self._tell(mark)
                if rest_s:
                    waiter.wait(rest_s)
            server.close()

    def _tell(self, mark: MarkFile) -> None:
        """Tell whoever follows how far the journal is durable and applied."""
        state = self.writer.state
        seq = state.engine.sequence if state.engine is not None else 0
        mark.write(Applied(state.mark.number, self._journal.incarnation, seq))

    def _preparer(self) -> Preparer:
        return Preparer(self._journal, RealDisk(self._places.journal))

    def _begin(self) -> None:
        engine = self.writer.state.engine
        if engine is not None and engine.config.text != self._config.text:
            text = (
                "the configuration in force is not the one of the file: what was journaled last counts. Have an "
                "operator send the file to change it"
            )
            self._say(Message(text, WARNING))
        self.writer.begin(self._config.text, self._clock.now_s())

    def _beside(self, shard: Shard, preparer: Preparer, snapshotting: Snapshotting) -> None:
        preparer.look()
        now_s = self._clock.monotonic_s()
        self._alarms.set("disk", preparer.full, now_s)
        self._alarms.set("time", self.writer.stuck, now_s)
        try:
            self._snapshots(shard, preparer, snapshotting, now_s)
        except (SnapshotFailed, SnapshotError, OSError) as error:
            self._alarms.set("snapshot", str(error), now_s)
        if now_s >= self._status_s + STATUS_S:
            self._status_s = now_s
            self._status.write(self._report(snapshotting))

    def _report(self, snapshotting: Snapshotting) -> Status:
        return status_of(
            self.writer,
            self._ring,
            self._alarms,
            self._journal,
            self._timings,
            self._feed,
            at_s=self._clock.now_s(),
            snapshot=self._snapshot,
            pause_s=snapshotting.pause_s,
            commands=self._gateway.stats() if self._gateway and self.writer.state.engine else {},
        )

    def _snapshots(self, shard: Shard, preparer: Preparer, snapshotting: Snapshotting, now_s: float) -> None:
        """Go on with the snapshot that is under way, or begin one when it is time; raises what goes wrong with it."""
        number = snapshotting.look(self.writer.state)
        if number is not None:
            self._snapshot = number
            shard.tell(self.writer.covered(snapshotting.snapshots.outline(number).lines.settled()))
            older = snapshotting.snapshots.remove_older()
            if older is not None:
                preparer.quietly(lambda: self._prune(older))
            self._alarms.set("snapshot", None, now_s)
        every_s, state = self._settings.snapshot_every_s, self.writer.state
        if every_s and snapshotting.idle and now_s >= self._snapshot_s + every_s:
            self._snapshot_s = now_s
            if state.engine is not None and state.mark.number != self._snapshot:
                snapshotting.begin(state)

    def _prune(self, older: int) -> None:
        self._journal.prune(self._settings.prunable(older + 1))

    def _payments(self) -> Collection[bytes]:
        now_s = self._clock.monotonic_s()
        if now_s >= self._keys_s + KEYS_S:
            self._keys_s = now_s
            self._ring.refresh()
        return self._payers.wanted()

    def _lost(self, by: str) -> None:
        """A producer proves a loss."""
        if self._settings.accept_loss:
            text = f"{by} proves a loss, which is accepted: what it still has, it sends again"
            self._say(Message(text, WARNING))
            return
        try:
            self._journal.prove(by)
        except JournalDamaged as error:
            raise JournalDamaged(f"{error}, and start once with --accept-loss") from None
