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
        data_options,
        AS_JSON,
        LIMIT,
        click.option("--grid", metavar="NAME", help="Of districts that one grid maintains."),
        click.option("--district", metavar="ID", help="Of one district."),
        click.option("--subject", metavar="ID", help="About one meter, account or district."),
        click.option("--kind", metavar="KIND", help="Of one kind."),
    ):
        command = option(command)
    return command


def _print_open(which: str, asked: Asked, limit: int, as_json: bool, filters: dict[str, str | None]) -> None:
    with opened(asked) as catalog:
        print_list(open_entries(catalog, which, **filters, limit=limit), as_json, f"Open {which}")


@click.command()
@_filters
def findings(asked: Asked, limit: int, as_json: bool, **filters: str | None) -> None:
    """List the open findings, the oldest first: meters and districts that look wrong, alarms of the engine.

    \b
    Example:
      feikong findings --data node --kind high_loss
      feikong findings --data node --json
    """  # noqa: D301
    _print_open("findings", asked, limit, as_json, filters)


@click.command()
@_filters
def orders(asked: Asked, limit: int, as_json: bool, **filters: str | None) -> None:
    """List the open orders, the oldest first: what a crew has to drive to.

    \b
    Example:
      feikong orders --data node --grid north
      feikong orders --data node --json
    """  # noqa: D301
    _print_open("orders", asked, limit, as_json, filters)
