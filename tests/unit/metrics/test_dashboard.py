"""What is made of the figures: each panel and each line of the guide names a figure that there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pipeline.clock import RealClock
from pipeline.metrics.families import NodeCollector
from pipeline.node.status import StatusFile
from pipeline.node.timing import Timings
from pipeline.outputs.figures import Figures
from unit.metrics import county

ROOT = Path(__file__).parents[3]
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
NAME = re.compile(r"\bfeikong_\w+")


@pytest.fixture
def families(tmp_path):
    """Every family that a node has, by name."""
    county.folder(tmp_path)
    county.write_engine(tmp_path, durations=Timings().shown)
    county.write_worker(tmp_path)
    county.write_outputs(tmp_path)
    county.write_node(tmp_path)
    county.write_disk(tmp_path)
    StatusFile(tmp_path / "run" / "figures.json").write(Figures(77, ()))
    found = list(NodeCollector(tmp_path, RealClock()).collect())
    assert len(found) > 30
    assert len({each.name for each in found}) == len(found)
    return {each.name: each for each in found}


@pytest.fixture
def dashboard():
    return json.loads((ROOT / "deploy/grafana/feikong.json").read_text())


def test_every_figure_of_the_dashboard_is_one_that_a_node_has(families, dashboard):
    exported = {f"{name}{suffix}" for name, each in families.items() for suffix in SUFFIXES[each.type]}
    texts = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    texts += [each["definition"] for each in dashboard["templating"]["list"] if each["type"] == "query"]
    used = {name for text in texts for name in NAME.findall(text)}
    assert len(used) > 20
    assert used <= exported, used - exported


def test_labels_that_the_dashboard_groups_by_are_those_of_the_figures(families, dashboard):
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            names = {re.sub("_(total|bucket)$", "", name) for name in NAME.findall(target["expr"])}
            known = {"le", *(label for name in names for label in families[name]._labelnames)}
            grouped = {
                word
                for by in re.findall(r"by \(([^)]*)\)", target["expr"])
                for word in re.findall(r"\w+", by)
            }
            assert grouped <= known, (panel["title"], grouped - known)
            for selected in re.findall(r"(feikong_\w+)\{shard", target["expr"]):
                name = re.sub("_(total|bucket)$", "", selected)
                assert "shard" in families[name]._labelnames, panel["title"]


def test_panels_are_told_apart_and_ask_the_source_that_was_chosen(dashboard):
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids) > 10
    assert [each["name"] for each in dashboard["templating"]["list"]] == ["source", "shard"]
    for panel in dashboard["panels"]:
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": "${source}"}, panel["title"]
            assert panel["description"], panel["title"]
            refs = [target["refId"] for target in panel["targets"]]
            assert len(set(refs)) == len(refs) > 0


def test_panels_do_not_lie_on_each_other(dashboard):
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_the_guide_tells_of_exactly_the_figures_that_there_are(families):
    text = (ROOT / "docs/monitoring.md").read_text()
    listed = re.findall(r"^\| `(feikong_\w+)` \| (\w+) \|", text, re.MULTILINE)
    kinds = [(f"{n}_total" if each.type == "counter" else n, each.type) for n, each in families.items()]
    assert sorted(listed) == sorted(kinds)
