"""A producer and a node over a network that loses, doubles, reorders and damages what they say."""

from __future__ import annotations

from random import Random

import pytest

from pipeline.client import Conversation, Patience
from simulation.disk import SimDisk
from unit.client.node import KEY, ModelNode, bodies, outbox

PATIENCE = Patience(hello_s=2, silence_s=5, progress_s=15)


@pytest.mark.parametrize("seed", range(40))
def test_over_a_bad_network_all_arrives_once(seed):
    """Messages are lost, doubled, reordered and damaged; both ends restart; in the end all is there, once, in order."""
    dice = Random(seed)
    disk, node = SimDisk(), ModelNode(credit=4000)
    box = outbox(disk)
    conversation = Conversation(KEY, box, PATIENCE)
    wires: dict[str, list[object]] = {"up": [], "down": []}
    given: list[bytes] = []
    acked = 0
    injected: set[str] = set()
    now_s = 0.0
    while now_s < 2000 and not (len(given) == 40 and conversation.settled):
        now_s += dice.choice((0.1, 0.5, 3.0))
        calm = now_s > 1000
        if len(given) < 40 and dice.random() < 0.5:
            for batch in box.add(*bodies(dice.randrange(1, 3), first=dice.randrange(1, 9))):
                given.append(bytes(batch.body))
        if not calm and dice.random() < 0.03:
            injected.add("producer restarts")
            disk.kill()
            box, acked = outbox(disk), 0
            conversation = Conversation(KEY, box, PATIENCE)
        if not calm and dice.random() < 0.03:
            injected.add("node restarts")
            node.restart()
        while (message := conversation.next_message(now_s)) is not None and len(wires["up"]) < 8:
            conversation.sent(now_s)
            wires["up"].append(message)
        for wire in wires.values():
            if wire and not calm:
                fate = dice.random()
                at = dice.randrange(len(wire))
                if fate < 0.1:
                    injected.add("lost")
                    wire.pop(at)
                elif fate < 0.2:
                    injected.add("doubled")
                    wire.insert(dice.randrange(len(wire) + 1), wire[at])
                elif fate < 0.3 and len(wire) > 1:
                    injected.add("reordered")
                    wire.append(wire.pop(0))
                elif fate < 0.4:
                    injected.add("damaged")
                    wire[at] = _damaged(dice, wire[at])
        if wires["up"]:
            wires["down"] += node.take(wires["up"].pop(0))
        if wires["down"]:
            conversation.on_message(wires["down"].pop(0), now_s)
        assert box.acked >= acked
        acked = box.acked
        assert all(seq in node.applied for seq in range(1, acked + 1)), "acknowledged, and not applied"
    assert node.applied == dict(enumerate(given, 1))
    assert conversation.settled
    assert {"lost", "doubled", "reordered", "damaged"} <= injected


def _damaged(dice: Random, message) -> list[bytes]:
    frames = [bytearray(message[0]), bytearray(message[1])]
    frame = frames[dice.randrange(2)] or frames[0]
    frame[dice.randrange(len(frame))] ^= 1 << dice.randrange(8)
    return [bytes(each) for each in frames]
