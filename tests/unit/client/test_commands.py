"""Commands at a head-end: which are executed, and which never."""

from __future__ import annotations

import pytest

from pipeline.client import CommandGate, HeadEndConversation, SeenFile, Why
from pipeline.client.headend import WINDOW
from pipeline.wire import Kind, Role, read_batch
from pipeline.wire.commands import Command, SignedCommand, Signer, commands_body
from unit.client.node import KEY, ModelNode, bodies, outbox, talk

SIGNER = Signer(bytes([7]) * 32)
NOW = 1_767_268_800


def command(number: int, kind: str = "trip", meter: int = 17, expires_in_s: int = 600) -> Command:
    return Command(number, kind, 1, 7, meter, NOW, NOW + expires_in_s, "balance", -1, 0, 3)


def signed(*commands: Command, signer: Signer = SIGNER) -> list[SignedCommand]:
    return [signer.sign(each) for each in commands]


@pytest.fixture
def gate(tmp_path):
    seen = SeenFile(tmp_path / "seen.sqlite")
    yield CommandGate([SIGNER.public], seen)
    seen.close()


def judge(gate: CommandGate, commands: list[SignedCommand], now_s: int = NOW):
    judged = gate.judge(read_batch(Kind.COMMAND, commands_body(commands), len(commands)), now_s)
    return [each.command_id for each in judged.valid], [(e.command.command_id, e.why) for e in judged.ignored]


def test_what_a_trusted_node_signed_is_executed_in_its_order(gate):
    assert judge(gate, signed(command(5), command(6, "restore"), command(2, meter=18))) == ([5, 6, 2], [])


def test_nobody_else_trips_anybody(gate):
    forged = signed(command(5), signer=Signer(bytes(32)))
    (good,) = signed(command(5))
    changed = [good._replace(command=good.command._replace(meter_id=18))]
    borrowed = [forged[0]._replace(signer=SIGNER.public)]
    for each in (forged, changed, borrowed):
        assert judge(gate, each) == ([], [(5, Why.SIGNATURE)])
    assert judge(gate, signed(command(4))) == ([4], []), "a forged id overtakes nothing"


def test_an_expired_command_is_not_executed(gate):
    assert judge(gate, signed(command(5)), NOW + 600) == ([5], [])
    assert judge(gate, signed(command(6)), NOW + 601) == ([], [(6, Why.EXPIRED)])


def test_a_delayed_trip_cannot_follow_the_restore(gate):
    trip, restore = signed(command(5), command(6, "restore"))
    assert judge(gate, [restore]) == ([6], [])
    assert judge(gate, [trip]) == ([], [(5, Why.OVERTAKEN)])
    assert judge(gate, [restore, trip]) == ([6], [(5, Why.OVERTAKEN)])
    assert judge(gate, signed(command(5, meter=18))) == ([5], []), "another meter's is another matter"


def test_an_expired_restore_overtakes_a_trip_all_the_same(gate):
    assert judge(gate, signed(command(6, "restore")), NOW + 601) == ([], [(6, Why.EXPIRED)])
    assert judge(gate, signed(command(5, expires_in_s=10_000))) == ([], [(5, Why.OVERTAKEN)])


def test_a_repeated_command_is_executed_again(gate):
    first = command(5)
    assert judge(gate, signed(first)) == ([5], [])
    assert judge(gate, signed(first._replace(attempt=2))) == ([5], [])


def test_what_was_seen_outlives_the_process(tmp_path):
    for commands, wanted in [
        (signed(command((1 << 64) - 1, "restore")), ([(1 << 64) - 1], [])),
        (signed(command(5)), ([], [(5, Why.OVERTAKEN)])),
    ]:
        seen = SeenFile(tmp_path / "seen.sqlite")
        assert judge(CommandGate([SIGNER.public], seen), commands) == wanted
        seen.close()


def test_meters_are_told_apart_whatever_their_ids_are(tmp_path):
    seen = SeenFile(tmp_path / "seen.sqlite")
    eight = int.from_bytes(b"tABCDEFG", "big")
    seen.note({eight: 9, "ABCDEFG": 3, "": 4})
    assert [seen.newest(meter) for meter in (eight, "ABCDEFG", "", "x", 0)] == [9, 3, 4, 0, 0]
    seen.close()


@pytest.fixture
def node() -> ModelNode:
    return ModelNode(role=Role.HEADEND)


def commands_message(node: ModelNode, seq: int):
    return node.command(seq, commands_body(signed(command(seq))), 1)


def test_a_head_end_says_how_much_it_takes(node):
    with outbox() as box:
        conversation = HeadEndConversation(KEY, box)
        talk(conversation, node)
        assert (node.said, node.ready) == (["HELLO", "READY"], WINDOW)
        for seq in range(1, WINDOW + 1):
            conversation.on_message(commands_message(node, seq), 0)
        talk(conversation, node)
        assert node.ready == WINDOW, "nothing was taken yet"
        for _ in range(WINDOW // 2):
            conversation.batches.popleft()
        talk(conversation, node)
        assert node.ready == WINDOW + WINDOW // 2
        assert len(conversation.batches) == WINDOW // 2


def test_commands_that_come_twice_are_taken_once_and_no_more_than_asked_for(node):
    with outbox() as box:
        conversation = HeadEndConversation(KEY, box)
        talk(conversation, node)
        for seq in (1, 1, 3, 2, 3):
            conversation.on_message(commands_message(node, seq), 0)
        assert [batch["command_id"][0].as_py() for batch in conversation.batches] == [1, 3]
        for seq in range(4, 100):
            conversation.on_message(commands_message(node, seq), 0)
        assert len(conversation.batches) == WINDOW


def test_a_new_session_begins_to_count_anew(node):
    with outbox() as box:
        conversation = HeadEndConversation(KEY, box)
        talk(conversation, node)
        conversation.on_message(commands_message(node, 1), 0)
        conversation.batches.clear()
        late = commands_message(node, 2)
        node.restart()
        talk(conversation, node, 60)
        assert (node.said.count("READY"), node.ready) == (2, WINDOW)
        conversation.on_message(late, 60)
        assert not conversation.batches, "of a session that is over"
        conversation.on_message(commands_message(node, 1), 60)
        assert len(conversation.batches) == 1


def test_acks_are_numbered_like_any_batch(node):
    with outbox() as box:
        box.add(*[(Kind.ACKS, *rest) for _, *rest in bodies(1)])
        conversation = HeadEndConversation(KEY, box)
        talk(conversation, node)
        assert node.said == ["HELLO", "READY", "SCHEMA"], "the model looks into them: these are reads"
