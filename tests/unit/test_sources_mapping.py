"""The mapping file: what it says, and what it may not say."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.errors import SourceError
from pipeline.sources.mapping import Mapping, parse_duration, parse_zone


def loaded(tmp_path: Path, text: str) -> Mapping:
    path = tmp_path / "mapping.toml"
    path.write_text(text)
    return Mapping.load(path)


def test_patterns_change_the_table_for_the_files_they_fit(tmp_path: Path) -> None:
    mapping = loaded(
        tmp_path,
        """
        [reads]
        unit = "kWh"
        columns = { meter_id = "id", value = "kwh" }
        [reads.files."feeder*.csv"]
        delimiter = ";"
        columns = { value = "energy" }
        """,
    )
    plain = mapping.of("reads", Path("meters.csv"))
    feeder = mapping.of("reads", Path("somewhere/feeder-1.csv"))
    assert (plain.delimiter, plain.theirs("value"), plain.theirs("at")) == (",", ["kwh"], ["at"])
    assert (feeder.delimiter, feeder.theirs("value"), feeder.theirs("meter_id")) == (";", ["energy"], ["id"])
    assert feeder.unit == "kWh"


def test_overrides_come_last(tmp_path: Path) -> None:
    mapping = loaded(tmp_path, "[reads]\nresolution_wh = 10\n")
    assert mapping.of("reads", Path("a.csv"), {"resolution_wh": 100}).resolution_wh == 100
    assert mapping.of("payments", Path("a.csv")).resolution_wh == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[reads", "no TOML"),
        ("[readings]", "unknown table 'readings'"),
        ("reads = 1", "expected a table"),
        ("[reads]\nunti = 'kWh'", "unti"),
        ("[reads]\nunit = 'kwh'", "unit"),
        ("[reads]\ncolumns = { amount = 'x' }", "no column of reads"),
        ("[reads]\ncolumns = { at = [] }", "columns.at is empty"),
        ("[reads]\nfixed = { at2 = 5 }", "fixed.at2"),
        ("[reads]\nstamp = 'start'", "no interval"),
        ("[reads]\ninterval = '30'", "30"),
        ("[reads]\ninterval = '0m'", "interval is 0"),
        ("[reads]\ntimezone = 'Europe/Lodnon'", "Lodnon"),
        ("[reads]\ntimezone = '+25:00'", "time zone"),
        ("[reads]\nresolution_wh = 0", "resolution_wh 0"),
        ("[reads]\ndelimiter = ';;'", "one character"),
        ("[reads]\ndecimal = ','", "decimal mark"),
        ("[reads]\nskip_lines = -1", "0 or more"),
        ("[reads]\nfiles = 5", "table of tables"),
        ("[reads.files.'*.csv']\nunit = 'GWh'", "*.csv"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(SourceError) as raised:
        loaded(tmp_path, text)
    assert "mapping.toml" in str(raised.value)
    assert reason in str(raised.value)


def test_durations_and_zones() -> None:
    assert [parse_duration(text) for text in ("90s", "15m", "48h", "28d")] == [90, 900, 172_800, 2_419_200]
    for text in ("", "m", "-5m", "1.5h", "٣m"):
        with pytest.raises(SourceError, match="expected a whole number"):
            parse_duration(text)
    assert parse_zone("-09:30").utcoffset(None) == -timedelta(hours=9, minutes=30)
    for text in ("", "/etc/passwd", "..", "+1:00"):
        with pytest.raises(SourceError, match="time zone"):
            parse_zone(text)
