"""What an engine says of how far it is, read while it is written."""

from __future__ import annotations

import os

from pipeline.node.mark import Applied, MarkFile, read_mark


def test_what_was_said_last_is_read(tmp_path):
    path = tmp_path / "shard-0.mark"
    assert read_mark(path) is None
    with MarkFile(path) as mark:
        assert read_mark(path) is None
        for said in (Applied(1, 1, 0), Applied((1 << 64) - 1, 2, 3)):
            mark.write(said)
            assert read_mark(path) == said
    with MarkFile(path):
        assert read_mark(path) == Applied((1 << 64) - 1, 2, 3)
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_torn_says_nothing(tmp_path):
    path = tmp_path / "shard-0.mark"
    with MarkFile(path) as mark:
        mark.write(Applied(7, 1, 9))
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert read_mark(path) is None, place
        path.write_bytes(whole[:place])
        assert read_mark(path) is None, place


def test_a_disk_that_is_full_ends_nobody(tmp_path):
    path = tmp_path / "shard-0.mark"
    with MarkFile(path) as mark:
        mark.write(Applied(1, 1, 1))
        whole, mark._fd = mark._fd, os.open("/dev/full", os.O_RDWR)
        mark.write(Applied(2, 1, 2))
        os.close(mark._fd)
        mark._fd = whole
        assert read_mark(path) == Applied(1, 1, 1)
        mark.write(Applied(2, 1, 2))
        assert read_mark(path) == Applied(2, 1, 2)
