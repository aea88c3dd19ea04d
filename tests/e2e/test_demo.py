"""`feikong demo` from start to end, on a small county: the engine, the files, the figures, and a replay."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from pipeline.cli import main
from pipeline.demo.settings import MIDNIGHT_S

SCALE = "0.02"


def demo(*options: str) -> Result:
    return CliRunner().invoke(main, ["demo", "--scale", SCALE, *options], catch_exceptions=False)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder with `out` and `log` of a day, and its figures."""
    folder = tmp_path_factory.mktemp("demo")
    result = demo("--seed", "7", "--out", str(folder / "out"), "--log", str(folder / "log"), "--json")
    assert result.exit_code == 0, result.output
    return folder, json.loads(result.stdout)


def test_collection_comes_out_as_in_the_county(day: tuple[Path, dict[str, Any]]) -> None:
    rows = {row["klass"]: row for row in day[1]["collection"]}
    assert rows["special"]["success"] == pytest.approx(0.992, abs=0.001)
    assert rows["public"]["success"] == pytest.approx(0.997, abs=0.0005)
    assert rows["low_voltage"]["success"] == pytest.approx(0.9943, abs=0.0005)
    assert all(row["expected"] == 96 * row["meters"] for row in rows.values())


def test_no_trip_is_wrong_and_who_pays_is_restored(day: tuple[Path, dict[str, Any]]) -> None:
    figures = day[1]
    control = figures["control"]
    assert control["trips"] > 0
    assert figures["trips_examined"] == control["trips"]
    assert figures["wrong_trips"] == []
    waits = control["waits"]
    assert 0 < waits["restored"] <= waits["for_balance"] == waits["commanded_at_once"]
    assert 0 < waits["p50_s"] <= waits["p95_s"] <= waits["max_s"]
    assert {gate["gate"] for gate in control["gates"]} >= {"notice", "window"}


def test_line_loss_finds_the_thieves(day: tuple[Path, dict[str, Any]]) -> None:
    loss = day[1]["loss"]
    assert loss["worst"][0]["finding"] == "high_loss"
    assert loss["worst"][0]["ratio"] > 0.1
    assert 0.01 < loss["median_ratio"] < 0.06
    assert loss["negative"][0]["finding"] == "negative_loss"


def test_the_figures_are_those_of_the_files(day: tuple[Path, dict[str, Any]]) -> None:
    folder, figures = day
    outputs = {path.stem: pq.read_table(path) for path in (folder / "out" / "outputs").glob("*.parquet")}
    assert len(outputs) == 9
    reads = figures["reads"]
    refused = pc.sum(pc.equal(outputs["exceptions"]["kind"].cast("string"), "reads")).as_py()
    assert reads["refused"] == refused
    assert reads["came"] == reads["accepted"] + refused
    rebased = pc.sum(pc.equal(pc.bit_wise_and(outputs["intervals"]["quality"].cast("int32"), 1), 1)).as_py()
    assert outputs["intervals"].num_rows == reads["accepted"] + rebased
    trips = [
        row
        for row in outputs["commands"].select(["kind", "attempt"]).to_pylist()
        if row == {"kind": "trip", "attempt": 1}
    ]
    assert figures["control"]["trips"] == len(trips)
    charged = sum((value.as_py() or Decimal(0) for value in outputs["intervals"]["charge"]), Decimal(0))
    assert figures["charged_yuan"] == pytest.approx(float(charged))


def test_a_trip_is_sent_below_the_limit_after_the_notice(day: tuple[Path, dict[str, Any]]) -> None:
    """Told again from files alone: the last `trip_due` is four hours old, the balance is still used up."""
    folder, _ = day
    outputs = folder / "out" / "outputs"
    notices = pq.read_table(outputs / "notices.parquet").to_pylist()
    ledger = pq.read_table(outputs / "ledger.parquet").to_pylist()
    commands = pq.read_table(outputs / "commands.parquet").to_pylist()
    trips = [command for command in commands if (command["kind"], command["attempt"]) == ("trip", 1)]
    assert trips
    for trip in trips:
        told = [
            notice
            for notice in notices
            if notice["account_id"] == trip["account_id"]
            and notice["kind"] == "trip_due"
            and notice["seq"] <= trip["seq"]
        ][-1]
        assert (trip["issued_at"] - told["at"]).total_seconds() >= 4 * 3600
        paid = sum(
            row["amount"]
            for row in ledger
            if row["account_id"] == trip["account_id"] and told["seq"] < row["seq"] <= trip["seq"]
        )
        assert told["balance"] + paid <= 0
        local_hour = (trip["issued_at"].timestamp() - MIDNIGHT_S) / 3600
        assert 9 <= local_hour < 16


def test_a_seed_gives_the_same_day_and_the_log_replays_to_it(day: tuple[Path, dict[str, Any]]) -> None:
    folder, figures = day
    again = json.loads(demo("--seed", "7", "--out", str(folder / "again"), "--json").stdout)
    assert again["digest"] == figures["digest"]
    assert again["control"] == figures["control"]
    other = json.loads(demo("--seed", "8", "--out", str(folder / "other"), "--json").stdout)
    assert other["digest"] != figures["digest"]
    replayed = CliRunner().invoke(
        main, ["replay", str(folder / "log"), "--out", str(folder / "replayed")], catch_exceptions=False
    )
    assert replayed.exit_code == 0, replayed.output
    summary = json.loads((folder / "replayed" / "summary.json").read_text())
    assert summary["digest"] == figures["digest"]
    for path in sorted((folder / "out" / "outputs").glob("*.parquet")):
        assert pq.read_table(path).equals(pq.read_table(folder / "replayed" / "outputs" / path.name)), (
            path.name
        )


def test_the_summary_tells_where_the_run_ended(day: tuple[Path, dict[str, Any]]) -> None:
    folder, figures = day
    summary = json.loads((folder / "out" / "summary.json").read_text())
    assert summary["digest"] == figures["digest"]
    assert summary["rows"]["reads"] == figures["reads"]["came"]
    assert summary["now"] == "2026-07-15T18:00:00Z"
    assert sorted(path.stem for path in (folder / "out" / "state").glob("*.parquet")) == [
        "accounts",
        "commands",
        "districts",
        "findings",
        "gaps",
        "meters",
        "orders",
    ]


def test_the_tables_fit_a_page_and_are_plain_when_piped(tmp_path: Path) -> None:
    result = demo("--out", str(tmp_path / "out"))
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert max(map(len, lines[:-1])) <= 100
    assert "\x1b" not in result.stdout
    assert result.stderr == ""
    for heading in ("Collection", "Line loss", "Trips and restores", "Exceptions by reason", "Outputs:"):
        assert any(line.startswith(heading) for line in lines), heading


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear diary")
    result = demo("--out", str(tmp_path))
    assert result.exit_code == 1
    assert "letter.txt" in result.output
    assert (tmp_path / "letter.txt").read_text() == "dear diary"
