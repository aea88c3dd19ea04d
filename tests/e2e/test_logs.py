"""A node says as JSON what it says as text, in each of its processes, and no secret in either."""

from __future__ import annotations

import json
import re
from datetime import datetime

import numpy as np

from e2e.node import Node, quarter_hours, reads, wait_for


def lived(node):
    """Runs a node through a life with something to say, and returns its lines."""
    try:
        node.start()
        node.register(5)
        with node.producer("feeder", "reads") as feeder:
            feeder.send("reads", reads(np.arange(5, dtype=np.uint64), quarter_hours(1)))
            assert feeder.flush(60)
        node.kill("worker")
        wait_for(lambda: node.said.count("serves") == 2, "the worker serves again")
        node.kill("outputs")
        wait_for(lambda: re.search(r"outputs has ended", node.said), "the outputs' end is noticed")
        assert node.stop() == 0
        files = [node.data / "keys" / "node.key", *node.folder.glob("*.key")]
        secrets = [
            secret for file in files for secret in re.findall(r'secret = "(\w{64})"', file.read_text())
        ]
        assert len(secrets) == 4, files
        assert not [secret for secret in secrets if secret in node.said]
        return node.said.splitlines()
    finally:
        node.remove()


def shape(part, message):
    """What is said, without what differs from run to run."""
    return part, re.sub(r"/tmp/\S+|\d+\.\d+|:\d+|\d+ frames|frame \d+|batch \d+|checkpoint \d+", "…", message)


def test_every_line_is_json_and_says_what_the_text_says():
    node = Node()
    node.run_options += ["--log-format", "json"]
    found = [json.loads(line) for line in lived(node)]
    for line in found:
        assert list(line)[:4] == ["time", "level", "part", "message"]
        assert datetime.fromisoformat(line["time"]).utcoffset().total_seconds() == 0
    assert {line["part"] for line in found} == {"node", "engine 0", "worker 0", "outputs"}
    (ended,) = [line for line in found if line["message"].startswith("worker-0 has ended")]
    assert (ended["level"], ended["process"], ended["seconds"]) == ("warning", "worker-0", 0.5)
    (recovered,) = [line for line in found if line["message"].startswith("recovered from")]
    assert (recovered["shard"], recovered["frame"], recovered["snapshot"]) == (0, 0, None)
    text = [tuple(line.split(": ", 1)) for line in lived(Node())]
    always = {shape(*line) for line in text} ^ {shape(line["part"], line["message"]) for line in found}
    assert {part for part, _ in always} <= {"outputs"}, always  # it may be ended before it has said anything
