"""What commands that ask a folder share: where it is, how the answer is written, what it is told beside."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
import pyarrow as pa

from pipeline.cli._terminal import output_console
from pipeline.query.catalog import Catalog, Result, open_folder
from pipeline.query.render import BINARY, FORMATS, save, write
from pipeline.query.sheet import show

__all__ = ["Asked", "answer", "answer_options", "data_options", "opened"]

ROWS_SHOWN: Final = 1_000
ENDINGS: Final = {
    ".csv": "csv",
    ".json": "json",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
}


class Asked(NamedTuple):
    """What is asked, and how: the folder, the limit of memory, the time zone if one was named."""

    data: Path
    memory: str
    timezone: str | None


def data_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say what is asked; the command is given an `Asked` as `asked`."""

    @click.option(
        "--data",
        required=True,
        type=click.Path(file_okay=False, path_type=Path),
        help="A node's data directory, or the folder of a replay or a demo.",
    )
    @click.option("--memory", default="2GiB", show_default=True, help="Most memory that the query may take.")
    @click.option(
        "--timezone", metavar="ZONE", help="Zone of days and times.  [default: the engine's, else UTC]"
    )
    @wraps(command)
    def with_asked(*, data: Path, memory: str, timezone: str | None, **options: Any) -> None:
        command(asked=Asked(data, memory, timezone), **options)

    return with_asked


def answer_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say how the answer is written: `form` and `out`."""
    for option in (
        click.option(
            "--out",
            type=click.Path(dir_okay=False, path_type=Path),
            help="File to write, instead of printing.",
        ),
        click.option(
            "--format",
            "form",
            type=click.Choice(["table", *FORMATS]),
            help="How rows are written.  [default: by the ending of --out, else table]",
        ),
    ):
        command = option(command)
    return command


@contextmanager
def opened(what: Asked) -> Iterator[Catalog]:
    """The catalog of what is asked. What must be known of the folder is told at the end, on standard error."""
    with Catalog(open_folder(what.data), memory=what.memory, timezone=what.timezone) as catalog:
        yield catalog
        note = catalog.folder.note()
    if note:
        click.echo(note, err=True)


def answer(
    result: Result, form: str | None, out: Path | None, title: str = "", *, cents: bool = False
) -> None:
    """Write what a query gives, as the options say; `cents`: tables show money so.

    Raises `QueryError`, `click.ClickException`.
    """
    form = form or (ENDINGS.get(out.suffix, "") if out else "table")
    if out is not None:
        if form not in FORMATS:
            endings = ", ".join(ENDINGS)
            raise click.BadParameter(
                f"{out}: no format for a file; expected an ending of {endings}, or --format",
                param_hint="--out",
            )
        rows = save(result, form, out)
        if sys.stderr.isatty():
            click.echo(f"{rows:,} rows in {out}", err=True)
    elif form == "table":
        _show(result, title, cents)
    elif form in BINARY and sys.stdout.isatty():
        raise click.ClickException(f"{form} is not for a terminal; expected --out FILE, or a pipe")
    else:
        write(result, form, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _show(result: Result, title: str, cents: bool) -> None:
    batches: list[pa.RecordBatch] = []
    rows, more = 0, False
    for batch in result:
        more = rows + batch.num_rows > ROWS_SHOWN
        batches.append(batch.slice(0, ROWS_SHOWN - rows))
        rows += batches[-1].num_rows
        if more:
            break
    table = pa.Table.from_batches(batches, result.schema)
    if table.num_rows:
        show(output_console(), table, title, cents=cents)
    elif sys.stdout.isatty():
        click.echo(f"{title}: no rows" if title else "no rows")
    if more:
        click.echo(
            f"Only the first {ROWS_SHOWN:,} rows are shown: LIMIT them, or take --format csv", err=True
        )
