"""A short form of ``make kills``: each part killed once or more, under load."""

from __future__ import annotations

import pytest

from e2e.kills import PARTS, trial


@pytest.mark.slow
def test_what_is_killed_at_random_moments_loses_nothing_and_counts_nothing_twice() -> None:
    with trial(0.1, seed=1) as (tried, given):
        rows, paid = tried.check(given)
        assert min(rows, paid) > 0
        assert set(tried.killed) == set(PARTS)
        assert tried.snapshots
        with pytest.raises(AssertionError, match=f"{paid} payments; {paid + 40} were given"):
            tried.check({**given, "payer": given["payer"] + 1})
