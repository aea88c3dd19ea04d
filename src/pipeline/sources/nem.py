"""NEM12 and NEM13, the Australian market's meter data files, through `nemreader`.

A register of a NMI is a meter: its id is `NMI-SUFFIX`, such as `4103035611-E1`. Stamps are NEM time, UTC+10
all year. NEM12 gives energies of intervals, `at` their ends; NEM13 a register's counts at the two ends of a
period, in which the end of one period and the start of the next one are the same read and given once. Of the
quality flags, A is actual; E, F, S and V are estimated or substituted, and carry the status bit for that
(reference, section 3); N says that there is no data, so such a row is a reject, and so are quantities that
are no energy. A file that is no NEM file is one reject.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
from msgspec import structs

from pipeline.errors import SourceError
from pipeline.sources.columns import Ids
from pipeline.sources.mapping import FileMapping
from pipeline.sources.numbers import counts
from pipeline.sources.records import Rows, schema_of
from pipeline.sources.rejects import Rejects

__all__ = ["ESTIMATED", "read_nem"]

ESTIMATED = 4
NEM_TIME = timezone(timedelta(hours=10))
_UNITS = {"wh": "Wh", "kwh": "kWh", "mwh": "MWh"}


def read_nem(path: Path, mapping: FileMapping, ids: Ids, rejects: Rejects) -> Iterator[Rows]:
    """The reads of a NEM12 or NEM13 file, register by register, with columns as in `schema_of`."""
    if ids != "utf8":
        raise SourceError(f"{path}: a NEM file's meters are texts; expected ids to be utf8, not {ids}")
    from nemreader import NEMFile  # brings pandas along: half a second that only its own files should cost

    with _Complaints() as complaints:
        try:
            data = NEMFile(str(path)).nem_data()
            registers: dict[str, list[Any]] = {
                f"{nmi}-{suffix}": list(readings)
                for nmi, suffixes in data.readings.items()
                for suffix, readings in suffixes.items()
            }
        except Exception as error:  # whatever a parser of other people's files raises is about the file
            reason = f"cannot be read as NEM12 or NEM13: {error}; expected records 100, 200 or 250, 300, 900"
            rejects.add("reads", path, None, None, "", reason)
            return
    for line, reason in complaints.errors:
        rejects.add("reads", path, line, None, "", reason)
    cumulative = data.header.version_header == "NEM13"
    if any(isinstance(part, list) for readings in registers.values() for part in readings):
        # nemreader leaves a NEM13 file's readings in a list per record where the end record is missing.
        registers = {meter_id: [*chain.from_iterable(readings)] for meter_id, readings in registers.items()}
        reason = "no record 900 at its end; expected one: it may be cut short"
        rejects.add("reads", path, None, None, "", reason)
    for meter_id, readings in registers.items():
        yield _register(meter_id, readings, cumulative, path, mapping, rejects)


def _register(
    meter_id: str, readings: list[Any], cumulative: bool, path: Path, mapping: FileMapping, rejects: Rejects
) -> Rows:
    """The reads of one register of one NMI."""
    at_s: list[int] = []
    energies: list[float] = []
    statuses: list[int] = []
    unit = "kWh"
    for reading in readings:
        quality = (reading.quality_method or "")[:1].upper()
        known = _UNITS.get(reading.uom.lower())
        if known is None or quality == "N":
            reason = (
                "quality N: no data" if known else f"unit {reading.uom} is no energy; expected Wh, kWh or MWh"
            )
            text = f"{meter_id} {reading.t_start} {reading.read_value}"
            rejects.add("reads", path, None, "value", text, reason)
            continue
        unit = known
        status = 0 if quality == "A" else ESTIMATED
        ends = [(reading.t_end, reading.read_value)]
        if cumulative:
            ends = [(reading.t_start, reading.val_start), (reading.t_end, reading.val_end)]
        for moment, energy in ends:
            at_s.append(_nem_seconds(moment))
            energies.append(energy)
            statuses.append(status)
    values, problems, rounded = counts(pa.array(energies, pa.float64()), structs.replace(mapping, unit=unit))
    table = pa.table(
        {
            "meter_id": pa.repeat(meter_id, len(at_s)),
            "at": pa.array(at_s, pa.int64()).cast(pa.timestamp("s", "UTC")),
            "value": values,
            "status": pa.array(statuses, pa.uint16()),
        },
        schema=schema_of("reads", "utf8"),
    )
    keep = [row not in problems for row in range(table.num_rows)]
    for row, reason in sorted(problems.items()):
        rejects.add("reads", path, None, "value", f"{meter_id} {at_s[row]} {energies[row]}", reason)
    if cumulative:
        keep = _without_repeats(at_s, values.to_pylist(), keep)
    return Rows(table.filter(pa.array(keep, pa.bool_())), rounded)


def _without_repeats(at_s: list[int], values: list[int], keep: list[bool]) -> list[bool]:
    """Drop the second of two equal reads: the end of one period is the start of the next."""
    seen: set[tuple[int, int]] = set()
    kept = []
    for at, value, good in zip(at_s, values, keep, strict=True):
        kept.append(good and (at, value) not in seen)
        seen.add((at, value))
    return kept


def _nem_seconds(naive: datetime) -> int:
    return int(naive.replace(tzinfo=NEM_TIME).timestamp())


class _Complaints(logging.Handler):
    """Hears what nemreader says of records that it passes over, instead of standard error."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.errors: list[tuple[int | None, str]] = []
        self._logger = logging.getLogger("nemreader")

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of one record that is passed over."""
        if record.levelno >= logging.ERROR and isinstance(record.args, tuple):
            lines = [arg for arg in record.args if isinstance(arg, int)]
            self.errors.append((lines[0] if lines else None, record.getMessage()))

    def __enter__(self) -> _Complaints:
        self._logger.addHandler(self)
        self._propagated, self._logger.propagate = self._logger.propagate, False
        return self

    def __exit__(self, *error: object) -> None:
        self._logger.propagate = self._propagated
        self._logger.removeHandler(self)
