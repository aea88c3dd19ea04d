"""`feikong journal`, `engine` and `tick`, as a person calls them."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.journal import RealDisk
from pipeline.node.entries import Entry
from pipeline.node.gathering import group_of
from pipeline.node.identity import made_pair
from pipeline.node.intake import Item
from pipeline.node.layout import Layout, Places, write_layout
from pipeline.node.recovery import recover
from pipeline.node.snapshots import Snapshots
from pipeline.outputs.places import OutputPlaces
from pipeline.wire import Kind
from unit.node.world import CONFIG, ID, NOW


def run(*arguments):
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture
def data(tmp_path):
    """A data directory of two shards; the first has four frames in many segments, and two snapshots."""
    folder = tmp_path / "node"
    write_layout(RealDisk(folder), Layout(2))
    for shard in range(2):
        places = Places(folder, shard)
        snapshots = Snapshots(RealDisk(places.snapshots))
        recovered = recover(RealDisk(places.journal), snapshots, new_id=ID, segment_bytes=2 * 4096)
        state, journal = recovered.state, recovered.journal
        entries = [
            Entry(Kind.CONFIG, body=CONFIG.encode()),
            *(Entry(Kind.TICK, now_s=NOW + n) for n in range(3)),
        ]
        for number, entry in enumerate(entries, 1):
            journal.commit(group_of([Item(entry)], 0).buffers, now_s=entry.now_s)
            state.apply(entry)
            state.mark = journal.durable
            if shard == 0 and number in (2, 3):
                snapshots.count(snapshots.write(state))
        journal.close()
    return folder


def test_sound_journals_are_clean(data):
    done = run("journal", "verify", "--data", data)
    assert done.exit_code == 0
    assert done.output.count("clean") == 2
    told = json.loads(run("journal", "verify", "--data", data, "--json").output)
    assert [(each["shard"], each["state"], each["frames"], each["last"]) for each in told] == [
        (0, "clean", 4, 4),
        (1, "clean", 4, 4),
    ]
    assert len(json.loads(run("journal", "verify", "--data", data, "--shard", 1, "--json").output)) == 1


def test_a_damaged_journal_is_exit_status_1_and_says_where(data):
    segment = sorted(Places(data, 1).journal.glob("segment-*"))[1]
    content = bytearray(segment.read_bytes())
    content[5000] ^= 1
    segment.write_bytes(content)
    done = run("journal", "verify", "--data", data)
    assert done.exit_code == 1
    assert "damaged" in done.output
    assert segment.name in done.output
    assert "Nothing was changed" in done.output


def test_an_exported_journal_is_replayed_to_the_same_state(data, tmp_path):
    log, out = tmp_path / "log", tmp_path / "out"
    assert run("journal", "export", "--data", data, "--out", log).exit_code == 0
    assert run("replay", log, "--out", out).exit_code == 0
    places = Places(data, 0)
    recovered = recover(RealDisk(places.journal), Snapshots(RealDisk(places.snapshots)), new_id=ID)
    recovered.journal.close()
    summary = json.loads((out / "summary.json").read_text())
    assert summary["digest"] == recovered.state.engine.digest()
    assert summary["sequence"] == 4


def test_pruning_keeps_what_the_older_snapshot_needs(data, tmp_path):
    done = run("journal", "prune", "--data", data)
    assert done.exit_code == 0
    assert "shard 0: 2 segments removed, 2 verified snapshots." in done.output
    assert "shard 1: 0 segments removed, 0 verified snapshots." in done.output
    places = Places(data, 0)
    recovered = recover(RealDisk(places.journal), Snapshots(RealDisk(places.snapshots)), new_id=ID)
    recovered.journal.close()
    assert (recovered.snapshot, recovered.frames) == (3, 1)
    done = run("journal", "export", "--data", data, "--out", tmp_path / "log")
    assert done.exit_code == 1
    assert "begins with frame 3" in done.output


def test_pruning_keeps_what_the_outputs_need(data):
    own = OutputPlaces(data).of_shard(0)
    own.mkdir(parents=True)
    names = RealDisk(Places(data, 0).journal).names()
    assert "shard 0: 0 segments removed" in run("journal", "prune", "--data", data).output
    assert RealDisk(Places(data, 0).journal).names() == names
    (own / "checkpoint-000000000001-000000.json").touch()
    assert "shard 0: 1 segments removed" in run("journal", "prune", "--data", data).output


def test_a_journal_that_is_in_use_is_not_pruned(data):
    recovered = recover(
        RealDisk(Places(data, 0).journal), Snapshots(RealDisk(Places(data, 0).snapshots)), new_id=ID
    )
    done = run("journal", "prune", "--data", data)
    recovered.journal.close()
    assert done.exit_code == 1
    assert "is in use by process" in done.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["journal", "verify", "--data", "nowhere"], "nowhere: does not exist"),
        (["journal", "verify", "--data", "node", "--shard", "2"], "there is no shard 2"),
        (["journal", "export", "--data", "node", "--shard", "7", "--out", "x"], "there is no shard 7"),
        (["tick", "--at", "yesterday"], "expected whole seconds and an offset"),
        (["tick", "--at", "2026-01-01T00:00:00"], "expected whole seconds and an offset"),
        (["engine", "c.toml", "--data", "node", "--shard", "2"], "expected 0 to 1"),
        (["engine", "one.toml", "--data", "node"], "has 2 shards; the configuration says 1"),
    ],
)
def test_what_cannot_be_done_is_said(data, tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    made_pair(data)
    (tmp_path / "c.toml").write_text(CONFIG + "\n[node]\nshards = 2\n")
    (tmp_path / "one.toml").write_text(CONFIG)
    if arguments[0] == "tick":
        for name in ("op.key", "node.pub"):
            (tmp_path / name).write_text("")
        arguments = [*arguments, "--to", "tcp://127.0.0.1:1", "--key", "op.key", "--node", "node.pub"]
    done = run(*arguments)
    assert done.exit_code in (1, 2)
    assert says in " ".join(done.output.split())


def test_an_engine_over_a_damaged_journal_ends_and_changes_nothing(data, tmp_path):
    made_pair(data)
    (tmp_path / "c.toml").write_text(CONFIG + "\n[node]\nshards = 2\n")
    places = Places(data, 0)
    for segment in sorted(places.journal.glob("segment-*"))[-2:]:
        segment.unlink()
    for snapshot in places.snapshots.iterdir():
        snapshot.write_bytes(b"spoiled")
    before = {path.name: path.read_bytes() for path in places.journal.iterdir() if path.suffix == ".journal"}
    done = run("engine", tmp_path / "c.toml", "--data", data)
    after = {path.name: path.read_bytes() for path in places.journal.iterdir() if path.suffix == ".journal"}
    assert done.exit_code == 1
    assert "snapshot 3 proves that frame 3 had been acknowledged" in done.output
    assert after == before
