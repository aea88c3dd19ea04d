"""Histories: logs, journals from their first frame or from a snapshot, several shards; and what is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import shared as given
from fastcore import Config, ConfigError
from pipeline.backtest import BacktestError, Batch, JournalHistory, LogHistory, backtest, open_histories
from pipeline.batchlog import BatchLogWriter, Broken
from pipeline.errors import LogError
from pipeline.journal import RealDisk
from pipeline.node.entries import Entry, encode
from pipeline.node.layout import Layout, LayoutError, write_layout
from pipeline.node.proof import prove, told_of
from pipeline.node.recovery import recover
from pipeline.node.snapshots import Snapshots
from pipeline.wire import Kind, write_batch
from unit.backtest.by_hand import Rules
from unit.backtest.county import CONFIG, IDS, County, county
from unit.backtest.test_by_hand import expected, found_in
from unit.node.world import ID, SEGMENT, kind_of

LOWER = CONFIG.replace('trip_below = "0"', 'trip_below = "-0.000000001"')
LOWER_RULES = Rules(trip_below=-1)


def journaled(story: County, folder: Path, *, snapshots_after: tuple[int, ...] = ()) -> JournalHistory:
    """A shard's folder as a node leaves it, with verified snapshots after some batches, and cut back as a node does."""
    disk, shelf = RealDisk(folder / "journal"), Snapshots(RealDisk(folder / "snapshots"))
    recovered = recover(disk, shelf, new_id=ID, segment_bytes=SEGMENT, start_bytes=SEGMENT)
    journal, state = recovered.journal, recovered.state
    entries = [Entry(Kind.CONFIG, body=CONFIG.encode())]
    for name, batch, now_s in story.batches:
        kind = kind_of(name)
        entries.append(Entry(kind, now_s=now_s, rows=batch.num_rows, body=write_batch(kind, batch, IDS)))
    for number, entry in enumerate(entries):
        if not journal.has_next:
            journal.prepare_next()
        journal.commit(encode([entry]), now_s=entry.now_s, first_batch=number + 1, batches=1)
        state.apply(entry)
        state.mark = journal.durable
        if number in snapshots_after:
            written = shelf.write(state)
            prove(disk, shelf, written, told_of(state))
            shelf.count(written)
            older = shelf.remove_older()
            if older is not None:
                journal.prune(older + 1)
    journal.close()
    return JournalHistory(disk, shelf.disk)


def test_a_journal_and_a_log_of_the_same_batches_say_the_same(tmp_path):
    story = county(1)
    of_log = backtest(LogHistory(story.write(tmp_path / "log")), Config.from_toml(LOWER))
    of_journal = backtest(journaled(story, tmp_path / "shard-0"), Config.from_toml(LOWER))
    assert of_log.accounts
    assert of_journal == of_log


def test_a_journal_that_was_cut_back_begins_with_a_snapshot(tmp_path):
    story = county(2)
    half = len(story.batches) // 2
    history = journaled(story, tmp_path, snapshots_after=(half, half + 20))
    assert "segment-000000000001.journal" not in RealDisk(tmp_path / "journal").names()
    began_s = story.batches[half - 1][2]
    assert isinstance(next(iter(history)), Batch)

    unchanged = backtest(history, Config.from_toml(CONFIG))
    assert (unchanged.accounts, unchanged.given, unchanged.left_out) == ([], 0, 0)
    assert not unchanged.whole
    assert unchanged.from_s == began_s
    assert unchanged.charges.was > 0

    whole = backtest(LogHistory(story.write(tmp_path / "log")), Config.from_toml(CONFIG))
    assert unchanged.balances == whole.balances
    assert 0 < unchanged.charges.was < whole.charges.was

    compared = backtest(history, Config.from_toml(LOWER))
    assert compared.accounts
    assert all(event.at_s >= began_s for account in compared.accounts for event in account.was)
    # Balances at exactly zero fall due in one run alone: of those that reached it since, all are listed.
    later = {
        name
        for name, (was, otherwise, _) in expected(story, LOWER_RULES).items()
        if min(set(was) ^ set(otherwise)) > (began_s, "")
    }
    assert later
    assert later <= {account.account_id for account in compared.accounts}


def test_from_a_snapshot_an_account_that_was_off_is_off(tmp_path):
    story = county(2)
    half = len(story.batches) // 2
    whole = backtest(LogHistory(story.write(tmp_path / "log")), Config.from_toml(CONFIG))
    cut = backtest(journaled(story, tmp_path, snapshots_after=(half, half + 20)), Config.from_toml(CONFIG))
    before = backtest(_first(story, half, tmp_path / "half"), Config.from_toml(CONFIG))
    assert before.off_s.was > 0
    assert cut.off_s.was == whole.off_s.was - before.off_s.was


def _first(story: County, batches: int, path: Path) -> LogHistory:
    return LogHistory(County(batches=story.batches[:batches]).write(path))


def test_a_cut_journal_without_its_snapshots_is_refused(tmp_path):
    story = county(2, accounts=20)
    half = len(story.batches) // 2
    journaled(story, tmp_path, snapshots_after=(half, half + 20))
    with pytest.raises(LogError, match=r"begins with frame \d+, and no verified snapshot lies before it"):
        JournalHistory(RealDisk(tmp_path / "journal"), None)


