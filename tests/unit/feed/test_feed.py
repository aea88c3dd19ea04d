"""The feed of one shard: what is kept, what leaves, and what no subscriber can do to others."""

from __future__ import annotations

import pyarrow as pa
import pytest

from pipeline.feed import Ask, Fed, Feed, feed
from pipeline.feed.ring import Ring
from pipeline.wire import Reason, Refused
from pipeline.wire.outputs import NEWEST, OLDEST, Cursor, Output, output_body, read_output
from unit.feed.world import KEY, SCHEMA, effects, rows

OTHER = bytes(32)
MIB = 1 << 20


def made(batches: int = 0, count: int = 10, kept_bytes: int = MIB, width: int = 8) -> Feed:
    found = Feed(["ledger"], kept_bytes, 1, 2, 3)
    found.begin(True, 1)
    for seq in range(2, 2 + batches):
        found.take(seq, effects(seq, count, width))
    return found


def ask(start: Cursor = OLDEST, credit_bytes: int = 16 * MIB, output: str = "ledger") -> Ask:
    return Ask(output, start, credit_bytes)


def read(fed: Fed) -> Output:
    return read_output(fed.body, fed.rows)


def drain(live: Feed, producer: bytes = KEY, session: int = 1) -> list[Output]:
    """Take all that comes, at once."""
    found = []
    for second in range(1000):
        feds, _ = live.poll(float(second))
        if not feds:
            return found
        found += [read(fed) for fed in feds]
        live.subscribe(producer, session, ask(found[-1].end))
    raise AssertionError("it does not end")


def refusal(live: Feed, asked: Ask) -> Refused:
    with pytest.raises(Refused) as refused:
        live.subscribe(KEY, 1, asked)
    return refused.value


def test_every_row_comes_once_whatever_a_message_takes(monkeypatch):
    for most_bytes in (1, 50, 333, 5000, 1 << 18):
        monkeypatch.setattr(feed, "MESSAGE_BYTES", most_bytes)
        live = made(5, count=7)
        live.subscribe(KEY, 1, ask())
        found = drain(live)
        assert found[0].start == Cursor(1)
        assert found[-1].end == Cursor(7)
        assert [each.end for each in found[:-1]] == [each.start for each in found[1:]]
        texts = [text for each in found for text in each.rows["text"].to_pylist()]
        assert texts == [f"{seq}:{row}".ljust(8, ".") for seq in range(2, 7) for row in range(7)]
        assert all((each.shard, each.shards, each.generation) == (1, 2, 3) for each in found)
        assert len(found) == {1: 35, 50: 18, 333: 3, 5000: 1, 1 << 18: 1}.get(most_bytes, len(found))


def test_a_subscription_begins_with_an_answer_although_there_is_nothing():
    live = made()
    live.subscribe(KEY, 1, ask())
    ((fed,), more) = live.poll(0.0)
    assert not more
    assert (fed.producer, fed.session, fed.rows) == (KEY, 1, 0)
    assert read(fed)[:2] == (Cursor(1), Cursor(2))
    assert live.poll(100.0) == ([], False)


def test_a_cursor_moves_on_where_there_are_no_rows():
    live = made()
    live.subscribe(KEY, 1, ask(NEWEST))
    (fed,), _ = live.poll(0.0)
    assert read(fed).end == Cursor(2)
    for seq in range(2, 9):
        live.take(seq, effects(seq, 0))
    assert live.poll(10.0) == ([], False)  # the first is not known to be taken
    live.subscribe(KEY, 1, ask(Cursor(2)))
    assert live.poll(0.5) == ([], False)
    (fed,), _ = live.poll(1.0)
    assert read(fed) == (Cursor(2), Cursor(9), 1, 2, 3, None)


def test_what_has_no_room_is_forgotten_oldest_first_and_said_to_be():
    live = made(20, count=10, kept_bytes=10_000)
    oldest = live.stats()["oldest"]["ledger"]
    assert 2 < oldest < 21
    assert live.stats()["kept_bytes"]["ledger"] <= 10_000
    live.subscribe(KEY, 1, ask(Cursor(oldest)))
    assert sum(each.rows.num_rows for each in drain(live)) == 10 * (22 - oldest)
    live.gone(KEY, 1)
    refused = refusal(live, ask(Cursor(oldest - 1, 3)))
    assert refused.reason is Reason.CURSOR
    assert refused.text == (
        f"ledger is kept from batch {oldest} on, up to 21; asked for from row 3 of batch {oldest - 1}"
    )
    assert refusal(live, ask(Cursor(23))).reason is Reason.CURSOR
    live.subscribe(KEY, 1, ask(Cursor(22)))
    live.gone(KEY, 1)
    live.subscribe(KEY, 1, ask())
    (first, *_), _ = live.poll(0.0)
    assert read(first).start == Cursor(oldest)


def test_the_newest_batch_is_kept_whatever_it_takes():
    ring = Ring(1000)
    ring.add(2, rows(2, 5))
    ring.add(3, rows(3, 5000))
    assert ring.oldest == 3
    assert ring.read(Cursor(3), 4, MIB).rows.num_rows == 5000


def test_a_row_of_a_batch_without_any_is_none_of_the_next():
    ring = Ring(MIB)
    ring.add(6, rows(6, 3))
    assert ring.read(Cursor(5, 2), 7, MIB).rows.num_rows == 3


def test_many_batches_come_and_go():
    ring = Ring(20_000)
    for seq in range(2, 10_000):
        ring.add(seq, rows(seq, 1))
        assert ring.kept_bytes <= 20_000
    found, end = ring.read(Cursor(ring.oldest), 10_000, MIB)
    assert found["seq"].to_pylist() == list(range(ring.oldest, 10_000))
    assert end == Cursor(10_000)


