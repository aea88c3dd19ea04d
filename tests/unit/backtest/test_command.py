"""`feikong backtest`: what it prints, and where."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli import main
from unit.backtest.by_hand import Rules
from unit.backtest.county import CONFIG, county
from unit.backtest.test_by_hand import expected

LOWER = CONFIG.replace('trip_below = "0"', 'trip_below = "-0.000000001"')
DEARER = CONFIG.replace('p = "0.5"', 'p = "0.7"')


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["backtest", *map(str, arguments)])


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return county(7, accounts=80).write(tmp_path_factory.mktemp("county") / "log")


def config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "other.toml"
    path.write_text(text + '[node]\nlisten = "tcp://127.0.0.1:7070"\n')
    return path


def test_an_unchanged_configuration_prints_no_table(log, tmp_path):
    done = run(log, "--config", config(tmp_path, CONFIG))
    assert done.exit_code == 0
    assert done.stdout.splitlines()[:2] == [
        "No account of 80 would have been warned, tripped or restored otherwise.",
        "0 balances differ at the end, by 0 in all.",
    ]
    assert len(done.stdout.splitlines()) == 3
    assert done.stderr == ""


def test_the_table_has_a_line_for_each_account_and_fits_the_screen(log, tmp_path):
    wanted = expected(county(7, accounts=80), Rules(price_nano=70_000_000))
    done = run(log, "--config", config(tmp_path, DEARER), "--limit", "1000")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 100
    listed = {line.split()[0] for line in lines if re.match(r"\s*A[0-9]", line)}
    assert listed == set(wanted)
    assert f"{len(wanted)} of 80 accounts would have fared otherwise" in done.stdout
    assert "\x1b" not in done.stdout
    short = run(log, "--config", config(tmp_path, DEARER), "--limit", "3")
    assert f"{len(wanted) - 3} more; --limit shows them" in short.stdout
    assert (
        sum(line.strip().startswith("A") for line in short.stdout.splitlines()) == 3 + 1
    )  # and a sentence on acks


def test_json_has_every_event_and_exact_amounts(log, tmp_path):
    wanted = expected(county(7, accounts=80), Rules(price_nano=70_000_000))
    found = json.loads(run(log, "--config", config(tmp_path, DEARER), "--json").stdout)
    assert {a["account_id"] for a in found["accounts"]} == set(wanted)
    for account in found["accounts"]:
        was, otherwise, difference = wanted[account["account_id"]]
        assert [e["what"] for e in account["was"]] == [what for _, what in was]
        assert [e["what"] for e in account["otherwise"]] == [what for _, what in otherwise]
        assert Decimal(account["balance"]["difference"]) == difference
    assert found["treated_otherwise"] == len(wanted)
    assert Decimal(found["money"]["charges"]["difference"]) < 0
    everyone = json.loads(run(log, "--config", config(tmp_path, DEARER), "--json", "--all").stdout)
    assert len(everyone["accounts"]) == everyone["balances_differ"] == 80


def test_what_is_wrong_is_one_line(log, tmp_path):
    euros = run(log, "--config", config(tmp_path, CONFIG.replace("CNY", "EUR")))
    assert (euros.exit_code, euros.stdout) == (1, "")
    assert "the same currency" in euros.stderr
    broken = run(log, "--config", config(tmp_path, CONFIG.replace('"3", "1"', '"three"')))
    assert broken.exit_code == 1
    assert "policies.strict.warn_below" in broken.stderr
    assert run(tmp_path / "nowhere", "--config", config(tmp_path, CONFIG)).exit_code == 1
    assert run(log).exit_code == 2


def test_rows_that_only_one_run_refuses_are_told(log, tmp_path):
    other = CONFIG.replace("tariffs.plain", "tariffs.plainer")
    done = run(log, "--config", config(tmp_path, other))
    assert "Rows of accounts refused as unknown_tariff: 0 as it was, 80 otherwise." in done.stdout
