"""Gaps, findings, orders, an account, a meter: against the engine's own tables, read without SQL."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from pipeline.batchlog import BatchLog
from pipeline.cli import main
from pipeline.query.catalog import Catalog, open_folder
from pipeline.replay import replay
from shared import shared

HOSTILE = "A' OR '1'='1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("replayed") / "out"
    replay(BatchLog.open(shared("conformance", "random-05", "log")), out)
    return out


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--data", str(folder)])


def asked(folder: Path, *arguments: str) -> Any:
    done = run(folder, *arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def table(folder: Path, name: str) -> list[dict[str, Any]]:
    return pq.read_table(folder / f"{name}.parquet").to_pylist()


def test_gaps_are_those_of_the_engine_the_largest_first(folder):
    expected = sorted(
        ((g["meter_id"], g["missing"]) for g in table(folder, "state/gaps")),
        key=lambda gap: (-gap[1], gap[0]),
    )
    found = [(gap["meter"], gap["missing"]) for gap in asked(folder, "gaps")]
    assert len(found) > 5
    assert sorted(found, key=lambda gap: (-gap[1], gap[0])) == expected
    assert [missing for _, missing in found] == [missing for _, missing in expected]


@pytest.mark.parametrize("column", ["meter", "account", "district"])
def test_gaps_of_one_are_all_of_it(folder, column):
    every = asked(folder, "gaps")
    value = every[0][column]
    some = asked(folder, "gaps", f"--{column}", value)
    assert some == [gap for gap in every if gap[column] == value]
    assert asked(folder, "gaps", f"--{column}", HOSTILE) == []


def test_gaps_of_so_many_reads(folder):
    every = asked(folder, "gaps")
    assert asked(folder, "gaps", "--least", "3") == [gap for gap in every if gap["missing"] >= 3]
    assert asked(folder, "gaps", "--limit", "2") == every[:2]


@pytest.mark.parametrize("name", ["findings", "orders"])
def test_what_is_open_is_what_the_engine_has_open(folder, name):
    expected = {(each["id"], each["kind"], each["subject"]) for each in table(folder, f"state/{name}")}
    found = asked(folder, name)
    assert {(each["id"], each["kind"], each["subject"]) for each in found} == expected
    assert len(found) == len(expected) > 0
    assert [each["since"] for each in found] == sorted(each["since"] for each in found)
    last = found[-1]
    assert asked(folder, name, "--kind", last["kind"]) == [e for e in found if e["kind"] == last["kind"]]
    assert asked(folder, name, "--subject", last["subject"]) == [
        e for e in found if e["subject"] == last["subject"]
    ]
    assert asked(folder, name, "--district", str(last["district"])) == [
        e for e in found if e["district"] == last["district"]
    ]
    assert asked(folder, name, "--grid", HOSTILE) == []


def test_every_account_is_shown_as_it_stands(folder):
    accounts = table(folder, "state/accounts")
    meters = table(folder, "state/meters")
    ledger = table(folder, "outputs/ledger")
    for account in accounts[:6]:
        account_id = account["account_id"]
        found = asked(folder, "accounts", "show", account_id, "--recent", "1000")
        assert found["account"]["state"] == account["state"]
        assert found["account"]["blocked_by"] == account["blocked_by"]
        assert Decimal(found["account"]["balance"]) == account["balance"]
        mine = {meter["meter_id"] for meter in meters if meter["account_id"] == account_id}
        assert {meter["meter"] for meter in found["meters"]} == mine
        amounts = [row["amount"] for row in ledger if row["account_id"] == account_id]
        assert [Decimal(row["amount"]) for row in found["money"]] == amounts[::-1]
        subjects = {account_id, *mine}
        count = sum(
            e["subject"] in subjects
            for name in ("findings", "orders")
            for e in table(folder, f"state/{name}")
        )
        assert len(found["open"]) == count


def test_what_happened_last_comes_first_and_is_limited(folder):
    notices = table(folder, "outputs/notices")
    account_id = notices[-1]["account_id"]
    commands = [c for c in table(folder, "outputs/commands") if c["account_id"] == account_id]
    mine = [notice for notice in notices if notice["account_id"] == account_id]
    told = asked(folder, "accounts", "show", account_id, "--recent", "1000")["told"]
    assert len(told) == len(commands) + len(mine)
    assert [row["at"] for row in told] == sorted((row["at"] for row in told), reverse=True)
    assert asked(folder, "accounts", "show", account_id, "--recent", "2")["told"] == told[:2]


def test_a_meter_is_shown_with_its_reads_and_refusals(folder):
    refused = [e for e in table(folder, "outputs/exceptions") if e["kind"] == "reads"]
    known = {m["meter_id"] for m in table(folder, "state/meters")}
    meter_id = next(e["subject"] for e in refused if e["subject"] in known)
    found = asked(folder, "meters", "show", meter_id, "--recent", "1000")
    reads = [row for row in table(folder, "outputs/intervals") if row["meter_id"] == meter_id]
    assert [Decimal(row["energy"]) for row in found["reads"]] == [row["energy"] for row in reads[::-1]]
    mine = [e["reason"] for e in refused if e["subject"] == meter_id]
    assert [row["reason"] for row in found["refused"]] == mine[::-1]
    gaps = [g["missing"] for g in table(folder, "state/gaps") if g["meter_id"] == meter_id]
    assert sorted(row["missing"] for row in found["gaps"]) == sorted(gaps)


def test_what_nobody_knows_is_said(folder):
    for what in ("accounts", "meters"):
        done = run(folder, what, "show", HOSTILE)
        assert (done.exit_code, done.stdout) == (1, "")
        assert f"knows no {what[:-1]} {HOSTILE}" in done.stderr


def test_tables_have_no_noise_and_fit(folder):
    done = [
        run(folder, "findings"),
        run(folder, "orders"),
        run(folder, "accounts", "show", "A006"),
        run(folder, "meters", "show", "M077"),
        run(folder, "gaps"),
    ]
    for each in done:
        assert each.exit_code == 0
        assert "\x1b" not in each.stdout
        assert max(map(len, each.stdout.splitlines())) <= 100
        assert each.stderr == ""
    nothing = run(folder, "gaps", "--meter", "nobody")
    assert (nothing.exit_code, nothing.stdout) == (0, "")


def test_ids_of_numbers_are_given_as_they_are_written(tmp_path):
    log = shared("conformance", "random-01", "log")
    replay(BatchLog.open(log), tmp_path / "out")
    with Catalog(open_folder(tmp_path / "out")) as catalog:
        rows = catalog.run("SELECT account_id FROM state.accounts LIMIT 1").rows()
    account_id = rows[0]["account_id"]
    found = asked(tmp_path / "out", "accounts", "show", str(account_id))
    assert found["account"]["account"] == account_id
