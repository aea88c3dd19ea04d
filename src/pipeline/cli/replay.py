"""`feikong replay`: a batch log through the engine, offline."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

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
    r"""Run the batch log in folder LOG through the engine.

    Writes outputs/NAME.parquet, state/NAME.parquet and summary.json under --out. Malformed batches are told
    on standard error and passed over.

    \b
    Example:
      feikong replay county.log --out results
      feikong replay county.log --out results --outputs ledger,commands --json
    """
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
    tally = run.tally
    summary = run.summary()
    console.print(
        table(
            "What came in",
            ("kind", "batches", "rows"),
            [(kind, count(run.batches[kind]), count(run.rows[kind])) for kind in run.batches],
        )
    )
    if tally.refused:
        console.print(
            table(
                "Refused rows",
                ("kind", "reason", "rows"),
                [
                    (kind, reason, count(rows))
                    for (kind, reason), rows in sorted(
                        tally.refused.items(), key=lambda item: (item[0][0], -item[1], item[0][1])
                    )
                ],
            )
        )
    elif "exceptions" in run.outputs:
        console.print("No row was refused.\n")
    money = [
        (f"ledger: {kind}", count(tally.ledger_rows[kind]), f"{amount:+,.2f}")
        for kind, amount in tally.ledger.items()
    ]
    if "intervals" in run.outputs:
        money.insert(
            0,
            (
                f"charged for {tally.energy_kwh:,.3f} kWh",
                count(run.outputs["intervals"]),
                f"{-tally.charged:+,.2f}",
            ),
        )
    if money:
        console.print(table("Money", ("what", "rows", "amount"), money))
    control = [
        (f"{kind} ({reason}){'' if first else ', sent again'}", count(rows))
        for (kind, reason, first), rows in sorted(tally.commands.items(), key=lambda item: str(item[0]))
    ]
    control += [(f"notice: {kind}", count(rows)) for kind, rows in sorted(tally.notices.items())]
    for name, counted in (("finding", tally.findings), ("order", tally.orders)):
        control += [
            (f"{name}: {kind} {state}", count(rows)) for (kind, state), rows in sorted(counted.items())
        ]
    if control:
        console.print(table("Control", ("what", "times"), control))
    if "districts" in run.outputs:
        console.print(f"Windows: {tally.windows['closed']:,} closed, {tally.windows['revised']:,} revised.")
    console.print(
        f"Batches: {run.sequence:,} taken, {len(run.malformed):,} malformed. "
        f"Time reached: {summary['now'] or 'none set'}. Digest: {run.digest}"
    )
    console.print(
        f"{run.rows['reads']:,} reads in {run.wall_s:.2f} s ({run.reads_per_s:,.0f} a second; in the engine "
        f"{run.engine_s:.2f} s, {run.engine_reads_per_s:,.0f} a second)."
    )
    if run.save_load_checks:
        console.print(f"Saved, loaded and compared {run.save_load_checks:,} times.")
    console.print(
        f"Outputs: {out}/outputs ({', '.join(run.outputs)}), {out}/state, {out}/summary.json", soft_wrap=True
    )
