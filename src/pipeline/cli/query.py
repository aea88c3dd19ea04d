"""`feikong query`: SQL over the outputs and the state."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from pipeline.cli._asking import Asked, answer, answer_options, data_options, opened

__all__ = ["query"]


@click.command()
@click.argument("sql")
@data_options
@answer_options
def query(sql: str, asked: Asked, form: str | None, out: Path | None) -> None:
    """Answer one SELECT of DuckDB over a folder's outputs.

    Views are named as the outputs: intervals, ledger, exceptions, notices, commands, districts, collection,
    findings, orders. State tables: state.accounts and so on; accounts, meters and gaps also without
    "state.". `-` reads the query from standard input. Nothing can be changed.

    \b
    Example:
      feikong query 'SELECT state, count(*), sum(balance) FROM accounts GROUP BY ALL' --data results
      feikong query 'FROM ledger WHERE "at" >= current_date' --data node --format csv --out today.csv
    """  # noqa: D301
    text = sys.stdin.read() if sql == "-" else sql
    with opened(asked) as catalog:
        answer(catalog.run(text), form, out)
