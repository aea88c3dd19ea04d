"""Makes the test vectors of docs/wire.md: ``python -m unit.wire.make_vectors > unit/wire/vectors.json``, in ``tests``.

For a client in another language: a message of each kind, what its fields are, and both of its frames.
"""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import Any

import pyarrow as pa

from fastcore.schemas import OUTPUTS
from pipeline.wire import (
    BATCHES,
    Ack,
    Conflict,
    Credit,
    Header,
    Hello,
    Kind,
    Message,
    Ready,
    Reason,
    Rejected,
    Subscribe,
    Welcome,
    control,
    pack,
    plain,
)
from pipeline.wire.commands import Command, Signer, commands_body, signed_bytes
from pipeline.wire.outputs import Cursor, Output, output_body
from unit.wire.samples import EPOCH, KEY, SEQ, SESSION, body, message

COMMAND = Command(5, "trip", 1, 7, 17, 1_767_268_800, 1_767_269_400, "balance", -1_250_000_000, 0, 12)
LEDGER = {
    "seq": pa.array([5, 6], pa.uint64()),
    "row": pa.array([0, 0], pa.uint32()),
    "account_id": pa.array([7, 8], pa.uint64()),
    "at": pa.array([1_767_268_800] * 2, pa.timestamp("s", "UTC")),
    "kind": ["top_up", "charge"],
    "amount": pa.array([Decimal(50), Decimal("-1.25")], pa.decimal64(18, 9)),
    "balance": pa.array([Decimal(60), Decimal("8.75")], pa.decimal64(18, 9)),
    "ref": pa.array([bytes(16), None], pa.binary(16)),
}
SCHEMA = OUTPUTS["ledger"](pa.uint64())
OUTPUT = Output(
    Cursor(5, 2), Cursor(7), 1, 2, 0, pa.RecordBatch.from_pylist(pa.table(LEDGER).to_pylist(), SCHEMA)
)
SECRET = bytes(range(32, 64))


def messages() -> dict[str, Message]:
    """A message of each kind, and of those with ids one with texts too."""
    place: dict[str, Any] = {"epoch": EPOCH, "session": SESSION}
    rows = output_body(OUTPUT)
    nothing = output_body(OUTPUT._replace(start=Cursor(5), end=Cursor(5, 2), rows=None))
    signed = commands_body([Signer(SECRET).sign(COMMAND)])
    out = {
        "HELLO": control(KEY, Hello(1, 4, 6), epoch=EPOCH),
        "PING": plain(KEY, Kind.PING, **place),
        "READY": control(KEY, Ready(100), **place),
        "SUBSCRIBE": control(KEY, Subscribe(5, 2, 1, 1 << 20, "ledger"), **place),
        "WELCOME": control(KEY, Welcome(1, 1 << 20, 5, 1), **place, seq=6),
        "FENCED": plain(KEY, Kind.FENCED, epoch=EPOCH + 1),
        "ACK": control(KEY, Ack(5, 1 << 20), **place, seq=SEQ),
        "NACK": plain(KEY, Kind.NACK, **place, seq=SEQ),
        "CONFLICT": control(KEY, Conflict(bytes(range(16))), **place, seq=SEQ),
        "REJECTED": control(
            KEY, Rejected(Reason.ROWS, "a batch of 2 rows; the header says 3"), **place, seq=SEQ
        ),
        "CREDIT": control(KEY, Credit(1 << 20), **place),
        "PONG": plain(KEY, Kind.PONG, **place),
        "COMMAND": Message(pack(Kind.COMMAND, KEY, signed, **place, seq=1, rows=1), signed),
        "OUTPUT": Message(pack(Kind.OUTPUT, KEY, rows, **place, seq=2, rows=2), rows),
        "OUTPUT nothing": Message(pack(Kind.OUTPUT, KEY, nothing, **place, seq=1), nothing),
    }
    for kind in sorted(BATCHES):
        out[kind.name] = message(kind)
        if kind not in (Kind.CONFIG, Kind.TICK, Kind.ACKS):
            out[f"{kind.name} utf8"] = message(kind, body(kind, "utf8"))
    return out


def vector(name: str, sent: Message) -> dict[str, Any]:
    """A message, as the file has it."""
    header = Header.unpack(sent.header)
    fields = header._asdict() | {
        "kind": int(header.kind),
        "producer": header.producer.hex(),
        "digest": header.digest.hex(),
    }
    return {"name": name, "fields": fields, "header": sent.header.hex(), "body": bytes(sent.body).hex()}


def vectors() -> dict[str, Any]:
    """The whole file."""
    signer = Signer(SECRET)
    return {
        "signature": {
            "secret": SECRET.hex(),
            "public": signer.public.hex(),
            "signed": signed_bytes(COMMAND).hex(),
            "signature": signer.sign(COMMAND).signature.hex(),
        },
        "messages": [vector(name, sent) for name, sent in messages().items()],
    }


if __name__ == "__main__":
    json.dump(vectors(), sys.stdout, indent=1)
    sys.stdout.write("\n")
