"""Another number of shards: the same money, the same numbers, put in place whole or not at all."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from xxhash import xxh3_128_digest

from pipeline.batchlog import BatchLog, Broken
from pipeline.errors import LogError
from pipeline.journal import RealDisk, Recovery
from pipeline.node.entries import Entry, Sent, encode, epoch_entry
from pipeline.node.layout import Layout, LayoutError, Places, read_layout, write_layout
from pipeline.node.recovery import recover
from pipeline.node.snapshots import Snapshots
from pipeline.node.state import State
from pipeline.reshard import move
from pipeline.reshard.build import Resharded, reshard
from pipeline.reshard.move import change_shards, check_unchanged, finish
from pipeline.wire import Kind, Role, write_batch
from pipeline.worker.split import with_column
from simulation.disk import SimDisk
from tests.shared import shared

SMALL = 1 << 20
# In none of these a meter or a payment goes from one account to another.
LOGS = [
    "all_gates",
    "approval_serves_one_trip",
    "autopay_hold_fail_clear",
    "close_account_and_what_is_left",
    "exchange_meter_cases",
    "rate_limits_per_hour",
    "restore_armed_then_field_restore",
    "several_districts_close_windows_in_order",
    "uint64_ids_and_timestamps",
    "warn_levels_exact_thresholds",
    "windows_revisions_supply",
]


def producer(kind: Kind) -> bytes:
    return bytes([kind] * 32)


def journal_of(log: BatchLog, disk: object) -> State:
    """The journal of a node with one shard that was sent what is in a log, a producer a kind."""
    with Recovery(disk, new_id=bytes(16), segment_bytes=SMALL) as recovery:
        assert not list(recovery)
        journal = recovery.finish()
    state, numbers = State(), Counter()

    def commit(entry: Entry) -> None:
        state.apply(entry)
        journal.commit(encode([entry]), now_s=state.now_s or 0)

    for line in log:
        assert not isinstance(line, Broken)
        kind = Kind[line.kind.upper()]
        key = producer(kind)
        rows, data = 0, b""
        if kind is Kind.CONFIG:
            data = str(line.batch).encode()
        elif kind is not Kind.TICK:
            rows, data = line.batch.num_rows, write_batch(kind, line.batch)
        if state.engine is None:
            commit(Entry(kind, body=data))
            continue
        if not numbers[key]:
            commit(epoch_entry(key, Role.READS, 1))
        numbers[key] += 1
        part = Sent(key, 1, numbers[key], rows, xxh3_128_digest(data))
        commit(Entry(kind, (part,), line.now_s, rows, body=data))
    journal.close()
    return state


def again(old: list[SimDisk], layout: Layout) -> tuple[list[SimDisk], list[State], Resharded]:
    """New shards, recovered as a node does, and what the command tells."""
    random = Random(3)
    disks = [SimDisk() for _ in range(layout.shards)]
    done = reshard(old, disks, layout, lambda: random.randbytes(16), segment_bytes=SMALL)
    recovered = [recover(disk, Snapshots(SimDisk()), new_id=bytes(16), segment_bytes=SMALL) for disk in disks]
    for each in recovered:
        each.journal.close()
    return disks, [each.state for each in recovered], done


def accounts(states: list[State]) -> dict[object, tuple[object, ...]]:
    found = {}
    for state in states:
        for row in state.engine.accounts().to_pylist():
            assert row["account_id"] not in found, "an account is in one shard"
            found[row["account_id"]] = (row["balance"], row["state"], row["tariff"], row["tier_energy"])
    return found


@pytest.mark.parametrize("name", LOGS)
def test_three_shards_and_one_again_have_the_same_money_and_the_same_lines(name):
    first = SimDisk()
    before = journal_of(BatchLog.open(shared("conformance", name, "log")), first)
    three, states, done = again([first], Layout(3, 1))
    assert accounts(states) == accounts([before])
    assert not done.differing
    assert done.accounts == before.engine.stats()["accounts"]
    for state in states:
        assert {key: line.next_seq for key, line in state.lines.items()} == {
            key: line.next_seq for key, line in before.lines.items()
        }
        assert all(line.digests == before.lines[key].digests for key, line in state.lines.items())
    _, (single,), _ = again(three, Layout(1, 2))
    assert accounts([single]) == accounts([before])
    assert single.lines.settled() == before.lines.settled()
    assert single.engine.stats()["rows"]["reads"] == before.engine.stats()["rows"]["reads"]


def test_a_meter_that_was_refused_to_another_shards_account_is_refused_to_it_again():
    """One engine alone would have let the new meter go to that account, with all its reads."""
    log = BatchLog.open(shared("conformance", "several_districts_close_windows_in_order", "log"))
    first = SimDisk()
    before = journal_of(log, first)
    disks, states, _ = again([first], Layout(3, 1))
    here, there = [place for place, state in enumerate(states) if state.engine.accounts().num_rows][:2]
    own, other = (states[place].engine.accounts()["account_id"][0].as_py() for place in (here, there))
    batches = {line.kind: (line.batch, line.now_s) for line in log if not isinstance(line, Broken)}
    (meters, _), (reads, now_s) = batches["meters"], batches["reads"]
    new = with_column(with_column(meters.slice(0, 1), "meter_id", ["new"]), "reading", ["interval"])
    read = with_column(reads.slice(0, 1), "meter_id", ["new"])
    batch = [(Kind.METERS, with_column(new, "account_id", [each])) for each in (own, other)]
    with Recovery(disks[here], new_id=bytes(16), segment_bytes=SMALL) as recovery:
        for _ in recovery:
            pass
        journal = recovery.finish()
    for kind, content in [*batch, (Kind.READS, read)]:
        entry = Entry(kind, (), now_s, 1, body=write_batch(kind, content))
        states[here].apply(entry)
        journal.commit(encode([entry]), now_s=now_s)
    journal.close()
    assert states[here].engine.stats()["reasons"]["unknown_account"] == 1
    assert accounts(states) != accounts([before]), "the read was charged"
    _, (single,), _ = again(disks, Layout(1, 2))
    assert accounts([single]) == accounts(states)


def test_acks_find_their_command_under_its_new_number():
    first = SimDisk()
    before = journal_of(
        BatchLog.open(shared("conformance", "restore_armed_then_field_restore", "log")), first
    )
    acked = before.engine.stats()["acks"]
    assert sum(acked.values()) > 1
    _, states, done = again([first], Layout(3, 1))
    found = Counter()
    for state in states:
        found.update(state.engine.stats()["acks"])
    assert done.unknown == {}
    assert found == Counter(acked)


def test_balances_that_do_not_agree_change_nothing():
    first = SimDisk()
    journal_of(BatchLog.open(shared("conformance", "meters_start_anew", "log")), first)
    with pytest.raises(LogError, match="came out with another balance"):
        again([first], Layout(3, 1))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A node's data directory with one shard."""
    write_layout(RealDisk(tmp_path), Layout(1))
    journal_of(
        BatchLog.open(shared("conformance", "all_gates", "log")), RealDisk(Places(tmp_path, 0).journal)
    )
    return tmp_path


