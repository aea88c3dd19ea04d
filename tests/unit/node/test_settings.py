"""What the command line and the configuration say of an engine reaches it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from pipeline.cli import engine as commands
from pipeline.cli import run as running
from pipeline.cli.engine import engine
from pipeline.journal import prune
from pipeline.node.identity import made_pair
from pipeline.node.supervise import Part
from unit.journal.world import journal_of
from unit.node.world import CONFIG


def settings_of(tmp_path, monkeypatch, node: str, *options: str):
    (tmp_path / "county.toml").write_text(f"{CONFIG}[node]\n{node}\n")
    made_pair(tmp_path)
    given = []
    monkeypatch.setattr(commands, "serve", lambda *args, **_: given.append(args[4]))
    result = CliRunner().invoke(
        engine, [str(tmp_path / "county.toml"), "--data", str(tmp_path), *options], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return given[0]


@pytest.mark.parametrize("outputs", ["", "\n[node.outputs]\nwrite = []"])
def test_a_journal_that_is_kept_is_never_pruned(tmp_path, monkeypatch, outputs):
    settings = settings_of(tmp_path, monkeypatch, f"keep_journal = true{outputs}")
    disk, contents, _ = journal_of(40)
    before = disk.names()
    assert prune(disk, settings.prunable(33)) == []
    assert disk.names() == before
    assert len(contents) == 40


def test_a_journal_that_is_not_kept_is_pruned(tmp_path, monkeypatch):
    settings = settings_of(tmp_path, monkeypatch, "keep_journal = false\n[node.outputs]\nwrite = []")
    disk, _, _ = journal_of(40)
    assert len(prune(disk, settings.prunable(33))) > 3


def test_a_loss_is_accepted_only_where_somebody_says_so(tmp_path, monkeypatch):
    assert not settings_of(tmp_path, monkeypatch, "").accept_loss
    assert settings_of(tmp_path, monkeypatch, "", "--accept-loss").accept_loss


@pytest.mark.parametrize("accept_loss", [False, True])
def test_a_node_hands_it_to_its_engines_and_to_nobody_else(tmp_path, monkeypatch, accept_loss):
    started = []

    class Process:
        def __init__(self, arguments, *fds):
            started.append(arguments)

        def ended(self):
            return None

    class Listening:
        def fileno(self):
            return 0

    monkeypatch.setattr(running, "_Process", Process)
    parts = running._Parts(tmp_path / "county.toml", tmp_path, "tcp://[::1]:1", [Listening()], accept_loss)
    for name in ("engine-0", "worker-0", "outputs"):
        parts.start(Part(name, vital=False))
    assert [arguments[0] for arguments in started] == ["engine", "worker", "outputs"]
    assert ["--accept-loss" in arguments for arguments in started] == [accept_loss, False, False]
