"""`feikong accounts` and `feikong meters`: one of them, with all that belongs to it."""

from __future__ import annotations

import click

from pipeline.cli._asking import Asked, data_options, opened
from pipeline.cli._shift import AS_JSON, RECENT, print_parts
from pipeline.query.shift import account as account_of
from pipeline.query.shift import meter as meter_of

__all__ = ["accounts", "meters"]


@click.group()
def accounts() -> None:
    """Accounts: how one of them stands.

    \b
    Example:
      feikong accounts show A1 --data node
    """  # noqa: D301


@accounts.command("show")
@click.argument("account")
@RECENT
@AS_JSON
@data_options
def show_account(account: str, recent: int, as_json: bool, asked: Asked) -> None:
    """Show ACCOUNT: its state, meters, commands, what is open about it, and what happened last.

    \b
    Example:
      feikong accounts show A1 --data node
      feikong accounts show A1 --data node --recent 50 --json
    """  # noqa: D301
    with opened(asked) as catalog:
        print_parts(account_of(catalog, account, recent), as_json)


@click.group()
def meters() -> None:
    """Meters: how one of them stands.

    \b
    Example:
      feikong meters show M1 --data node
    """  # noqa: D301


@meters.command("show")
@click.argument("meter")
@RECENT
@AS_JSON
@data_options
def show_meter(meter: str, recent: int, as_json: bool, asked: Asked) -> None:
    """Show METER: its state, commands, what is open about it, its gaps, its last reads and refusals.

    \b
    Example:
      feikong meters show M1 --data node
      feikong meters show M1 --data node --json
    """  # noqa: D301
    with opened(asked) as catalog:
        print_parts(meter_of(catalog, meter, recent), as_json)
