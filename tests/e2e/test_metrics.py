"""A real Prometheus scrapes a real node, and finds what its status shows."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from contextlib import suppress
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np
import pytest

from e2e.node import Node, quarter_hours, reads, wait_for


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="no prometheus: apt-get install prometheus")
def test_prometheus_finds_what_the_status_shows(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        own = f"127.0.0.1:{free.getsockname()[1]}"
    node, prometheus = Node(), None
    node.node_settings += '\n[node.metrics]\nlisten = "127.0.0.1:0"\n'
    try:
        node.start()
        address = re.search(r"metrics at http://(\S+)/metrics", node.said)[1]
        node.register(50)
        with node.producer("feeder", "reads") as feeder:
            feeder.send("reads", reads(np.arange(50, dtype=np.uint64), quarter_hours(4)))
            assert feeder.flush(60)
        job = f"{{job_name: feikong, static_configs: [{{targets: ['{address}']}}]}}"
        (tmp_path / "p.yml").write_text(f"global: {{scrape_interval: 1s}}\nscrape_configs: [{job}]\n")
        with (tmp_path / "log").open("w") as log:
            options = [f"--storage.tsdb.path={tmp_path / 'db'}", f"--web.listen-address={own}"]
            command = ["prometheus", f"--config.file={tmp_path / 'p.yml'}", *options]
            prometheus = subprocess.Popen(command, stderr=log)

        def ask(query):
            with (
                suppress(OSError),
                urlopen(f"http://{own}/api/v1/query?{urlencode({'query': query})}") as found,
            ):
                return [float(each["value"][1]) for each in json.load(found)["data"]["result"]]
            return []

        wait_for(lambda: ask('feikong_rows_total{kind="reads"}') == [200.0], "all reads are scraped")
        status = node.status()
        assert status["figures"]["rows"]["reads"] == 200
        assert ask("feikong_producers") == [status["producers"]] == [2]
        assert ask('feikong_kept{what="accounts"}') == [status["figures"]["kept"]["accounts"]]
        assert ask("feikong_engine_running") == ask("up") == [1]
        wait_for(lambda: ask("sum(feikong_accounts)") == [50.0], "the process of the outputs has counted")
        assert ask('feikong_worker_rows_total{kind="reads"}') == [200]
        assert ask("feikong_worker_running") == ask("feikong_outputs_running") == [1]
        wait_for(lambda: ask("feikong_outputs_lag_frames") == [0], "the outputs are made")
        assert ask("feikong_journal_bytes")[0] > 0
        node.kill("worker")
        wait_for(lambda: ask('feikong_restarts_total{part="worker-0"}') == [1], "the restart is told")
    finally:
        if prometheus is not None:
            prometheus.terminate()
            prometheus.wait()
        node.remove()
