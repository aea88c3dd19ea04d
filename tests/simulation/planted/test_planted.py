"""With any of the safeguards taken away, the simulation finds a violation; and not where nothing goes wrong."""

from __future__ import annotations

from random import Random

import pytest

from fastcore.errors import FeikongError
from simulation.plan import Plan
from simulation.planted.mistakes import MISTAKES, Mistake
from simulation.world import World

TRIES = 300
CALM = [mistake for mistake in MISTAKES if mistake.hidden]
PLANS = list(dict.fromkeys(mistake.plan for mistake in MISTAKES))


def found(plan: Plan, seed: int) -> str | None:
    """What a schedule finds: a violation, or one of the node's own assertions, which come before it."""
    try:
        World(seed, plan).run()
    except (AssertionError, FeikongError) as error:
        return str(error)
    return None


@pytest.mark.parametrize("mistake", MISTAKES, ids=repr)
def test_a_mistake_is_found(mistake: Mistake, monkeypatch: pytest.MonkeyPatch):
    mistake.plant(monkeypatch)
    assert any(found(mistake.plan(Random(seed)), seed) for seed in range(TRIES))


@pytest.mark.parametrize("mistake", CALM, ids=repr)
def test_it_is_none_that_any_run_would_find(mistake: Mistake, monkeypatch: pytest.MonkeyPatch):
    mistake.plant(monkeypatch)
    assert [found(Plan(), seed) for seed in range(3)] == [None] * 3


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.__name__)
def test_without_a_mistake_nothing_is_found(plan):
    assert [found(plan(Random(seed)), seed) for seed in range(15)] == [None] * 15
