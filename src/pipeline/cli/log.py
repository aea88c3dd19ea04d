"""`feikong log`: what makes batch logs."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from pipeline.batchlog import instant_text
from pipeline.cli._terminal import count, output_console, progress_bar, table
from pipeline.errors import SourceError
from pipeline.sources.build import KINDS, Options, Report
from pipeline.sources.build import build as build_log
from pipeline.sources.made import MadeRegistry
from pipeline.sources.mapping import Mapping, parse_duration
from pipeline.sources.rejects import REJECTS

__all__ = ["log"]

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
REASONS_SHOWN_MAX = 12


class Duration(click.ParamType[int]):
    """A duration such as 90s, 15m, 48h, 28d, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Seconds, or wrong usage."""
        try:
            return value if isinstance(value, int) else parse_duration(value)
        except SourceError as error:
            self.fail(str(error), param, ctx)


class Money(click.ParamType[Decimal]):
    """An amount of money, exact."""

    name = "amount"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """The amount, or wrong usage."""
        try:
            amount = Decimal(value)
        except InvalidOperation:
            self.fail(f"{value!r} is no amount; expected one such as 12.50", param, ctx)
        if not amount.is_finite() or abs(amount) >= 10**9:
            self.fail(f"{value!r} is out of range; expected an amount below 10^9", param, ctx)
        return amount


@click.group()
def log() -> None:
    """Batch logs.

    \b
    Example:
      feikong log build --out county.log --config county.toml --reads reads.csv --mapping mapping.toml
    """  # noqa: D301


def _files(kind: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(
        f"--{kind}", multiple=True, type=FILE, help=f"CSV, Parquet or Arrow file of {kind}; repeatable."
    )


@log.command()
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the new log.")
@click.option("--config", "config_path", required=True, type=FILE, help="The engine's configuration.")
@_files("accounts")
@_files("meters")
@_files("districts")
@_files("payments")
@click.option(
    "--reads", multiple=True, type=FILE, help="CSV, Parquet, Arrow, NEM12 or NEM13 file; repeatable."
)
@click.option(
    "--mapping", "mapping_path", type=FILE, help="TOML: what the files' columns, stamps and units mean."
)
@click.option(
    "--ids", type=click.Choice(["utf8", "uint64"]), default="utf8", show_default=True, help="Type of all ids."
)
@click.option(
    "--batch",
    type=click.Choice(["interval", "day"]),
    default="interval",
    show_default=True,
    help="What a batch spans: a cell of the engine, or a local day.",
)
@click.option(
    "--max-rows", type=click.IntRange(min=1), default=65_536, show_default=True, help="Most rows of a batch."
)
@click.option(
    "--delay",
    type=Duration(),
    default="0s",
    show_default=True,
    help="How long after its newest instant a batch arrives.",
)
@click.option("--resolution-wh", type=click.IntRange(min=1), help="Wh per count of the reads.  [default: 1]")
@click.option(
    "--round", "round_counts", is_flag=True, help="Round energies that are no whole counts to them."
)
@click.option(
    "--registry-from-reads", is_flag=True, help="Make an account and a meter for every id in the reads."
)
@click.option("--tariff", help="Made accounts' tariff.")
@click.option("--policy", help="Made accounts' policy.")
@click.option("--district", default="1", show_default=True, help="Made accounts' district.")
@click.option(
    "--klass",
    type=click.Choice(["special", "public", "low_voltage"]),
    default="low_voltage",
    show_default=True,
    help="Made accounts' class.",
)
@click.option(
    "--opening-balance", type=Money(), default="0", show_default=True, help="Made accounts' first balance."
)
@click.option(
    "--reading",
    type=click.Choice(["interval", "register"]),
    default="interval",
    show_default=True,
    help="What made meters give.",
)
@click.option("--interval", type=Duration(), help="Made meters' interval.  [default: the engine's cell]")
@click.option(
    "--max-w",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Made meters' limit; 0: unknown.",
)
@click.option(
    "--switchable/--no-switch", default=True, show_default=True, help="Whether made meters have a relay."
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def build(  # one parameter an option
    out: Path,
    config_path: Path,
    accounts: tuple[Path, ...],
    meters: tuple[Path, ...],
    districts: tuple[Path, ...],
    payments: tuple[Path, ...],
    reads: tuple[Path, ...],
    mapping_path: Path | None,
    ids: Any,
    batch: Any,
    max_rows: int,
    delay: int,
    resolution_wh: int | None,
    round_counts: bool,
    registry_from_reads: bool,
    tariff: str | None,
    policy: str | None,
    district: str,
    klass: str,
    opening_balance: Decimal,
    reading: Any,
    interval: int | None,
    max_w: int,
    switchable: bool,
    as_json: bool,
) -> None:
    """Make a batch log of files.

    Rows are sorted by time and cut into batches, the registry first. A row that cannot be used is told in
    the log's rejects.jsonl, with file, line, column and text, and never stops the rest.

    \b
    Energies in kWh become counts of --resolution-wh exactly; what is no whole number of
    counts is rejected, unless --round is given. Only what floating-point arithmetic left
    behind, under a thousandth of a count, is taken for the whole number that it was.

    \b
    Examples:
      feikong log build --out county.log --config county.toml --accounts accounts.csv \\
          --meters meters.csv --reads reads.csv --payments payments.parquet --mapping mapping.toml
      feikong log build --out london.log --config london.toml --reads readings.parquet \\
          --mapping mapping.toml --registry-from-reads --tariff flat --policy household --interval 30m
    """  # noqa: D301
    energy: dict[str, Any] = {"round": True} if round_counts else {}
    if resolution_wh is not None:
        energy["resolution_wh"] = resolution_wh
    made = None
    if registry_from_reads:
        if tariff is None or policy is None:
            raise click.UsageError("--registry-from-reads needs --tariff and --policy")
        if accounts or meters:
            raise click.UsageError("--registry-from-reads makes the accounts and meters: give none as files")
        if ids == "uint64" and not district.isdecimal():
            raise click.BadParameter(
                f"{district!r} is no whole number, as ids are uint64", param_hint="--district"
            )
        made = MadeRegistry(
            tariff,
            policy,
            district,
            klass,
            reading,
            interval,
            max_w,
            switchable,
            opening_balance,
        )
    mapping = Mapping({}) if mapping_path is None else Mapping.load(mapping_path)
    files = {
        "accounts": accounts,
        "meters": meters,
        "districts": districts,
        "payments": payments,
        "reads": reads,
    }
    options = Options(config_path, files, mapping, energy, ids, batch, max_rows, delay, made)
    with progress_bar() as bar:
        report = build_log(options, out, bar)
    if as_json:
        click.echo(json.dumps(_summary(report), indent=2))
    else:
        _show(report, out, output_console())


def _summary(report: Report) -> dict[str, Any]:
    return {
        "rows": dict(report.rows),
        "rejected": dict(report.rejected),
        "rejected_by": [
            {"kind": kind, "file": file, "reason": reason, "rows": rows}
            for (kind, file, reason), rows in report.reasons.most_common()
        ],
        "batches": dict(report.batches),
        "rounded": report.rounded,
        "meters_unregistered": report.meters_unregistered,
        "meters_of_other_resolution": report.meters_of_other_resolution,
        "from": None if report.first_s is None else instant_text(report.first_s),
        "to": None if report.last_s is None else instant_text(report.last_s),
    }


def _show(report: Report, out: Path, console: Console) -> None:
    kinds = [kind for kind in KINDS if report.rows[kind] or report.rejected[kind]]
    console.print(
        table(
            "Batch log",
            ("kind", "rows", "rejected", "batches"),
            [
                (kind, count(report.rows[kind]), count(report.rejected[kind]), count(report.batches[kind]))
                for kind in kinds
            ],
        )
    )
    if report.reasons:
        shown = report.reasons.most_common(REASONS_SHOWN_MAX)
        console.print(
            table(
                "Rejected",
                ("why", "file", "rows"),
                [(f"{kind}: {reason}", file, count(rows)) for (kind, file, reason), rows in shown],
            )
        )
        rest = len(report.reasons) - len(shown)
        console.print(
            f"{f'And {rest:,} more reasons. ' if rest else ''}Every row: {out / REJECTS}", soft_wrap=True
        )
    if report.rounded:
        console.print(f"{report.rounded:,} energies were no whole counts and were rounded.")
    if report.meters_unregistered:
        console.print(
            f"{report.meters_unregistered:,} meters that read are not in the registry: "
            "the engine will refuse their reads."
        )
    if report.meters_of_other_resolution:
        console.print(
            f"{report.meters_of_other_resolution:,} meters have another wh_per_count in the registry than "
            "the reads' resolution_wh: their energy will be wrong."
        )
    if report.first_s is not None and report.last_s is not None:
        console.print(
            f"From {instant_text(report.first_s)} to {instant_text(report.last_s)}; "
            f"{report.batches['tick']:,} ticks."
        )
    console.print(f"Written: {out}", soft_wrap=True)
