"""What a worker says of itself once a second: by reason, by role, by producer, and of how many by name."""

from __future__ import annotations

import pytest

from pipeline.wire import Role
from pipeline.wire.kinds import Kind
from pipeline.worker.status import (
    OTHER,
    Producing,
    WorkerStatusFile,
    read_worker_statuses,
    summed,
    to_name,
)
from unit.worker.world import NOON, World


@pytest.fixture
def written(tmp_path):
    (tmp_path / "run").mkdir()

    def write(world, now_s=0.0):
        status = WorkerStatusFile(tmp_path, "worker-3", world.worker.peers, world.letters)
        status.beat(NOON, now_s, ready=world.worker.ready)
        return read_worker_statuses(tmp_path)[3]

    return write


def test_what_was_taken_and_what_is_under_way(written):
    world = World(at_once=False)
    reader, payer = world.caller(1).hello(), world.caller(2, Role.PAYMENTS).hello()
    reader.send(Kind.READS, rows=2)
    reader.send(Kind.READS, rows=2)
    status = written(world)
    assert (status.at_s, status.ready) == (NOON, True)
    assert status.batches == {"reads": 2}
    assert status.rows == {"reads": 4}
    assert status.connected == {"reads": 1, "payments": 1}
    mine = status.producers["key-1"]
    assert mine.batches == 2
    assert 0 < mine.bytes == status.flying_bytes["bulk"] < mine.credit_bytes <= status.credit_bytes["bulk"]
    assert status.producers["key-2"] == Producing(0, 0, status.producers["key-2"].credit_bytes)
    assert payer.session
    world.shards[0].settle()
    world.run()
    later = written(world)
    assert (later.producers["key-1"].batches, later.flying_bytes["bulk"], later.rows) == (0, 0, {"reads": 4})


def test_what_was_refused_by_reason_and_kept(written):
    world = World()
    caller = world.caller(1).hello()
    caller.send(Kind.READS, b"no arrow")
    caller.say([b"short", b"x"])
    world.worker.allowed({})
    status = written(world)
    assert status.refused == {"schema": 1, "header_length": 1}
    assert (status.letters_kept, status.letters_passed_over) == (2, 0)
    assert status.ended == {"revoked": 1}
    assert (status.connected, status.producers, status.batches) == ({}, {}, {})


def test_it_is_written_once_a_second(tmp_path):
    (tmp_path / "run").mkdir()
    world = World()
    status = WorkerStatusFile(tmp_path, "worker-0", world.worker.peers, world.letters)
    for at_s, now_s in ((1, 5.0), (2, 5.9), (3, 6.0), (4, 6.5)):
        status.beat(at_s, now_s, ready=True)
    assert read_worker_statuses(tmp_path)[0].at_s == 3


def test_files_of_others_are_none_of_a_worker(tmp_path):
    assert read_worker_statuses(tmp_path) == {}
    run = tmp_path / "run"
    run.mkdir()
    for name in ("shard-0.json", "worker-x.json", "worker-1.json.part", "worker-2.json"):
        (run / name).write_text("{}")
    assert read_worker_statuses(tmp_path) == {}


def test_names_stay_and_never_are_more():
    assert to_name((), ["c", "a", "b"], most=2) == {"a", "b"}
    assert to_name({"b", "c"}, ["a", "b", "c"], most=2) == {"b", "c"}
    assert to_name({"b", "gone"}, ["a", "b", "c"], most=2) == {"a", "b"}


def test_those_without_a_name_are_one():
    found = [("a", Producing(1, 10, 100)), ("b", Producing(2, 20, 200)), ("c", Producing(4, 40, 400))]
    assert summed([*found, ("a", Producing(8, 80, 800))], {"a"}) == {
        "a": Producing(9, 90, 900),
        OTHER: Producing(6, 60, 600),
    }
