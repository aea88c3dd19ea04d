"""`feikong explain`: why an account was warned, cut or restored."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from pipeline.backtest.history import open_histories
from pipeline.cli._asking import Asked, data_options, opened
from pipeline.cli._terminal import output_console, progress_bar
from pipeline.query.account import account_of
from pipeline.query.catalog import Catalog
from pipeline.query.events import Event, drawn_together, words_of
from pipeline.query.explain import Story
from pipeline.query.explain import explain as explain_of
from pipeline.query.gates import Change, changes
from pipeline.query.render import plain
from pipeline.query.sheet import lines_of

__all__ = ["explain"]

WORDS_MAX = 58
"""Columns for what happened, so that a line of the story fits a hundred."""


@click.command()
@click.argument("account")
@click.option(
    "--log",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Batch log or node's data directory: replayed, so that gates, acks and updates are told too.",
)
@click.option(
    "--from", "since", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="Begin with this local day."
)
@click.option("--reads", is_flag=True, help="Tell each read by itself, not a day's reads in a line.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, exact.")
@data_options
def explain(
    account: str, log: Path | None, since: datetime | None, reads: bool, as_json: bool, asked: Asked
) -> None:
    """Tell why ACCOUNT was warned, cut off or restored: the answer, then all that led there, in order.

    The story begins with the last payment before the notice of the last cut. Which gate held a trip at what time is
    in no output; `--log` replays the history to tell it, which takes as long as `feikong replay`.

    \b
    Example:
      feikong explain A1 --data node
      feikong explain A1 --data results --log county.log
    """  # noqa: D301
    with opened(asked) as catalog:
        told = _replayed(catalog, account, log) if log is not None else []
        begin = since.replace(tzinfo=ZoneInfo(catalog.timezone)) if since is not None else None
        story = explain_of(catalog, account, told, begin)
        events = story.told if reads else drawn_together(story.told, catalog.timezone)
    if as_json:
        click.echo(json.dumps(_as_json(story, events), indent=1, ensure_ascii=False))
    else:
        _print(story, events)


def _replayed(catalog: Catalog, account: str, log: Path) -> list[Change]:
    row = account_of(catalog, account)
    histories = open_histories(log)
    history = histories[row["shard"] if len(histories) > 1 else 0]
    with progress_bar(history.batches or 0, "replay") as bar:
        return changes(history, row["account_id"], bar.step)


def _print(story: Story, events: list[Event]) -> None:
    console = output_console()
    for line in story.answer:
        console.print(line, markup=False)
    if not events:
        return
    rows = [
        [
            f"{event.at:%Y-%m-%d %H:%M}",
            words_of(event),
            "" if event.amount is None else f"{event.amount:+,.2f}",
            "" if event.balance is None else f"{event.balance:,.2f}",
        ]
        for event in events
    ]
    console.print()
    console.print(lines_of(["when", "what", "amount", "balance"], _folded(rows), right=(2, 3)))


def _folded(rows: list[list[str]]) -> list[list[str]]:
    """The same, with what is too long on lines of its own."""
    out: list[list[str]] = []
    for when, what, amount, balance in rows:
        parts = [""]
        for word in what.split(" "):
            if parts[-1] and len(parts[-1]) + 1 + len(word) > WORDS_MAX:
                parts.append(f"  {word}")
            else:
                parts[-1] = f"{parts[-1]} {word}" if parts[-1] else word
        out.append([when, parts[0], amount, balance])
        out += [["", part, "", ""] for part in parts[1:]]
    return out


def _as_json(story: Story, events: list[Event]) -> dict[str, Any]:
    return {
        "account": plain(story.account),
        "answer": story.answer,
        "events": [
            {
                "seq": event.seq,
                "at": plain(event.at),
                "kind": event.kind,
                "what": words_of(event),
                "amount": plain(event.amount),
                "balance": plain(event.balance),
            }
            for event in events
        ],
    }
