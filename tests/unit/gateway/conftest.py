"""An operator with a key, and a node on loopback that takes what that key may send."""

from __future__ import annotations

import pytest

from pipeline.keys import KeyPair, new_pair
from pipeline.wire import Role
from unit.client.node import NODE_PAIR, ModelNode
from unit.client.test_sockets import Serving


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
