"""The mistakes: each takes one of the node's safeguards away, in memory, for the time of a test.

What they have in common: a run in which nothing goes wrong does not show them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

import pytest

from pipeline.gateway import gateway
from pipeline.gateway.sending import Judged
from pipeline.journal import disk as disks
from pipeline.journal import format as form
from pipeline.journal import recovery
from pipeline.journal.format import SEGMENT_HEADER_BYTES, segment_name
from pipeline.journal.writer import Journal
from pipeline.node.hold import Hold
from pipeline.node.intake import Intake, Taken
from pipeline.node.shard import Shard
from pipeline.wire import BATCHES
from simulation.disk import SimDisk, SimFile
from simulation.plan import Kill, Plan, after_an_error, plan_of
from simulation.planted import feeding
from simulation.process import Commits

Patch = pytest.MonkeyPatch


def no_sync_of_a_frame(patch: Patch) -> None:
    """A frame counts as durable once it is written."""

    def sync(journal: Any) -> int:
        journal._usable()
        if journal._written:
            journal.durable, journal._written = journal._written, None
        return int(journal.durable.number)

    patch.setattr(Journal, "sync", sync)


def no_sync_of_a_new_file(patch: Patch) -> None:
    """A file is renamed before it is on the disk."""
    good = SimFile.sync
    patch.setattr(SimFile, "sync", lambda file: None if file.name.endswith(".tmp") else good(file))


def no_sync_of_the_directory(patch: Patch) -> None:
    """Nobody waits for the names of files."""
    patch.setattr(SimDisk, "sync_names", lambda disk: None)


def no_padding(patch: Patch) -> None:
    """A frame begins in the sector in which the one before it ends."""
    patch.setattr(form, "BLOCK", 64)


def no_new_file_at_recovery(patch: Patch) -> None:
    """Recovery writes its zeros over the torn tail, syncs, and goes on in place."""

    def make_segment(disk: Any, header: Any, frames: Sequence[Any] = ()) -> Any:
        name = segment_name(header.index)
        if name not in disk.names():
            return made(disk, header, frames)
        file = SimFile(disk, name, disk.files[name])
        at = SEGMENT_HEADER_BYTES + sum(map(len, frames))
        disks.write_all(file, 0, [header.pack()])
        disks.fill(file, at, header.size_bytes)
        file.sync()
        return file

    made = recovery.make_segment
    patch.setattr(recovery, "make_segment", make_segment)


def no_check_of_the_sequence(patch: Patch) -> None:
    """Worker and shard take whatever comes in an open session, as often as it comes."""

    def judge(intake: Any, route: bytes, kind: Any, part: Any, out: Any) -> bool:
        session = intake.sessions.get(part.producer)
        if session is None or part.session != session.number:
            return bool(good(intake, route, kind, part, out))
        session.next_seq = max(session.next_seq, part.seq + 1)
        session.pending[part.seq] = Taken(part.digest, route, session.number)
        return True

    def in_line(header: Any, line: Any) -> bool:
        if header.kind in BATCHES and header.session == line.session:
            line.next_seq = header.seq
        return bool(whole(header, line))

    check = sys.modules["pipeline.wire.check"]  # the package gives a function this name
    whole = check._in_line
    good = Intake._judge
    patch.setattr(check, "_in_line", in_line)
    patch.setattr(Intake, "_judge", judge)


def apply_before_sync(patch: Patch) -> None:
    """A group is handed on to be applied and answered when it is written, and synced afterwards."""

    def run(commits: Any) -> None:
        if commits._late:
            commits._late = False
            commits._journal.sync()
            return
        good(commits)
        if commits._group is not None and commits._written:
            commits._late = True
            commits._done, commits._group = (commits._group, commits._journal._written), None

    good = Commits.run
    patch.setattr(Commits, "_late", False, raising=False)
    patch.setattr(Commits, "run", run)


def no_check_at_sending(patch: Patch) -> None:
    """Whatever was decided is sent."""

    def judge(trips: Sequence[Any], moment: Any, base: int) -> Judged:
        return Judged([None] * len(trips), looked=True)

    patch.setattr(gateway, "judge", judge)


def a_failed_sync_is_tried_again(patch: Patch) -> None:
    """The second one succeeds, and has written nothing."""
    good = SimFile.sync

    def sync(file: SimFile) -> None:
        try:
            good(file)
        except OSError:
            good(file)

    patch.setattr(SimFile, "sync", sync)


def no_hold_after_a_start(patch: Patch) -> None:
    """Trips go although nobody knows what was paid meanwhile."""
    patch.setattr(Hold, "held", property(lambda hold: False))


def no_wait_after_standing_still(patch: Patch) -> None:
    """A node that was stopped goes on at once, though queues hold what was paid meanwhile."""
    patch.setattr(Shard, "_notice", lambda shard: None)


def stopped(random: Random) -> Plan:
    """The node stands still, again and again."""
    return Plan(rounds=60, stall=0.1)


def torn(random: Random) -> Plan:
    """The power fails while frames are written, and spoils what was on its way."""
    kills = [Kill("during write segment", random.randrange(2, 12), 1.0) for _ in range(3)]
    return Plan(kills=kills, spoil=0.9)


def failed(random: Random) -> Plan:
    """A sync fails; some time after the next start the power does."""
    return Plan(rounds=50, kills=[*after_an_error(random), *after_an_error(random)])


def absent(random: Random) -> Plan:
    """Starts while a pay channel is away."""
    points = ("after sync segment", "after answer", "before apply")
    kills = [Kill(random.choice(points), random.randrange(3, 20), 0.0) for _ in range(3)]
    return Plan(rounds=60, away=0.3, kills=kills)


def anything(random: Random) -> Plan:
    """Whatever the long run does."""
    return plan_of(random.randrange(1 << 20))


class Mistake(NamedTuple):
    """A mistake, and the schedules that are made to find it; whether they must be other than calm ones."""

    plant: Callable[[Patch], None]
    plan: Callable[[Random], Plan] = anything
    hidden: bool = True

    def __repr__(self) -> str:
        return self.plant.__name__


MISTAKES = [
    Mistake(no_sync_of_a_frame),
    Mistake(no_sync_of_a_new_file),
    Mistake(no_sync_of_the_directory),
    Mistake(no_padding, torn),
    Mistake(no_new_file_at_recovery, failed),
    Mistake(no_check_of_the_sequence),
    Mistake(apply_before_sync),
    Mistake(no_check_at_sending, hidden=False),
    Mistake(a_failed_sync_is_tried_again, failed),
    Mistake(no_hold_after_a_start, absent),
    Mistake(no_wait_after_standing_still, stopped),
    Mistake(feeding.no_count_of_messages, feeding.following),
    Mistake(feeding.a_cursor_moves_before_rows_are_stored, feeding.following),
    Mistake(feeding.no_cursor_on_the_disk, feeding.following),
    Mistake(feeding.a_start_that_says_it_has_all, feeding.following),
    Mistake(feeding.no_taking_back, feeding.following),
]
