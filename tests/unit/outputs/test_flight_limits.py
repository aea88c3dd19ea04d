"""Who asks for much, takes little, or goes away costs others nothing; files that go while they are read come once."""

from __future__ import annotations

import time

import pyarrow as pa
import pytest
from pyarrow import flight

from pipeline.outputs.description import Gap
from pipeline.outputs.flight import server as serving
from pipeline.outputs.flight import streams
from pipeline.outputs.flight.sealed import Sealed
from pipeline.outputs.flight.tickets import Ask
from pipeline.outputs.flight.wanted import Wanted
from pipeline.outputs.shown import Shown
from pipeline.outputs.tables import output_schema
from unit.outputs.flight_world import Served, ask, begun, by_seq, follow, get, wanted

QUICK = flight.FlightCallOptions(timeout=20)
WAIT_S = 20.0


def until(true) -> None:
    for _ in range(int(WAIT_S / 0.02)):
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come to that")


def test_no_more_streams_run_than_may_and_who_ends_leaves_room(tmp_path, monkeypatch):
    monkeypatch.setattr(serving, "STREAMS_MAX", 3)
    served = begun(tmp_path, days=2)
    with served.serve(), served.client() as client:
        running = [client.do_get(ask(follow="ledger", shard=0), QUICK) for _ in range(3)]
        for each in running:
            each.read_chunk()
        with pytest.raises(flight.FlightUnavailableError, match="too many ask at once; try again"):
            get(client, output="ledger")
        running[0].cancel()

        def room() -> bool:
            try:
                return get(client, output="ledger").num_rows > 0
            except flight.FlightUnavailableError:
                return False

        until(room)
        for _ in range(10):  # and those that fail leave room, too
            with pytest.raises(flight.FlightServerError):
                client.do_get(ask(follow="ledger", shard=0, seq=10**6), QUICK).read_chunk()
        assert get(client, output="ledger").num_rows
        for each in running[1:]:
            each.cancel()


def test_of_those_that_hold_a_table_there_are_fewer(tmp_path, monkeypatch):
    monkeypatch.setattr(serving, "TABLES_MAX", 0)
    served = begun(tmp_path, days=2)
    with served.serve(), served.client() as client:
        for asked in ({"state": "accounts"}, {"tail": "ledger"}, {"output": "ledger"}):
            with pytest.raises(flight.FlightUnavailableError, match="too many ask at once"):
                get(client, **asked)
        assert follow(client, served.outputs.follower.seq, follow="ledger")


def test_a_client_that_takes_nothing_delays_neither_rows_nor_the_end(tmp_path, monkeypatch):
    served = begun(tmp_path, days=2)
    made = wanted("intervals")
    large = pa.concat_tables([made] * 400).combine_chunks()
    monkeypatch.setattr(Sealed, "rows", lambda self, wanted, sealed: iter([large] * 500))
    taken = []
    batches = streams._batches

    def counted(*given):
        for each in batches(*given):
            taken.append(each[0].nbytes)
            yield each

    monkeypatch.setattr(streams, "_batches", counted)
    server = served.serve()
    with served.client() as slow, served.client() as quick:
        stalled = slow.do_get(ask(output="intervals"))
        stalled.read_chunk()
        follow(quick, served.outputs.follower.seq, follow="ledger")
        time.sleep(0.3)
        before = len(taken)
        served.shard.write(3)
        served.outputs.follow(served.shard.last)
        messages = follow(quick, served.outputs.follower.seq, follow="ledger")
        assert messages[-1][1] == served.outputs.follower.seq + 1
        time.sleep(0.5)
        assert len(taken) == before, "what nobody takes is not made"
        assert sum(taken) < 64 << 20
        began = time.monotonic()
        server.close()
        assert time.monotonic() - began < 10 * serving.CLOSE_S
        stalled.cancel()


def test_streams_end_with_the_server(tmp_path):
    served = begun(tmp_path, days=2)
    server = served.serve()
    with served.client() as client:
        reader = client.do_get(ask(follow="ledger", shard=0), QUICK)
        reader.read_chunk()
        server.close()
        with pytest.raises(flight.FlightUnavailableError):
            reader.read_all()


@pytest.mark.parametrize("name", ["intervals", "notices"])
@pytest.mark.parametrize("moment", [0, 1, 4, 7])
def test_a_day_that_is_compacted_while_it_is_read_comes_once(tmp_path, monkeypatch, name, moment):
    monkeypatch.setattr("pipeline.outputs.flight.sealed.BATCH_ROWS", 5)
    served = Served(tmp_path, 2)
    served.write()
    schema = output_schema(name, pa.uint64())
    sealed = served.outputs.follower.sealed
    found = []
    asked = Wanted(Ask("output", name), schema)
    for number, table in enumerate(Sealed(served.places, name).rows(asked, {0: sealed})):
        if number == moment:
            compact(served)
            assert (served.places.day(name, served.places.days(name)[0]) / "_made.json").exists()
        found += table.select(["seq"]).to_pylist()
    expected = [row for row in wanted(name, 2).select(["seq"]).to_pylist() if row["seq"] <= sealed]
    assert number > moment
    assert sorted(found, key=repr) == sorted(expected, key=repr)