def test_rows_from_before_ids_had_a_type_come_by_themselves():
    ring = Ring(MIB)
    ring.add(2, pa.record_batch([pa.array([2], pa.uint64()), pa.nulls(1)], ["seq", "text"]))
    ring.add(3, rows(3, 2))
    found, end = ring.read(OLDEST, 4, MIB)
    assert (found.num_rows, end) == (1, Cursor(3))
    assert ring.read(end, 4, MIB).rows.schema == SCHEMA


@pytest.mark.parametrize("credit_bytes", [0, 1, 3000, 1 << 40])
def test_no_more_is_on_its_way_than_the_credit(monkeypatch, credit_bytes):
    monkeypatch.setattr(feed, "MESSAGE_BYTES", 1000)
    live = made(100)
    live.subscribe(KEY, 1, ask(credit_bytes=credit_bytes))
    feds, more = live.poll(0.0)
    assert len(feds) == {0: 0, 1: 1, 3000: 2}.get(credit_bytes, feed.MESSAGES_MAX)
    assert not more
    assert live.poll(100.0) == ([], False)
    if len(feds) > 1:
        live.subscribe(KEY, 1, ask(read(feds[0]).end, credit_bytes))
        (again,), _ = live.poll(0.0)
        assert read(again).start == read(feds[-1]).end


def test_one_call_does_no_more_than_it_may_and_each_has_its_turn(monkeypatch):
    monkeypatch.setattr(feed, "POLL_BYTES", 3000)
    monkeypatch.setattr(feed, "MESSAGE_BYTES", 1000)
    live = made(100)
    live.subscribe(KEY, 1, ask())
    live.subscribe(OTHER, 2, ask())
    feds, more = live.poll(0.0)
    assert more
    assert sum(len(fed.body) for fed in feds[:-1]) < 3000
    assert {fed.producer for fed in feds} == {KEY, OTHER}
    rest = [fed for _ in range(9) for fed in live.poll(0.0)[0]]
    assert len(feds) + len(rest) == 2 * feed.MESSAGES_MAX


def test_what_could_not_be_sent_is_sent_again_with_what_came_behind_it(monkeypatch):
    monkeypatch.setattr(feed, "MESSAGE_BYTES", 1000)
    live = made(100)
    live.subscribe(KEY, 1, ask())
    feds, _ = live.poll(0.0)
    for fed in feds[1:]:
        live.unsent(fed)
    again, _ = live.poll(0.0)
    assert again == feds[1:]


def test_who_was_left_behind_is_told_when_it_comes():
    live = made(3, kept_bytes=20_000)
    live.subscribe(KEY, 1, ask(credit_bytes=1))
    (fed,), _ = live.poll(0.0)
    for seq in range(5, 100):
        live.take(seq, effects(seq, 10))
    assert live.poll(1.0) == ([], False)
    assert refusal(live, ask(read(fed).end)).reason is Reason.CURSOR
    assert live.stats()["subscribers"] == 0


def test_what_was_forgotten_before_it_was_sent_is_no_silent_hole():
    live = made(3, kept_bytes=20_000)
    live.subscribe(KEY, 1, ask(Cursor(3)))
    for seq in range(5, 100):
        live.take(seq, effects(seq, 10))
    assert live.poll(1.0) == ([], False)
    assert refusal(live, ask(Cursor(3))).reason is Reason.CURSOR


def test_a_new_session_begins_where_it_says_and_the_old_ones_end_nothing():
    live = made(3)
    live.subscribe(KEY, 1, ask())
    live.poll(0.0)
    live.subscribe(KEY, 2, ask(Cursor(3, 4)))
    live.gone(KEY, 1)
    (fed,), _ = live.poll(0.0)
    assert (fed.session, read(fed).start) == (2, Cursor(3, 4))
    live.gone(KEY, 2)
    live.take(5, effects(5, 1))
    assert live.poll(100.0) == ([], False)


def test_an_output_that_is_not_kept():
    live = made(1)
    live.take(3, effects(3, 5, name="notices"))
    refused = refusal(live, ask(output="notices"))
    assert (refused.reason, refused.text) == (
        Reason.OUTPUT,
        "'notices' is no output of this node's feed: ledger",
    )


@pytest.mark.parametrize(("whole", "replayed", "oldest"), [(True, 5, 0), (False, 5, 7), (False, 0, 12)])
def test_after_a_start_there_is_what_was_replayed(whole, replayed, oldest):
    live = Feed(["ledger"], MIB)
    for seq in range(12 - replayed, 12):
        live.take(seq, effects(seq, 2))
    live.begin(whole, 11)
    assert live.stats()["oldest"]["ledger"] == oldest
    live.subscribe(KEY, 1, ask(Cursor(12)))
    if oldest:
        live.gone(KEY, 1)
        assert refusal(live, ask(Cursor(oldest - 1))).reason is Reason.CURSOR


def test_a_body_that_is_none():
    whole = output_body(Output(Cursor(2), Cursor(3), 0, 1, 0, rows(2, 3)))
    assert read_output(whole, 3).rows == rows(2, 3)
    for body, count, reason in (
        (whole[:31], 0, Reason.BODY_LENGTH),
        (whole[:32], 3, Reason.INVALID),
        (whole[:-40], 3, Reason.INVALID),
        (whole, 2, Reason.ROWS),
    ):
        with pytest.raises(Refused) as refused:
            read_output(body, count)
        assert refused.value.reason is reason
