"""The batch log: a folder with `log.jsonl`, a line per batch, and a file per batch beside it.

::

    log.jsonl               {"kind": "reads", "now": "2026-01-01T00:15:00Z", "file": "reads-000017.parquet"}
    config-000000.toml      the first line's kind is `config`; what its `now` says is not looked at
    reads-000017.parquet    Parquet or Arrow IPC, by the ending; a `tick` has no file

One broken line, or one broken file, is one malformed batch: it is handed out as `Broken`, and the lines after
it are read all the same. Only a folder without a readable `log.jsonl` raises. A `file` is a name inside the
folder: a log from elsewhere opens nothing of the machine it is read on. Reference: "The batch log".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.closing import Closing
from pipeline.errors import LogError

__all__ = ["INDEX", "BatchLog", "BatchLogWriter", "Broken", "Entry", "instant_text"]

INDEX = "log.jsonl"
ARROW_ENDINGS = (".arrow", ".arrows", ".feather", ".ipc")
LINE_BYTES_MAX = 65_536

Format = Literal["parquet", "arrow"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A batch of the log, ready for `Engine.apply`.

    `line` counts from 1. `now_s` is None on the first line only. `batch` is a table, the text of a `config`,
    or None.
    """

    line: int
    kind: str
    now_s: int | None
    batch: pa.Table | str | None


@dataclass(frozen=True, slots=True)
class Broken:
    """A line that gives no batch: what is wrong with it or with its file, and what would be right."""

    line: int
    kind: str | None
    reason: str


class BatchLog:
    """A batch log, read line by line; iterating it again reads it again."""

    def __init__(self, path: Path, lines: int) -> None:
        self.path = path
        self._lines = lines

    @classmethod
    def open(cls, path: str | Path) -> BatchLog:
        """Open the log in folder `path`; raises `LogError` if there is none."""
        path = Path(path)
        index = path / INDEX
        if not path.is_dir():
            what = "is a file" if path.exists() else "does not exist"
            raise LogError(f"batch log {path}: {what}; expected a folder that holds {INDEX}")
        try:
            with index.open("rb") as file:
                lines = sum(1 for line in file if line.strip())
        except OSError as error:
            raise LogError(
                f"batch log {path}: cannot read {INDEX} ({error.strerror}); expected a file of one "
                'JSON object a line, such as {"kind": "tick", "now": "2026-01-01T00:15:00Z"}'
            ) from error
        return cls(path, lines)

    def __len__(self) -> int:
        """Lines of the log that are not blank."""
        return self._lines

    def __iter__(self) -> Iterator[Entry | Broken]:
        """Each batch in order, or what is wrong with it; reads one file at a time."""
        first = True
        with (self.path / INDEX).open("rb") as file:
            for number, line in enumerate(_lines(file), start=1):
                if line is None:
                    yield Broken(number, None, f"line of more than {LINE_BYTES_MAX} bytes")
                elif line.strip():
                    yield self._entry(number, line, first)
                else:
                    continue
                first = False

    def _entry(self, number: int, line: bytes, first: bool) -> Entry | Broken:
        kind = None
        try:
            fields = _fields(line)
            kind = _text(fields, "kind")
            now_s = None if first else parse_instant(_text(fields, "now"))
            return Entry(number, kind, now_s, self._batch(kind, fields))
        except (_Problem, OSError, pa.ArrowException, UnicodeDecodeError) as problem:
            return Broken(number, kind, str(problem))

    def _batch(self, kind: str, fields: dict[str, Any]) -> pa.Table | str | None:
        if kind == "tick" and fields.get("file") is None:
            return None
        name = _text(fields, "file")
        parts = PurePosixPath(name).parts
        if not parts or PurePosixPath(name).is_absolute() or ".." in parts or "\\" in name or "\0" in name:
            raise _Problem(f"file {name!r} is no name inside the log's folder")
        path = self.path.joinpath(*parts)
        if not path.is_file():
            raise _Problem(f"file {name!r} does not exist in the log's folder")
        if (kind == "config") != (path.suffix == ".toml"):
            raise _Problem(
                f"file {name!r} of kind {kind!r}; a config is a .toml, every other batch Parquet or Arrow"
            )
        if kind == "config":
            return path.read_text("utf8")
        return read_batch(path)


