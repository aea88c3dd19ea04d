"""`feikong demo`: a day of a simulated county through a real node, and its figures."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from pipeline.cli._terminal import output_console, progress_bar
from pipeline.demo import Options, show
from pipeline.demo.county import SMALLEST_SCALE
from pipeline.demo.fates import LAST_QUARTER
from pipeline.demo.report import report

__all__ = ["demo"]


@click.command()
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="The day is made from it."
)
@click.option(
    "--scale",
    type=click.FloatRange(min=SMALLEST_SCALE, max=10.0),
    default=1.0,
    show_default=True,
    help="How large the county is; 1 is Hefeng.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("feikong-demo"),
    show_default=True,
    help="Folder for outputs/NAME.parquet, state/NAME.parquet and summary.json.",
)
@click.option(
    "--log",
    type=click.Path(path_type=Path),
    help="New folder for the day as a batch log, for `feikong replay`.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON instead of tables.")
def demo(seed: int, scale: float, out: Path, log: Path | None, as_json: bool) -> None:
    """Simulate a day of Hefeng county and run it through a node: worker, journal, engine, head-end, on loopback.

    371 special-transformer customers, 1,189 public transformers, 72,175 low-voltage customers; 96
    quarter-hours, seven million reads: some fail, some are late, some are wrong; four pay channels, bank
    debits that hang, a terminal outage, and a head-end that fails, delays and arms. Every figure shown is
    counted from the outputs.

    \b
    Example:
      feikong demo
      feikong demo --scale 0.02 --seed 7 --log day.log && feikong replay day.log --out again
    """  # noqa: D301
    with progress_bar(LAST_QUARTER + 1, "quarter-hours") as bar:
        figures = show(
            Options(seed, scale, out, log), clock=time.perf_counter, on_quarter=lambda over, of: bar.step()
        )
    if as_json:
        click.echo(json.dumps(figures.as_json(), indent=2, ensure_ascii=False))
    else:
        console = output_console()
        for part in report(figures, seed):
            console.print(part)
        console.print(f"Outputs: {out}/outputs, {out}/state, {out}/summary.json", soft_wrap=True)
        if log is not None:
            console.print(f"The day as a batch log: {log}", soft_wrap=True)
    if figures.wrong_trips:
        raise click.ClickException(f"{len(figures.wrong_trips)} trips were wrong; {figures.wrong_trips[0]}")
