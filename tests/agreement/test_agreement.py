"""Engine and twin agree on random logs; cut, saved and loaded otherwise, they give the same."""

from __future__ import annotations

from random import Random

import pytest

from agreement import metamorphic
from agreement.compare import run
from agreement.generate import recorded
from agreement.native import engine

CHUNK, CHUNKS = 10, 20


@pytest.mark.parametrize("first", range(0, CHUNK * CHUNKS, CHUNK))
def test_engine_agrees_with_twin(first: int) -> None:
    for seed in range(first, first + CHUNK):
        counts = run(seed, engine)
        assert counts.rows["intervals"] + counts.rows["exceptions"] > 0


@pytest.mark.parametrize("seed", [*range(1000, 1008), 1016, 1072])
def test_saved_and_loaded_between_any_two_batches(seed: int) -> None:
    counts = run(seed, engine, reload_every=1)
    assert counts.reloads == counts.batches > 20


@pytest.mark.parametrize("seed", range(2000, 2020))
def test_reads_cut_into_other_batches_give_the_same(seed: int) -> None:
    grid, log = recorded(seed)
    cut = metamorphic.cut_reads(log, Random(seed))
    assert len(cut) > len(log)
    whole = metamorphic.outcome(engine(grid.first_text), log, grid.ids)
    parts = metamorphic.outcome(engine(grid.first_text), cut, grid.ids)
    assert whole.reads
    assert whole == parts


@pytest.mark.parametrize("seed", range(3000, 3010))
def test_same_log_gives_the_same_digest_in_any_arrow_types(seed: int) -> None:
    grid, log = recorded(seed)
    digests = [
        metamorphic.digest(engine(grid.first_text), log, grid.ids, free)
        for free in (None, None, Random(seed), Random(~seed))
    ]
    assert len(set(digests)) == 1
    assert len(digests[0]) == 32
    assert metamorphic.digest(engine(grid.first_text), log[:3], grid.ids) != digests[0]
