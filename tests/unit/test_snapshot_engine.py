"""An engine, saved and loaded, goes on as the one that was saved; its digest is that of the whole state."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import Any

import pytest

from agreement.arrow import as_arrow
from agreement.generate import recorded
from fastcore import Config, ConfigError, Engine, SchemaError
from unit.core_world import (
    KIND_OF_IDS,
    LATER_CONFIG,
    NANO,
    START,
    STEP,
    Batch,
    account,
    ack,
    district,
    engine,
    loaded,
    meter,
    payment,
    read,
    rows,
    saved,
    story,
    through,
    told,
    update,
)

AHEAD = 4
"""So many batches go through each loaded engine beside the one that was saved."""


def given(made: Engine, batch: Batch) -> Any:
    """What a batch does; of a refused one, why."""
    try:
        return told(made.apply(*batch))
    except (SchemaError, ConfigError) as error:
        return str(error)


def check_round_trips(made: Engine, log: list[Batch]) -> int:
    """Save and load after each batch; the loaded engines and the saved one must do the same from there on."""
    followers: list[Engine] = []
    compared = 0
    for batch in log:
        expected = given(made, batch)
        for follower in followers:
            assert given(follower, batch) == expected
            assert follower.digest() == made.digest()
            compared += 1
        again = loaded(saved(made))
        assert (again.sequence, again.now_s, again.digest()) == (made.sequence, made.now_s, made.digest())
        assert again.stats() == made.stats()
        again.audit()
        followers = [*followers, again][-AHEAD:]
    return compared


@pytest.mark.parametrize("seed", [31, 32, 33, 34])
def test_between_any_two_batches_of_a_random_log(seed):
    grid, log = recorded(seed, 60)
    arrow = [(kind, as_arrow(kind, batch, grid.ids), now) for kind, batch, now in log if kind != "Reads"]
    made = Engine(Config.from_toml(grid.first_text))
    assert check_round_trips(made, arrow) > 100
    assert made.stats()["rows"]["reads"] > 0


@pytest.mark.parametrize("ids", KIND_OF_IDS)
def test_between_any_two_batches_of_the_story(ids):
    assert check_round_trips(engine(), story(ids, 70)) == sum(range(AHEAD)) + AHEAD * (
        len(story(ids)) - AHEAD
    )


@pytest.mark.parametrize("ids", KIND_OF_IDS)
def test_an_engine_that_has_seen_nothing_has_a_snapshot_too(ids):
    made = loaded(saved(engine()))
    assert made.digest() == engine().digest()
    for batch, other in zip(story(ids), [through(ids, i) for i in range(1, 12)], strict=True):
        made.apply(*batch)
        assert made.digest() == other.digest()


def test_a_path_does_as_well_as_a_file(tmp_path):
    made = through("utf8")
    made.save(tmp_path / "a")
    made.save(str(tmp_path / "b"))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == saved(made)
    assert Engine.load(tmp_path / "a").digest() == made.digest()


def test_a_loaded_engine_gives_the_outputs_that_it_is_asked_for():
    content = saved(through("utf8", 4))
    batch = story("utf8")[4]
    few = Engine.load(io.BytesIO(content), outputs=("commands",))
    assert told(few.apply(*batch)) == {"commands": told(loaded(content).apply(*batch))["commands"]}
    with pytest.raises(SchemaError, match="no such output"):
        Engine.load(io.BytesIO(content), outputs=("command",))


def test_the_same_state_has_the_same_bytes_whatever_its_past_in_memory():
    straight, loop = through("utf8"), engine()
    for batch in story("utf8"):
        loop = loaded(saved(loop))
        loop.apply(*batch)
    assert saved(straight) == saved(loop)
    assert saved(straight)[-16:].hex() == straight.digest()


def differing(ids: str) -> list[tuple[str, Any]]:
    """Batches for an engine that has been through the story: each changes something else."""
    batches = [
        ("accounts", account(ids, "A9")),
        ("accounts", account(ids, "A9", 5)),
        ("accounts", account(ids, "A9", district="D9")),
        ("accounts", account(ids, "A9") | {"tariff": "other"}),
        ("accounts", account(ids, "A9") | {"klass": "special"}),
        ("accounts", account(ids, "A9") | {"protected": True}),
        ("accounts", account(ids, "A9") | {"manual_approval": True}),
        ("meters", meter(ids, "M9", "A3")),
        ("meters", meter(ids, "M9", "A2")),
        ("meters", meter(ids, "M9", "A3", max_w=5)),
        ("meters", meter(ids, "M9", "A3") | {"switchable": False}),
        ("meters", meter(ids, "M9", "A3") | {"initial_at": START, "initial_value": 4}),
        ("meters", meter(ids, "M9", None)),
        ("districts", district(ids, "D1") | {"name": "elsewhere"}),
        ("districts", district(ids, "D1") | {"grid": None}),
        ("districts", district(ids, "D1") | {"loss_limit": 0.25}),
        ("reads", read(ids, "M3", 110, 500)),
        ("reads", read(ids, "M3", 110, 501)),
        ("reads", read(ids, "M3", 111, 500)),
        ("reads", read(ids, "M3", 110, 500) | {"status": 4}),
        ("reads", read(ids, "M4", 110, 500)),
        ("reads", read(ids, "M3", 110, 1)),
        ("reads", read(ids, "M2", 110, 500)),
        ("payments", payment(ids, 77, "A3", NANO)),
        ("payments", payment(ids, 78, "A3", NANO)),
        ("payments", payment(ids, 77, "A3", NANO + 1)),
        ("payments", payment(ids, 77, "A2", NANO)),
        ("payments", payment(ids, 77, "A3", NANO) | {"kind": "adjustment"}),
        ("acks", ack(2, "failed")),
        ("acks", ack(2, "refused")),
        *(
            ("updates", update(ids, op, "A3", value=value, text=text))
            for op, value, text in (
                ("set_tariff", None, "other"),
                ("set_protected", 0, None),
                ("set_manual_approval", 1, None),
                ("autopay_started", None, None),
                ("close_account", None, None),
            )
        ),
        ("updates", update(ids, "suspend_trips")),
        ("updates", update(ids, "suspend_trips", text=str(id_of_district(ids)))),
        ("updates", update(ids, "rebase_meter", "M3", value=7, at=START + 110 * STEP)),
        ("updates", update(ids, "close_order", value=1)),
    ]
    return [(kind, rows(kind, ids, row)) for kind, row in batches]


def id_of_district(ids: str) -> int | str:
    return district(ids, "D0")["district_id"]


@pytest.mark.parametrize("ids", KIND_OF_IDS)
def test_whatever_differs_the_digest_differs(ids):
    now = START + 110 * STEP
    digests = {through(ids).digest(): "nothing"}
    batches = differing(ids)
    for kind, batch in batches:
        made = through(ids)
        made.apply(kind, batch, now)
        assert made.digest() not in digests, (batch.to_pylist(), digests[made.digest()])
        digests[made.digest()] = str(batch.to_pylist())
        assert loaded(saved(made)).digest() == made.digest()
    assert len(digests) == len(batches) + 1 > 30


def test_time_and_configuration_are_in_the_digest():
    made = [through("utf8") for _ in range(4)]
    made[1].apply("tick", None, made[0].now_s)
    made[2].apply("tick", None, made[0].now_s + 1)
    made[3].apply("config", LATER_CONFIG + "# with a remark\n", made[0].now_s)
    digests = [each.digest() for each in made]
    assert len(set(digests)) == 4
    assert all(len(digest) == 32 and int(digest, 16) >= 0 for digest in digests)
    assert all(a != b for a, b in pairwise(sorted(digests)))
