"""The outbox: what it has taken is there after every mishap, byte for byte, and nothing else is."""

from __future__ import annotations

from random import Random

import pytest

from pipeline.client import Outbox, OutboxError, OutboxFull
from pipeline.journal import RealDisk
from pipeline.wire import Kind
from simulation.disk import Faults, Killed, SimDisk
from unit.client.node import KEY, outbox

SMALL = {"segment_bytes": 16 * 4096, "memory_bytes": 4096}


def body(seq: int) -> bytes:
    return bytes([seq % 251]) * (100 + 37 * seq)


def add(box: Outbox, count: int) -> None:
    for _ in range(count):
        box.add((Kind.READS, 1, body(box.newest + 1)))


def contents(box: Outbox) -> dict[int, bytes]:
    return {seq: bytes(box.get(seq).body) for seq in range(box.first, box.newest + 1)}


def test_numbers_begin_at_one_and_are_never_given_twice():
    disk = SimDisk()
    with outbox(disk) as box:
        assert (box.epoch, box.newest, box.first) == (1, 0, 1)
        assert [batch.seq for batch in box.add((Kind.READS, 1, b"a"), (Kind.READS, 2, b"b"))] == [1, 2]
        box.settle(2, 0)
        assert box.first == 3
    with outbox(disk) as box:
        assert (box.epoch, box.newest, box.acked, box.first) == (2, 2, 2, 3)
        assert box.add((Kind.READS, 1, b"c"))[0].seq == 3
    with outbox(disk) as box:
        assert (box.epoch, box.newest, box.acked, box.first) == (3, 3, 2, 3), "what was known is known again"


@pytest.mark.parametrize("options", [{}, SMALL])
def test_what_was_added_is_there_in_any_order_after_a_restart(options):
    disk = SimDisk()
    with outbox(disk, **options) as box:
        add(box, 60)
        wanted = contents(box)
    with outbox(disk, **options) as box:
        assert contents(box) == wanted == {seq: body(seq) for seq in range(1, 61)}
        for seq in (60, 1, 2, 30, 29, 30, 31, 60):
            found = box.get(seq)
            assert (found.seq, found.kind, found.rows, bytes(found.body)) == (seq, Kind.READS, 1, body(seq))
        add(box, 5)
        assert bytes(box.get(62).body) == body(62)


def test_what_is_behind_is_read_back_while_more_is_added():
    with outbox(**SMALL) as box:
        add(box, 20)
        for seq in range(1, 100):
            assert bytes(box.get(seq).body) == body(seq)
            add(box, 1)


@pytest.mark.parametrize("keep_covered", [False, True])
def test_reads_are_forgotten_once_acknowledged_payments_once_covered(keep_covered):
    disk = SimDisk()
    with outbox(disk, keep_covered=keep_covered, **SMALL) as box:
        add(box, 50)
        files = disk.used()
        box.settle(30, 20)
        box.settle(50, 40)
        assert box.first == (41 if keep_covered else 51)
        assert disk.used() < files
        add(box, 1)
    with outbox(disk, keep_covered=keep_covered, **SMALL) as box:
        assert (box.acked, box.covered) == (50, 40)
        assert contents(box) == {seq: body(seq) for seq in range(41 if keep_covered else 51, 52)}


def test_a_long_life_needs_no_more_disk_than_what_is_waiting():
    disk = SimDisk()
    most = 0
    for _ in range(3):
        with outbox(disk, **SMALL) as box:
            for _ in range(150):
                box.add((Kind.READS, 1, bytes(3000)))
                box.settle(box.newest - 2, 0)
                most = max(most, disk.used())
    assert box.newest == 450
    assert most <= 5 * SMALL["segment_bytes"]


def lives(disk: SimDisk, promised: dict[int, bytes], epochs: list[int]) -> None:
    """Two lives of a producer that adds, settles and stops; what it was promised is noted."""
    for _ in range(2):
        box = Outbox(disk, KEY, new_id=bytes(16), **SMALL)
        assert not epochs or box.epoch > epochs[-1], "an epoch that was used is never used again"
        epochs.append(box.epoch)
        found = contents(box)
        assert {seq: data for seq, data in promised.items() if seq >= box.first}.items() <= found.items()
        assert len(found.keys() - promised.keys()) <= 2, "at most what was being added"
        promised.update(found)
        for _ in range(4):
            for batch in box.add(
                (Kind.READS, 1, body(box.newest + 1)), (Kind.READS, 1, body(box.newest + 2))
            ):
                promised[batch.seq] = bytes(batch.body)
        box.settle(box.newest - 3, 0)
        box.close()


def test_killed_at_every_operation_nothing_is_lost():
    faults = Faults()
    lives(SimDisk(faults), {}, [])
    total = faults.operations
    assert total > 20
    injected = 0
    for kill_at in range(1, total + 1):
        for when in ("before", "during", "after"):
            for power in (False, True):
                faults = Faults(Random(kill_at), kill_at=kill_at, kill_when=when)
                disk, promised, epochs = SimDisk(faults), {}, []
                try:
                    lives(disk, promised, epochs)
                except Killed:
                    injected += 1
                    if power:
                        disk.power_failure()
                    else:
                        disk.kill()
                faults.kill_at = None
                lives(disk, promised, epochs)
    assert injected >= 5 * total


def test_a_failed_sync_ends_it():
    faults = Faults()
    box = Outbox(SimDisk(faults), KEY, new_id=bytes(16))
    faults.fail_at = {faults.operations + 2}
    with pytest.raises(OutboxError, match="could not be synced"):
        add(box, 1)
    with pytest.raises(OutboxError):
        add(box, 1)
    assert box.newest == 0


def test_a_full_disk_takes_nothing_and_loses_nothing():
    disk = SimDisk()
    with outbox(disk, **SMALL) as box:
        add(box, 3)
        disk.capacity = disk.used() + 4096
        with pytest.raises(OutboxFull):
            box.add((Kind.READS, 1, bytes(100_000)), (Kind.READS, 1, b"small"))
        assert box.newest == 3
        disk.capacity = None
        assert box.add((Kind.READS, 1, bytes(100_000)))[0].seq == 4
        assert contents(box)[3] == body(3)


def test_another_key_needs_another_outbox():
    disk = SimDisk()
    outbox(disk).close()
    with pytest.raises(OutboxError, match="a key has an outbox of its own"):
        Outbox(disk, bytes(32), new_id=bytes(16))


def test_one_process_at_a_time(tmp_path):
    with (
        Outbox(RealDisk(tmp_path), KEY, new_id=bytes(16)) as first,
        pytest.raises(OutboxError, match="in use by process"),
    ):
        Outbox(RealDisk(tmp_path), KEY, new_id=bytes(16))
    first.close()
    Outbox(RealDisk(tmp_path), KEY, new_id=bytes(16)).close()


def test_damage_is_found_not_sent(tmp_path):
    with Outbox(RealDisk(tmp_path), KEY, new_id=bytes(16)) as box:
        add(box, 3)
    (path,) = tmp_path.glob("*.journal")
    data = bytearray(path.read_bytes())
    at = data.index(body(1)[:64])
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(OutboxError, match=r"cannot be opened.*frame 2 expected"):
        Outbox(RealDisk(tmp_path), KEY, new_id=bytes(16))
