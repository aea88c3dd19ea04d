"""Ready questions: a file of SQL each, `sql/NAME.sql`, which begins with what it tells, in comments.

The first line of a file is its title. What it can be asked for follows from the parameters that it has: `$since` and
`$until` are a period, `$district` a district by its text, `$limit` how many rows. `{NAME}` stands for `sql/NAME.part`,
a table that several ask. `Report.sql` is what anyone can give to `feikong query`, once the parameters are filled in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.resources import files
from typing import Any, Final
from zoneinfo import ZoneInfo

from pipeline.query.catalog import Catalog, Result
from pipeline.query.folder import QueryError

__all__ = ["Period", "Report", "report", "reports"]

LIMIT: Final = 20
_FOLDER: Final = files("pipeline.query").joinpath("sql")
_PARAMETER: Final = re.compile(r"\$(\w+)")


@dataclass(frozen=True, slots=True)
class Period:
    """From the start of one local date up to the start of another; None: without that end."""

    first: date | None = None
    behind: date | None = None

    @classmethod
    def day(cls, day: date) -> Period:
        """One local day."""
        return cls(day, day + timedelta(days=1))

    @classmethod
    def month(cls, first: date) -> Period:
        """The local month in which a date lies."""
        return cls(first.replace(day=1), (first.replace(day=1) + timedelta(days=32)).replace(day=1))

    def since(self, timezone: str) -> datetime | None:
        """The instant at which it begins."""
        return _midnight(self.first, timezone)

    def until(self, timezone: str) -> datetime | None:
        """The instant at which it has ended."""
        return _midnight(self.behind, timezone)


@dataclass(frozen=True, slots=True)
class Report:
    """A ready question: its name, what it tells in a line and in a few more, its SQL, its parameters."""

    name: str
    title: str
    about: str
    sql: str

    @property
    def parameters(self) -> frozenset[str]:
        """The names of its parameters: some of `since`, `until`, `district`, `limit`."""
        return frozenset(_PARAMETER.findall(self.sql))

    def ask(
        self,
        catalog: Catalog,
        *,
        period: Period | None = None,
        district: str | None = None,
        limit: int | None = None,
    ) -> Result:
        """Ask a folder; raises `QueryError`, also for a period, a district or a limit that it does not know."""
        for given, name, what in (
            (period, "since", "a period"),
            (district, "district", "a district"),
            (limit, "limit", "a limit"),
        ):
            if given is not None and name not in self.parameters:
                raise QueryError(
                    f"report {self.name}: cannot be asked for {what}; it is about all that there is"
                )
        period = period or Period()
        values: dict[str, Any] = {
            "since": period.since(catalog.timezone),
            "until": period.until(catalog.timezone),
            "district": district,
            "limit": LIMIT if limit is None else limit,
        }
        return catalog.run(self.sql, {name: values[name] for name in self.parameters})


def reports() -> list[Report]:
    """All of them, by name."""
    names = sorted(entry.name[:-4] for entry in _FOLDER.iterdir() if entry.name.endswith(".sql"))
    return [report(name) for name in names]


def report(name: str) -> Report:
    """The report of that name; raises `QueryError`."""
    file = _FOLDER.joinpath(f"{name}.sql")
    if not re.fullmatch(r"[a-z-]+", name) or not file.is_file():
        known = ", ".join(each.name for each in reports())
        raise QueryError(f"there is no report {name}; expected one of {known}")
    text = file.read_text("utf8")
    about = re.match(r"(?:-- .*\n)+", text)
    assert about is not None, f"{name}.sql begins with what it tells"
    lines = [line[3:] for line in about[0].splitlines()]
    return Report(name, lines[0], "\n".join(lines[1:]), re.sub(r" *\{(\w+)\}\n", _part, text[about.end() :]))


def _part(found: re.Match[str]) -> str:
    return _FOLDER.joinpath(f"{found[1]}.part").read_text("utf8")


def _midnight(day: date | None, timezone: str) -> datetime | None:
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(timezone))
