"""Where there is no room for a batch the engine is as it was, whichever allocation fails."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from fastcore import Engine
from unit.core_world import (
    CONFIG,
    KIND_OF_IDS,
    NANO,
    START,
    STEP,
    account,
    ack,
    district,
    engine,
    loaded,
    meter,
    payment,
    read,
    room_for,
    rows,
    saved,
    story,
    told,
    update,
)

SIZE, MORE = 4, 150
LEVELS = ", ".join(f'"{level}"' for level in range(64, 0, -1))


def growing(ids: str) -> dict[str, list[tuple[str, Any, int]]]:
    """A log that makes each array of the core grow, by the kind of the batch that does."""
    many, late = range(SIZE, MORE), START + 9 * STEP
    return {
        "districts": [("districts", rows("districts", ids, *(district(ids, f"D{i}") for i in many)), late)],
        "accounts": [
            (
                "accounts",
                rows("accounts", ids, *(account(ids, f"A{i}", (i % 3) * NANO, f"D{2 * i}") for i in many)),
                late,
            )
        ],
        "meters": [
            (
                "meters",
                rows(
                    "meters",
                    ids,
                    *(meter(ids, f"M{i + 1}", f"A{i}") | {"wh_per_count": i} for i in many),
                ),
                late,
            )
        ],
        "reads": [
            ("reads", rows("reads", ids, *(read(ids, f"M{i + 1}", 1, 0) for i in many)), late),
            (
                "reads",
                rows("reads", ids, *(read(ids, f"M{i + 1}", k, 10 * k) for k in (4, 8) for i in many)),
                late,
            ),
        ],
        "payments": [
            (
                "payments",
                rows("payments", ids, *(payment(ids, 1000 + i, f"A{i}", i * NANO) for i in many)),
                late,
            )
        ],
        "acks": [("acks", rows("acks", ids, *(ack(i, "done") for i in range(3 * MORE))), late)],
        "updates": [
            (
                "updates",
                rows(
                    "updates",
                    ids,
                    *(update(ids, "set_protected", f"A{i}", value=1) for i in many),
                    *(update(ids, "rebase_meter", f"M{i + 1}", value=99, at=late) for i in many),
                    *(update(ids, "close_account", f"A{i}") for i in many),
                ),
                late,
            )
        ],
        "config": [("config", CONFIG.replace('"20", "10"', LEVELS), late)],
        "tick": [("tick", None, late + 6 * 86_400)],
    }


def starved(made: Engine, kind: str, batch: Any, now: int) -> tuple[int, dict[str, Any]]:
    """Apply a batch with ever more room; how many allocations were seen to fail, and the effects at last."""
    before = made.digest(), made.sequence
    for failed in range(1000):
        try:
            with room_for(failed):
                effects = made.apply(kind, batch, now)
        except MemoryError:
            assert (made.digest(), made.sequence) == before, f"allocation {failed} failed, and left a trace"
        else:
            return failed, told(effects)
    raise AssertionError("the batch never found enough room")


@pytest.mark.parametrize("ids", KIND_OF_IDS)
def test_each_allocation_that_fails_leaves_the_engine_as_it_was(ids):
    made, other = engine(), engine()
    failed = dict.fromkeys(growing(ids), 0)
    log = [*story(ids, SIZE)[:-1], *(batch for batches in growing(ids).values() for batch in batches)]
    for kind, batch, now in log:
        count, effects = starved(made, kind, batch, now)
        assert effects == told(other.apply(kind, batch, now))
        assert made.digest() == other.digest()
        failed[kind] += count
    made.audit()
    assert min(failed.values()) > 0, failed
    assert min(failed[kind] for kind in ("accounts", "meters", "reads")) >= 5, failed


@pytest.mark.parametrize("ids", KIND_OF_IDS)
def test_the_first_batch_of_each_kind_may_find_no_room(ids):
    for kind, batch, now in story(ids, MORE):
        made = engine()
        assert starved(made, kind, batch, now)[0] > 0
        assert made.sequence == 2


@pytest.mark.parametrize("ids", KIND_OF_IDS)
def test_a_snapshot_that_finds_no_room_is_loaded_when_there_is_some(ids):
    made = engine()
    for kind, batch, now in story(ids, MORE):
        made.apply(kind, batch, now)
    content = saved(made)
    for failed in range(1000):
        try:
            with room_for(failed):
                again = loaded(content)
        except MemoryError:
            continue
        break
    assert failed > 10
    assert again.digest() == made.digest()


def test_room_that_a_refused_batch_made_is_not_lost():
    made, other = engine(), engine()
    batch = rows("accounts", "utf8", *(account("utf8", f"A{i}") for i in range(MORE)))
    with room_for(3), pytest.raises(MemoryError, match=f"no room for a batch of {MORE} rows of accounts"):
        made.apply("accounts", batch, START)
    for part in (batch.slice(0, 5), batch.slice(5)):
        assert told(made.apply("accounts", part, START)) == told(other.apply("accounts", part, START))
    assert made.digest() == other.digest()
    assert made.accounts().num_rows == MORE
    assert isinstance(made.accounts(), pa.Table)
