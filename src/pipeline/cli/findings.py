"""`feikong findings` and `feikong orders`: what is open."""

from __future__ import annotations

from collections.abc import Callable

import click

from pipeline.cli._asking import Asked, data_options, opened
from pipeline.cli._shift import AS_JSON, LIMIT, print_list
from pipeline.query.shift import open_entries

__all__ = ["findings", "orders"]


def _filters(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--grid", metavar="NAME", help="Of districts that one grid maintains."),
        click.option("--district", metavar="ID", help="Of one district."),
        click.option("--subject", metavar="ID", help="About one meter, account or district."),
        click.option("--kind", metavar="KIND", help="Of one kind."),
    ):
        command = option(command)
    return command


@click.command()
@_filters
@LIMIT
@AS_JSON
@data_options
def findings(
    kind: str | None,
    subject: str | None,
    district: str | None,
    grid: str | None,
    limit: int,
    as_json: bool,
    asked: Asked,
) -> None:
    """List the open findings, the oldest first: meters and districts that look wrong, alarms of the engine.

    \b
    Example:
      feikong findings --data node --kind high_loss
      feikong findings --data node --json
    """  # noqa: D301
    with opened(asked) as catalog:
        given = {"kind": kind, "subject": subject, "district": district, "grid": grid}
        print_list(open_entries(catalog, "findings", **given, limit=limit), as_json, "Open findings")


@click.command()
@_filters
@LIMIT
@AS_JSON
@data_options
def orders(
    kind: str | None,
    subject: str | None,
    district: str | None,
    grid: str | None,
    limit: int,
    as_json: bool,
    asked: Asked,
) -> None:
    """List the open orders, the oldest first: what a crew has to drive to.

    \b
    Example:
      feikong orders --data node --grid north
      feikong orders --data node --json
    """  # noqa: D301
    with opened(asked) as catalog:
        given = {"kind": kind, "subject": subject, "district": district, "grid": grid}
        print_list(open_entries(catalog, "orders", **given, limit=limit), as_json, "Open orders")