def test_a_running_engine_may_not_take_every_configuration(tmp_path):
    story = county(2, accounts=20)
    half = len(story.batches) // 2
    history = journaled(story, tmp_path, snapshots_after=(half, half + 20))
    with pytest.raises(ConfigError, match=r"engine\.timezone"):
        backtest(history, Config.from_toml(CONFIG.replace('"UTC"', '"Asia/Shanghai"')))


def test_the_shards_of_a_node_are_taken_together(tmp_path):
    stories = [county(seed, accounts=60) for seed in (3, 4)]
    for shard, story in enumerate(stories):
        journaled(story, tmp_path / "node" / f"shard-{shard}")
    write_layout(RealDisk(tmp_path / "node"), Layout(2))
    config = Config.from_toml(LOWER)
    both = open_histories(tmp_path / "node")
    assert len(both) == 2
    one, other = (backtest(history, config) for history in both)
    (only,) = open_histories(tmp_path / "node", 1)
    assert backtest(only, config) == other
    lists = [found_in(one), found_in(other)]
    assert lists == [expected(story, LOWER_RULES) for story in stories]
    charges = one.charges.was + other.charges.was
    one.add(other)
    assert len(one.accounts) == sum(map(len, lists))
    assert [a.first_s for a in one.accounts] == sorted(a.first_s for a in one.accounts)
    assert (one.known, one.charges.was) == (120, charges)
    (bare,) = open_histories(tmp_path / "node" / "shard-1" / "journal")
    assert backtest(bare, config) == other


def test_what_is_no_history_is_refused(tmp_path):
    with pytest.raises(LogError, match="does not exist"):
        open_histories(tmp_path / "nowhere")
    with pytest.raises(LogError, match=r"log\.jsonl"):
        open_histories(tmp_path)
    log = county(1, accounts=2, hours=1).write(tmp_path / "log")
    with pytest.raises(LogError, match="no data directory"):
        open_histories(log, 0)
    write_layout(RealDisk(tmp_path / "node"), Layout(2))
    with pytest.raises(LogError, match="there is no shard 2"):
        open_histories(tmp_path / "node", 2)
    with pytest.raises(LogError, match="does not exist; expected the journal of a node"):
        open_histories(tmp_path / "node", 1)
    (tmp_path / "node" / "shard-1" / "journal").mkdir(parents=True)
    with pytest.raises(LogError, match="holds no frame"):
        open_histories(tmp_path / "node", 1)
    (tmp_path / "node" / "layout.json").write_text("{}")
    with pytest.raises(LayoutError):
        open_histories(tmp_path / "node")


def test_nothing_is_made_where_somebody_looks(tmp_path):
    with pytest.raises(LogError):
        open_histories(tmp_path / "nowhere")
    write_layout(RealDisk(tmp_path / "node"), Layout(1))
    with pytest.raises(LogError):
        open_histories(tmp_path / "node")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["layout.json", "node"]


def test_money_of_two_currencies_is_not_compared(tmp_path):
    log = county(1, accounts=2, hours=1).write(tmp_path / "log")
    with pytest.raises(BacktestError, match="counts in CNY, the other configuration in EUR"):
        backtest(LogHistory(log), Config.from_toml(CONFIG.replace("CNY", "EUR")))


def test_a_log_that_makes_no_engine_is_refused(tmp_path):
    log = tmp_path / "log"
    log.mkdir()
    (log / "log.jsonl").write_text('{"kind": "tick", "now": "2026-01-01T00:00:00Z"}\n')
    told: list[Broken] = []
    with pytest.raises(BacktestError, match="no configuration made an engine"):
        backtest(LogHistory(log), Config.from_toml(CONFIG), on_broken=told.append)
    assert [broken.kind for broken in told] == ["tick"]


def test_later_configurations_are_of_the_run_that_was(tmp_path):
    """What was changed to LOWER at once, run under LOWER, differs in nothing; under CONFIG, in what that did."""
    story = county(1)
    with BatchLogWriter(tmp_path / "log") as log:
        log.config(CONFIG)
        for number, (kind, batch, now_s) in enumerate(story.batches):
            log.write(kind, batch, now_s)
            if number == 1:
                log.config(LOWER, now_s)
                log.config("not toml", now_s)
    same = backtest(LogHistory(tmp_path / "log"), Config.from_toml(LOWER))
    assert (same.accounts, same.configurations) == ([], 1)
    assert (same.malformed, same.malformed_otherwise) == (1, 0)
    other = backtest(LogHistory(tmp_path / "log"), Config.from_toml(CONFIG))
    # The acks of this history are those of a run under CONFIG, so that is what the other run gets.
    assert other.accounts


LOGS = given.names("conformance")


@pytest.mark.parametrize("name", LOGS[:: max(1, len(LOGS) // 40)] or ["none"])
def test_an_unchanged_configuration_lists_nothing(name):
    history = LogHistory(given.shared("conformance", name, "log"))
    first = next(batch for batch in history if isinstance(batch, Batch) and batch.kind == "config")
    try:
        config = Config.from_toml(str(first.content))
    except ConfigError:
        pytest.skip("its first configuration is refused")
    compared = backtest(history, config)
    if not compared.configurations:
        assert compared.accounts == []
        assert compared.refused == {}
        assert compared.given == 0
        assert compared.balances.difference == compared.charges.difference == compared.off_s.difference == 0
        summary = json.loads((given.shared("conformance", name) / "expected" / "summary.json").read_text())
        assert compared.malformed == summary["malformed"]
    else:
        assert compared.configurations > 0
