"""`feikong report`: ready questions."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import click

from pipeline.cli._asking import Asked, answer, answer_options, data_options, opened
from pipeline.cli._terminal import output_console
from pipeline.query.folder import QueryError
from pipeline.query.reports import Period, reports
from pipeline.query.reports import report as report_of

__all__ = ["month_of", "report"]


def month_of(text: str) -> date:
    """The first day of a month that is written YYYY-MM; raises `click.BadParameter`."""
    try:
        return datetime.strptime(text, "%Y-%m").date()
    except ValueError:
        raise click.BadParameter(f"{text!r} is no month; expected YYYY-MM", param_hint="--month") from None


def _list(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        console = output_console()
        for each in reports():
            console.print(f"{each.name:<16} {each.title}", markup=False, soft_wrap=True)
        context.exit()


@click.command()
@click.argument("name")
@click.option(
    "--list", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="List the reports."
)
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="One local day.")
@click.option("--month", metavar="YYYY-MM", help="One local month.")
@click.option("--from", "first", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="From this day on.")
@click.option(
    "--to", "last", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Up to this day, included."
)
@click.option("--district", metavar="ID", help="One district.")
@click.option("--limit", type=click.IntRange(min=1), help="Most rows, where a report lists.  [default: 20]")
@click.option("--sql", "show_sql", is_flag=True, help="Print the report's SQL, and do not ask.")
@data_options
@answer_options
def report(
    name: str,
    day: datetime | None,
    month: str | None,
    first: datetime | None,
    last: datetime | None,
    district: str | None,
    limit: int | None,
    show_sql: bool,
    asked: Asked,
    form: str | None,
    out: Path | None,
) -> None:
    """Answer the ready question NAME; `--list` says which there are.

    Tables show money in cents; every other format has it to the last digit.

    \b
    Example:
      feikong report --list
      feikong report collection --day 2026-03-01 --data node
      feikong report restores --month 2026-03 --data node --format csv --out restores.csv
    """  # noqa: D301
    found = report_of(name)
    if show_sql:
        click.echo(found.sql, nl=False)
        return
    period = _period(day, month, first, last)
    with opened(asked) as catalog:
        result = found.ask(catalog, period=period, district=district, limit=limit)
        answer(result, form, out, found.title, cents=True)


def _period(
    day: datetime | None, month: str | None, first: datetime | None, last: datetime | None
) -> Period | None:
    given = [day is not None, month is not None, first is not None or last is not None]
    if sum(given) > 1:
        raise click.UsageError("expected one of --day, --month, and --from with --to")
    if day is not None:
        return Period.day(day.date())
    if month is not None:
        return Period.month(month_of(month))
    if first is None and last is None:
        return None
    behind = Period.day(last.date()).behind if last else None
    if first is not None and behind is not None and first.date() >= behind:
        raise QueryError(f"--from {first.date()} is after --to; expected the earlier day first")
    return Period(first.date() if first else None, behind)
