"""A worker and the shards that it serves: it begins with them, and ends when one does not know it."""

from __future__ import annotations

import pytest

from pipeline.node.internal import Join, Joined
from pipeline.worker.returns import WorkerError
from unit.worker.world import World


@pytest.mark.parametrize("pass_s", [0.9, 1.1])
def test_a_shard_that_ended_before_it_could_answer_is_asked_again(pass_s):
    world = World(2, joins=False)
    assert not world.worker.ready
    world.run(pass_s)
    world.run()
    asked = [len(shard.of_kind(Join)) for shard in world.shards]
    assert asked == ([1, 1] if pass_s < 1 else [2, 2])
    world.shards[0].say(Joined(0, 2, 1))
    world.run()
    world.run(2.2)
    world.run()
    again = [len(shard.of_kind(Join)) for shard in world.shards]
    assert again[0] == asked[0]
    assert again[1] > asked[1]
    world.shards[1].say(Joined(1, 2, 1))
    world.shards[1].say(Joined(1, 2, 1))
    world.run()
    assert world.worker.ready, "two answers to two questions are no trouble"


@pytest.mark.parametrize("incarnation", [0, 2])
def test_a_shard_that_does_not_know_it_ends_it(incarnation):
    world = World(2)
    world.shards[1].say(Joined(1, 2, incarnation))
    with pytest.raises(WorkerError, match="shard 1: was started anew"):
        world.run()
