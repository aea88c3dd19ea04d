"""What `apply` asks of its arguments beside the columns: time, kind, configuration, outputs, one thread."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from operator import methodcaller
from threading import Event, Thread
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fastcore import Config, ConfigError, Engine, FeikongError, SchemaError
from fastcore.schemas import OUTPUTS
from unit.core_world import (
    CONFIG,
    KIND_OF_IDS,
    LATER_CONFIG,
    START,
    STEP,
    engine,
    good_batches,
    id_of,
    meter,
    rows,
    story,
    through,
    told,
)

DAY_S = 86_400


# ---- time


@pytest.mark.parametrize("kind", ["reads", "payments", "accounts", "config"])
def test_now_may_be_max_jump_ahead_and_no_more(kind):
    made = through("utf8")
    batch: Any = LATER_CONFIG if kind == "config" else good_batches("utf8")[kind]
    before, edge = made.digest(), made.now_s + 7 * DAY_S
    expected = f"now: is {7 * DAY_S + 1} s after the engine's time; expected at most max_jump, {7 * DAY_S} s"
    with pytest.raises(SchemaError, match=expected):
        made.apply(kind, batch, edge + 1)
    assert made.digest() == before
    made.apply(kind, batch, edge)
    assert made.now_s == edge
    made.apply("tick", None, edge + 30 * DAY_S)
    assert made.now_s == edge + 30 * DAY_S


def test_the_first_batch_may_come_at_any_time_and_time_never_falls():
    made = engine()
    assert made.now_s is None
    made.apply("reads", good_batches("utf8")["reads"], START + 300 * DAY_S)
    made.apply("reads", good_batches("utf8")["reads"], START)
    assert (made.now_s, made.sequence) == (START + 300 * DAY_S, 3)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (datetime(2026, 1, 1), "without a time zone"),
        (datetime(2026, 1, 1, 0, 0, 0, 1, UTC), "expected whole seconds"),
        (1.0, "expected an aware datetime or int seconds"),
        (float("nan"), "expected an aware datetime or int seconds"),
        (True, "expected an aware datetime or int seconds"),
        ("2026-01-01", "expected an aware datetime or int seconds"),
        (None, "expected an aware datetime or int seconds"),
        (2**63, "expected seconds since the epoch, from"),
        (-(2**80), "expected seconds since the epoch, from"),
        (START * 1000, "expected seconds since the epoch, from"),
    ],
)
def test_a_now_that_is_none(now, said):
    made = through("utf8")
    before = made.digest()
    with pytest.raises(SchemaError, match=f"^now: is .*{said}"):
        made.apply("tick", None, now)
    assert made.digest() == before


def test_a_now_in_every_form():
    hours = timezone(timedelta(hours=8))
    forms = [START, np.int64(START), datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 8, tzinfo=hours)]
    for now in forms:
        made = engine()
        made.apply("tick", None, now)
        assert made.now_s == START


# ---- kinds and configurations


@pytest.mark.parametrize("kind", ["readings", "", "Reads", None, 5, "intervals"])
def test_a_kind_that_is_none(kind):
    made = through("utf8")
    before = made.digest()
    with pytest.raises(SchemaError, match=r"^kind: is .*; expected one of config, accounts, meters"):
        made.apply(kind, good_batches("utf8")["reads"], START)
    assert made.digest() == before


def test_every_mistake_of_a_configuration_is_reported_and_nothing_changes():
    text = (
        CONFIG.replace('currency = "CNY"', "currency = 5")
        .replace('timezone = "UTC"', 'timezone = "Mars/Olympus"')
        .replace('allowed_lateness = "0s"', 'allowed_lateness = "soon"')
        .replace('notice = "0s"', 'notices = "0s"')
        .replace('standing = "0.1"', "standing = 0.1")
    )
    with pytest.raises(ConfigError) as first:
        Config.from_toml(text)
    assert len(first.value.mistakes) == 5
    for key in ("currency", "timezone", "allowed_lateness", "notices", "standing"):
        assert sum(key in mistake.split(";")[0] for mistake in first.value.mistakes) == 1
    made = through("utf8")
    before = made.digest(), made.sequence
    with pytest.raises(ConfigError) as later:
        made.apply("config", text, START)
    assert later.value.mistakes == first.value.mistakes
    assert (made.digest(), made.sequence) == before


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('timezone = "UTC"', 'timezone = "UTC"\ncell = "5m"', "cell"),
        ("to = 2027-01-01", "to = 2026-12-31", "calendar"),
        ("from = 2026-01-01, to", "from = 2026-01-02, to", "calendar"),
        ("[policies.strict]", "[policies.lax]", "strict"),
        ("[tariffs.other]\n[[tariffs.other.", "[tariffs.new]\n[[tariffs.new.", "other"),
    ],
)
def test_a_configuration_that_a_running_engine_may_not_take(old, new, named):
    made, other = through("utf8"), through("utf8")
    assert old in LATER_CONFIG
    with pytest.raises(ConfigError, match=named):
        made.apply("config", LATER_CONFIG.replace(old, new), made.now_s + 60)
    assert made.digest() == other.digest()
    assert made.config.text == LATER_CONFIG
    later = other.now_s + 3600
    assert told(made.apply("tick", None, later)) == told(other.apply("tick", None, later))


@pytest.mark.parametrize("config", [CONFIG, None, {}])
def test_an_engine_takes_a_checked_configuration(config):
    with pytest.raises(SchemaError, match=r"expected a .*Config, as Config\.from_toml gives"):
        Engine(config)


# ---- outputs


@pytest.mark.parametrize("ids", KIND_OF_IDS)
def test_any_subset_of_the_outputs_gives_the_same_rows_and_state(ids):
    log = story(ids, 8)
    whole = engine()
    expected = [told(whole.apply(*batch)) for batch in log]
    seen = dict.fromkeys(OUTPUTS, 0)
    subsets: list[tuple[str, ...]] = [(), ("intervals", "exceptions"), *((name,) for name in OUTPUTS)]
    for outputs in subsets:
        made = engine(outputs)
        for batch, rest in zip(log, expected, strict=True):
            effects = made.apply(*batch)
            assert told(effects) == {name: rest[name] for name in OUTPUTS if name in outputs}
            for name in outputs:
                seen[name] += getattr(effects, name).num_rows
            for name in set(OUTPUTS) - set(outputs):
                with pytest.raises(AttributeError, match=f"^{name}: the engine was made with the outputs "):
                    getattr(effects, name)
        assert made.digest() == whole.digest()
    assert all(seen.values()), seen


@pytest.mark.parametrize("outputs", [("commands", "interval"), ["Commands"], ("accounts",)])
def test_an_output_that_there_is_not(outputs):
    with pytest.raises(
        SchemaError, match=r"^outputs: .*: no such output; expected some of intervals, ledger"
    ):
        engine(outputs)


# ---- threads


class Nested:
    """A batch that uses its engine while the engine takes it."""

    def __init__(self, use: Callable[[], object]) -> None:
        self.use = use

    def __arrow_c_array__(self, requested_schema: object = None) -> object:
        self.use()
        raise AssertionError("the engine let itself be used while it was at work")


USES: dict[str, Callable[[Engine], object]] = {
    "apply": lambda made: made.apply("tick", None, START),
    "balance": lambda made: made.balance("A0"),
    "account": lambda made: made.account("A0"),
    "save": lambda made: made.save(io.BytesIO()),
    **{
        name: methodcaller(name)
        for name in ("accounts", "meters", "districts", "gaps", "findings", "orders", "commands")
    },
    **{name: methodcaller(name) for name in ("stats", "digest", "audit")},
}


@pytest.mark.parametrize("use", USES)
def test_an_engine_at_work_is_not_used_again(use):
    made = through("utf8")
    before = made.digest()
    USES[use](made)
    made = through("utf8")
    with pytest.raises(FeikongError, match="at work in another thread; expected one thread at a time"):
        made.apply("reads", Nested(lambda: USES[use](made)), made.now_s)
    assert made.digest() == before
    made.apply("reads", good_batches("utf8")["reads"], made.now_s)
    assert made.digest() != before


def many_reads(count: int) -> pa.RecordBatch:
    """Reads of one register, whose value climbs by one from one cell to the next."""
    step = np.arange(1, count + 1)
    return pa.record_batch(
        {
            "meter_id": pa.array(np.full(count, id_of("uint64", "M0"), np.uint64)),
            "at": pa.array(START + (step % 35_000) * STEP),
            "value": pa.array(step),
            "status": pa.array(np.zeros(count, np.uint16)),
        }
    )


def test_one_engine_in_two_threads_says_so():
    made = engine((), CONFIG.replace('max_jump = "7d"', 'max_jump = "400d"'))
    for kind, batch, now in story("uint64")[:3]:
        made.apply(kind, batch, now)
    reads, now, started, refused = many_reads(2_000_000), START + 365 * DAY_S, Event(), []

    def work() -> None:
        started.set()
        try:
            made.apply("reads", reads, now)
        except FeikongError as error:
            refused.append(error)

    worker = Thread(target=work)
    worker.start()
    started.wait()
    while worker.is_alive():
        try:
            made.apply("tick", None, START)
        except FeikongError as error:
            refused.append(error)
    worker.join()
    assert refused
    assert all("one thread at a time" in str(error) for error in refused)
    made.audit()


def test_engines_in_two_threads_give_what_they_give_one_after_the_other():
    logs = {ids: story(ids, 300) for ids in KIND_OF_IDS}
    given: dict[str, list[Any]] = {ids: [] for ids in KIND_OF_IDS}

    def work(ids: str, out: list[Any]) -> None:
        made = engine()
        out.extend(told(made.apply(*batch)) for batch in logs[ids])
        out.append(made.digest())

    workers = [Thread(target=work, args=(ids, given[ids])) for ids in KIND_OF_IDS]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for ids in KIND_OF_IDS:
        alone: list[Any] = []
        work(ids, alone)
        assert len(alone) == len(logs[ids]) + 1
        assert given[ids] == alone


def test_a_meter_that_starts_nowhere_is_no_malformed_batch():
    made = through("utf8", 2)
    stray = meter("utf8", "M7", "A0") | {"account_id": "nobody"}
    found = made.apply("meters", rows("meters", "utf8", stray), START).exceptions.to_pylist()
    assert [(row["reason"], row["subject"]) for row in found] == [("unknown_account", "M7")]
