"""`feikong reconfigure`: a configuration arrives without the node's part, or not at all."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.keys import KeyPair, new_pair
from pipeline.wire import Role
from unit.client.node import NODE_PAIR, ModelNode
from unit.client.test_sockets import Serving
from unit.core_world import CONFIG


@pytest.fixture
def pair(tmp_path) -> KeyPair:
    made = new_pair("op", Role.OPERATOR)
    made.save(tmp_path)
    NODE_PAIR.public.save(tmp_path)
    return made


@pytest.fixture
def serving(pair):
    made = Serving(ModelNode(pair.public.curve, Role.OPERATOR))
    yield made
    made.stop()


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
