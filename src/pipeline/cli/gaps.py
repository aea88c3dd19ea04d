"""`feikong gaps`: reads that are missing, and should be collected again."""

from __future__ import annotations

import click

from pipeline.cli._asking import Asked, data_options, opened
from pipeline.cli._shift import AS_JSON, LIMIT, print_list
from pipeline.query.shift import gaps as gaps_of

__all__ = ["gaps"]


@click.command()
@click.option("--meter", metavar="ID", help="Of one meter.")
@click.option("--account", metavar="ID", help="Of one account's meters.")
@click.option("--district", metavar="ID", help="Of one district.")
@click.option(
    "--least", type=click.IntRange(min=0), default=0, help="Where so many reads are missing, or more."
)
@LIMIT
@AS_JSON
@data_options
def gaps(
    meter: str | None,
    account: str | None,
    district: str | None,
    least: int,
    limit: int,
    as_json: bool,
    asked: Asked,
) -> None:
    """List the stretches in which reads are missing, those of most reads first.

    \b
    Example:
      feikong gaps --data node --district north-1
      feikong gaps --data node --json
    """  # noqa: D301
    with opened(asked) as catalog:
        rows = gaps_of(catalog, meter=meter, account=account, district=district, least=least, limit=limit)
        print_list(rows, as_json, "Gaps")
