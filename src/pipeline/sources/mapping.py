"""The mapping file: what the columns, stamps and units of people's files mean.

It is TOML, a table per kind of rows::

    [reads]
    delimiter = ";"                       # of text files; default ","
    decimal = ","                         # default "."
    encoding = "utf8"                     # of text files
    skip_lines = 0                        # of text files, before the header
    time_format = "%d.%m.%Y %H:%M"        # as strptime; or iso (default), epoch, epoch_ms
    timezone = "Europe/London"            # of stamps that say none: UTC (default), +10:00, an IANA zone
    stamp = "start"                       # what a read's stamp marks: its interval's end (default) or start
    interval = "30m"                      # needed with start
    unit = "kWh"                          # counts (default), Wh, kWh, MWh
    resolution_wh = 1                     # Wh per count (default 1)
    round = false                         # may energies that are no whole counts be rounded to them?
    columns = { meter_id = "LCLid", at = ["date", "time"], value = "KWH/hh" }   # ours = theirs
    fixed = { status = 0 }                # columns that are the same in every row

    [reads.files."feeder*.csv"]           # what differs in files of that name
    columns = { value = "kwh" }

Several columns given for one are joined by a space. Columns that are not named have the names of the
reference, section 3. Where local time runs twice through an hour, the first row of a meter with a stamp is
taken to be the first hour's, and the next one with the same stamp the second's.
"""

from __future__ import annotations

import tomllib
from datetime import timedelta, timezone, tzinfo
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from pipeline.errors import SourceError
from pipeline.sources.columns import COLUMNS

__all__ = ["UNITS_WH", "FileMapping", "Mapping", "parse_duration", "parse_zone"]

UNITS_WH = {"Wh": 1, "kWh": 1_000, "MWh": 1_000_000}
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class FileMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename=None):
    """How one file of one kind is read; the fields are the keys of the mapping file."""

    format: Literal["auto", "csv", "parquet", "arrow", "nem"] = "auto"
    delimiter: str = ","
    decimal: Literal[".", ","] = "."
    encoding: str = "utf8"
    skip_lines: int = 0
    time_format: str = "iso"
    timezone: str = "UTC"
    stamp: Literal["end", "start"] = "end"
    interval: str | None = None
    unit: Literal["counts", "Wh", "kWh", "MWh"] = "counts"
    resolution_wh: int = 1
    round: bool = False
    columns: dict[str, str | list[str]] = {}
    fixed: dict[str, str | int | float | bool] = {}

    @property
    def interval_s(self) -> int | None:
        """Seconds of the interval that a stamp marks the start of, or None if none is given."""
        return None if self.interval is None else parse_duration(self.interval)

    @property
    def zone(self) -> tzinfo:
        """The zone of stamps that say none."""
        return parse_zone(self.timezone)

    def theirs(self, name: str) -> list[str]:
        """The file's columns that make up our column `name`."""
        named = self.columns.get(name, name)
        return [named] if isinstance(named, str) else named


class Mapping:
    """A whole mapping file; without one, every file has the engine's own names and units."""

    def __init__(self, tables: dict[str, Any], where: str = "mapping") -> None:
        self._where = where
        unknown = sorted(set(tables) - set(COLUMNS))
        if unknown:
            raise SourceError(f"{where}: unknown table {unknown[0]!r}; expected some of {', '.join(COLUMNS)}")
        self._tables = tables
        for kind in tables:
            self._checked(kind, {}, kind)
            for pattern, change in self._files(kind).items():
                self._checked(kind, change, f"{kind}.files.{pattern!r}")

    @classmethod
    def load(cls, path: Path) -> Mapping:
        """Read the mapping file at `path`; raises `SourceError` that names the key which is wrong."""
        try:
            tables = tomllib.loads(path.read_text("utf8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SourceError(f"{path}: no TOML: {error}") from error
        return cls(tables, str(path))

    def of(self, kind: str, path: Path, overrides: dict[str, Any] | None = None) -> FileMapping:
        """The mapping of a file of `kind`: its table, the first pattern that fits, then `overrides`."""
        fits = (change for pattern, change in self._files(kind).items() if fnmatchcase(path.name, pattern))
        return self._checked(kind, {**next(fits, {}), **(overrides or {})}, kind)

    def _files(self, kind: str) -> dict[str, dict[str, Any]]:
        files = self._tables.get(kind, {}).get("files", {})
        if not isinstance(files, dict) or not all(isinstance(change, dict) for change in files.values()):
            raise SourceError(
                f'{self._where}: {kind}.files is no table of tables; expected [{kind}.files."*.csv"]'
            )
        return files

    def _checked(self, kind: str, change: dict[str, Any], where: str) -> FileMapping:
        table = self._tables.get(kind, {})
        if not isinstance(table, dict):
            raise SourceError(f"{self._where}: {kind} is {table!r}; expected a table [{kind}]")
        merged = {key: value for key, value in table.items() if key != "files"}
        for key, value in change.items():
            both_tables = isinstance(value, dict) and isinstance(merged.get(key), dict)
            merged[key] = {**merged[key], **value} if both_tables else value
        try:
            mapping = msgspec.convert(merged, FileMapping)
            _check(kind, mapping)
        except (msgspec.ValidationError, SourceError) as error:
            raise SourceError(f"{self._where}: {where}: {error}") from error
        return mapping


def parse_duration(text: str) -> int:
    """Seconds of a duration such as `90s`, `15m`, `48h`, `28d`; raises `SourceError`."""
    number, unit = text[:-1], text[-1:]
    if unit not in _SECONDS or not (number.isascii() and number.isdigit()):
        raise SourceError(f"duration {text!r}; expected a whole number and s, m, h or d, such as 15m")
    return int(number) * _SECONDS[unit]


def parse_zone(text: str) -> tzinfo:
    """The zone called `text`: UTC, a fixed offset such as +10:00, or an IANA zone; raises `SourceError`."""
    if text[:1] in "+-" and len(text) == 6 and text[3] == ":" and (text[1:3] + text[4:]).isdigit():
        hours, minutes = int(text[1:3]), int(text[4:])
        if hours < 24 and minutes < 60:
            offset = timedelta(hours=hours, minutes=minutes)
            return timezone(-offset if text[0] == "-" else offset)
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SourceError(
            f"time zone {text!r}; expected UTC, an offset such as +10:00, or an IANA zone"
        ) from error


def _check(kind: str, mapping: FileMapping) -> None:
    names = [column.name for column in COLUMNS[kind]]
    for table in ("columns", "fixed"):
        for name in getattr(mapping, table):
            if name not in names:
                raise SourceError(f"{table}.{name}: no column of {kind}; expected some of {', '.join(names)}")
    for name, theirs in mapping.columns.items():
        if not theirs:
            raise SourceError(f"columns.{name} is empty; expected the name of a column, or several")
    if len(mapping.delimiter) != 1 or mapping.delimiter == mapping.decimal:
        raise SourceError(
            f"delimiter {mapping.delimiter!r}; expected one character that is not the decimal mark"
        )
    if mapping.skip_lines < 0:
        raise SourceError(f"skip_lines {mapping.skip_lines}; expected 0 or more")
    if mapping.resolution_wh < 1:
        raise SourceError(
            f"resolution_wh {mapping.resolution_wh}; expected 1 or more: a count is whole watt-hours"
        )
    if mapping.stamp == "start" and mapping.interval is None:
        raise SourceError('stamp is "start" but there is no interval; expected one, such as interval = "30m"')
    if mapping.interval_s == 0:
        raise SourceError("interval is 0; expected a duration such as 30m")
    parse_zone(mapping.timezone)
