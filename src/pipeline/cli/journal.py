"""`feikong journal`: a node's journals, checked, exported as a batch log, or cut back."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from pipeline.batchlog import BatchLogWriter, Format
from pipeline.cli._node import DATA
from pipeline.cli._terminal import Bar, output_console, progress_bar, table
from pipeline.journal import JournalError, RealDisk
from pipeline.journal import prune as prune_journal
from pipeline.journal import verify as verify_journal
from pipeline.node.export import export as export_journal
from pipeline.node.layout import LayoutError, Places, read_layout
from pipeline.node.snapshots import KEPT, Snapshots
from pipeline.outputs.keeping import prunable
from pipeline.outputs.places import OutputPlaces

__all__ = ["journal"]

SHARD = click.option("--shard", type=click.IntRange(min=0), help="Only this shard.  [default: all]")


@click.group()
def journal() -> None:
    """The journals of a node: what it has acknowledged.

    \b
    Example:
      feikong journal verify --data node
    """  # noqa: D301


@journal.command()
@DATA
@SHARD
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def verify(data: Path, shard: int | None, as_json: bool) -> None:
    """Read every frame, and change nothing; exit status 1 where one that was acknowledged is missing or altered.

    While the node runs, a frame that is being written can look torn.

    \b
    Example:
      feikong journal verify --data node --json
    """  # noqa: D301
    reports = {each: verify_journal(RealDisk(Places(data, each).journal)) for each in _shards(data, shard)}
    if as_json:
        click.echo(
            json.dumps([{"shard": each, **asdict(report)} for each, report in reports.items()], indent=2)
        )
    else:
        rows = [
            (str(each), r.state, str(r.first or ""), str(r.last or ""), f"{r.frame_bytes / 1e6:,.1f} MB")
            for each, r in reports.items()
        ]
        output_console().print(
            table("Journals", ("shard", "state", "first frame", "last frame", "frames"), rows)
        )
        for report in reports.values():
            if report.detail:
                click.echo(report.detail, err=True)
    if any(report.state == "damaged" for report in reports.values()):
        raise click.exceptions.Exit(1)


@journal.command()
@DATA
@click.option("--shard", default=0, show_default=True, help="Which shard's.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="New folder for the log.")
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["parquet", "arrow"]),
    default="parquet",
    show_default=True,
    help="Of the batches' files.",
)
def export(data: Path, shard: int, out: Path, file_format: str) -> None:
    """Write a shard's journal as a batch log, which `feikong replay` takes: it ends with the same digest.

    \b
    Example:
      feikong journal export --data node --out county.log
      feikong replay county.log --out results
    """  # noqa: D301
    (number,) = _shards(data, shard)
    disk = RealDisk(Places(data, number).journal)
    total_mib = sum(disk.size(name) for name in disk.names()) >> 20
    chosen: Format = "parquet" if file_format == "parquet" else "arrow"
    try:
        with BatchLogWriter(out, chosen) as log, progress_bar(total_mib, "export") as bar:
            steps = _Steps(bar)
            exported = export_journal(disk, log, on_frame=steps.add)
    except JournalError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{exported.batches} batches of {exported.frames} frames: {out}")


@journal.command()
@DATA
@SHARD
def prune(data: Path, shard: int | None) -> None:
    """Remove what two verified snapshots make needless: older snapshots, and the journal before the older of the two.

    A node does so by itself after each snapshot. This is for one that is stopped. What the outputs still need stays:
    where it must go, move DATA/outputs away first.

    \b
    Example:
      feikong journal prune --data node
    """  # noqa: D301
    for each in _shards(data, shard):
        places = Places(data, each)
        snapshots = Snapshots(RealDisk(places.snapshots))
        verified = snapshots.verified()
        try:
            removed = (
                prune_journal(RealDisk(places.journal), _before(places, verified[KEPT - 1] + 1))
                if verified[KEPT - 1 :]
                else []
            )
        except JournalError as error:
            raise click.ClickException(str(error)) from error
        snapshots.remove_older()
        click.echo(
            f"shard {each}: {len(removed)} segments removed, {len(verified[:KEPT])} verified snapshots."
        )


def _before(places: Places, frame: int) -> int:
    """Before which frame the journal may be pruned, of which snapshots need nothing before this one."""
    outputs = OutputPlaces(places.data)
    if not outputs.root.exists():
        return frame
    return prunable(RealDisk(places.journal), outputs.of_shard(places.shard), frame, sys.maxsize)


class _Steps:
    """Steps a bar on by each whole MiB."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._bytes = 0

    def add(self, size_bytes: int) -> None:
        before, self._bytes = self._bytes >> 20, self._bytes + size_bytes
        for mib in range(before, self._bytes >> 20):
            self._bar.step(f"{mib + 1} MiB")


def _shards(data: Path, shard: int | None) -> list[int]:
    shards = read_layout(RealDisk(data)).shards if data.is_dir() else 0
    if shards == 0:
        raise LayoutError(f"{data}: does not exist; expected the data directory of a node")
    if shard is None:
        return [*range(shards)]
    if shard >= shards:
        raise LayoutError(f"{data}: has the shards 0 to {shards - 1}; there is no shard {shard}")
    return [shard]
