"""Levels moved by one nano, and other prices: exactly the accounts, events and amounts that counting by hand finds."""

from __future__ import annotations

from decimal import Decimal

import pytest

from fastcore import Config
from pipeline.backtest import Comparison, LogHistory, backtest
from unit.backtest.by_hand import Rules, count
from unit.backtest.county import CONFIG, County, county

NANO = Decimal("0.000000001")
LEVELS = Rules().levels
# What is changed in the configuration, and the same for counting by hand; whether anything differs.
CHANGES = {
    "nothing": ("", "", Rules(), False),
    "trips, a nano lower": ('trip_below = "0"', 'trip_below = "-0.000000001"', Rules(trip_below=-1), True),
    "restores, a nano higher": (
        'restore_above = "0"',
        'restore_above = "0.000000001"',
        Rules(restore_above=1),
        False,
    ),
    "restores, a nano below a count": (
        'restore_above = "0"',
        'restore_above = "0.049999999"',
        Rules(restore_above=49_999_999),
        False,
    ),
    "restores, from one count on": (
        'restore_above = "0"',
        'restore_above = "0.05"',
        Rules(restore_above=50_000_000),
        True,
    ),
    "the first warning, a nano lower": (
        '"3"',
        '"2.999999999"',
        Rules(levels=(LEVELS[0] - 1, LEVELS[1])),
        True,
    ),
    "the first warning, a nano higher": (
        '"3"',
        '"3.000000001"',
        Rules(levels=(LEVELS[0] + 1, LEVELS[1])),
        False,
    ),
    "the second warning, a nano lower": (
        '"1"]',
        '"0.999999999"]',
        Rules(levels=(LEVELS[0], LEVELS[1] - 1)),
        True,
    ),
    "a dearer tariff": ('p = "0.5"', 'p = "0.7"', Rules(price_nano=70_000_000), True),
    "a cheaper tariff": ('p = "0.5"', 'p = "0.45"', Rules(price_nano=45_000_000), True),
}


def expected(story: County, rules: Rules) -> dict[str, tuple[list, list, Decimal]]:
    """The accounts that fare otherwise: what happened in both runs, and the difference in money."""
    return {
        name: (pair.was.happened, pair.otherwise.happened, (pair.otherwise.balance - pair.was.balance) * NANO)
        for name, pair in count(story, Rules(), rules).items()
        if sorted(pair.was.happened) != sorted(pair.otherwise.happened)
    }


def found_in(compared: Comparison) -> dict[str, tuple[list, list, Decimal | None]]:
    return {
        str(account.account_id): (
            [tuple(event) for event in account.was],
            [tuple(event) for event in account.otherwise],
            account.difference,
        )
        for account in compared.treated_otherwise
    }


@pytest.mark.parametrize("change", CHANGES)
def test_it_lists_exactly_what_counting_by_hand_finds(tmp_path, change):
    before, after, rules, differs = CHANGES[change]
    assert before in CONFIG
    listed = 0
    for seed in range(3):
        story = county(seed)
        history = LogHistory(story.write(tmp_path / str(seed)))
        compared = backtest(history, Config.from_toml(CONFIG.replace(before, after) if before else CONFIG))
        wanted = expected(story, rules)
        assert found_in(compared) == wanted
        assert compared.known == 150
        listed += len(wanted)
    assert bool(listed) == differs


def test_the_history_is_worth_counting():
    """Every event occurs often, and many balances lie exactly on the levels: else the test above would prove little."""
    happened: dict[str, int] = {}
    on_a_level = 0
    for seed in range(3):
        for pair in count(county(seed), Rules(), Rules()).values():
            for _, what in pair.was.happened:
                happened[what] = happened.get(what, 0) + 1
        moved = count(county(seed), Rules(), Rules(trip_below=-1)).values()
        on_a_level += sum(pair.was.happened != pair.otherwise.happened for pair in moved)
    assert min(happened[what] for what in ("warned", "due", "trip", "off", "restore", "on")) > 100
    assert on_a_level > 30


def test_money_in_all_is_the_sum_of_every_balance(tmp_path):
    story = county(5)
    history = LogHistory(story.write(tmp_path / "log"))
    compared = backtest(history, Config.from_toml(CONFIG.replace('p = "0.5"', 'p = "0.7"')))
    pairs = count(story, Rules(), Rules(price_nano=70_000_000)).values()
    was, otherwise = (
        sum(run.balance for run in runs) * NANO
        for runs in ([pair.was for pair in pairs], [pair.otherwise for pair in pairs])
    )
    assert tuple(compared.balances) == (was, otherwise)
    counts = sum(counts for _, kind, rows in story.lines if kind == "reads" for _, counts in rows)
    assert tuple(compared.charges) == (counts * Decimal("0.05"), counts * Decimal("0.07"))
    assert compared.ledger["top_up"].difference == compared.ledger["opening"].difference == 0
    assert sum(account.difference or 0 for account in compared.accounts) == otherwise - was
