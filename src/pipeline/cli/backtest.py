"""`feikong backtest`: a history under another configuration, and who would have fared otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from pipeline.backtest import Account, Comparison, Event, Sum, open_histories
from pipeline.backtest import backtest as run_backtest
from pipeline.backtest.side import RESTORED, TRIPPED, WARNED
from pipeline.batchlog import Broken, instant_text
from pipeline.cli._node import load_setup
from pipeline.cli._terminal import count, output_console, progress_bar, table

__all__ = ["backtest"]

HOUR_S: Final = 3600
_FAMILIES: Final = {"warned": WARNED, "tripped": TRIPPED, "restored": RESTORED}


@click.command()
@click.argument("history", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--config",
    "config_path",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The other configuration; a table [node] in it is not looked at.",
)
@click.option("--shard", type=click.IntRange(min=0), help="Of a node, only this shard.  [default: all]")
@click.option("--all", "everyone", is_flag=True, help="List also accounts whose balance alone differs.")
@click.option(
    "--limit", type=click.IntRange(min=0), default=40, show_default=True, help="Most accounts to list."
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, with every event of every account.")
def backtest(
    history: Path, config_path: Path, shard: int | None, everyone: bool, limit: int, as_json: bool
) -> None:
    """What would have been, had another configuration been in force all along.

    HISTORY is a batch log, a node's data directory, or a journal. It is run twice, side by side: as it was, and with
    the other configuration from its first batch to its last. Lists the accounts that would have been warned, tripped
    or restored otherwise, with the difference in money. Nothing is sent to anybody.

    Commands that both runs have under way to an account get the acks that the history has. To others, a relay answers
    `done` at once. Payments come as they came.

    \b
    Example:
      feikong backtest county.log --config next-year.toml
      feikong backtest node --config other.toml --json
    """  # noqa: D301
    config = load_setup(config_path).engine
    found: Comparison | None = None
    with progress_bar() as bar:

        def on_broken(broken: Broken) -> None:
            kind = f" ({broken.kind})" if broken.kind else ""
            bar.say(f"malformed batch, line {broken.line}{kind}: {broken.reason}")

        for each in open_histories(history, shard):
            bar.start("backtest", each.batches)
            compared = run_backtest(
                each,
                config,
                on_batch=lambda now_s: bar.step("" if now_s is None else instant_text(now_s)),
                on_broken=on_broken,
            )
            if found is None:
                found = compared
            else:
                found.add(compared)
    assert found is not None, "a node has at least one shard"
    if as_json:
        click.echo(json.dumps(_as_json(found, everyone), indent=2))
    else:
        _show(found, output_console(), everyone, limit)


def _show(found: Comparison, console: Console, everyone: bool, limit: int) -> None:
    listed = found.accounts if everyone else found.treated_otherwise
    if listed[:limit]:
        headers = ("account", "they part at", *_FAMILIES, "hours off", "balance")
        console.print(table("Otherwise", headers, [_line(account) for account in listed[:limit]]))
    if len(listed) > limit:
        console.print(f"{count(len(listed) - limit)} more; --limit shows them, --json all.\n")
    if any(amounts.difference for _, amounts in _money(found)) or found.accounts:
        rows = [
            (what, *map(_money_text, amounts), _signed(amounts.difference)) for what, amounts in _money(found)
        ]
        console.print(table("Money", ("", "as it was", "otherwise", "difference"), rows))
    console.print("\n".join(_sentences(found)), soft_wrap=True)


def _line(account: Account) -> tuple[str, ...]:
    return (
        str(account.account_id),
        "" if account.first_s is None else instant_text(account.first_s),
        *(_change(account, kinds) for kinds in _FAMILIES.values()),
        _hours(account),
        "unknown in one" if account.difference is None else _signed(account.difference),
    )


def _change(account: Account, kinds: tuple[str, ...]) -> str:
    """How often: ``2``, ``2 → 3``, or ``2, moved`` where only the times differ."""
    first = kinds[0]
    was, otherwise = (sum(e.what == first for e in events) for events in (account.was, account.otherwise))
    if was != otherwise:
        return f"{was} → {otherwise}"
    return f"{was}, moved" if account.differs_in(kinds) else str(was or "")


def _hours(account: Account) -> str:
    was, otherwise = (f"{s / HOUR_S:,.1f}" for s in (account.off_was_s, account.off_otherwise_s))
    if was != otherwise:
        return f"{was} → {otherwise}"
    return was if account.off_was_s else ""


def _money(found: Comparison) -> list[tuple[str, Sum]]:
    charges = Sum(-found.charges.was, -found.charges.otherwise)
    return [("charges", charges), *found.ledger.items(), ("balances at the end", found.balances)]


def _sentences(found: Comparison) -> Iterable[str]:
    others = len(found.treated_otherwise)
    if others:
        counts = (f"{what} {count(found.count(kinds))}" for what, kinds in _FAMILIES.items())
        yield f"{count(others)} of {count(found.known)} accounts would have fared otherwise: {', '.join(counts)}."
    else:
        yield f"No account of {count(found.known)} would have been warned, tripped or restored otherwise."
    balances = sum(account.difference != 0 for account in found.accounts)
    yield f"{count(balances)} balances differ at the end, by {_signed(found.balances.difference)} in all."
    if found.off_s.difference:
        hours = (f"{float(off_s) / HOUR_S:,.1f}" for off_s in found.off_s)
        yield "Hours without supply, of all accounts: {} as it was, {} otherwise.".format(*hours)
    began = "from the first batch" if found.whole else "from a snapshot"
    times = " to ".join(instant_text(s) for s in (found.from_s, found.to_s) if s is not None)
    yield f"{count(found.batches)} batches, {began}{f', {times}' if times else ''}."
    if found.given or found.left_out:
        yield f"Acks: {count(found.given)} `done` assumed, {count(found.left_out)} of the history not used."
    if found.configurations:
        yield f"{count(found.configurations)} later configurations of the history were left out of the other run."
    for (kind, reason), (was, otherwise) in found.refused.items():
        yield f"Rows of {kind} refused as {reason}: {count(was)} as it was, {count(otherwise)} otherwise."
    if found.malformed != found.malformed_otherwise:
        yield f"Batches not taken: {count(found.malformed)} as it was, {count(found.malformed_otherwise)} otherwise."
    if found.stopped_was != found.stopped_otherwise:
        for when, stops in (("As it was", found.stopped_was), ("Otherwise", found.stopped_otherwise)):
            yield f"{when}, all trips were suspended by {_stops(stops)}."


def _stops(stops: list[Event]) -> str:
    return ", ".join(f"{event.what} at {instant_text(event.at_s)}" for event in stops) or "no alarm"


def _money_text(amount: Decimal) -> str:
    return f"{_exact(amount):,f}"


def _signed(amount: Decimal) -> str:
    return f"{_exact(amount):+,f}" if amount else "0"


def _exact(amount: Decimal) -> Decimal:
    """An amount with no more decimals than it needs, and at least two."""
    whole = amount.normalize()
    return whole if whole.as_tuple().exponent < -2 else amount.quantize(Decimal("0.01"))  # type: ignore[operator]


def _as_json(found: Comparison, everyone: bool) -> dict[str, Any]:
    def instant(at_s: int | None) -> str | None:
        return None if at_s is None else instant_text(at_s)

    def events(some: Iterable[Event]) -> list[dict[str, str]]:
        return [{"at": instant_text(event.at_s), "what": event.what} for event in some]

    def money(amount: Decimal | None) -> str | None:
        return None if amount is None else f"{amount:f}"

    def both(amounts: Sum) -> dict[str, str | None]:
        return {
            "was": money(amounts.was),
            "otherwise": money(amounts.otherwise),
            "difference": money(amounts.difference),
        }

    return {
        "accounts": [
            {
                "account_id": account.account_id,
                "parts_at": instant(account.first_s),
                "was": events(account.was),
                "otherwise": events(account.otherwise),
                "off_s": {"was": account.off_was_s, "otherwise": account.off_otherwise_s},
                "balance": {
                    "was": money(account.balance_was),
                    "otherwise": money(account.balance_otherwise),
                    "difference": money(account.difference),
                },
            }
            for account in (found.accounts if everyone else found.treated_otherwise)
        ],
        "treated_otherwise": len(found.treated_otherwise),
        "known": found.known,
        "balances_differ": sum(account.difference != 0 for account in found.accounts),
        "money": {what: both(amounts) for what, amounts in _money(found)},
        "off_s": {"was": int(found.off_s.was), "otherwise": int(found.off_s.otherwise)},
        "from": instant(found.from_s),
        "to": instant(found.to_s),
        "from_snapshot": not found.whole,
        "batches": found.batches,
        "malformed": {"was": found.malformed, "otherwise": found.malformed_otherwise},
        "configurations_left_out": found.configurations,
        "acks": {"assumed": found.given, "left_out": found.left_out},
        "refused": [
            {"kind": kind, "reason": reason, "was": was, "otherwise": otherwise}
            for (kind, reason), (was, otherwise) in found.refused.items()
        ],
        "suspended": {"was": events(found.stopped_was), "otherwise": events(found.stopped_otherwise)},
    }
