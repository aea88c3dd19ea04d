"""Who changed what, as the journal has it: each update with the key of its own part."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.journal import RealDisk
from pipeline.keys import allow, new_pair
from pipeline.node.changes import changes
from pipeline.node.entries import Entry, Sent, encode
from pipeline.node.layout import Layout, Places, write_layout
from pipeline.node.recovery import recover
from pipeline.node.snapshots import Snapshots
from pipeline.wire import Kind, Role, tick_body, write_batch
from unit import core_world as world
from unit.node.world import CONFIG, ID, IDS, NOW, SEGMENT


@pytest.fixture
def node(tmp_path):
    """A data directory in which two operators and the node itself changed things; the second operator has left."""
    op, gone = new_pair("op", Role.OPERATOR), new_pair("gone", Role.OPERATOR)
    allow(tmp_path, op.public)
    write_layout(RealDisk(tmp_path), Layout(1))
    places = Places(tmp_path, 0)
    recovered = recover(
        RealDisk(places.journal),
        Snapshots(RealDisk(places.snapshots)),
        new_id=ID,
        segment_bytes=SEGMENT,
        start_bytes=SEGMENT,
    )
    keys = op.public.curve, gone.public.curve

    def sent(key, rows=0):
        return Sent(key, 1, 1, rows)

    def updates(parts, *rows):
        body = write_batch(Kind.UPDATES, world.rows("updates", IDS, *rows), IDS)
        return Entry(Kind.UPDATES, parts, NOW + 60, len(rows), body=body)

    approve = [world.update(IDS, "approve_trip", f"A{n}") for n in range(3)]
    entries = [
        Entry(Kind.CONFIG, (), NOW, body=CONFIG.encode()),
        Entry(Kind.TICK, (), NOW + 1, body=tick_body(NOW + 1)),
        Entry(Kind.TICK, (sent(keys[1]),), NOW + 2, body=tick_body(NOW + 2)),
        updates((), world.update(IDS, "suspend_trips")),
        updates((sent(keys[0], 1), sent(keys[1], 2)), *approve),
        Entry(Kind.CONFIG, (sent(keys[0]),), NOW + 70, body=CONFIG.encode()),
    ]
    for number, entry in enumerate(entries):
        if not recovered.journal.has_next:
            recovered.journal.prepare_next()
        recovered.journal.commit(encode([entry]), now_s=entry.now_s, first_batch=number + 1, batches=1)
    recovered.journal.close()
    return tmp_path, keys


def test_each_row_has_the_key_of_its_own_part(node):
    data, (op, gone) = node
    found = [(each.op, each.producer) for each in changes(RealDisk(Places(data, 0).journal))]
    assert found == [
        ("configuration", None),
        ("tick", gone),
        ("suspend_trips", None),
        ("approve_trip", op),
        ("approve_trip", gone),
        ("approve_trip", gone),
        ("configuration", op),
    ]


def test_a_batch_with_ids_of_another_type_changed_nothing(node):
    """An operator's command that does not know the type tries both."""
    data, _ = node
    journal = RealDisk(Places(data, 0).journal)
    taken, other = (pa.uint64(), pa.string()) if IDS == "uint64" else (pa.string(), pa.uint64())
    assert [*changes(journal, taken)] == [*changes(journal)]
    assert {each.op for each in changes(journal, other)} == {"configuration", "tick"}


def test_the_command_names_keys_and_filters(node):
    data, (_, gone) = node

    def asked(*arguments):
        done = CliRunner().invoke(main, ["changes", "--data", str(data), "--json", *arguments])
        assert done.exit_code == 0, done.output
        return [(each["key"], each["change"], each["account_id"]) for each in json.loads(done.stdout)]

    ids = [world.id_of(IDS, f"A{n}") for n in range(3)]
    assert asked("--op", "approve_trip") == [
        ("op", "approve_trip", ids[0]),
        (gone.hex(), "approve_trip", ids[1]),
        (gone.hex(), "approve_trip", ids[2]),
    ]
    assert asked("--key", "op") == [("op", "approve_trip", ids[0]), ("op", "configuration", None)]
    assert asked("--account", str(ids[2])) == [(gone.hex(), "approve_trip", ids[2])]
    assert asked("--limit", "1") == [("op", "configuration", None)]
    shown = CliRunner().invoke(main, ["changes", "--data", str(data)])
    assert len(shown.stdout.splitlines()) == 2 + 7
    assert max(map(len, shown.stdout.splitlines())) <= 100
    assert shown.stderr == ""
    nowhere = CliRunner().invoke(main, ["changes", "--data", str(data / "nowhere")])
    assert nowhere.exit_code == 1
    assert not (data / "nowhere").exists()
