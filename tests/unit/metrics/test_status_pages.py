"""`feikong status` of all processes of a node: tables that fit, JSON, what is wrong, and a terminal that goes on."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from contextlib import suppress

import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.clock import RealClock
from pipeline.node.status import OLD_S, Subscriber
from pipeline.outputs.status import OutputsStatus
from unit.metrics import county

PATIENCE_S = 60.0
ENDED_S = RealClock().now_s() - OLD_S - 60


@pytest.fixture
def data(tmp_path):
    county.write_all(tmp_path)
    return tmp_path


def status(data, *options):
    return CliRunner().invoke(main, ["status", "--data", str(data), *options])


def rows(page, title):
    """The cells of the rows of a table."""
    lines = [line.strip() for line in page.splitlines()]
    begin = lines.index(title) + 4
    return [re.split(r" {2,}", line) for line in lines[begin : lines.index("", begin)]]


def test_every_process_is_shown(data):
    shown = status(data)
    assert (shown.exit_code, shown.stderr) == (0, "")
    page = shown.stdout
    engine = rows(page, "Engines")[0]
    assert engine[:3] == ["0", "1970-01-01 00:00:07Z", "12"]
    assert re.fullmatch(r"\d+ s old", engine[3])
    assert engine[4:] == ["1.5 KiB", "3", "held", "4 restores"]
    assert rows(page, "Workers") == [["0", "2", "9", "41,000", "3", "2", "300 B", "6"]]
    outputs = rows(page, "Outputs, started again 1 times")
    assert outputs == [["engine 0", "1970-01-01 00:00:07Z", "11", "9", "8 frames", "2.5 s", "1", "0"]]
    assert rows(page, "Subscribers") == [["reports", "ledger", "0", "17 batches", "4.0 KiB"]]
    assert "\x1b" not in page


def test_of_many_subscribers_those_furthest_behind(data):
    many = tuple(Subscriber(f"one-{n}", "ledger", n, 0) for n in range(25))
    county.write_engine(data, subscribers=many)
    page = status(data).stdout
    assert [row[0] for row in rows(page, "Subscribers")] == [f"one-{n}" for n in range(24, 14, -1)]
    assert "and 15 that are no further behind\n" in page


def test_it_fits_100_columns_however_large_the_figures(data):
    many = 999_999_999_999
    waiting = {"waiting": {"trip": many, "restore": many}, "alarms": ["mass_trip", "clock_jump"]}
    county.write_engine(
        data, sequence=many, trips_held=False, trips_suspended=True, commands=waiting, producers=many,
        subscribers=(Subscriber("n" * 64, "exceptions", many, many),),
    )  # fmt: skip
    county.write_worker(data, batches={"reads": many}, rows={"reads": many}, refused={"schema": many})
    page = status(data).stdout
    assert max(map(len, page.splitlines())) <= 100
    assert page.count("9") >= 8 * 12, "what does not fit is in the line below"


def test_everything_as_json(data):
    document = json.loads(status(data, "--json").stdout)
    assert document["wrong"] == []
    assert document["restarts"] == {"worker-0": 6, "outputs": 1}
    (engine,), (worker,) = document["shards"], document["workers"]
    assert (engine["running"], engine["segments"], engine["journal_bytes"]) == (True, 2, 1500)
    assert engine["subscribers"][0]["behind"] == 17
    assert (worker["running"], worker["refused"]) == (True, {"schema": 3})
    assert worker["producers"]["feeder-1"] == {"batches": 2, "bytes": 300, "credit_bytes": 500}
    assert document["outputs"]["running"] is True
    assert document["outputs"]["shards"][0]["gaps"] == [{"first": 3, "last": 5}]


def test_parts_that_do_not_run_are_wrong_once_the_node_had_its_time(data):
    county.write_worker(data, at_s=ENDED_S)
    county.write_outputs(data, at_s=ENDED_S, shards=())
    shown = status(data)
    assert shown.exit_code == 1
    assert shown.stderr.splitlines() == ["worker 0 does not run", "the process of the outputs does not run"]
    assert rows(shown.stdout, "Workers") == [["0", "does not run", "6"]]
    county.write_node(data, began_s=RealClock().now_s())
    assert status(data).stderr == ""


def test_workers_of_before_are_not_shown(data):
    county.write_worker(data, 1, at_s=ENDED_S)
    assert len(rows(status(data).stdout, "Workers")) == 1


def test_an_alarm_of_the_outputs_is_wrong(data):
    county.write_outputs(data, alarms={"outputs of shard 0": "no room"})
    shown = status(data)
    assert (shown.exit_code, shown.stderr) == (1, "outputs of shard 0: no room\n")
    assert OutputsStatus.__struct_fields__ == ("at_s", "shards", "alarms")


def on_terminal(data, *options):
    """A process of it at a terminal of 100 columns, and the terminal's other end."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 100, 0, 0))
    command = [sys.executable, "-m", "pipeline.cli", "status", "--data", str(data), *options]
    environment = {**os.environ, "TERM": "xterm", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    for size in ("LINES", "COLUMNS"):  # some libraries set them; the size of this terminal is another
        environment.pop(size, None)
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    return process, ours


def read_until(ours, word):
    seen, clock = b"", RealClock()
    until_s = clock.monotonic_s() + PATIENCE_S
    while word not in seen:
        ready, _, _ = select.select([ours], [], [], max(0.0, until_s - clock.monotonic_s()))
        assert ready, f"no {word!r} in {PATIENCE_S} s; this is what came: {seen!r}"
        seen += os.read(ours, 65536)
        assert clock.monotonic_s() < until_s, f"no {word!r} in {seen!r}"
    return seen


def drain(ours):
    """What it still writes until it has ended."""
    seen = b""
    with suppress(OSError):
        while more := os.read(ours, 65536):
            seen += more
    return seen


def test_a_terminal_goes_on_until_told_to_end(data):
    process, ours = on_terminal(data)
    try:
        assert b"41,000" in read_until(ours, b"Ctrl-C")
        county.write_worker(data, rows={"reads": 42_424})
        assert b"42,424" in read_until(ours, b"42,424")
        process.send_signal(signal.SIGINT)
        drain(ours)
        assert process.wait(60) == 0
    finally:
        process.kill()
        os.close(ours)


def test_once_on_a_terminal_ends_by_itself(data):
    process, ours = on_terminal(data, "--once")
    try:
        assert b"Ctrl-C" not in read_until(ours, b"reports") + drain(ours)
        assert process.wait(60) == 0
    finally:
        process.kill()
        os.close(ours)
