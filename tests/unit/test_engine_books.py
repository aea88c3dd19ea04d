"""What the engine says of itself: balances, counters, and the audit of both."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from agreement.arrow import as_arrow
from agreement.compare import plain
from agreement.generate import recorded
from fastcore import Config, ConfigError, Engine, InvariantError, SchemaError
from unit.core_snapshots import add, count, damaged
from unit.core_world import (
    KIND_OF_IDS,
    START,
    account,
    engine,
    id_of,
    payment,
    rows,
    saved,
    story,
    through,
)

# ---- balances


@pytest.mark.parametrize("ids", KIND_OF_IDS)
@pytest.mark.parametrize("nano", [0, 1, -1, 10**18 - 1, 1 - 10**18, 123_456_789_012_345_678])
def test_a_balance_is_exact_to_the_nano_unit(ids, nano):
    made = engine()
    made.apply("accounts", rows("accounts", ids, account(ids, "A0", 7), account(ids, "A1", nano)), START)
    found = made.balance(id_of(ids, "A1"))
    assert isinstance(found, Decimal)
    assert found == Decimal(nano).scaleb(-9)
    assert found.as_tuple().exponent == -9
    assert made.balance(id_of(ids, "A0")) == Decimal("0.000000007")


@pytest.mark.parametrize(
    ("ids", "unknown"), [("uint64", 0), ("uint64", 2**64 - 1), ("utf8", ""), ("utf8", "A00"), ("utf8", "ä")]
)
def test_an_account_that_there_is_not(ids, unknown):
    made = through(ids)
    with pytest.raises(KeyError) as refused:
        made.balance(unknown)
    with pytest.raises(KeyError):
        made.account(unknown)
    assert refused.value.args == (unknown,)
    with pytest.raises(KeyError):
        engine().balance(5)


@pytest.mark.parametrize(
    ("ids", "unfit"),
    [
        ("uint64", None),
        ("uint64", -1),
        ("uint64", 2**64),
        ("uint64", "A0"),
        ("uint64", 0.5),
        ("utf8", None),
        ("utf8", 5),
        ("utf8", ["A0"]),
    ],
)
def test_what_is_no_id_has_no_account(ids, unfit):
    made = engine()
    named = account(ids, "A0") | {"account_id": 0 if ids == "uint64" else "A0"}
    made.apply("accounts", rows("accounts", ids, named), START)
    with pytest.raises(KeyError):
        made.balance(unfit)


@pytest.mark.parametrize("ids", KIND_OF_IDS)
def test_balances_are_those_of_the_table(ids):
    made = through(ids, size=50)
    table = made.accounts().to_pylist()
    assert [made.balance(row["account_id"]) for row in table] == [row["balance"] for row in table]
    assert len({row["balance"] for row in table}) > 10
    assert [made.account(row["account_id"]) for row in table] == table
    assert {row["state"] for row in table} > {"warned", "off"}


# ---- counters


def accepted(made: Engine, log: list[Any], ids: str) -> Counter[str]:
    """What the effects of a log come to, counted by hand: as `stats` names it."""
    found: Counter[str] = Counter()
    for kind, batch, now in log:
        arrow = as_arrow(kind, batch, ids)
        try:
            effects = made.apply(kind, arrow, now)
        except (SchemaError, ConfigError):
            continue
        found[f"batches {kind}"] += 1
        found[f"rows {kind}"] += getattr(arrow, "num_rows", 0)
        for row_kind, reason in zip(
            plain(effects.exceptions["kind"]), plain(effects.exceptions["reason"]), strict=True
        ):
            found[f"refused {row_kind}"] += 1
            found[f"reasons {reason}"] += 1
        found[f"intervals {kind}"] += effects.intervals.num_rows
        for name in plain(effects.ledger["kind"]):
            found[f"ledger {name}"] += 1
        for name, attempt in zip(
            plain(effects.commands["kind"]), plain(effects.commands["attempt"]), strict=True
        ):
            found[f"commands_{'sent' if attempt == 1 else 'repeated'} {name}"] += 1
        for bits in plain(effects.intervals["quality"]):
            names = [name for bit, name in enumerate(QUALITIES) if bits >> bit & 1] or ["good"]
            found.update(f"qualities {name}" for name in names)
    return found


QUALITIES = ("first", "rollover", "gap", "late", "estimated", "suspect", "outage")


@pytest.mark.parametrize("seed", [51, 52, 53, 54])
def test_counters_are_the_sums_of_the_effects(seed):
    grid, log = recorded(seed, 80)
    made = Engine(Config.from_toml(grid.first_text))
    found = accepted(made, log, grid.ids)
    stats = made.stats()
    assert stats["sequence"] == made.sequence == 1 + sum(stats["batches"].values()) - 1
    assert stats["batches"]["config"] == found["batches config"] + 1
    for group in ("reasons", "ledger", "commands_sent", "commands_repeated", "qualities"):
        counted = {name: count for name, count in stats[group].items() if count}
        prefix = f"{group} "
        expected = {k.removeprefix(prefix): v for k, v in found.items() if k.startswith(prefix)}
        assert counted == expected, group
    for kind, number in stats["rows"].items():
        assert number == found[f"rows {kind}"]
    # Every row that came in is accounted for.
    assert stats["rows"]["reads"] == found["intervals reads"] + found["refused reads"] > 0
    payments = sum(found[f"ledger {kind}"] for kind in ("top_up", "reversal", "adjustment"))
    assert stats["rows"]["payments"] == payments + found["refused payments"] > 0
    assert stats["rows"].get("acks", 0) == sum(stats["acks"].values()) + found["refused acks"]
    tables = (made.accounts().num_rows, made.districts().num_rows)
    assert (stats["accounts"], stats["districts"]) == tables


# ---- the audit


DAMAGE = {
    "a ledger": (
        add("account_infos", "AccountInfo", "ledger_nano", 1),
        "account 0 .*: expected balance = ledger",
    ),
    "a balance": (
        add("accounts", "AccountState", "balance_nano", -1),
        "account 0 .*: expected balance = ledger",
    ),
    "the charges": (
        add("accounts", "AccountState", "charged_nano", 5),
        "account 0 .*: expected balance = ledger",
    ),
    "a gap's end": (add("gaps", "Gap", "to_s", -(10**6)), "meter 0 .*: expected gaps that follow each other"),
    "a newest read": (add("meters", "MeterState", "last_at_s", -(10**6)), "meter 0 .*: expected gaps"),
    "a window": (add("figures", "Figures", "consumption_wh", 1), "consumption: expected as much energy in"),
    "a supply": (add("figures", "Figures", "supply_wh", 1), "supply: expected as much energy in windows"),
    "what was accepted": (count("accepted_wh", 0), "consumption: expected as much energy in windows"),
    "what was left out": (count("left_out_wh", 1), "supply: expected as much energy in windows"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_the_audit_finds_damage(what):
    made = through("utf8", 8)
    made.audit()
    change, said = DAMAGE[what]
    with pytest.raises(InvariantError, match=said):
        damaged(saved(made), change).audit()


def test_the_audit_finds_nothing_where_nothing_is_wrong():
    made = engine()
    for batch in story("uint64", 60):
        made.apply(*batch)
        made.audit()
    made.apply("payments", rows("payments", "uint64", payment("uint64", 900, "A3", 10**17)), made.now_s)
    made.audit()
    assert made.stats()["ledger"]["top_up"] == 61
