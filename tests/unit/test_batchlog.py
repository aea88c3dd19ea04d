"""The batch log: what is written is read; what is broken is told and passed over."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.batchlog import (
    LINE_BYTES_MAX,
    BatchLog,
    BatchLogWriter,
    Broken,
    Entry,
    instant_text,
    parse_instant,
)
from pipeline.errors import LogError

READS = pa.table({"meter_id": ["M1", "M2"], "at": pa.array([900, 900], pa.int64()), "value": [5, 6]})


@pytest.mark.parametrize("file_format", ["parquet", "arrow"])
def test_what_is_written_is_read(tmp_path: Path, file_format: str) -> None:
    with BatchLogWriter(tmp_path / "log", file_format) as writer:
        writer.config('currency = "元"\n')
        writer.write("reads", READS, 900)
        writer.tick(1_800)
        writer.write("reads", READS.to_batches()[0], 2_700)
    log = BatchLog.open(tmp_path / "log")
    assert len(log) == 4
    entries = list(log)
    assert entries[0] == Entry(1, "config", None, 'currency = "元"\n')
    assert entries[2] == Entry(3, "tick", 1_800, None)
    for entry, line, now_s in ((entries[1], 2, 900), (entries[3], 4, 2_700)):
        assert isinstance(entry, Entry)
        assert (entry.line, entry.kind, entry.now_s) == (line, "reads", now_s)
        assert entry.batch == READS
    ending = {"parquet": ".parquet", "arrow": ".arrow"}[file_format]
    assert (tmp_path / "log" / f"reads-000001{ending}").exists()


def test_an_arrow_stream_is_read_like_an_arrow_file(tmp_path: Path) -> None:
    with (
        pa.OSFile(str(tmp_path / "reads.arrow"), "wb") as sink,
        pa.ipc.new_stream(sink, READS.schema) as writer,
    ):
        writer.write_table(READS)
    (tmp_path / "log.jsonl").write_text(
        '{"kind": "config"}\n{"kind": "reads", "now": "1970-01-01T00:15:00Z", "file": "reads.arrow"}\n'
    )
    broken, entry = BatchLog.open(tmp_path)
    assert isinstance(broken, Broken)
    assert isinstance(entry, Entry)
    assert entry.batch == READS


BROKEN_LINES = {
    "not json": ("no JSON", "no JSON"),
    "[" * 50_000: ("deep nesting", "no JSON"),
    '["kind"]': ("no object", "expected an object"),
    '{"now": "2026-01-01T00:00:00Z"}': ("no kind", "kind is missing"),
    '{"kind": "tick"}': ("no now", "now is missing"),
    '{"kind": "tick", "now": 5}': ("now no text", "now is 5"),
    '{"kind": "tick", "now": "yesterday"}': ("now no instant", "expected an instant"),
    '{"kind": "tick", "now": "2026-01-01T00:00:00"}': ("no offset", "an offset"),
    '{"kind": "tick", "now": "2026-01-01T00:00:00.5Z"}': ("half a second", "whole seconds"),
    '{"kind": "reads", "now": "2026-01-01T00:00:00Z"}': ("no file", "file is missing"),
    '{"kind": "reads", "now": "2026-01-01T00:00:00Z", "file": "absent.parquet"}': (
        "absent",
        "does not exist",
    ),
    '{"kind": "reads", "now": "2026-01-01T00:00:00Z", "file": "../out.parquet"}': (
        "outside",
        "inside the log",
    ),
    '{"kind": "reads", "now": "2026-01-01T00:00:00Z", "file": "/etc/hostname"}': (
        "absolute",
        "inside the log",
    ),
    '{"kind": "reads", "now": "2026-01-01T00:00:00Z", "file": "torn.parquet"}': ("torn Parquet", "Parquet"),
    '{"kind": "reads", "now": "2026-01-01T00:00:00Z", "file": "torn.arrow"}': ("torn Arrow", ""),
    '{"kind": "reads", "now": "2026-01-01T00:00:00Z", "file": "reads.csv"}': ("CSV", "expected .parquet"),
    '{"kind": "reads", "now": "2026-01-01T00:00:00Z", "file": "config.toml"}': (
        "TOML reads",
        "a config is a .toml",
    ),
    '{"kind": "config", "now": "2026-01-01T00:00:00Z", "file": "latin1.toml"}': ("not UTF-8", "utf-8"),
    "x" * (LINE_BYTES_MAX + 5): ("long line", "more than"),
}


@pytest.mark.parametrize(
    ("line", "reason"),
    [(line, reason) for line, (_, reason) in BROKEN_LINES.items()],
    ids=[name for name, _ in BROKEN_LINES.values()],
)
def test_a_broken_line_is_one_malformed_batch(tmp_path: Path, line: str, reason: str) -> None:
    for name in ("torn.parquet", "torn.arrow", "reads.csv", "config.toml"):
        (tmp_path / name).write_bytes(b"torn")
    (tmp_path / "latin1.toml").write_bytes(b'name = "\xe9"')
    good = '{"kind": "tick", "now": "2026-01-01T00:00:00Z"}'
    (tmp_path / "log.jsonl").write_text(f"{good}\n\n{line}\n{good}\n")
    log = BatchLog.open(tmp_path)
    first, broken, last = log
    assert len(log) == 3
    assert isinstance(first, Entry)
    assert first.now_s is None
    assert isinstance(broken, Broken)
    assert broken.line == 3
    assert reason in broken.reason
    assert last == Entry(4, "tick", 1_767_225_600, None)


def test_columns_of_one_name_are_left_to_the_engine(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["at", "at"])
    pq.write_table(table, tmp_path / "reads.parquet")
    (tmp_path / "log.jsonl").write_text('{"kind": "reads", "file": "reads.parquet"}\n')
    [entry] = BatchLog.open(tmp_path)
    assert isinstance(entry, Entry)
    assert isinstance(entry.batch, pa.Table)
    assert entry.batch.column_names == ["at", "at"]


def test_a_folder_that_is_no_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="does not exist"):
        BatchLog.open(tmp_path / "absent")
    with pytest.raises(LogError, match=r"log\.jsonl"):
        BatchLog.open(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(LogError, match="is a file"):
        BatchLog.open(tmp_path / "file")


def test_a_writer_starts_with_a_config_in_a_new_folder(tmp_path: Path) -> None:
    with BatchLogWriter(tmp_path) as writer, pytest.raises(LogError, match="expected 'config'"):
        writer.tick(0)
    with pytest.raises(LogError, match="not an empty folder"):
        BatchLogWriter(tmp_path)


@pytest.mark.parametrize("at_s", [0, 1_767_225_600, -62_135_596_800, 253_402_300_799])
def test_instants_go_there_and_back(at_s: int) -> None:
    assert parse_instant(instant_text(at_s)) == at_s
