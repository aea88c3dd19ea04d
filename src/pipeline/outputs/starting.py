"""Where a follower begins: at its newest checkpoint that is whole, else the one before, else at the journal's start.

If that has been pruned, too, at the oldest snapshot of the writer's: then rows are missing in between, and the
description says which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from fastcore import Engine, SnapshotError
from pipeline.feed.ring import Ring
from pipeline.journal import Mark, RealDisk
from pipeline.journal.follow import Following, JournalPruned
from pipeline.logs import WARNING, Message
from pipeline.node.layout import Layout, Places
from pipeline.node.snapshots import Snapshots
from pipeline.outputs.checkpoints import Checkpoints
from pipeline.outputs.cuts import Cutter, Policy
from pipeline.outputs.dataset import DataSet
from pipeline.outputs.description import Described, DescriptionFile, Gap, OutputsError
from pipeline.outputs.follower import ALL, Follower, Parts
from pipeline.outputs.outside import Outside
from pipeline.outputs.places import OutputPlaces
from pipeline.outputs.tree import Tree

__all__ = ["Begin", "begin"]


class Begin(NamedTuple):
    """What a follower is begun with.

    Attributes:
        cut_s, outputs: how rows are cut from now on, and which.
        kept_bytes: of each output's newest rows in memory.
        say: is told what a person should know.
    """

    places: Places
    layout: Layout
    tree: Tree
    description: DescriptionFile
    cut_s: int
    outputs: tuple[str, ...]
    kept_bytes: int
    say: Callable[[str], None]


class _Start(NamedTuple):
    """A place to begin at: a mark, None the first frame, and the engine there."""

    where: str
    mark: Mark | None
    entries: int
    engine: Engine | None
    ours: bool


def begin(to: Begin) -> Follower:
    """Begin to follow a shard; raises `OutputsError`, `JournalDamaged`, `OSError`."""
    shard = to.places.shard
    outputs = OutputPlaces(to.places.data)
    data_set = DataSet(outputs, shard, to.tree)
    checkpoints = Checkpoints(outputs.of_shard(shard), to.tree)
    for start in _starts(to, checkpoints):
        journal = Following(RealDisk(to.places.journal), start.mark)
        try:
            journal.find()
        except JournalPruned as error:
            to.say(Message(f"{start.where}: {error}", WARNING))
            continue
        cutter = _cutter(to, start, data_set)
        to.say(f"begins at {start.where}, batch {start.engine.sequence if start.engine else 0}")
        parts = Parts(
            journal,
            start.engine,
            cutter,
            data_set,
            checkpoints,
            Outside(to.layout, shard),
            {name: Ring(to.kept_bytes) for name in to.outputs},
            start.entries,
        )
        return Follower(parts)
    raise OutputsError(
        f"{to.places.journal}: begins behind every checkpoint and snapshot that can be read; expected one that it goes "
        "on from. The outputs of this shard cannot be made until the node has made a snapshot"
    )


def _starts(to: Begin, checkpoints: Checkpoints) -> Iterator[_Start]:
    """The places to begin at, the best first."""
    for path in checkpoints.newest_first():
        try:
            found = checkpoints.load(path, ALL)
        except SnapshotError as error:
            to.say(Message(f"a checkpoint cannot be used: {error}", WARNING))
            continue
        place = found.checkpoint
        yield _Start(f"checkpoint {place.frame}", place.mark, place.entries, found.engine, True)
    yield _Start("the journal's first frame", None, 0, None, True)
    snapshots = Snapshots(RealDisk(to.places.snapshots))
    for number in reversed(snapshots.verified()):
        try:
            state = snapshots.load(number, ALL)
        except SnapshotError as error:
            to.say(Message(f"snapshot {number} cannot be used: {error}", WARNING, snapshot=number))
            continue
        yield _Start(f"snapshot {number}", state.mark, 0, state.engine, False)


def _cutter(to: Begin, start: _Start, data_set: DataSet) -> Cutter:
    """What cuts rows behind the start; what it will need is written down first."""
    seq = start.engine.sequence if start.engine else 0
    written = data_set.cursor.seq
    described = to.description.now.shards[to.places.shard]
    skipped = 0
    if not start.ours and seq > written:
        described = _with_gap(to, described, written, seq)
        data_set.drop_behind(written)
        written = seq
    elif not start.ours:
        skipped = written
    policy = Policy(written + 1, to.cut_s, to.outputs)
    wanted = described.with_policy(policy)
    if wanted.policies != described.policies:
        data_set.drop_behind(written)
    described = to.description.change(to.places.shard, lambda now: wanted)
    return Cutter(described.policies, seq, written=skipped)


def _with_gap(to: Begin, described: Described, written: int, seq: int) -> Described:
    """What is described where the rows behind `written` up to `seq` cannot be made any more."""
    if not described.policies:
        to.say(f"rows begin behind batch {seq}: the journal does not go back further")
        return msgspec.structs.replace(described, first=seq + 1)
    gap = Gap(written + 1, seq)
    rows = f"the rows of the batches {gap.first} to {gap.last}"
    text = f"{rows} are missing: the journal was pruned before they were made"
    to.say(Message(text, WARNING, first=gap.first, last=gap.last))
    kept = tuple(each for each in described.gaps if each.last < gap.first)
    return msgspec.structs.replace(described, gaps=(*kept, gap))
