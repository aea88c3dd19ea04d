"""Commands: what is signed, that nothing of it can be changed, and how head-ends that speak CIM see it."""

from __future__ import annotations

import json
import struct

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pipeline.wire import Kind, Refused, check_answer, pack, read_batch
from pipeline.wire.cim import Codes, end_device_controls
from pipeline.wire.commands import Command, Signer, commands_body, commands_of, signed_bytes
from unit.wire.samples import KEY

TRIP = Command(
    (1 << 48) + 5, "trip", 2, 7, 17, 1_767_268_800, 1_767_269_400, "balance", -1_250_000_000, 0, 12
)
RESTORE = Command(6, "restore", 1, "A1", "M1-é", 1_767_268_800, 1_767_269_400, "operator", 5, 1, 13)
SIGNER = Signer(bytes(range(32)))


def test_what_is_signed_is_written_down_byte_by_byte():
    assert signed_bytes(TRIP) == b"feikong command\0" + struct.pack(
        "<QBBIqqqqQBQBQ",
        *((1 << 48) + 5, 1, 1, 2),
        *(1_767_268_800, 1_767_269_400, -1_250_000_000, 0, 12),
        *(0, 7, 0, 17),
    )
    assert signed_bytes(RESTORE).endswith(b"\x01\x02\x00A1" + b"\x01\x05\x00M1-\xc3\xa9")


@pytest.mark.parametrize("command", [TRIP, RESTORE])
def test_a_signed_command_arrives_and_verifies(command):
    body = commands_body([SIGNER.sign(command)])
    answer = check_answer([pack(Kind.COMMAND, KEY, body, seq=1, rows=1), body], KEY)
    (found,) = commands_of(answer.content)
    assert found.command == command
    assert found.verify({SIGNER.public})
    assert not found.verify({Signer(bytes(32)).public}), "of a node that nobody trusts"
    Ed25519PublicKey.from_public_bytes(SIGNER.public).verify(found.signature, signed_bytes(command))


@pytest.mark.parametrize("command", [TRIP, RESTORE])
def test_nothing_in_it_can_be_changed(command):
    signed = SIGNER.sign(command)
    other = {"kind": {"trip": "restore", "restore": "trip"}[command.kind], "reason": "protected"}
    checked = 0
    for field in Command._fields:
        value = getattr(command, field)
        changed = other.get(field) or (value + 1 if isinstance(value, int) else value + "0")
        assert not signed._replace(command=command._replace(**{field: changed})).verify({SIGNER.public}), (
            field
        )
        checked += 1
    assert checked == 11
    for bit in range(512):
        spoilt = bytearray(signed.signature)
        spoilt[bit // 8] ^= 1 << bit % 8
        assert not signed._replace(signature=bytes(spoilt)).verify({SIGNER.public})


def test_ids_cannot_be_moved_from_one_field_to_the_other():
    a = RESTORE._replace(account_id="A1", meter_id="M")
    b = RESTORE._replace(account_id="A", meter_id="1M")
    c = RESTORE._replace(account_id=1, meter_id="M")
    assert len({signed_bytes(each) for each in (a, b, c)}) == 3


@pytest.mark.parametrize(
    "change", [{"kind": "arm"}, {"reason": "revenge"}, {"command_id": -1}, {"attempt": 1 << 32}]
)
def test_what_is_no_command_is_not_signed(change):
    with pytest.raises(ValueError, match="cannot be signed"):
        SIGNER.sign(TRIP._replace(**change))
    assert not SIGNER.sign(TRIP)._replace(command=TRIP._replace(**change)).verify({SIGNER.public})


def test_several_commands_keep_their_order():
    many = [SIGNER.sign(TRIP._replace(command_id=i)) for i in range(5)]
    assert list(commands_of(read_batch(Kind.COMMAND, commands_body(many), 5))) == many
    assert list(commands_of(read_batch(Kind.COMMAND, commands_body([]), 0))) == []


def test_commands_of_another_schema_are_refused():
    sink = pa.BufferOutputStream()
    batch = pa.record_batch({"command_id": pa.array([1], pa.uint64())})
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    with pytest.raises(Refused, match="schema"):
        read_batch(Kind.COMMAND, sink.getvalue().to_pybytes(), 1)


def test_a_signer_does_not_show_its_secret():
    assert repr(SIGNER) == f"<Signer {SIGNER.public.hex()}>"


def test_cim_says_what_to_do_to_which_meter_until_when_and_why():
    signed = SIGNER.sign(TRIP)
    message = json.loads(end_device_controls(signed))
    assert message["Header"] | {"Timestamp": "", "MessageID": "", "CorrelationID": ""} == {
        "Verb": "create",
        "Noun": "EndDeviceControls",
        "Revision": "2.0",
        "Timestamp": "",
        "Source": "feikong",
        "AsyncReplyFlag": True,
        "AckRequired": True,
        "MessageID": "",
        "CorrelationID": "",
    }
    (control,) = message["Payload"]["EndDeviceControls"]["EndDeviceControl"]
    assert control["EndDeviceControlType"] == {"ref": "3.31.0.23"}
    assert control["scheduledInterval"] == {"start": "2026-01-01T12:00:00Z", "end": "2026-01-01T12:10:00Z"}
    assert control["EndDevices"] == [{"Names": [{"name": "17", "NameType": {"name": "meter_id"}}]}]
    assert control["issuerTrackingID"] == str(TRIP.command_id)
    names = {name["NameType"]["name"]: name["name"] for name in control["Names"]}
    assert (names["balance"], names["threshold"], names["decided_seq"]) == (
        "-1.250000000",
        "0.000000000",
        "12",
    )
    assert bytes.fromhex(names["signature"]) == signed.signature
    assert end_device_controls(signed) == end_device_controls(SIGNER.sign(TRIP))


def test_attempts_are_told_apart_and_belong_together():
    first, second = (
        json.loads(end_device_controls(SIGNER.sign(TRIP._replace(attempt=n))))["Header"] for n in (1, 2)
    )
    assert first["MessageID"] != second["MessageID"]
    assert first["CorrelationID"] == second["CorrelationID"]


def test_a_head_end_may_have_codes_of_its_own():
    codes = Codes(trip="3.31.0.68", restore="3.31.0.42").checked()
    message = json.loads(end_device_controls(SIGNER.sign(RESTORE), codes, "node-1"))
    assert message["Payload"]["EndDeviceControls"]["EndDeviceControl"][0]["EndDeviceControlType"] == {
        "ref": "3.31.0.42"
    }
    for wrong, told in [
        (Codes(trip="3.31.23"), "code '3.31.23' of trip; expected four numbers"),
        (Codes(restore="open"), "code 'open' of restore"),
        (Codes(restore="3.31.0.23"), "the same code"),
    ]:
        with pytest.raises(ValueError, match=told):
            wrong.checked()
