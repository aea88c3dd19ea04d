"""A shard killed before, during and after every operation on its disks, and again while it recovers."""

from __future__ import annotations

import pytest

from fastcore import FeikongError
from pipeline.journal import JournalDamaged, JournalError
from pipeline.node.intake import Intake
from pipeline.node.recovery import recover
from pipeline.node.snapshots import state_digest
from simulation.disk import Faults, Killed, SimFile
from unit.node.world import ID, SEGMENT, Node, Run

WHEN = ("before", "during", "after")


def operations(seed: int, overlap: bool) -> int:
    """Operations of a run that nobody disturbs, up to its last acknowledgement."""
    run = Run(seed, overlap=overlap)
    run.settle(run.node())
    assert run.shelf.names(), "the run should write snapshots"
    return run.faults.operations


def lived(run: Run, kills: int) -> int:
    """Run until everything is settled, a start after each kill; how many there were."""
    deaths = 0
    while True:
        try:
            node = run.node()
            run.settle(node)
        except Killed:
            deaths += 1
            assert deaths <= kills
            run.faults.kill_at = None
            if deaths < kills:
                run.faults.kill_at = run.faults.operations + 1 + run.random.randrange(8)
            run.die(power=run.random.random() < 0.7)
        else:
            run.faults.kill_at = None
            check_whole(run, node)
            return deaths


def check_whole(run: Run, node) -> None:
    """Everything acknowledged is there, nothing twice, and every way of recovering gives this state."""
    rows: dict[str, int] = {}
    for producer in run.all:
        line = node.state.lines[producer.key]
        assert (line.next_seq, line.refused) == (len(producer.outbox) + 1, 0)
        for kind, count, _ in producer.outbox:
            rows[kind.name.lower()] = rows.get(kind.name.lower(), 0) + count
    assert node.state.engine.stats()["rows"] == rows
    node.state.engine.audit()
    digest = state_digest(node.state)
    node.journal.close()
    again = recover(run.disk, node.snapshots, new_id=ID, segment_bytes=SEGMENT)
    again.journal.close()
    assert state_digest(again.state) == digest


@pytest.mark.parametrize("overlap", [False, True])
def test_killed_at_every_operation(overlap):
    seed = 4
    count = operations(seed, overlap)
    deaths = 0
    for at in range(1, count + 1):
        for when in WHEN if overlap else (WHEN[at % 3],):
            run = Run(seed, Faults(kill_at=at, kill_when=when), overlap=overlap)
            deaths += lived(run, kills=1)
    assert count > 50
    assert deaths > count * (2.5 if overlap else 0.8)


def test_killed_again_while_recovering():
    count, twice = operations(5, True), 0
    for at in range(3, count + 1, 2):
        run = Run(5, Faults(kill_at=at, kill_when=WHEN[at % 3]), overlap=True)
        twice += lived(run, kills=3) >= 2
    assert twice > count // 4


def test_a_failed_write_or_sync_ends_the_process_and_loses_nothing():
    count, failed = operations(6, True), 0
    for at in range(1, count + 1):
        run = Run(6, Faults(fail_at={at}), overlap=True)
        node = None
        try:
            node = run.node()
            run.settle(node)
        except (OSError, JournalError):
            failed += 1
            run.die(power=True)
            node = run.node()
            run.settle(node)
        check_whole(run, node)
    assert failed > count * 0.9


def found(seeds: int = 40) -> int:
    """How many runs find a mistake that was made on purpose."""
    count = 0
    for seed in range(seeds):
        run = Run(seed, Faults(kill_at=16 + seed, kill_when=WHEN[seed % 3]), overlap=bool(seed % 2))
        run.faults.random.seed(seed)
        try:
            lived(run, kills=1)
        except (AssertionError, FeikongError, JournalDamaged):
            count += 1
    return count


def test_these_runs_find_nothing_where_nothing_is_wrong():
    assert found() == 0


def test_a_missing_sync_is_found(monkeypatch):
    monkeypatch.setattr(SimFile, "sync", lambda self: None)
    assert found() > 5


def test_an_answer_before_the_disk_is_found(monkeypatch):
    """The group is applied and answered, and only then written."""

    def late(node, now_s):
        group = node.writer.gather(now_s, node.journal)
        if group:
            node.tell(node.writer.apply(group, node.journal.durable, now_s))
            for producer in node.run.all:
                for _, message, _ in node.answers:
                    if getattr(message, "producer", producer.key) == producer.key:
                        producer.take(message)
            node._durable(group)
        return group is not None

    monkeypatch.setattr(Node, "commit", late)
    monkeypatch.setattr(Node, "overlap", late)
    assert found() > 5


def test_a_number_taken_twice_is_found(monkeypatch):
    """A shard that takes what has come before again, as though it were new."""

    def careless(intake, route, kind, part, out):
        session = intake.sessions[part.producer]
        session.next_seq = max(session.next_seq, part.seq + 1)
        return True

    monkeypatch.setattr(Intake, "_judge", careless)
    monkeypatch.setattr(Run, "again", 0.3)
    assert found() > 5
