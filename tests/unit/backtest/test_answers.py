"""Acks: the history's go to the commands that were the same question, `done` to what it never asked."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from fastcore import Config
from pipeline.backtest import Batch, Comparison, LogHistory, backtest
from pipeline.backtest.history import History
from unit import core_world as world
from unit.backtest.county import CONFIG, HOUR_S, IDS, county

START = world.START
SOONER = CONFIG
LATER = CONFIG.replace('trip_below = "0"', 'trip_below = "-0.5"')
FEW_TRIES = ("max_attempts = 1000", "max_attempts = 1")


class Told(History):
    """Batches that a test says; the first is the configuration."""

    def __init__(self, config: str, *batches: tuple[str, Any, int]) -> None:
        self.name = "told"
        self._batches = [Batch("config", None, config), *(Batch(k, now, b) for k, b, now in batches)]

    def __iter__(self):
        return iter(self._batches)


def one_account(*later: tuple[str, Any, int], config: str = LATER) -> Told:
    """A0 with 2.00, which are 40 counts."""
    meter = world.meter(IDS, "M0", "A0", "interval") | {"interval_s": HOUR_S, "wh_per_count": 100}
    return Told(
        config,
        ("accounts", world.rows("accounts", IDS, world.account(IDS, "A0", 2 * 10**9)), START),
        ("meters", world.rows("meters", IDS, meter), START),
        *later,
    )


def reads(hour: int, counts: int) -> tuple[str, Any, int]:
    at_s = START + hour * HOUR_S
    row = {"meter_id": "M0", "at": at_s, "value": counts, "status": 0}
    return "reads", world.rows("reads", IDS, row), at_s


def acks(hour: int, *pairs: tuple[int, str]) -> tuple[str, Any, int]:
    return "acks", world.rows("acks", IDS, *(world.ack(*pair) for pair in pairs)), START + hour * HOUR_S + 60


def pays(hour: int, nano: int, number: int = 1) -> tuple[str, Any, int]:
    at_s = START + hour * HOUR_S
    return "payments", world.rows("payments", IDS, world.payment(IDS, number, "A0", nano, at_s)), at_s + 120


def tick(hour: int, seconds: int = 0) -> tuple[str, Any, int]:
    return "tick", None, START + hour * HOUR_S + seconds


def happened(compared: Comparison) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """Trips and what followed, by hour, in both runs; of the one account."""
    (account,) = compared.accounts
    return tuple(  # type: ignore[return-value]
        [((e.at_s - START) // HOUR_S, e.what) for e in events if e.what not in ("warned", "due")]
        for events in (account.was, account.otherwise)
    )


def test_what_was_never_asked_is_done_at_once():
    history = one_account(reads(1, 45), reads(2, 1), reads(3, 1))
    found = backtest(history, Config.from_toml(SOONER))
    assert happened(found) == ([], [(1, "trip"), (1, "off")])
    assert (found.given, found.left_out) == (1, 0)


def test_a_later_answer_of_the_history_is_of_no_use_to_what_is_done():
    history = one_account(reads(1, 45), reads(2, 5), acks(2, (1, "done")), reads(3, 0))
    found = backtest(history, Config.from_toml(SOONER))
    assert happened(found) == ([(2, "trip"), (2, "off")], [(1, "trip"), (1, "off")])
    assert (found.given, found.left_out) == (1, 1)


def test_a_question_that_both_ask_has_one_answer():
    """Both trip at hour 2; the answer of hour 4 is for both, though the other run counts its commands otherwise."""
    history = one_account(reads(1, 45), pays(1, 10**9), reads(2, 30), tick(3), acks(4, (1, "done")), tick(5))
    found = backtest(history, Config.from_toml(SOONER))
    was, otherwise = happened(found)
    assert was == [(2, "trip"), (4, "off")]
    assert otherwise == [(1, "trip"), (1, "off"), (1, "restore"), (1, "on"), (2, "trip"), (4, "off")]
    assert (found.given, found.left_out) == (2, 0)


def test_a_failure_is_an_answer_too_and_leaves_both_asking():
    history = one_account(reads(1, 60), acks(1, (1, "failed")), tick(2), acks(3, (1, "done")), tick(4))
    found = backtest(history, Config.from_toml(LATER.replace('"3", "1"', '"1.9", "1"')))
    was, otherwise = happened(found)
    assert was == otherwise == [(1, "trip"), (3, "off")]
    assert (found.given, found.left_out) == (0, 0)


def test_what_stays_open_when_the_other_is_called_back_is_done_then():
    """Paid enough for the history's run to call its trip back, and not enough for the other's."""
    history = one_account(reads(1, 60), pays(1, 7 * 10**8), acks(1, (2, "done")), reads(2, 0))
    found = backtest(history, Config.from_toml(SOONER))
    assert happened(found) == ([(1, "trip"), (1, "restore"), (1, "on")], [(1, "trip"), (1, "off")])
    assert (found.given, found.left_out) == (1, 1)


def test_a_relay_that_did_not_answer_does_not_answer_otherwise():
    """The history's trip is given up at hour 3, and the account unsure; the other run goes on asking."""
    config = LATER.replace(*FEW_TRIES)
    history = one_account(reads(1, 60), tick(3), tick(4), tick(9), config=config)
    found = backtest(history, Config.from_toml(LATER))
    assert (found.given, found.treated_otherwise) == (0, [])
    # Without that, its relay would have said `done`: the same history, but with an answer to another trip.
    sooner = backtest(
        one_account(reads(1, 45), tick(3), reads(4, 30), tick(6), config=config), Config.from_toml(SOONER)
    )
    assert sooner.given == 1


