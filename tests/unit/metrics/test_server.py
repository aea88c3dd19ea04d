"""The endpoint of a node's figures: what a status says is what is read, and health is what engines last said."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from contextlib import ExitStack
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.clock import RealClock
from pipeline.metrics import server as serving
from pipeline.metrics.server import AT_ONCE, MetricsServer
from pipeline.node.status import OLD_S
from unit.metrics import county


def write(data, **other):
    county.write_engine(data, **{"frozen": ["a"], **other})


@pytest.fixture
def data(tmp_path):
    return county.folder(tmp_path)


@pytest.fixture
def ask(data):
    with MetricsServer(data, "127.0.0.1", 0) as server:

        def get(path):
            try:
                with urlopen(f"http://{server.address}{path}", timeout=10) as answer:
                    return answer.status, answer.read().decode()
            except HTTPError as error:
                return error.code, error.read().decode()

        yield get


def test_what_a_status_says_is_read(data, ask):
    write(data)
    _, text = ask("/metrics")
    found = {
        (each.name, tuple(sorted(each.labels.items()))): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }
    shard = ("shard", "0")
    assert found["feikong_rows_total", (("kind", "reads"), shard)] == 41
    assert found["feikong_reasons_total", (("reason", "duplicate"), shard)] == 5
    assert found["feikong_journal_frame", (shard,)] == 28
    assert found["feikong_commands_waiting", (("kind", "restore"), shard)] == 4
    assert found["feikong_sync_seconds_bucket", (("le", "0.001"), shard)] == 1
    assert found["feikong_sync_seconds_bucket", (("le", "10.0"), shard)] == 2
    assert found["feikong_sync_seconds_count", (shard,)] == 3
    promtool = shutil.which("promtool")
    if promtool:
        checked = subprocess.run([promtool, "check", "metrics"], input=text, text=True, capture_output=True)
        assert checked.returncode in (0, 3), checked.stderr  # 3: opinions on names


def test_health_is_what_engines_last_said(data, ask):
    assert ask("/healthz")[0] == ask("/readyz")[0] == 503
    write(data)
    assert ask("/healthz") == ask("/readyz") == (200, "ok\n")
    write(data, alarms={"disk": "full"})
    assert ask("/healthz")[0] == 200
    assert ask("/readyz") == (503, "engine 0: disk: full\n")
    write(data, at_s=RealClock().now_s() - OLD_S - 5)
    assert ask("/healthz") == (503, "engine 0 does not run\n")
    assert ask("/other")[0] == 404


def test_clients_that_say_nothing_hold_few_threads(data, monkeypatch):
    monkeypatch.setattr(serving, "REQUEST_S", 60.0)
    write(data)
    with MetricsServer(data, "127.0.0.1", 0) as server, ExitStack() as held:
        host, port = server.address.split(":")

        def connect():
            return held.enter_context(socket.create_connection((host, int(port)), timeout=10))

        before = threading.active_count()
        silent = [connect() for _ in range(AT_ONCE)]
        for other in [connect() for _ in range(5 * AT_ONCE)]:
            assert other.recv(1) == b"", "too many: it is closed at once"
        assert threading.active_count() <= before + AT_ONCE
        for each in silent:
            each.shutdown(socket.SHUT_WR)
            assert each.recv(1) == b""
        write(data)
        with urlopen(f"http://{server.address}/healthz", timeout=10) as answer:
            assert answer.read() == b"ok\n"


def test_a_client_that_says_nothing_is_closed_on(data, monkeypatch):
    monkeypatch.setattr(serving, "REQUEST_S", 0.2)
    with (
        MetricsServer(data, "127.0.0.1", 0) as server,
        socket.create_connection(server.address.split(":"), timeout=30) as silent,
    ):
        assert silent.recv(1) == b""
