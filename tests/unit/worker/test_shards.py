"""One producer, several shards: rows where they belong, numbers in all of them, the least of their answers."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from pipeline.node.internal import Batch, Commands, Directory, Learned, Ready, Spent
from pipeline.node.layout import Layout, command_base
from pipeline.wire import Kind, Role, control, read_batch, write_batch
from pipeline.wire import Ready as TakesCommands
from pipeline.wire.commands import Command, Signer, commands_body
from pipeline.wire.schemas import SCHEMAS
from pipeline.worker.directory import UNKNOWN, home_of, homes
from pipeline.worker.directory import Directory as Known
from pipeline.worker.split import Split
from pipeline.worker.windows import Window
from unit.wire.samples import NOON, body, reads
from unit.worker.world import World

U64 = pa.uint64()


def table(kind: Kind, ids: str = "uint64", **columns: object) -> pa.RecordBatch:
    """A batch of a kind of which only these columns matter."""
    schema = SCHEMAS[kind][ids]
    rows = len(next(iter(columns.values())))
    arrays = []
    for field in schema:
        if field.name in columns:
            arrays.append(pa.array(columns[field.name], field.type))
        elif field.nullable:
            arrays.append(pa.nulls(rows, field.type))
        else:
            zero = "x" if pa.types.is_string(field.type) else 0
            values = pa.array([zero] * rows)
            money = pa.types.is_decimal(field.type)
            arrays.append(values.view(field.type) if money else values.cast(field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def learn(split: Split, what: str, shard: int, *ids: int | str) -> None:
    kind = pa.string() if ids and isinstance(ids[0], str) else U64
    split.directory.learn(what, pa.array(ids, kind), shard)


def values(split: Split, kind: Kind, rows: pa.RecordBatch, column: str) -> list[list[object]]:
    pieces = split.cut(kind, rows, [rows.num_rows])
    assert [piece.rows for piece in pieces] == [[piece.batch.num_rows] for piece in pieces]
    assert all(piece.batch.schema.equals(rows.schema) for piece in pieces)
    return [piece.batch[column].to_pylist() for piece in pieces]


@pytest.fixture
def split() -> Split:
    made = Split(Layout(3))
    learn(made, "accounts", 0, 10, 13)
    learn(made, "accounts", 1, 11)
    learn(made, "accounts", 2, 12)
    learn(made, "meters", 0, 100)
    learn(made, "meters", 1, 101, 104)
    learn(made, "meters", 2, 102)
    return made


def test_a_district_has_one_home_in_every_process_and_for_ever():
    assert [home_of(district, 7) for district in (0, 1, 2, 1 << 63)] == [3, 0, 0, 1]
    assert [home_of(district, 7) for district in ("", "1", "北")] == [4, 6, 6]
    found = homes(pa.array([5, None, 5, 6], U64), 4).tolist()
    assert found == [home_of(5, 4), UNKNOWN, home_of(5, 4), home_of(6, 4)]
    assert len({home_of(district, 4) for district in range(100)}) == 4


def test_reads_go_where_their_meter_is_and_unknown_ones_to_the_first(split):
    rows = table(Kind.READS, meter_id=[102, 100, 7, 101, 104, 102], value=[1, 2, 3, 4, 5, 6])
    assert values(split, Kind.READS, rows, "value") == [[2, 3], [4, 5], [1, 6]]


def test_payments_go_where_their_account_is(split):
    rows = table(Kind.PAYMENTS, payment_id=[bytes([i] * 16) for i in range(4)], account_id=[12, 10, 99, 11])
    assert values(split, Kind.PAYMENTS, rows, "account_id") == [[10, 99], [11], [12]]


def test_a_new_account_goes_to_its_districts_home_and_stays_there(split):
    away = next(district for district in range(100) if home_of(district, 3) == 1)
    other = next(district for district in range(100) if home_of(district, 3) == 2)
    rows = table(Kind.ACCOUNTS, account_id=[20, 10, 20], district_id=[away, away, other])
    assert values(split, Kind.ACCOUNTS, rows, "account_id") == [[10], [20, 20], []]
    meters = table(Kind.METERS, meter_id=[200, 201], account_id=[20, 12], role=["consumer"] * 2)
    assert values(split, Kind.METERS, meters, "meter_id") == [[], [200], [201]]
    later = table(Kind.ACCOUNTS, account_id=[20], district_id=[other])
    assert values(split, Kind.ACCOUNTS, later, "account_id") == [[], [20], []]


def test_meters_follow_the_first_accounts_of_all_before_anybody_was_told():
    split = Split(Layout(3))
    accounts = table(Kind.ACCOUNTS, account_id=range(30), district_id=[i // 3 for i in range(30)])
    where = values(split, Kind.ACCOUNTS, accounts, "account_id")
    assert all(where)
    meters = table(Kind.METERS, meter_id=range(30), account_id=range(30), role=["consumer"] * 30)
    assert values(split, Kind.METERS, meters, "account_id") == where


def test_ids_of_the_other_type_are_nobodys(split):
    rows = table(Kind.READS, "utf8", meter_id=["100", "101"])
    assert values(split, Kind.READS, rows, "meter_id") == [["100", "101"], [], []]


def test_a_supply_meter_goes_to_its_districts_home(split):
    rows = table(Kind.METERS, meter_id=[300], district_id=[5], account_id=[11], role=["supply"])
    found = values(split, Kind.METERS, rows, "meter_id")
    assert found[home_of(5, 3)] == [300]
    assert values(split, Kind.METERS, rows, "district_id")[home_of(5, 3)] == [5]


def test_a_meter_stays_in_the_shard_that_has_it_whatever_account_a_row_names(split):
    rows = table(Kind.METERS, meter_id=[100, 101], account_id=[11, 12], role=["consumer"] * 2)
    assert values(split, Kind.METERS, rows, "meter_id") == [[100], [101], []]
    moving = Split(Layout(3), meters_move=True)
    moving.directory = split.directory
    assert values(moving, Kind.METERS, rows, "meter_id") == [[], [100], [101]]


def test_a_supply_meter_of_another_shards_district_comes_without_it(split):
    near = next(district for district in range(100) if home_of(district, 3) == 0)
    far = next(district for district in range(100) if home_of(district, 3) == 1)
    rows = table(Kind.METERS, meter_id=[100, 100], district_id=[far, near], role=["supply"] * 2)
    assert values(split, Kind.METERS, rows, "district_id") == [[None, near], [], []]


def test_the_first_row_of_a_new_meter_decides_where_it_is_until_its_batch_was_applied(split):
    rows = table(Kind.METERS, meter_id=[300, 300], account_id=[11, 10], role=["consumer"] * 2)
    again = table(Kind.METERS, meter_id=[300], account_id=[12], role=["consumer"])
    assert values(split, Kind.METERS, rows, "account_id") == [[], [11, 10], []]
    assert values(split, Kind.METERS, again, "account_id") == [[], [12], []]
    split.directory.learn_meters(pa.array([300, 300], U64), pa.array([11, 10], U64), 1)
    assert values(split, Kind.METERS, again, "account_id") == [[], [12], []]


def test_a_meter_of_an_account_that_was_not_there_is_nowhere(split):
    """The row was refused in shard 0; once the account is registered, its meter can be, too."""
    rows = table(Kind.METERS, meter_id=[300], account_id=[50], role=["consumer"])
    assert values(split, Kind.METERS, rows, "meter_id") == [[300], [], []]
    split.directory.learn_meters(pa.array([300, 301], U64), pa.array([50, None], U64), 0)
    learn(split, "accounts", 2, 50)
    assert values(split, Kind.METERS, rows, "meter_id") == [[], [], [300]]
    assert split.directory.places("meters", pa.array([301], U64)).tolist() == [0]


def test_updates_go_to_their_account_else_their_meter_else_their_district_else_to_all(split):
    rows = table(
        Kind.UPDATES,
        op=["set_tariff", "rebase_meter", "suspend_trips", "resume_trips", "close_account", "set_policy"],
        account_id=[12, None, None, None, 99, 10],
        meter_id=[None, 101, None, None, None, 102],
        text=["a", None, None, "5", None, None],
    )
    found = values(split, Kind.UPDATES, rows, "op")
    expected = [["suspend_trips", "close_account", "set_policy"], ["rebase_meter", "suspend_trips"]]
    expected.append(["set_tariff", "suspend_trips"])
    expected[home_of(5, 3)].append("resume_trips")
    assert [Counter(ops) for ops in found] == [Counter(ops) for ops in expected]


def test_ids_that_an_engine_counts_carry_their_shard_and_are_given_to_it_without():
    layout = Layout(3, generation=2)
    split = Split(layout)
    ids = [command_base(layout, shard) + 7 + shard for shard in range(3)]
    old = command_base(Layout(3, generation=1), 1) + 9
    acks = table(Kind.ACKS, command_id=[*ids, old, 5])
    assert values(split, Kind.ACKS, acks, "command_id") == [[7, 0], [8, 0], [9]]
    closing = table(
        Kind.UPDATES, op=["close_order", "close_finding", "close_order"], value=[ids[2], ids[0], -1]
    )
    assert values(split, Kind.UPDATES, closing, "value") == [[7, -1], [], [9]]


def test_one_shard_of_a_later_generation_still_reads_its_ids():
    layout = Layout(1, generation=1)
    assert Split(layout).must(Kind.ACKS)
    assert not Split(layout).must(Kind.READS)
    assert not Split(Layout(1)).must(Kind.ACKS)
    acks = table(Kind.ACKS, command_id=[command_base(layout, 0) + 3])
    assert values(Split(layout), Kind.ACKS, acks, "command_id") == [[3]]


@pytest.mark.parametrize("ids", ["uint64", "utf8"])
def test_parts_know_how_many_of_their_rows_went_where(ids):
    random = np.random.default_rng(5)
    split = Split(Layout(4))
    meters = [str(i) if ids == "utf8" else i for i in range(50)]
    where = {meter: int(random.integers(4)) for meter in meters}
    for meter, shard in where.items():
        learn(split, "meters", shard, meter)
    parts = [[meters[i] for i in random.integers(0, 50, size)] for size in (3, 0, 17, 1, 0, 40)]
    rows = table(Kind.READS, ids, meter_id=[meter for part in parts for meter in part])
    pieces = split.cut(Kind.READS, rows, [len(part) for part in parts])
    for shard, piece in enumerate(pieces):
        mine = [[meter for meter in part if where[meter] == shard] for part in parts]
        assert piece.rows == [len(part) for part in mine]
        assert piece.batch["meter_id"].to_pylist() == [meter for part in mine for meter in part]


@pytest.mark.parametrize("ids", ["uint64", "utf8"])
def test_a_directory_agrees_with_a_dictionary(ids):
    random = np.random.default_rng(7)
    known, plain = Known(), {}
    kind = U64 if ids == "uint64" else pa.string()
    for _ in range(60):
        shard = int(random.integers(5))
        some = random.integers(0, 300, int(random.integers(0, 40))).tolist()
        some = [str(each) for each in some] if ids == "utf8" else some
        known.learn("meters", pa.array(some, kind), shard)
        plain.update(dict.fromkeys(some, shard))
        asked = random.integers(0, 300, 50).tolist()
        asked = [*(str(each) if ids == "utf8" else each for each in asked), None]
        expected = [UNKNOWN if each is None else plain.get(each, UNKNOWN) for each in asked]
        assert known.places("meters", pa.array(asked, kind)).tolist() == expected
        assert known.places("accounts", pa.array(asked, kind)).tolist() == [UNKNOWN] * 51


def told(world: World, shard: int, what: str, number: int, *ids: int) -> None:
    sink = pa.BufferOutputStream()
    rows = pa.table({"id": pa.array(ids, U64)})
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    world.shards[shard].say(Directory(what, number), sink.getvalue().to_pybytes())
    world.run()


def test_a_producer_is_acknowledged_when_all_shards_have_settled():
    world = World(2, at_once=False)
    told(world, 0, "meters", 1, 17)
    told(world, 1, "meters", 1, 18)
    assert world.shards[1].of_kind(Learned) == [Learned(1)]
    feeder = world.caller().hello()
    feeder.send(Kind.READS)
    for shard, meter in enumerate((17, 18)):
        (sent,) = world.shards[shard].of_kind(Batch)
        assert [(part.seq, part.rows) for part in sent.parts] == [(1, 1)]
        assert sent.parts[0].session == world.shards[shard].sessions[feeder.key]
        assert read_batch(Kind.READS, world.shards[shard].bodies[-1], 1)["meter_id"].to_pylist() == [meter]
    world.shards[1].settle()
    world.run()
    assert feeder.last(Kind.ACK).header.seq == 0
    world.shards[0].settle()
    world.run()
    assert feeder.last(Kind.ACK).header.seq == 1


def test_every_shard_is_told_of_every_number():
    world = World(3)
    told(world, 2, "meters", 1, *range(70_000))
    feeder = world.caller().hello()
    for rows in (1, 65_536, 3):
        feeder.send(Kind.READS, write_batch(Kind.READS, reads(rows)), rows)
    feeder.send(Kind.READS, b"no arrow", 2)
    assert [shard.rows(feeder.key) for shard in world.shards] == [
        [(1, 0), (2, 0), (3, 0), (4, 0)],
        [(1, 0), (2, 0), (3, 0), (4, 0)],
        [(1, 1), (2, 65_536), (3, 3), (4, 0)],
    ]
    assert [len(shard.of_kind(Spent)) for shard in world.shards] == [1, 1, 1]
    assert feeder.last(Kind.ACK).header.seq == 4
    assert feeder.kinds().count("REJECTED") == 1


@pytest.mark.parametrize("kind", [Kind.CONFIG, Kind.TICK])
def test_what_concerns_all_goes_to_all(kind):
    world = World(2)
    desk = world.caller(1, Role.OPERATOR).hello()
    desk.send(kind)
    assert [shard.bodies[-1] for shard in world.shards] == [body(kind)] * 2
    assert desk.last(Kind.ACK).header.seq == 1


def test_a_shard_that_is_ahead_is_caught_up_with():
    world = World(2)
    feeder = world.caller().hello()
    for _ in range(3):
        feeder.send(Kind.READS)
    del world.shards[0].taken[feeder.key][1:]
    feeder.hello()
    assert feeder.seq == 1, "the shard that has least decides where to go on"
    feeder.send(Kind.READS)
    feeder.send(Kind.READS)
    assert [shard.rows(feeder.key) for shard in world.shards] == [
        [(1, 2), (2, 2), (3, 2)],
        [(1, 0), (2, 0), (3, 0)],
    ]
    assert feeder.last(Kind.ACK).header.seq == 3


def test_a_window_is_never_exceeded_and_goes_to_whom_is_busy():
    random = np.random.default_rng(3)
    for shards in (1, 2, 5):
        window, promised, sent, until = Window(shards), [0] * shards, [0] * shards, 0
        for _ in range(400):
            if random.random() < 0.3:
                until = sum(sent) + 12
                changes = window.grant(until)
            else:
                busy = [
                    i for i in range(shards) if promised[i] > sent[i] and (i == 0 or random.random() < 0.1)
                ]
                if not busy:
                    continue
                sent[busy[0]] += 1
                changes = window.came(busy[0])
            for shard, now in changes:
                assert now > promised[shard]
                promised[shard] = now
            assert sum(promised) <= until
            assert sum(promised) == until or until == 0
        assert sent[0] > 50, "others that are idle do not starve the one that is busy"


def test_commands_of_several_shards_have_numbers_of_their_own():
    world = World(2)
    headend = world.caller(1, Role.HEADEND).hello()
    headend.say(control(headend.key, TakesCommands(5), **headend.place()))
    world.run()
    promised = [shard.of_kind(Ready)[-1].until for shard in world.shards]
    assert sum(promised) == 5
    one = Signer(bytes(32)).sign(Command(1, "trip", 1, 7, 17, NOON, NOON + 60, "balance", 0, 0, 3))
    for shard in world.shards:
        shard.say(Commands(headend.key, shard.sessions[headend.key], 1), commands_body([one]))
    world.run()
    found = [(checked.header.seq, checked.content.num_rows) for checked in headend.heard[1:]]
    assert found == [(1, 1), (2, 1)]
