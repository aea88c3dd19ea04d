"""The comparison itself: it agrees where there is nothing to find, and finds what is planted."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

import model.gates
import model.rating
import model.reads
import model.windows
from agreement import metamorphic
from agreement.compare import run
from agreement.coverage import met
from agreement.generate import batches, recorded, taken
from agreement.grid import Grid
from agreement.twins import TwinEngine
from model.state import Window

SEEDS = range(40)


MUST_MEET = (
    "good",
    "quality gap",
    "quality late",
    "quality rollover",
    "quality suspect",
    "ledger correction",
    "ledger standing",
    "trip balance",
    "trip balance again",
    "restore balance",
    "restore operator",
    "notice tripped",
    "notice restored",
    "gate reading",
    "gate window",
    "gate rate",
    "mass_trip opened",
    "off_but_consuming opened",
    "inspect_meter opened",
    "zero_usage opened",
    "reads overlap",
    "reads out_of_range",
    "payments duplicate",
    "acks stale_ack",
    "meters needs_exchange",
    "window revised",
)
"""What 150 logs meet for certain: should one go missing, the generator has gone blind."""


class Bent(TwinEngine):
    """A twin with one function of one module bent while it works."""

    bend: tuple[Any, str, Any]

    def apply(self, kind: str, batch: Any, now: int) -> Any:
        module, name, wrong = self.bend
        right = getattr(module, name)
        setattr(module, name, wrong(right))
        try:
            return super().apply(kind, batch, now)
        finally:
            setattr(module, name, right)


def longer(right: Any) -> Any:
    """A wait of a second more."""
    return lambda *given: right(*given) + 1


BENDS = {
    "a trip expires a second late": (model.gates, "trip_expires", longer),
    "a tier costs a nano-unit more": (model.rating, "tier_cost", longer),
    "coverage is always whole": (model.windows, "coverage", lambda right: lambda window: 1),
    "loss is never a ratio": (model.windows, "loss_ratio", lambda right: lambda window: None),
    "nothing is ever suspended": (
        model.gates,
        "GATES",
        lambda right: {**right, "suspended": lambda world, account: False},
    ),
    "no window is ever forgotten": (model.windows, "horizon", lambda right: lambda world: -(10**9)),
    "nothing is a spike": (model.reads, "spikes", lambda right: lambda *given: False),
}


def test_twin_agrees_with_itself() -> None:
    for seed in SEEDS:
        counts = run(seed, TwinEngine)
        assert counts.batches > 20


@pytest.mark.parametrize("name", BENDS)
def test_a_planted_mistake_is_found(name: str) -> None:
    bent = type("Bent", (Bent,), {"bend": BENDS[name]})

    def compare_all() -> None:
        for seed in SEEDS:
            run(seed, bent)

    with pytest.raises(AssertionError, match=r"seed \d+, batch \d+ .*(the engine has|only)"):
        compare_all()


def test_logs_depend_on_their_seed_alone() -> None:
    first, second, other = recorded(7), recorded(7), recorded(8)
    assert repr(first[1]) == repr(second[1])
    assert repr(first[1]) != repr(other[1])


def test_logs_meet_what_they_are_for() -> None:
    found: Counter[str] = Counter()
    for seed in range(150):
        grid = Grid.of(seed)
        for batch in batches(grid):
            effects = taken(grid, batch)
            found.update({"malformed"} if effects is None else met(grid.twin, effects))
    missing = [name for name in MUST_MEET if not found[name]]
    assert not missing
    assert found["malformed"] > 200


def test_a_malformed_batch_changes_nothing_in_the_twin() -> None:
    refused = 0
    for seed in SEEDS:
        grid = Grid.of(seed)
        for batch in batches(grid):
            before = (repr(grid.twin.tables()), grid.world.seq, grid.world.now)
            if taken(grid, batch) is None:
                refused += 1
                assert (repr(grid.twin.tables()), grid.world.seq, grid.world.now) == before
    assert refused > 50


@pytest.mark.parametrize("seed", range(100, 130))
def test_reads_cut_into_other_batches_give_the_same_in_the_twin(seed: int) -> None:
    grid, log = recorded(seed)
    cut = metamorphic.cut_reads(log, Random(seed))
    whole = metamorphic.outcome(TwinEngine(grid.first_text), log, grid.ids)
    parts = metamorphic.outcome(TwinEngine(grid.first_text), cut, grid.ids)
    assert whole.reads
    assert whole == parts


def test_energy_that_vanishes_from_a_window_is_noticed() -> None:
    grid, _ = recorded(3)
    grid.twin.check()
    district = next(iter(grid.world.districts.values()))
    district.windows.setdefault(0, Window()).supply += 1
    with pytest.raises(AssertionError, match="energy of district"):
        grid.twin.check()
