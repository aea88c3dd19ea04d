"""`feikong statement`: a customer's month."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import click

from pipeline.cli._asking import Asked, answer, answer_options, data_options, opened
from pipeline.cli._terminal import output_console
from pipeline.cli.report import month_of
from pipeline.query.catalog import Result
from pipeline.query.sheet import lines_of
from pipeline.query.statement import Statement, printed
from pipeline.query.statement import statement as statement_of

__all__ = ["statement"]

WORDS = {
    "opening": "account opened",
    "top_up": "paid",
    "reversal": "payment taken back",
    "adjustment": "adjustment",
    "charge": "energy",
    "standing": "standing charge",
    "correction": "correction of earlier reads",
}


@click.command()
@click.argument("account")
@click.option("--month", required=True, metavar="YYYY-MM", help="The local month.")
@data_options
@answer_options
def statement(account: str, month: str, asked: Asked, form: str | None, out: Path | None) -> None:
    """Print the statement of ACCOUNT for a month: each day's energy, each payment, balances.

    The table is rounded to cents so that it adds up; every other format is exact.

    \b
    Example:
      feikong statement A1 --month 2026-03 --data node
      feikong statement A1 --month 2026-03 --data node --format json
    """  # noqa: D301
    with opened(asked) as catalog:
        found = statement_of(catalog, account, month_of(month))
    if out is None and form in (None, "table"):
        _print(found)
    else:
        table = found.table()
        answer(Result(table.schema, iter(table.to_batches())), form, out)


def _print(found: Statement) -> None:
    account, console = found.account, output_console()
    console.print(
        f"Statement of account {account['account_id']} for {found.month:%B %Y}", style="bold", markup=False
    )
    console.print(
        f"district {account['district_id']}, {account['klass']}, tariff {account['tariff']}; "
        f"{f'amounts in {found.currency}, ' if found.currency else ''}times of {found.timezone}",
        markup=False,
    )
    shown = printed([found.opening, *(line.balance for line in found.lines)])
    first = found.opening.quantize(Decimal("0.01"))
    rows = [["", "brought forward", "", "", f"{first:,.2f}"]]
    for line, (amount, balance) in zip(found.lines, shown, strict=True):
        what = WORDS[line.kind]
        if line.kind == "charge":
            what = f"energy, {line.reads} read{'s' * (line.reads != 1)}"
        elif line.at is not None:
            what = f"{what}, {line.at:%H:%M}" + (f", {line.ref}" if line.ref else "")
        energy = f"{line.energy:,.3f}" if line.kind == "charge" else ""
        rows.append([line.day.isoformat(), what, energy, f"{amount:+,.2f}", f"{balance:,.2f}"])
    last = shown[-1][1] if shown else first
    rows.append(["", "carried forward", "", "", f"{last:,.2f}"])
    console.print()
    console.print(lines_of(["day", "", "kWh", "amount", "balance"], rows, right=(2, 3, 4)))
    console.print(_totals(found), markup=False)


def _totals(found: Statement) -> str:
    energy = sum((line.energy for line in found.lines), Decimal(0))
    paid = sum(
        (line.amount for line in found.lines if line.kind in ("top_up", "reversal", "adjustment")), Decimal(0)
    )
    used = -sum(
        (line.amount for line in found.lines if line.kind in ("charge", "standing", "correction")), Decimal(0)
    )
    return f"Energy {energy:,.3f} kWh; charged {used:,.2f}; paid {paid:,.2f}."
