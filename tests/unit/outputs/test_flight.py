"""What is asked for over Flight comes, all of it, once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from pyarrow import flight

from fastcore.schemas import STATES
from pipeline.outputs.flight import streams
from pipeline.outputs.flight.wanted import TIMES, plain
from pipeline.outputs.follower import ALL
from pipeline.outputs.tables import output_schema, state_schema
from unit import core_world
from unit.outputs.flight_world import Served, ask, begun, by_seq, follow, get, wanted
from unit.outputs.world import DAY_S, IDS

A1 = core_world.id_of(IDS, "A1")

IN_ORDER = ("intervals", "ledger", "exceptions", "findings", "orders")
"""Outputs whose rows stand in the order in which they were made when their day is compacted, too."""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    found = begun(tmp_path_factory.mktemp("n"))
    with found.serve():
        yield found


def text(moment_s: float) -> str:
    return datetime.fromtimestamp(moment_s, UTC).isoformat()


@pytest.mark.parametrize("name", ALL)
def test_an_output_is_all_rows_of_files_and_of_memory(served, name):
    with served.client() as client:
        table = get(client, output=name)
        tail = get(client, tail=name)
    assert table.schema == wanted(name).schema
    assert by_seq(table) == by_seq(wanted(name))
    sealed = served.outputs.follower.sealed
    assert by_seq(tail) == [row for row in by_seq(wanted(name)) if row["seq"] > sealed]


def test_some_rows_are_in_days_that_are_compacted_some_in_pieces_some_in_no_file(served):
    days = served.places.days("intervals")
    made = [(served.places.day("intervals", day) / "_made.json").exists() for day in days]
    assert (True in made, False in made) == (True, True)
    with served.client() as client:
        assert get(client, tail="intervals").num_rows > 0
    oldest = served.outputs.follower.rings["intervals"].oldest
    assert 20 < oldest <= served.outputs.follower.sealed + 1


@pytest.mark.parametrize("name", sorted(STATES))
def test_a_state_is_that_of_the_engine_now(served, name):
    with served.client() as client:
        table = get(client, state=name)
        info = client.get_flight_info(flight.FlightDescriptor.for_path("state", name))
    assert table.schema == info.schema == plain(state_schema(name, pa.uint64()))
    expected = getattr(served.outputs.follower.engine, name)().drop_columns([])
    columns = [column for column in expected.column_names if not column.endswith("id") or name == "accounts"]
    assert table.select(columns).to_pylist() == expected.select(columns).to_pylist()
    assert set(table["shard"].to_pylist()) <= {0}


@pytest.mark.parametrize("name", ALL)
def test_rows_of_some_time_come_and_no_others(served, name):
    column = TIMES[name]
    whole = wanted(name).to_pylist()
    times = sorted({row[column].timestamp() for row in whole if row[column] is not None})
    assert times
    since_s, until_s = times[len(times) // 4], times[3 * len(times) // 4] + 1
    expected = [row for row in whole if row[column] and since_s <= row[column].timestamp() < until_s]
    with served.client() as client:
        found = get(client, output=name, since=text(since_s), until=text(until_s))
        # Half a second after the first: that one is before it.
        later = get(client, output=name, since=text(since_s + 0.5), until=text(until_s))
        assert get(client, output=name, until=text(times[0])).num_rows == 0
    assert by_seq(found) == sorted(expected, key=repr)
    rest = [row for row in expected if row[column].timestamp() > since_s]
    assert by_seq(later) == sorted(rest, key=repr)


@pytest.mark.parametrize("name", [*ALL, "accounts", "meters"])
@pytest.mark.parametrize("key", ["accounts", "districts", "meters"])
def test_rows_of_some_ids_come_or_it_is_said_that_there_is_no_such_column(served, name, key):
    column = f"{key[:-1]}_id"
    kind = "output" if name in ALL else "state"
    with served.client() as client:
        whole = get(client, **{kind: name})
        if column not in whole.column_names:
            with pytest.raises(
                flight.FlightServerError, match=f"{name} has no column {column}; it can be filt"
            ):
                get(client, **{kind: name, key: [1]})
            return
        ids = sorted({each for each in whole[column].to_pylist() if each is not None})[:2]
        found = get(client, **{kind: name, key: ids})
        assert get(client, **{kind: name, key: [12345678]}).num_rows == 0
    assert by_seq(found) == [row for row in by_seq(whole) if row[column] in ids]


def test_columns_come_as_they_are_asked_for(served):
    with served.client() as client:
        found = get(client, output="ledger", columns=["amount", "account_id"], accounts=[A1])
        assert found.column_names == ["amount", "account_id"]
        assert get(client, state="accounts", columns=["balance"]).column_names == ["balance"]
        whole = get(client, output="ledger", accounts=[A1])
    key = ["amount", "account_id"]
    assert by_seq(found) == by_seq(whole.select(key))


def test_all_that_there_is_is_listed_with_tickets_that_give_it(served):
    with served.client() as client:
        listed = {b"/".join(info.descriptor.path).decode(): info for info in client.list_flights()}
        assert sorted(listed) == sorted(
            [f"{kind}/{name}" for kind in ("output", "tail", "follow") for name in ALL]
            + [f"state/{name}" for name in STATES]
        )
        assert sum(1 for _ in client.list_flights(b"state/")) == len(STATES)
        info = listed["output/ledger"]
        assert info.schema == plain(output_schema("ledger", pa.uint64()))
        assert len(info.endpoints) == 1
        table = client.do_get(info.endpoints[0].ticket).read_all()
        assert table.num_rows == wanted("ledger").num_rows
        command = json.dumps({"output": "ledger", "columns": ["amount"], "accounts": [A1]}).encode()
        asked = client.get_flight_info(flight.FlightDescriptor.for_command(command))
        assert asked.schema.names == ["amount"]
        assert client.do_get(asked.endpoints[0].ticket).read_all().column_names == ["amount"]
        schema = client.get_schema(flight.FlightDescriptor.for_path("state", "accounts")).schema
        assert schema == plain(state_schema("accounts", pa.uint64()))
        assert [*client.list_actions()] == []


@pytest.mark.parametrize("name", ALL)
def test_who_follows_from_the_start_has_every_row_in_order(served, name):
    with served.client() as client:
        messages = follow(client, served.outputs.follower.seq, follow=name)
    rows = [row for batch, _ in messages for row in batch.to_pylist()]
    if name in IN_ORDER:
        assert rows == wanted(name).to_pylist()
    assert sorted(rows, key=repr) == by_seq(wanted(name))
    assert [row["seq"] for row in rows] == sorted(row["seq"] for row in rows)


def test_each_message_is_whole_batches_and_says_where_to_go_on(served, monkeypatch):
    monkeypatch.setattr(streams, "READ_BYTES", 600)
    monkeypatch.setattr("pipeline.outputs.flight.sealed.WINDOW_ROWS", 7)
    last = served.outputs.follower.seq
    with served.client() as client:
        messages = follow(client, last, follow="intervals")
        assert len(messages) > 30
        seqs = [sorted(set(batch["seq"].to_pylist())) for batch, _ in messages if batch.num_rows]
        flat = [seq for each in seqs for seq in each]
        assert flat == sorted(set(flat))
        cursors = [seq for _, seq in messages]
        assert cursors == sorted(cursors)
        for place in (0, 5, len(messages) // 2, len(messages) - 2):
            rest = follow(client, last, follow="intervals", shard=0, seq=cursors[place])
            rows = [row for batch, _ in rest for row in batch.to_pylist()]
            assert rows == [row for row in wanted("intervals").to_pylist() if row["seq"] >= cursors[place]]


def test_who_follows_some_accounts_gets_theirs_and_its_cursor_moves_on(served):
    with served.client() as client:
        messages = follow(
            client, served.outputs.follower.seq, follow="ledger", accounts=[A1], columns=["amount"]
        )
    rows = [row for batch, _ in messages for row in batch.to_pylist()]
    assert rows == [
        {"amount": row["amount"]} for row in wanted("ledger").to_pylist() if row["account_id"] == A1
    ]
    assert messages[-1][1] == served.outputs.follower.seq + 1


def test_rows_come_while_they_are_made(tmp_path):
    served = Served(tmp_path)
    served.write(12)
    before = served.outputs.follower.seq
    with served.serve(), served.client() as client:
        reader = client.do_get(ask(follow="ledger", shard=0, start="newest"))
        first = reader.read_chunk()
        assert (first.data.num_rows, json.loads(first.app_metadata.to_pybytes())) == (0, {"seq": before + 1})
        found = []
        while served.shard.left:
            served.write(25)
            last = served.outputs.follower.seq
            while True:
                chunk = reader.read_chunk()
                found += chunk.data.to_pylist()
                if json.loads(chunk.app_metadata.to_pybytes())["seq"] > last:
                    break
        reader.cancel()
    assert found == [row for row in wanted("ledger").to_pylist() if row["seq"] > before]


def test_the_schema_is_known_before_the_first_registry(tmp_path):
    served = Served(tmp_path)
    with served.serve(), served.client() as client:
        assert get(client, output="ledger").num_rows == 0
        assert get(client, state="accounts").num_rows == 0
        assert get(client, tail="ledger").schema == plain(output_schema("ledger", pa.string()))


def test_a_day_of_rows_spans_what_its_name_says(served):
    """The history is as long as these tests take it to be."""
    times = [row["at"] for row in wanted("ledger").to_pylist()]
    assert max(times) - min(times) > timedelta(seconds=DAY_S)