def recovered(data: Path) -> list[State]:
    out = []
    for shard in range(read_layout(RealDisk(data)).shards):
        places = Places(data, shard)
        found = recover(
            RealDisk(places.journal),
            Snapshots(RealDisk(places.snapshots)),
            new_id=bytes(16),
            segment_bytes=SMALL,
        )
        found.journal.close()
        out.append(found.state)
    return out


def test_the_new_shards_are_in_place_and_the_old_ones_are_kept(data):
    before = accounts(recovered(data))
    done = change_shards(data, 4, lambda: None, segment_bytes=SMALL)
    assert read_layout(RealDisk(data)) == Layout(4, 1)
    assert accounts(recovered(data)) == before
    assert done.accounts == len(before)
    assert (data / "before-0" / "shard-0" / "journal").is_dir()
    change_shards(data, 1, lambda: None, segment_bytes=SMALL)
    assert read_layout(RealDisk(data)) == Layout(1, 2)
    assert accounts(recovered(data)) == before
    assert sorted(path.name for path in data.glob("shard-*")) == ["shard-0"]
    with pytest.raises(LayoutError, match="has 1 shards; expected another number"):
        change_shards(data, 1, lambda: None)


class CutOff(Exception):
    """The command was killed here."""


class Knife:
    """Cuts at a given step: each rename, and each time a directory is synced."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
        self.steps = 0
        self.at = at
        rename, sync = Path.rename, move.sync_directory
        monkeypatch.setattr(Path, "rename", lambda path, target: (self.step(), rename(path, target)))
        monkeypatch.setattr(move, "sync_directory", lambda path: (self.step(), sync(path)))

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.at:
            raise CutOff


def test_wherever_it_is_cut_off_it_is_changed_wholly_or_not_at_all(data, monkeypatch):
    before = accounts(recovered(data))
    seen = Counter()
    for at in range(1, 40):
        was = read_layout(RealDisk(data))
        with monkeypatch.context() as patched:
            knife = Knife(patched, at)
            try:
                change_shards(data, 3 - was.shards, lambda: None, segment_bytes=SMALL)
            except CutOff:
                seen["cut off"] += 1
        if (data / "next" / "layout.json").exists():
            seen["finished"] += 1
            with pytest.raises(LayoutError, match="a change of its shards was cut off"):
                check_unchanged(data)
            assert finish(data)
        check_unchanged(data)
        now = read_layout(RealDisk(data))
        assert now in (was, Layout(3 - was.shards, was.generation + 1))
        seen["changed"] += now != was
        assert accounts(recovered(data)) == before
        assert len(list(data.glob("shard-*"))) == now.shards
        if knife.steps < at:
            break
    assert seen["cut off"] == at - 1 > 6
    assert seen["finished"] > 4
    assert seen["changed"] < at


def test_a_journal_without_its_begin_cannot_be_spread_anew(data):
    journal = Places(data, 0).journal
    first = sorted(journal.glob("segment-*"))[0]
    first.unlink()
    with pytest.raises(LogError, match="is empty; expected at least a configuration"):
        change_shards(data, 2, lambda: None)
    assert not (data / "next").exists()
    assert read_layout(RealDisk(data)) == Layout(1)
