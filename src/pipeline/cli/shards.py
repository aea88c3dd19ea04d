"""`feikong shards`: another number of shards for a node that is stopped."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import click

from pipeline.cli._node import DATA, node_lock
from pipeline.cli._terminal import Bar, progress_bar
from pipeline.errors import LogError
from pipeline.journal import JournalError, RealDisk, verify
from pipeline.node.layout import SHARDS_MAX, Places, read_layout
from pipeline.reshard.build import Resharded
from pipeline.reshard.move import change_shards, finish

__all__ = ["shards"]

SHOWN_MAX = 20
ENTRIES_A_STEP = 1000


@dataclass(slots=True)
class _Steps:
    bar: Bar
    entries: int = 0

    def add(self) -> None:
        """One more entry is replayed."""
        self.entries += 1
        if self.entries % ENTRIES_A_STEP == 0:
            self.bar.step(f"{self.entries:,} entries")


@click.command()
@click.argument("number", type=click.IntRange(1, SHARDS_MAX))
@DATA
@click.option("--json", "as_json", is_flag=True, help="Print what it came to as JSON.")
def shards(number: int, data: Path, as_json: bool) -> None:
    """Give the node of a data directory another NUMBER of shards, by replaying its journals into new ones.

    The node must be stopped, and its journals whole from their first frame. What was is kept in before-G of the data
    directory. Balances are compared, and must be the same; accounts that would stand elsewhere in their state are told:
    limits on trips are looked at per shard, so look at these before trips are resumed. Set `shards` in the
    configuration too.

    \b
    Example:
      feikong shards 4 --data node
    """  # noqa: D301
    with node_lock(data):
        if finish(data):
            click.echo("The change that was cut off is in place now.")
            return
        before = read_layout(RealDisk(data)).shards
        for shard in range(before):
            report = verify(RealDisk(Places(data, shard).journal))
            if report.state == "damaged":
                raise LogError(f"shard {shard}: {report.detail}; nothing is changed")
        try:
            with progress_bar(what="replaying") as bar:
                bar.start("replaying", 0)
                done = change_shards(data, number, _Steps(bar).add)
        except JournalError as error:
            raise click.ClickException(str(error)) from error
    _tell(done, before, number, data, as_json)


def _tell(done: Resharded, before: int, number: int, data: Path, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"before": before, "shards": number, **done._asdict()}, indent=2))
        return
    click.echo(f"{before} shards are {number} now: {done.accounts:,} accounts, {done.meters:,} meters.")
    click.echo(f"Every balance is as it was. What was before is kept in {data}.")
    for account, change in sorted(done.differing.items())[:SHOWN_MAX]:
        click.echo(f"account {account}: {change}", err=True)
    if len(done.differing) > SHOWN_MAX:
        click.echo(f"and {len(done.differing) - SHOWN_MAX:,} more; --json shows all", err=True)
    for kind, count in sorted(done.unknown.items()):
        click.echo(f"{count:,} rows of {kind} name what the new engines do not have", err=True)
