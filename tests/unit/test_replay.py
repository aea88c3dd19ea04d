"""A batch log through the engine: files, figures, malformed batches, and what ends a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import pipeline.replay as replay_module
from fastcore import Engine, InvariantError, SnapshotError
from pipeline.batchlog import BatchLog, BatchLogWriter, Broken
from pipeline.errors import LogError
from pipeline.outputs import parquet
from pipeline.replay import OUTPUT_NAMES, STATE_NAMES, Run, replay

T0 = 1_772_323_200  # 2026-03-01T00:00:00Z
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


def money(*amounts: str) -> pa.Array:
    return pa.array([Decimal(amount) for amount in amounts], pa.decimal64(18, 9))


ACCOUNTS = pa.table(
    {
        "account_id": ["A1", "A2"],
        "district_id": ["D1", "D1"],
        "tariff": ["home", "home"],
        "policy": ["prepaid", "prepaid"],
        "klass": ["low_voltage", "low_voltage"],
        "opening_balance": money("5.2", "100"),
        "protected": [False, False],
        "manual_approval": [False, False],
    }
)
METERS = pa.table(
    {
        "meter_id": ["M1", "M2"],
        "role": ["consumer", "consumer"],
        "account_id": ["A1", "A2"],
        "district_id": pa.nulls(2, pa.string()),
        "reading": ["interval", "interval"],
        "interval_s": pa.array([900, 900], pa.int32()),
        "wh_per_count": [1, 1],
        "modulus": [0, 0],
        "max_w": [20_000, 20_000],
        "switchable": [True, True],
    }
)


def reads(at_s: int, *pairs: tuple[str, int]) -> pa.Table:
    return pa.table(
        {
            "meter_id": [meter for meter, _ in pairs],
            "at": pa.array([at_s] * len(pairs), pa.timestamp("s", "UTC")),
            "value": [value for _, value in pairs],
            "status": pa.array([0] * len(pairs), pa.uint16()),
        }
    )


def write_log(path: Path, *more: Callable[[BatchLogWriter], None]) -> BatchLog:
    with BatchLogWriter(path) as writer:
        writer.config(CONFIG)
        writer.write("accounts", ACCOUNTS, T0)
        writer.write("meters", METERS, T0)
        writer.write("reads", reads(T0 + 900, ("M1", 1_000), ("M2", 2_000), ("M3", 1)), T0 + 900)
        for one in more:
            one(writer)
    return BatchLog.open(path)


def test_a_run_leaves_every_file_and_figures_that_add_up(tmp_path: Path) -> None:
    log = write_log(
        tmp_path / "log",
        lambda writer: writer.write("readings", reads(T0 + 1_800, ("M1", 1)), T0 + 1_800),
        lambda writer: writer.write("reads", reads(T0 + 1_800, ("M1", 500), ("M1", 6_000)), T0 + 1_800),
        lambda writer: writer.tick(T0 + 86_400),
    )
    told: list[Broken] = []
    steps: list[int] = []
    ticking = iter(range(1_000))
    run = replay(
        log,
        tmp_path / "out",
        clock=lambda: float(next(ticking)),
        on_batch=lambda run: steps.append(run.sequence),
        on_malformed=told.append,
    )
    written = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")}
    assert written == {
        "summary.json",
        *(f"outputs/{name}.parquet" for name in OUTPUT_NAMES),
        *(f"state/{name}.parquet" for name in STATE_NAMES),
    }
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary == run.summary()
    assert (summary["sequence"], summary["now"], summary["malformed"]) == (6, "2026-03-02T00:00:00Z", 1)
    assert summary["rows"] == {"config": 0, "accounts": 2, "meters": 2, "reads": 5, "tick": 0}
    assert summary["batches"] == {"config": 1, "accounts": 1, "meters": 1, "reads": 2, "tick": 1}
    assert summary["outputs"]["intervals"] == 3
    assert summary["refused"] == [
        {"kind": "reads", "reason": "conflict", "rows": 1},
        {"kind": "reads", "reason": "unknown_meter", "rows": 1},
    ]
    assert len(summary["digest"]) == 32
    assert [(broken.line, broken.kind) for broken in told] == [(5, "readings")]
    assert steps == [1, 2, 3, 4, 4, 5, 6]
    for name in OUTPUT_NAMES:
        path = tmp_path / "out" / "outputs" / f"{name}.parquet"
        assert pq.read_metadata(path).num_rows == summary["outputs"][name]
    assert run.tally.charged == Decimal("1.05")
    assert run.tally.energy_kwh == Decimal("3.5")
    assert run.tally.ledger == {"opening": Decimal("105.2")}
    assert run.tally.notices == {"low_balance": 1}
    # This clock counts the looks at it: once for the malformed batch, else twice a batch and for the run.
    assert (run.wall_s, run.engine_s) == (12.0, 5.0)
    assert (run.reads_per_s, run.engine_reads_per_s) == (5 / 12, 1.0)


def test_outputs_that_nobody_wants_are_left_out(tmp_path: Path) -> None:
    run = replay(write_log(tmp_path / "log"), tmp_path / "out", outputs=("ledger",))
    assert [path.name for path in (tmp_path / "out" / "outputs").iterdir()] == ["ledger.parquet"]
    assert run.outputs == {"ledger": 2}
    with pytest.raises(LogError, match="unknown ledgers"):
        replay(write_log(tmp_path / "log2"), tmp_path / "out2", outputs=("ledgers",))
    assert not (tmp_path / "out2").exists()


def test_a_second_run_replaces_the_first_and_comes_to_the_same(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log")
    first = replay(log, tmp_path / "out")
    second = replay(log, tmp_path / "out", outputs=("ledger",))
    assert first.digest == second.digest
    assert not (tmp_path / "out" / "outputs" / "intervals.parquet").exists()


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log")
    for other in ("thesis.txt", "outputs/mine.parquet", "state/notes.txt"):
        out = tmp_path / other.replace("/", "-")
        (out / other).parent.mkdir(parents=True, exist_ok=True)
        (out / other).write_text("keep")
        with pytest.raises(LogError, match="which no replay wrote"):
            replay(log, out)
        assert (out / other).read_text() == "keep"
    with pytest.raises(LogError, match="is a file"):
        replay(log, tmp_path / "log" / "log.jsonl")


def test_saving_and_loading_in_between_changes_nothing(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log", lambda writer: writer.tick(T0 + 86_400))
    plain = replay(log, tmp_path / "plain")
    checked = replay(log, tmp_path / "checked", check_save_load=1)
    assert checked.save_load_checks == plain.sequence == 5
    assert checked.digest == plain.digest
    for name in OUTPUT_NAMES:
        path = Path("outputs") / f"{name}.parquet"
        assert pq.read_table(tmp_path / "plain" / path) == pq.read_table(tmp_path / "checked" / path)


@pytest.mark.parametrize("lines", ["", '{"kind": "tick", "now": "2026-01-01T00:00:00Z"}\n'])
def test_a_log_that_makes_no_engine_fails(tmp_path: Path, lines: str) -> None:
    (tmp_path / "log.jsonl").write_text(lines)
    with pytest.raises(LogError, match="no configuration made an engine"):
        replay(BatchLog.open(tmp_path), tmp_path / "out")
    assert not (tmp_path / "out" / "summary.json").exists()


def test_a_config_that_is_refused_leaves_the_engine_to_the_next(tmp_path: Path) -> None:
    with BatchLogWriter(tmp_path / "log") as writer:
        writer.config("[engine]")
        writer.config(CONFIG)
        writer.tick(T0)
    run = replay(BatchLog.open(tmp_path / "log"), tmp_path / "out")
    assert (run.sequence, len(run.malformed), run.now_s) == (2, 1, T0)


def test_time_is_null_until_a_batch_sets_it(tmp_path: Path) -> None:
    with BatchLogWriter(tmp_path / "log") as writer:
        writer.config(CONFIG, now_s=T0)
    run = replay(BatchLog.open(tmp_path / "log"), tmp_path / "out")
    assert run.summary()["now"] is None
    assert all((tmp_path / "out" / "outputs" / f"{name}.parquet").exists() for name in OUTPUT_NAMES)


def test_a_fault_ends_the_run_without_a_summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = write_log(tmp_path / "log")

    class Forgetful(Engine):
        """Loads as an engine that has seen nothing."""

        @classmethod
        def load(cls, file: Any) -> Any:
            return cls(replay_module.Config.from_toml(CONFIG))

    class Unbalanced(Engine):
        """Finds its books wrong."""

        def audit(self) -> None:
            raise InvariantError("books")

    for fault, error in ((Forgetful, SnapshotError), (Unbalanced, InvariantError)):
        monkeypatch.setattr(replay_module, "Engine", fault)
        with pytest.raises(error):
            replay(log, tmp_path / "out", check_save_load=2)
        assert not (tmp_path / "out" / "summary.json").exists()


def test_rows_are_written_in_groups_and_all_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 4)
    more = [
        lambda writer, number=number: writer.write(
            "reads", reads(T0 + 900 * number, ("M1", 1), ("M2", number)), T0 + 900 * number
        )
        for number in range(2, 12)
    ]
    run = replay(write_log(tmp_path / "log", *more), tmp_path / "out")
    path = tmp_path / "out" / "outputs" / "intervals.parquet"
    assert pq.read_metadata(path).num_row_groups == 6
    assert run.outputs["intervals"] == 22
    values = pq.read_table(path)["energy"].to_pylist()
    assert values[3::2] == [Decimal(number).scaleb(-3) for number in range(2, 12)]


def test_rows_wait_for_a_row_group_and_no_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 3)
    files = parquet.OutputFiles(tmp_path, ["ledger"])
    path = tmp_path / "outputs" / "ledger.parquet"
    rows = pa.record_batch({"amount": [1, 2]})
    files.add("ledger", rows)
    assert not path.exists()
    files.add("ledger", rows)
    assert path.exists()
    files.close({})
    assert pq.read_table(path)["amount"].to_pylist() == [1, 2, 1, 2]


def test_an_empty_run_has_no_speed() -> None:
    assert (Run().reads_per_s, Run().engine_reads_per_s) == (0.0, 0.0)
