"""`feikong status` and `feikong trips held`: what an operator sees of a node on its machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli import main
from pipeline.clock import RealClock
from pipeline.journal import RealDisk
from pipeline.node.layout import Layout, Places, write_layout
from pipeline.node.status import OLD_S, Status, StatusFile
from unit.gateway.world import World

ALARM = {"alarms": ["mass_trip"], "sent": {"trip": 1, "restore": 0}, "not_sent": {"no_trip": 1}}


def status_of(world: World, **other: object) -> Status:
    """A status with a gateway's figures, and whatever is different."""
    fields = {
        "at_s": RealClock().now_s(),
        "engine_s": 1_767_227_400,
        "frame": 28,
        "sequence": 1200,
        "snapshot": None,
        "snapshot_pause_s": 0.0,
        "producers": 3,
        "frozen": [],
        "refused_batches": 0,
        "trips_held": False,
        "held_for": [],
        "trips_suspended": False,
        "commands": world.gateway.stats(),
        "alarms": {},
    }
    return Status(**{**fields, **other})


@pytest.fixture
def world() -> World:
    """One trip that left, one that NO-TRIP stopped, one that waits."""
    made = World(accounts=3)
    made.ready()
    made.spend("0")
    made.poll()
    made.no_trip = True
    made.spend("1")
    made.poll(1_767_227_401)
    made.no_trip = False
    made.spend("2")
    return made


@pytest.fixture
def data(tmp_path) -> Path:
    write_layout(RealDisk(tmp_path), Layout(1))
    Places(tmp_path, 0).link.parent.mkdir()
    return tmp_path


def run(data: Path, *words: str) -> Result:
    return CliRunner().invoke(main, [*words, "--data", str(data)])


def write(data: Path, status: Status) -> None:
    StatusFile(Places(data, 0).link.with_suffix(".json")).write(status)


def test_all_right(data, world):
    write(data, status_of(world, snapshot=20))
    shown = run(data, "status")
    assert (shown.exit_code, shown.stderr) == (0, "")
    for told in ("2026-01-01 00:30:00Z", "1,200", "none", "go", "1 trips"):
        assert told in shown.stdout
    document = json.loads(run(data, "status", "--json").stdout)
    assert document["wrong"] == []
    assert document["shards"][0]["running"] is True
    assert document["shards"][0]["sequence"] == 1200


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"at_s": RealClock().now_s() - OLD_S - 60}, "engine 0 does not run"),
        ({"alarms": {"disk": "the disk is full"}}, "engine 0: disk: the disk is full"),
        ({"frozen": ["feeder-1"]}, "feeder-1 is frozen"),
    ],
)
def test_what_is_wrong_is_told_and_is_exit_status_1(data, world, other, told):
    write(data, status_of(world, **other))
    shown = run(data, "status")
    assert (shown.exit_code, told in shown.stderr) == (1, True)
    assert told in json.loads(run(data, "status", "--json").stdout)["wrong"][0]


def test_an_engine_that_never_ran(data):
    shown = run(data, "status")
    assert (shown.exit_code, shown.stderr) == (1, "engine 0 has never run\n")
    assert run(data, "trips", "held").exit_code == 0


def test_a_folder_that_is_no_nodes(tmp_path):
    for words in (("status",), ("trips", "held")):
        shown = run(tmp_path / "gone", *words)
        assert (shown.exit_code, "expected the data directory of a node" in shown.output) == (1, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({}, "go"),
        ({"trips_suspended": True}, "suspended"),
        ({"trips_suspended": True, "commands": ALARM}, "suspended: mass_trip"),
        ({"trips_held": True, "held_for": ["app"], "trips_suspended": True}, "held"),
    ],
)
def test_what_stops_trips(data, world, other, told):
    write(data, status_of(world, **other))
    (shown,) = json.loads(run(data, "trips", "held", "--json").stdout)
    assert shown["trips"] == told
    assert shown["commands"]["sent"] == {"restore": 0, "trip": 1}
    page = run(data, "trips", "held").stdout
    assert told in page
    assert "no_trip 1" in page
    (data / "NO-TRIP").touch()
    (shown,) = json.loads(run(data, "trips", "held", "--json").stdout)
    assert shown["trips"] == "NO-TRIP"
