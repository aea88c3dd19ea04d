"""The command: help that shows examples, exit statuses, what goes where on the screen."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from pipeline.batchlog import BatchLogWriter
from pipeline.cli import COMMANDS, main

CONFIG = """
[engine]
currency = "EUR"
timezone = "UTC"
calendar = { from = 2026-01-01, to = 2027-01-01 }
[tariffs.home]
[[tariffs.home.rates]]
valid_from = 2026-01-01
prices = { all = "0.30" }
schedule = [{ price = "all" }]
[policies.prepaid]
warn_below = ["5"]
"""
READS = """id,time,kwh
M1,2026-03-01 00:15,0.5
M1,2026-03-01 00:30,Null
M1,2026-03-01 00:45,0.25
"""
MAPPING = '[reads]\nunit = "kWh"\ncolumns = { meter_id = "id", at = "time", value = "kwh" }\n'
MADE = ("--registry-from-reads", "--tariff", "home", "--policy", "prepaid")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    (tmp_path / "config.toml").write_text(CONFIG)
    (tmp_path / "reads.csv").write_text(READS)
    (tmp_path / "mapping.toml").write_text(MAPPING)
    return tmp_path


def build(inputs: Path, *more: str) -> Result:
    return run(
        *("log", "build", "--out", inputs / "log", "--config", inputs / "config.toml"),
        *("--reads", inputs / "reads.csv", "--mapping", inputs / "mapping.toml"),
        *more,
    )


def commands() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []

    def walk(path: tuple[str, ...], command: click.Command) -> None:
        found.append(path)
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                child = command.get_command(context, name)
                assert child is not None
                walk((*path, name), child)

    walk((), main)
    return found


def test_every_command_shows_an_example_of_itself() -> None:
    paths = commands()
    assert {("replay",), ("log", "build")} <= set(paths)
    for path in paths:
        result = run(*path, "--help")
        assert result.exit_code == 0
        assert "Example" in result.output, path
        lines = [line.strip() for line in result.output.partition("Example")[2].splitlines()]
        assert any(line.startswith(f"feikong {' '.join(path)}".strip()) for line in lines), path


def test_help_and_version_load_nothing_heavy() -> None:
    for option in ("--help", "--version"):
        code = (
            "import sys; from pipeline.cli import main; main([sys.argv[1]], standalone_mode=False); "
            "heavy = {'pyarrow', 'numpy', 'rich', 'fastcore'} & set(sys.modules); "
            "sys.exit(repr(heavy) if heavy else 0)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, option], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "feikong" in done.stdout or "replay" in done.stdout


def test_a_command_whose_packages_are_not_installed_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(module: str) -> None:
        raise ModuleNotFoundError(f"No module named 'zmq' in {module}", name="zmq")

    monkeypatch.setattr("pipeline.cli.import_module", missing)
    told = run("keys", "list")
    assert told.exit_code == 1
    assert "keys: needs zmq, which is not installed" in told.output


def test_the_commands_listed_are_there() -> None:
    for name in COMMANDS:
        assert name in run("--help").output


def test_build_and_replay(inputs: Path) -> None:
    built = build(inputs, *MADE)
    assert built.exit_code == 0, built.output
    assert "no number; expected one such as 1.234" in " ".join(built.stdout.split())
    assert built.stderr == ""
    replayed = run("replay", inputs / "log", "--out", inputs / "out")
    assert replayed.exit_code == 0, replayed.output
    assert replayed.stderr == ""
    for figure in (
        "charged for 0.750 kWh",
        "-0.22",
        "low_balance",
        "trip_due",
        "2 reads in",
        str(inputs / "out"),
    ):
        assert figure in replayed.stdout
    assert max(map(len, replayed.stdout.splitlines()[:-2])) <= 100


def test_json_is_all_that_a_script_reads(inputs: Path) -> None:
    built = json.loads(build(inputs, *MADE, "--json").stdout)
    assert built["rows"]["reads"] == 2
    assert built["rejected"] == {"reads": 1}
    assert built["rejected_by"][0]["rows"] == 1
    replayed = json.loads(run("replay", inputs / "log", "--out", inputs / "out", "--json").stdout)
    assert replayed == json.loads((inputs / "out" / "summary.json").read_text())
    assert replayed["rows"]["reads"] == 2


def test_malformed_batches_are_told_with_their_line(tmp_path: Path) -> None:
    with BatchLogWriter(tmp_path / "log") as writer:
        writer.config(CONFIG)
        writer.tick(1_772_323_200)
    with (tmp_path / "log" / "log.jsonl").open("a") as file:
        file.write('{"kind": "reads", "now": "2026-03-01T00:15:00Z", "file": "gone.parquet"}\n')
    result = run("replay", tmp_path / "log", "--out", tmp_path / "out")
    assert result.exit_code == 0
    [line] = result.stderr.splitlines()
    assert "line 3 (reads): file 'gone.parquet' does not exist" in line
    assert "2 taken, 1 malformed" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("replay",), 2, "Missing argument"),
        (("replay", "absent", "--out", "out"), 1, "does not exist"),
        (("replay", "absent", "--out", "out", "--outputs", "ledgers"), 2, "expected some of"),
        (("replay", "absent", "--out", "out", "--check-save-load", "0"), 2, "check-save-load"),
        (("reply",), 2, "No such command"),
        (("log", "build", "--out", "log"), 2, "--config"),
        (("log", "build", "--out", "log", "--config", "absent.toml"), 2, "absent.toml"),
    ],
)
def test_exit_statuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], status: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == status
    assert said in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("--registry-from-reads",), 2, "--tariff and --policy"),
        ((*MADE, "--ids", "uint64", "--district", "D1"), 2, "no whole number"),
        ((*MADE, "--meters", "reads.csv"), 2, "give none as files"),
        (("--delay", "soon"), 2, "such as 15m"),
        ((*MADE, "--opening-balance", "much"), 2, "no amount"),
        ((*MADE, "--opening-balance", "1e9"), 2, "below 10^9"),
        (("--payments", "reads.csv"), 1, "no column 'payment_id'"),
    ],
)
def test_wrong_builds(
    inputs: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], status: int, said: str
) -> None:
    monkeypatch.chdir(inputs)
    result = build(inputs, *options)
    assert result.exit_code == status
    assert said in result.stderr
    assert not (inputs / "log").exists()


def test_a_configuration_with_mistakes_is_told_whole(inputs: Path) -> None:
    (inputs / "config.toml").write_text(CONFIG.replace('"EUR"', "5").replace("UTC", "Mars"))
    result = build(inputs)
    assert result.exit_code == 1
    assert "engine.currency" in result.stderr
    assert "engine.timezone" in result.stderr


def test_a_file_that_cannot_be_read_is_one_line(inputs: Path) -> None:
    (inputs / "mapping.toml").write_text("[reads]\nunit = 5\n")
    result = build(inputs)
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "mapping.toml" in result.stderr


def test_tables_read_well_where_much_is_wrong(inputs: Path) -> None:
    rows = "".join(f"M1,2026-03-0{day},0.00{day}5\n" for day in range(1, 10))
    (inputs / "reads.csv").write_text(f"id,time,kwh\n{rows}")
    result = build(inputs)
    assert result.exit_code == 0
    assert "of 1 Wh" in result.stdout
    assert str(inputs / "log" / "rejects.jsonl") in result.stdout
    rounded = build(inputs.joinpath("."), "--round", "--out", str(inputs / "again"))
    assert "9 energies were no whole counts and were rounded" in rounded.stdout
    assert "1 meters that read are not in the registry" in " ".join(rounded.stdout.split())
