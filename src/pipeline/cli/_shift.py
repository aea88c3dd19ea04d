"""What the commands of a shift share: lists, and answers of several parts."""

from __future__ import annotations

import json
from collections.abc import Mapping

import click
import pyarrow as pa
from rich.text import Text

from pipeline.cli._asking import answer
from pipeline.cli._terminal import output_console
from pipeline.query.catalog import Result
from pipeline.query.render import plain
from pipeline.query.sheet import show, texts
from pipeline.query.shift import Part

__all__ = ["AS_JSON", "LIMIT", "RECENT", "print_list", "print_parts"]

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print it as JSON, exact.")
LIMIT = click.option(
    "--limit", type=click.IntRange(min=1), default=1000, show_default=True, help="Most rows to list."
)
RECENT = click.option(
    "--recent",
    type=click.IntRange(min=0),
    default=8,
    show_default=True,
    help="Most rows of what happened last.",
)


def print_list(rows: Result, as_json: bool, title: str) -> None:
    """Print rows as a table, or as a JSON array of objects."""
    answer(rows, "json" if as_json else "table", None, title)


def print_parts(parts: Mapping[str, Part], as_json: bool) -> None:
    """Print the parts of an answer that have rows, the first, which has one, column by column.

    As JSON it is an object of all parts; the first is an object itself, the others are arrays.
    """
    if as_json:
        first, *others = parts
        found: dict[str, object] = {first: {k: plain(v) for k, v in parts[first].rows.rows()[0].items()}}
        found |= {
            name: [{k: plain(v) for k, v in row.items()} for row in parts[name].rows.rows()]
            for name in others
        }
        click.echo(json.dumps(found, indent=1, ensure_ascii=False))
        return
    console = output_console()
    for number, part in enumerate(parts.values()):
        table = part.rows.table()
        if number == 0:
            console.print(_upright(table, part.title), markup=False)
        elif table.num_rows:
            console.print()
            show(console, table, part.title)


def _upright(table: pa.Table, title: str) -> Text:
    """One row as lines of a name and a value; without those that are null."""
    names = [name for name in table.column_names if not table[name].null_count]
    cells = [texts(table[name])[0] for name in names]
    most = max(map(len, names))
    lines = [f"{name:<{most}}  {cell}" for name, cell in zip(names, cells, strict=True)]
    return Text("\n".join([title, "", *lines]), overflow="fold")
