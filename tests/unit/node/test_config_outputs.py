"""What ``[node.outputs]`` says, and every mistake in it."""

from __future__ import annotations

import pytest

from fastcore import ConfigError
from fastcore.schemas import OUTPUTS
from pipeline.node.config import setup_from_toml
from pipeline.node.config_outputs import OutputsConfig
from unit import core_world as world


def of(text: str) -> OutputsConfig:
    return setup_from_toml(world.CONFIG + text).node.outputs


def test_without_it_all_outputs_are_written_and_stay():
    assert of("") == of("[node]\n[node.outputs]\n") == OutputsConfig()
    assert OutputsConfig() == OutputsConfig(
        write=tuple(OUTPUTS), cut_s=60, journal_mib=4096, checkpoint_every_s=900, keep_days={}
    )


def test_every_key_counts():
    text = '[node.outputs]\nwrite = ["ledger", "orders", "ledger"]\ncut = "90s"\njournal_mib = 128\n'
    text += 'checkpoint_every = "1h"\n[node.outputs.keep]\nintervals = "400d"\nbalances = "24h"\n'
    assert of(text) == OutputsConfig(
        write=("ledger", "orders"),
        cut_s=90,
        journal_mib=128,
        checkpoint_every_s=3600,
        keep_days={"intervals": 400, "balances": 1},
    )
    assert of("[node.outputs]\nwrite = []\n").write == ()


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ('write = ["money"]', "node.outputs.write: expected a list of outputs: intervals, ledger"),
        ('cut = "2d"', "node.outputs.cut: expected a duration of at most 1d"),
        ('cut = "0s"', "node.outputs.cut: expected a duration of at least 1 s"),
        ("journal_mib = 1", "node.outputs.journal_mib: expected a whole number from 128"),
        ('checkpoint_every = "0s"', "node.outputs.checkpoint_every: expected a duration of at least 1 s"),
        ('keep = { ledger = "25h" }', 'node.outputs.keep.ledger: expected whole days, such as "400d"'),
        ('keep = { ledger = "0d" }', "node.outputs.keep.ledger: expected a duration of at least 86400 s"),
        ('keep = { money = "1d" }', "node.outputs.keep.money: unknown key"),
        ("compress = true", "node.outputs.compress: unknown key"),
    ],
)
def test_a_mistake_is_told_with_its_key(text, mistake):
    with pytest.raises(ConfigError) as told:
        of(f"[node.outputs]\n{text}\n")
    assert any(each.startswith(mistake) for each in told.value.mistakes), told.value.mistakes
