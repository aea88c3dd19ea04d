"""Makes the test vectors of docs/wire.md: ``python -m unit.wire.make_vectors > unit/wire/vectors.json``, in ``tests``.

For a client in another language: a message of each kind, what its fields are, and both of its frames.
"""

from __future__ import annotations

import json
import sys
from typing import Any

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
from unit.wire.samples import EPOCH, KEY, SEQ, SESSION, body, message

COMMAND = Command(5, "trip", 1, 7, 17, 1_767_268_800, 1_767_269_400, "balance", -1_250_000_000, 0, 12)
SECRET = bytes(range(32, 64))


def messages() -> dict[str, Message]:
    """A message of each kind, and of those with ids one with texts too."""
    place: dict[str, Any] = {"epoch": EPOCH, "session": SESSION}
    signed = commands_body([Signer(SECRET).sign(COMMAND)])
    out = {
        "HELLO": control(KEY, Hello(1, 4, 6), epoch=EPOCH),
        "PING": plain(KEY, Kind.PING, **place),
        "READY": control(KEY, Ready(100), **place),
        "SUBSCRIBE": control(KEY, Subscribe(5, 2, 1 << 20, "intervals"), **place),
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
