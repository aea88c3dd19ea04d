"""`feikong reconfigure`: a configuration arrives without the node's part, or not at all."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from pipeline.cli import main
from unit.core_world import CONFIG


@pytest.fixture
def give(serving, tmp_path):
    def give(text: str):
        path = tmp_path / "county.toml"
        path.write_text(text, "utf8")
        station = ["--to", serving.endpoint, "--key", f"{tmp_path}/op.key", "--node", f"{tmp_path}/node.pub"]
        return CliRunner().invoke(main, ["reconfigure", str(path), *station])

    return give


def test_the_engines_part_arrives(serving, give):
    done = give(f'[node]\nworkers = 2\n{CONFIG.lstrip()}[node.headends.a]\ndistricts = ["*"]\n')
    assert (done.exit_code, "is in force" in done.output) == (0, True)
    assert [body.decode() for body in serving.model.applied.values()] == [CONFIG.lstrip()]


def test_one_with_mistakes_never_leaves(serving, give):
    done = give(f"[node]\nworkers = 0\n{CONFIG}")
    assert (done.exit_code, "node.workers" in done.output) == (1, True)
    assert serving.model.applied == {}


def test_what_the_engine_refuses_is_told(serving, give):
    serving.model.refuse = {1}
    done = give(CONFIG)
    assert (done.exit_code, "refuses it" in done.output) == (1, True)