def compact(served: Served) -> None:
    """Compact what is over; then what was replaced is removed, too."""
    for _ in range(3):
        served.outputs.keep()


def test_who_follows_while_days_are_compacted_has_every_row_once(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.outputs.flight.sealed.WINDOW_ROWS", 10)
    for moment in (0, 3, 9):
        served = Served(tmp_path / str(moment), 2)
        served.write()
        schema = output_schema("intervals", pa.uint64())
        sealed = served.outputs.follower.sealed
        found = []
        stream = Sealed(served.places, "intervals").after(
            Wanted(Ask("follow", "intervals"), schema), 0, 20, sealed
        )
        for number, whole in enumerate(stream):
            if number == moment:
                compact(served)
            assert whole.rows["seq"][-1].as_py() < whole.next_seq
            found += whole.rows.select(["seq", "row"]).to_pylist()
        expected = [
            row
            for row in wanted("intervals", 2).select(["seq", "row"]).to_pylist()
            if 20 <= row["seq"] <= sealed
        ]
        assert found == expected


def test_a_gap_is_said_where_it_is_and_so_is_what_was_dropped(tmp_path):
    served = begun(tmp_path, days=3, keep_days={"notices": 1})
    oldest = served.places.pieces("notices", served.places.days("notices")[0])[0].first
    assert oldest > 5
    last = served.outputs.follower.seq
    with served.serve(dropped={"notices"}), served.client() as client:
        with pytest.raises(
            flight.FlightServerError, match=f"notices of shard 0 is kept from batch {oldest} on"
        ) as gone:
            follow(client, last, follow="notices", shard=0, seq=5)
        assert gone.value.extra_info == b"cursor"
        rows = [row for batch, _ in follow(client, last, follow="notices") for row in batch.to_pylist()]
        assert by_seq(pa.Table.from_pylist(rows)) != []
        assert min(row["seq"] for row in rows) >= oldest
        assert follow(client, last, follow="ledger", shard=0, seq=20)


def test_rows_come_up_to_a_gap(tmp_path):
    served = begun(tmp_path, days=2)
    described = served.outputs.description
    described.change(0, lambda now: type(now)(now.first, (Gap(40, 44),), now.policies))
    last = served.outputs.follower.seq
    with served.serve(), served.client() as client:
        reader = client.do_get(ask(follow="intervals", shard=0, seq=20), QUICK)
        found: list[int] = []

        def take() -> None:
            while True:
                found.extend(reader.read_chunk().data["seq"].to_pylist())

        with pytest.raises(
            flight.FlightServerError, match=r"of the batches 40 to 44.* Go on with batch 45"
        ) as gone:
            take()
        assert gone.value.extra_info == b"cursor"
        assert found == [seq for seq in wanted("intervals", 2)["seq"].to_pylist() if 20 <= seq < 40]
        rest = follow(client, last, follow="intervals", shard=0, seq=45)
        assert min(seq for batch, _ in rest for seq in batch["seq"].to_pylist()) >= 45


def test_what_is_cut_between_the_tail_and_the_files_comes_once(tmp_path, monkeypatch):
    served = Served(tmp_path, 2)
    served.write(8)
    tail = Shown.tail

    def then_cut(self, name):
        found = tail(self, name)
        sealed = served.outputs.follower.sealed
        served.write()
        assert served.outputs.follower.sealed > sealed
        return found

    monkeypatch.setattr(Shown, "tail", then_cut)
    last = served.outputs.follower.seq
    with served.serve(), served.client() as client:
        found = get(client, output="intervals")
    assert by_seq(found) == [row for row in by_seq(wanted("intervals", 2)) if row["seq"] <= last]


def test_a_file_that_is_damaged_is_said(tmp_path):
    served = begun(tmp_path, days=2)
    path = next(served.places.files("ledger"))
    path.write_bytes(path.read_bytes()[:-9])
    with served.serve(), served.client() as client:
        with pytest.raises(flight.FlightServerError, match="the outputs cannot be read: ") as damaged:
            get(client, output="ledger")
        assert damaged.value.extra_info == b"outputs"
        assert "Traceback" not in str(damaged.value)
        assert get(client, output="intervals").num_rows == wanted("intervals", 2).num_rows
