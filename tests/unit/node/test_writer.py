"""The writer on a disk without faults: what is taken, turned back, answered, and when."""

from __future__ import annotations

from pipeline.node.recovery import recover
from pipeline.node.snapshots import state_digest
from unit.node.world import ID, SEGMENT, Run


def rows_sent(run: Run) -> dict[str, int]:
    out: dict[str, int] = {}
    for producer in run.all:
        for kind, rows, _ in producer.outbox:
            out[kind.name.lower()] = out.get(kind.name.lower(), 0) + rows
    return out


def check_whole(run: Run, node) -> None:
    """Everything is there, once; and the journal alone gives the same state."""
    assert node.state.engine.stats()["rows"] | {"updates": 0} == rows_sent(run) | {"updates": 0}
    for producer in run.all:
        assert node.state.lines[producer.key].next_seq == len(producer.outbox) + 1
        assert not producer.refused
    digest = state_digest(node.state)
    node.journal.close()
    again = recover(run.disk, node.snapshots, new_id=ID, segment_bytes=SEGMENT)
    assert state_digest(again.state) == digest
    again.journal.close()


def test_everything_is_taken_once():
    for seed in range(10):
        for overlap in (False, True):
            run = Run(seed, overlap=overlap)
            node = run.node()
            run.settle(node)
            check_whole(run, node)