def read_batch(path: Path) -> pa.Table:
    """The table in a Parquet or Arrow IPC file, by its ending.

    Raises `LogError` for another ending, `OSError` or `pa.ArrowException` for a file that is torn.
    """
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            return file.read()
    if path.suffix not in ARROW_ENDINGS:
        raise _Problem(
            f"file {path.name!r} ends in {path.suffix!r}; expected .parquet, {', '.join(ARROW_ENDINGS)}"
        )
    with pa.OSFile(str(path), "rb") as source:
        try:
            return pa.ipc.open_file(source).read_all()
        except pa.ArrowInvalid:
            source.seek(0)
            return pa.ipc.open_stream(source).read_all()


class BatchLogWriter(Closing):
    """Writes a new batch log, each batch's file before its line, so that a cut-off log is a shorter log.

    A context manager. Raises `LogError` where the folder holds anything already.
    """

    def __init__(self, path: str | Path, file_format: Format = "parquet") -> None:
        self.path = Path(path)
        self.lines = 0
        self._ending = {"parquet": ".parquet", "arrow": ".arrow"}[file_format]
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise LogError(f"batch log {self.path}: exists and is not an empty folder; expected a new one")
        self.path.mkdir(parents=True, exist_ok=True)
        self._index: IO[str] = (self.path / INDEX).open("x", encoding="utf8", newline="\n")

    def config(self, text: str, now_s: int = 0) -> None:
        """Append a configuration; the log's first batch is one."""
        name = f"config-{self.lines:06d}.toml"
        (self.path / name).write_bytes(text.encode("utf8"))
        self._append("config", now_s, name)

    def tick(self, now_s: int) -> None:
        """Append a tick: time passes."""
        self._append("tick", now_s, None)

    def write(self, kind: str, batch: pa.Table | pa.RecordBatch, now_s: int) -> None:
        """Append a batch of rows of `kind` (`reads`, `payments`, …)."""
        table = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
        name = f"{kind}-{self.lines:06d}{self._ending}"
        if self._ending == ".parquet":
            pq.write_table(table, self.path / name, compression="zstd", compression_level=1)
        else:
            with (
                pa.OSFile(str(self.path / name), "wb") as sink,
                pa.ipc.new_file(sink, table.schema) as writer,
            ):
                writer.write_table(table)
        self._append(kind, now_s, name)

    def _append(self, kind: str, now_s: int, name: str | None) -> None:
        if self.lines == 0 and kind != "config":
            raise LogError(f"batch log {self.path}: its first batch is of kind {kind!r}; expected 'config'")
        fields = {"kind": kind, "now": instant_text(now_s)} | ({} if name is None else {"file": name})
        self._index.write(json.dumps(fields) + "\n")
        self._index.flush()
        self.lines += 1

    def close(self) -> None:
        """Close the log; what was written stays."""
        self._index.close()


def instant_text(at_s: int) -> str:
    """An instant, seconds since the epoch, as `2026-01-01T00:15:00Z`."""
    return datetime.fromtimestamp(at_s, UTC).replace(tzinfo=None).isoformat() + "Z"


def parse_instant(text: str) -> int:
    """Seconds since the epoch of an ISO 8601 instant with its offset; raises `LogError`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise _Problem(f"now is {text!r}; expected an instant such as 2026-01-01T00:15:00Z") from error
    if moment.tzinfo is None or moment.microsecond:
        raise _Problem(f"now is {text!r}; expected whole seconds and an offset, such as 2026-01-01T00:15:00Z")
    return int(moment.timestamp())


class _Problem(LogError):
    """What is wrong with one line; never leaves this module but as the reason of a `Broken`."""


def _lines(file: IO[bytes]) -> Iterator[bytes | None]:
    """Each line; None for one that is longer than any line has a reason to be."""
    while line := file.readline(LINE_BYTES_MAX):
        whole = len(line) < LINE_BYTES_MAX or line.endswith(b"\n")
        yield line if whole else None
        while not whole and (rest := file.readline(LINE_BYTES_MAX)):
            whole = rest.endswith(b"\n")


def _fields(line: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _Problem(f"no JSON: {error}") from error
    if not isinstance(fields, dict):
        raise _Problem(f"a JSON {type(fields).__name__}; expected an object with kind, now and file")
    return fields


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise _Problem(f"{name} is {'missing' if value is None else repr(value)}; expected a text")
    return value
