"""The endpoint of a node's figures: what a status says is what is read, and health is what engines last said."""

from __future__ import annotations

import shutil
import subprocess
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.clock import RealClock
from pipeline.journal import RealDisk
from pipeline.metrics.server import MetricsServer
from pipeline.node.layout import Layout, Places, write_layout
from pipeline.node.status import OLD_S, Status, StatusFile
from pipeline.node.timing import Times


def write(data, **other):
    times = Times()
    for seconds in (0.001, 0.004, 99.0):
        times.add(seconds)
    fields = {
        "at_s": RealClock().now_s(), "engine_s": 7, "frame": 28, "sequence": 12, "snapshot": None,
        "snapshot_pause_s": 0.0, "producers": 3, "frozen": ["a"], "refused_batches": 2, "trips_held": True,
        "held_for": [], "trips_suspended": False, "commands": {"waiting": {"restore": 4}}, "alarms": {},
        "figures": {"rows": {"reads": 41}, "reasons": {"duplicate": 5}}, "durations": {"sync": times.shown},
    }  # fmt: skip
    StatusFile(Places(data, 0).link.with_suffix(".json")).write(Status(**{**fields, **other}))


@pytest.fixture
def data(tmp_path):
    write_layout(RealDisk(tmp_path), Layout(1))
    Places(tmp_path, 0).link.parent.mkdir()
    return tmp_path


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