def test_acks_of_strange_types_stay_what_they_are():
    """A malformed batch is malformed in both runs."""
    broken = ("acks", pa.table({"command_id": ["one"], "outcome": ["done"], "at": [START]}), START + HOUR_S)
    empty = ("acks", pa.table({"outcome": ["done"]}), START + HOUR_S)
    null = (
        "acks",
        pa.table({"command_id": pa.array([None], pa.uint64()), "outcome": ["done"], "at": [START]}),
        START,
    )
    told: list[Any] = []
    history = one_account(broken, empty, null)
    found = backtest(history, Config.from_toml(CONFIG), on_broken=told.append)
    assert (found.malformed, found.malformed_otherwise, len(told)) == (3, 3, 3)
    assert found.accounts == []


@pytest.mark.parametrize("seed", range(3))
def test_with_silent_relays_an_unchanged_configuration_lists_nothing(tmp_path, seed):
    story = county(seed, accounts=60, silent=0.3)
    history = LogHistory(story.write(tmp_path / "log"))
    found = backtest(history, Config.from_toml(CONFIG))
    assert (found.accounts, found.given, found.left_out) == ([], 0, 0)


def test_an_ack_goes_to_the_same_account_and_not_to_the_same_number():
    """Command 1 of the history is A1's; in the other run it is A0's, and A1 has number 2."""
    rows = [world.account(IDS, "A0", 2 * 10**9), world.account(IDS, "A1", 10**9)]
    meter = {"interval_s": HOUR_S, "wh_per_count": 100}
    meters = [world.meter(IDS, f"M{n}", f"A{n}", "interval") | meter for n in (0, 1)]
    at_s = START + HOUR_S
    values = [{"meter_id": f"M{n}", "at": at_s, "value": v, "status": 0} for n, v in ((0, 45), (1, 30))]
    history = Told(
        LATER,
        ("accounts", world.rows("accounts", IDS, *rows), START),
        ("meters", world.rows("meters", IDS, *meters), START),
        ("reads", world.rows("reads", IDS, *values), at_s),
        acks(3, (1, "done")),
        tick(4),
    )
    found = backtest(history, Config.from_toml(SOONER))
    assert [account.account_id for account in found.accounts] == ["A0"]
    assert happened(found) == ([], [(1, "trip"), (1, "off")])
    assert (found.off_s.was, found.off_s.otherwise) == (HOUR_S - 60, HOUR_S - 60 + 3 * HOUR_S)
    assert (found.given, found.left_out) == (1, 0)
