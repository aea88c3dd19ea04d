"""`feikong replay`: a batch log through the engine, offline."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from pipeline.batchlog import BatchLog, Broken
from pipeline.cli._terminal import count, output_console, progress_bar, table
from pipeline.replay import OUTPUT_NAMES, Run
from pipeline.replay import replay as run_replay

__all__ = ["replay"]


@click.command()
@click.argument("log", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for what comes out.")
@click.option("--outputs", metavar="NAME,…", help=f"Only these outputs, of {', '.join(OUTPUT_NAMES)}.")
@click.option(
    "--check-save-load",
    type=click.IntRange(min=1),
    metavar="N",
    help="Every N batches, save the engine, load it, compare, and go on with the loaded one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print summary.json instead of tables.")
def replay(log: Path, out: Path, outputs: str | None, check_save_load: int | None, as_json: bool) -> None:
    """Run the batch log in folder LOG through the engine.

    Writes outputs/NAME.parquet, state/NAME.parquet and summary.json under --out. Malformed batches are told
    on standard error and passed over.

    \b
    Example:
      feikong replay county.log --out results
      feikong replay county.log --out results --outputs ledger,commands --json
    """  # noqa: D301
    names = OUTPUT_NAMES if outputs is None else tuple(name.strip() for name in outputs.split(","))
    unknown = [name for name in names if name not in OUTPUT_NAMES]
    if unknown:
        raise click.BadParameter(
            f"unknown {', '.join(unknown)}; expected some of {', '.join(OUTPUT_NAMES)}",
            param_hint="--outputs",
        )
    batch_log = BatchLog.open(log)
    with progress_bar(len(batch_log), "replay") as bar:

        def on_malformed(broken: Broken) -> None:
            bar.say(
                f"malformed batch, {log}/log.jsonl line {broken.line}"
                f"{f' ({broken.kind})' if broken.kind else ''}: {broken.reason}"
            )

        run = run_replay(
            batch_log,
            out,
            outputs=names,
            check_save_load=check_save_load or 0,
            on_batch=lambda run: bar.step(f"{run.rows['reads']:,} reads"),
            on_malformed=on_malformed,
        )
    if as_json:
        click.echo(json.dumps(run.summary(), indent=2))
    else:
        _show(run, out, output_console())


def _show(run: Run, out: Path, console: Console) -> None:
    """Print what a person wants to know of a run."""
    for grid in (_came_in(run), _refused(run), _money(run), _commands(run), *_told(run)):
        if grid.row_count:
            console.print(grid)
    if "exceptions" in run.outputs and not run.tally.refused:
        console.print("No row was refused.")
    if "districts" in run.outputs:
        windows = run.tally.windows
        console.print(f"Windows: {windows['closed']:,} closed, {windows['revised']:,} revised.")
    console.print(
        f"Batches: {run.sequence:,} taken, {len(run.malformed):,} malformed. "
        f"Time reached: {run.summary()['now'] or 'none'}."
    )
    console.print(
        f"{run.rows['reads']:,} reads in {run.wall_s:.2f} s, {run.reads_per_s:,.0f} a second; "
        f"in the engine {run.engine_s:.2f} s, {run.engine_reads_per_s:,.0f} a second."
    )
    if run.save_load_checks:
        console.print(f"Saved, loaded and compared {run.save_load_checks:,} times.")
    console.print(f"Digest: {run.digest}")
    console.print(f"Outputs: {out}/outputs, {out}/state, {out}/summary.json", soft_wrap=True)


def _came_in(run: Run) -> Table:
    rows = [(kind, count(batches), count(run.rows[kind])) for kind, batches in run.batches.items()]
    return table("What came in", ("kind", "batches", "rows"), rows)


def _refused(run: Run) -> Table:
    """The reasons of each kind, the most frequent first."""
    counted = sorted(run.tally.refused.items(), key=lambda item: (item[0][0], -item[1], item[0][1]))
    rows = [(kind, reason, count(times)) for (kind, reason), times in counted]
    return table("Refused rows", ("kind", "reason", "rows"), rows)


def _money(run: Run) -> Table:
    tally = run.tally
    rows = []
    if "intervals" in run.outputs:
        energy = f"charged for {tally.energy_kwh:,.3f} kWh"
        rows.append((energy, count(run.outputs["intervals"] - tally.supply_reads), f"{-tally.charged:+,.2f}"))
    for kind, amount in tally.ledger.items():
        rows.append((kind, count(tally.ledger_rows[kind]), f"{amount:+,.2f}"))
    return table("Money", ("what", "rows", "amount"), rows)


def _commands(run: Run) -> Table:
    counted = run.tally.commands
    rows = [
        (kind, reason, count(counted[kind, reason, True]), count(counted[kind, reason, False]))
        for kind, reason in sorted({(kind, reason) for kind, reason, _ in counted})
    ]
    return table("Commands", ("command", "reason", "sent", "sent again"), rows)


def _told(run: Run) -> list[Table]:
    """Notices, findings and orders."""
    notices = [(kind, count(times)) for kind, times in sorted(run.tally.notices.items())]
    grids = [table("Notices", ("kind", "times"), notices)]
    for title, counted in (("Findings", run.tally.findings), ("Orders", run.tally.orders)):
        kinds = sorted({kind for kind, _ in counted})
        rows = [(kind, count(counted[kind, "opened"]), count(counted[kind, "closed"])) for kind in kinds]
        grids.append(table(title, ("kind", "opened", "closed"), rows))
    return grids
