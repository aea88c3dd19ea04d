"""`feikong trips`: what an operator does about trips."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pyarrow as pa

from pipeline.cli._node import DATA
from pipeline.cli._operator import Station, say, station_options
from pipeline.cli._standing import trips_of
from pipeline.cli._terminal import count, output_console, table
from pipeline.cli.status import standing_of
from pipeline.clock import RealClock
from pipeline.wire.schemas import IDS, Ids

__all__ = ["trips"]

DISTRICT = click.option(
    "--district", metavar="ID", help="Of one district alone.  [default: of the whole node]"
)


@click.group()
def trips() -> None:
    """Suspend and resume trips, approve single ones, and see what stops them.

    The fastest way to stop every trip needs no key and no network: `touch DIR/NO-TRIP` in the node's data
    directory. While that file is there, no trip leaves; restores do.

    \b
    Example:
      feikong trips suspend --to tcp://node:7070 --key op.key --node node.pub
    """  # noqa: D301


@trips.command()
@DISTRICT
@station_options
def suspend(station: Station, district: str | None) -> None:
    """Let no trip out until someone resumes them; restores go on.

    \b
    Example:
      feikong trips suspend --district 12 --to tcp://node:7070 --key op.key --node node.pub
    """  # noqa: D301
    say(station, "updates", lambda ids: _updates(ids, op="suspend_trips", text=district))
    click.echo(f"Trips {_of(district)} are suspended.")


@trips.command()
@DISTRICT
@station_options
def resume(station: Station, district: str | None) -> None:
    """Let trips out again: after a suspension, an alarm, or a start that still waits for payments.

    A file NO-TRIP stops them all the same, until it is removed.

    \b
    Example:
      feikong trips resume --to tcp://node:7070 --key op.key --node node.pub
    """  # noqa: D301
    say(station, "updates", lambda ids: _updates(ids, op="resume_trips", text=district))
    click.echo(f"Trips {_of(district)} may go, where no other gate is closed.")


@trips.command()
@click.argument("accounts", nargs=-1, required=True, metavar="ACCOUNT...")
@station_options
def approve(station: Station, accounts: tuple[str, ...]) -> None:
    """Approve one trip of each ACCOUNT that needs an approval and is due.

    \b
    Example:
      feikong trips approve 100017 --to tcp://node:7070 --key op.key --node node.pub
    """  # noqa: D301
    whole = all(account.isdecimal() and int(account) < 2**64 for account in accounts)
    if station.ids == "uint64" and not whole:
        raise click.BadParameter(
            f"{' '.join(accounts)}; expected whole numbers, as --ids says", param_hint="ACCOUNT"
        )

    def batch_of(ids: Ids) -> pa.RecordBatch:
        given = [int(account) for account in accounts] if ids == "uint64" else list(accounts)
        return _updates(ids, op="approve_trip", account_id=given)

    say(station, "updates", batch_of, ("utf8", "uint64") if whole else ("utf8",))
    click.echo(
        f"The approval of {len(accounts)} accounts is with the node; of one that is not due, `exceptions` tells."
    )


@trips.command()
@DATA
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def held(data: Path, as_json: bool) -> None:
    """Show whether trips go, what stops them, and how many were not sent for which reason since the start.

    \b
    Example:
      feikong trips held --data node
    """  # noqa: D301
    standing = standing_of(data, RealClock().now_s())
    found = {shard: each for shard, each in standing.shards.items() if each is not None}
    if as_json:
        shown = [
            {
                "shard": shard,
                "trips": trips_of(each, standing.no_trip),
                "held_for": each.held_for,
                "commands": each.commands,
            }
            for shard, each in found.items()
        ]
        click.echo(json.dumps(shown, indent=2))
        return
    rows = []
    for shard, each in found.items():
        sent = each.commands.get("sent", {})
        not_sent = each.commands.get("not_sent", {})
        rows.append(
            (
                str(shard),
                trips_of(each, standing.no_trip),
                ", ".join(each.held_for) or "nobody",
                *(count(sent.get(kind, 0)) for kind in ("restore", "trip")),
                ", ".join(f"{why} {count(many)}" for why, many in not_sent.items() if many) or "none",
            )
        )
    headers = ("shard", "trips", "waiting for", "restores sent", "trips sent", "not sent")
    output_console().print(table("Trips", headers, rows))


def _updates(
    ids: Ids, op: str, account_id: list[Any] | None = None, text: str | None = None
) -> pa.RecordBatch:
    """Rows of one op, for accounts or for none."""
    rows = len(account_id) if account_id is not None else 1
    return pa.record_batch(
        {
            "op": [op] * rows,
            "account_id": pa.array(account_id if account_id is not None else [None], IDS[ids]),
            "text": pa.array([text] * rows, pa.string()),
        }
    )


def _of(district: str | None) -> str:
    return "of every district" if district is None else f"of district {district}"
