"""Random operations in any order that hypothesis likes, and after each what always holds."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agreement import generate
from agreement.arrow import as_arrow
from agreement.compare import Counts, compare_state, plain, reloaded, step
from agreement.grid import Grid, columns
from agreement.native import engine

SEEDS = st.integers(min_value=0, max_value=2**32 - 1)
PASSED = st.sampled_from((0, 1, 60, 900, 3600))


class Pair(RuleBasedStateMachine):
    """Engine and twin, driven by the same rows; money and rows are counted once more here."""

    def __init__(self) -> None:
        super().__init__()
        self.counts = Counts()
        self.booked: Counter[Any] = Counter()
        self.last_command = 0
        self.number = 0
        self.taken = 0

    @initialize(seed=SEEDS)
    def begin(self, seed: int) -> None:
        self.grid = Grid.of(seed)
        self.native = engine(self.grid.first_text)
        for batch in generate.opening(self.grid):
            self.apply(batch)

    def apply(self, batch: generate.Batch) -> None:
        self.number += 1
        kind, rows, now = batch
        given: list[Any] = []

        def watched(*args: Any, **kwargs: Any) -> Any:
            given.append(self.native.apply(*args, **kwargs))
            return given[0]

        seen = type("Seen", (), {"apply": staticmethod(watched)})()
        arrow = as_arrow(kind, rows, self.grid.ids)
        step(f"batch {self.number} ({kind}, now {now})", self.grid, seen, batch, arrow, self.counts)
        if given:
            self.taken += 1
            self.count(kind, arrow, given[0])

    def count(self, kind: str, batch: Any, effects: Any) -> None:
        """Every row is accounted for, every nano-unit is booked, every command is newer or sent again."""
        refused = effects.exceptions.num_rows
        if kind == "reads":
            assert effects.intervals.num_rows + refused == batch.num_rows
        if kind == "payments":
            assert effects.ledger.num_rows + refused == batch.num_rows
        assert refused == 0 or refused <= batch.num_rows
        for output, column, sign in (("ledger", "amount", 1), ("intervals", "charge", -1)):
            table = getattr(effects, output)
            ids, amounts = plain(table.column("account_id")), plain(table.column(column))
            for account_id, amount in zip(ids, amounts, strict=True):
                self.booked[account_id] += sign * (amount or 0)
        sent = effects.commands
        for command_id, attempt in zip(
            plain(sent.column("command_id")), plain(sent.column("attempt")), strict=True
        ):
            assert (attempt == 1) == (command_id == self.last_command + 1)
            self.last_command = max(self.last_command, command_id)

    def rows(self, kind: str, seed: int, passed: int) -> None:
        self.grid.rng = Random(seed)
        self.grid.now = self.grid.time + passed
        rows = generate.later_rows(self.grid, kind)
        batch = columns(rows) if rows else generate.empty(kind, self.grid.ids)
        self.apply((kind, batch, self.grid.now))

    @rule(seed=SEEDS, passed=st.sampled_from((1800, 3600, 7200, 21600, 86400)))
    def read(self, seed: int, passed: int) -> None:
        self.rows("reads", seed, passed)

    @rule(seed=SEEDS, passed=PASSED)
    def read_again(self, seed: int, passed: int) -> None:
        self.rows("reads", seed, passed)

    @rule(seed=SEEDS, passed=PASSED)
    def pay(self, seed: int, passed: int) -> None:
        self.rows("payments", seed, passed)

    @rule(seed=SEEDS, passed=PASSED)
    def answer(self, seed: int, passed: int) -> None:
        self.rows("acks", seed, passed)

    @rule(seed=SEEDS, passed=PASSED)
    def operate(self, seed: int, passed: int) -> None:
        self.rows("updates", seed, passed)

    @rule(seed=SEEDS, kind=st.sampled_from(("accounts", "meters", "meters", "districts")))
    def register(self, seed: int, kind: str) -> None:
        self.rows(kind, seed, 0)

    @rule(passed=st.integers(min_value=-90_000, max_value=200_000))
    def tick(self, passed: int) -> None:
        self.grid.now = self.grid.time + passed
        self.apply(("tick", None, self.grid.now))

    @rule(seed=SEEDS)
    def configure_or_break(self, seed: int) -> None:
        self.grid.rng = Random(seed)
        make = self.grid.rng.choice((generate.configuration, generate.malformed))
        digest, taken = self.native.digest(), self.taken
        self.apply(make(self.grid))
        if self.taken == taken:
            assert self.native.digest() == digest

    @precondition(lambda self: self.number > 3)
    @rule()
    def reload(self) -> None:
        self.native = reloaded(f"batch {self.number}", self.native)

    @invariant()
    def everything_is_the_same(self) -> None:
        if self.number:
            compare_state(f"batch {self.number}", self.grid, self.native, self.counts)

    @invariant()
    def money_is_what_was_booked(self) -> None:
        if self.number:
            accounts = self.native.accounts()
            balances = zip(
                plain(accounts.column("account_id")), plain(accounts.column("balance")), strict=True
            )
            for account_id, balance in balances:
                assert balance == self.booked[account_id]
                assert self.native.balance(account_id) * 10**9 == balance

    @invariant()
    def nobody_who_paid_is_off(self) -> None:
        if self.number:
            world = self.grid.world
            accounts = self.native.accounts().to_pylist()
            for row in accounts:
                account = world.accounts[row["account_id"]]
                if row["state"] == "off" and account.meters:
                    assert row["balance"] * 10**9 <= world.policy(account).restore_above


Pair.TestCase.settings = settings(max_examples=30, stateful_step_count=40)
TestPair = Pair.TestCase
