"""The alert rules: as Prometheus takes them, of metrics that a node gives, and one for each alarm of the guide."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.clock import RealClock
from pipeline.metrics.families import NodeCollector
from pipeline.node.status import StatusFile
from pipeline.outputs.figures import Figures
from unit.metrics import county
from unit.metrics.test_parts import FIGURES

RULES = Path(__file__).parents[3] / "deploy" / "prometheus" / "alerts.yml"
EXPRESSIONS = re.findall(r"^ +expr: (.+)$", RULES.read_text(), re.MULTILINE)
GIVEN_BY_PROMETHEUS = {"up"}


def names_in(expression: str) -> set[str]:
    """The metrics of an expression."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\"[^\"]*\"", "", expression)
    found = re.findall(r"[a-z_][a-z0-9_]*(?!\w| *\()", bare)
    return set(found) - {"or", "and", "on", "unless"}


@pytest.fixture
def given(tmp_path):
    """All that a node gives: the names, and by name the values of its labels."""
    county.folder(tmp_path)
    county.write_engine(tmp_path, alarms={"disk": "full"})
    county.write_worker(tmp_path)
    county.write_outputs(tmp_path)
    county.write_node(tmp_path)
    county.write_disk(tmp_path)
    StatusFile(tmp_path / "run" / "figures.json").write(Figures(77, (FIGURES,)))
    samples = [each for family in NodeCollector(tmp_path, RealClock()).collect() for each in family.samples]
    return {each.name: set(each.labels) for each in samples}


def test_prometheus_takes_them():
    assert len(EXPRESSIONS) == RULES.read_text().count("- alert: ") >= 18
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool: apt-get install prometheus")
    checked = subprocess.run(
        [promtool, "check", "rules", "--lint-fatal", str(RULES)], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_each_metric_is_one_that_a_node_gives(given, expression):
    names = names_in(expression)
    assert names
    assert names - GIVEN_BY_PROMETHEUS <= set(given)
    for name, labels in re.findall(r"(feikong_\w+)\{([^}]*)\}", expression):
        assert set(re.findall(r"(\w+)=", labels)) <= given[name]


def test_names_are_found_in_expressions():
    assert names_in('time() - feikong_a{kind="b"} > 600 and on () feikong_c[5m] == 1') == {
        "feikong_a",
        "feikong_c",
    }
    assert names_in("increase(feikong_b_total[15m]) > 2") == {"feikong_b_total"}


def test_a_real_prometheus_fires_what_is_wrong(tmp_path):
    """What it says of a worker that ends again and again, of a gap, and of nothing where all is well."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool: apt-get install prometheus")
    series = [
        {"series": 'feikong_restarts_total{part="worker-0"}', "values": "0 1 2 4 6 8"},
        {"series": 'feikong_restarts_total{part="outputs"}', "values": "0 0 0 1 1 1"},
        {"series": 'feikong_outputs_missing_batches{shard="0"}', "values": "0 0 0 7 7 7"},
        {"series": 'feikong_findings_open{shard="0",kind="calendar_ends"}', "values": "1 1 1 1 1 1"},
        {"series": 'feikong_findings_open{shard="0",kind="outage"}', "values": "1 1 1 1 1 1"},
        {"series": "feikong_outputs_alarms", "values": "0 0 0 0 0 0"},
    ]
    expected = {
        "FeikongRestarts": [{"exp_labels": {"part": "worker-0", "severity": "warning"}}],
        "FeikongOutputsGap": [{"exp_labels": {"shard": "0", "severity": "critical"}}],
        "FeikongCalendarEnds": [
            {"exp_labels": {"shard": "0", "kind": "calendar_ends", "severity": "warning"}}
        ],
        "FeikongOutputsAlarm": [],
    }
    summaries = dict(re.findall(r'alert: (\w+)\n(?:.+\n)*?.+summary: "(.+)" }', RULES.read_text()))
    tests = []
    for name, alerts in expected.items():
        for alert in alerts:
            text = re.sub(
                r"\{\{ \$labels\.(\w+) \}\}", lambda m, a=alert: a["exp_labels"][m[1]], summaries[name]
            )
            alert["exp_annotations"] = {"summary": text}
        tests.append({"eval_time": "5m", "alertname": name, "exp_alerts": alerts})
    document = {
        "rule_files": [str(RULES)],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series, "alert_rule_test": tests}],
    }
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps(document))  # which YAML takes too
    checked = subprocess.run([promtool, "test", "rules", str(path)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
