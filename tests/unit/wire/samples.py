"""A good message of each kind, and the means to spoil it."""

from __future__ import annotations

import struct
from decimal import Decimal

import numpy as np
import pyarrow as pa
from xxhash import xxh3_64_intdigest, xxh3_128_digest

from pipeline.wire import (
    BATCHES,
    Kind,
    Line,
    Message,
    Reason,
    Refused,
    Role,
    Sender,
    check,
    pack,
    tick_body,
    write_batch,
)

KEY = bytes(range(32))
NOON = 1_767_268_800
UTC = pa.timestamp("s", "UTC")
EPOCH, SESSION, SEQ = 3, 0x1122334455667788, 7
ROLES = {
    Kind.READS: Role.READS,
    Kind.PAYMENTS: Role.PAYMENTS,
    Kind.ACCOUNTS: Role.REGISTRY,
    Kind.METERS: Role.REGISTRY,
    Kind.DISTRICTS: Role.REGISTRY,
    Kind.ACKS: Role.HEADEND,
    Kind.UPDATES: Role.OPERATOR,
    Kind.CONFIG: Role.OPERATOR,
    Kind.TICK: Role.OPERATOR,
}


def batch(kind: Kind, ids: str = "uint64") -> pa.RecordBatch:
    """Two rows of a kind."""
    names = (
        (lambda *n: pa.array([str(i) for i in n])) if ids == "utf8" else (lambda *n: pa.array(n, pa.uint64()))
    )
    instants = pa.array([NOON, NOON + 900], UTC)
    return pa.record_batch(
        {
            Kind.READS: {
                "meter_id": names(17, 18),
                "at": instants,
                "value": pa.array([400, 9000]),
                "status": pa.array([0, 8], pa.uint16()),
            },
            Kind.PAYMENTS: {
                "payment_id": pa.array([bytes(16), bytes([1] * 16)], pa.binary(16)),
                "account_id": names(7, 8),
                "kind": ["top_up", "reversal"],
                "amount": pa.array([Decimal("50"), Decimal("-1.25")], pa.decimal64(18, 9)),
                "at": instants,
                "channel": pa.array(["app", None]),
            },
            Kind.ACCOUNTS: {
                "account_id": names(7, 8),
                "district_id": names(1, 1),
                "tariff": ["home", "home"],
                "policy": ["home", "home"],
                "klass": ["low_voltage", "public"],
                "opening_balance": pa.array([Decimal(10), Decimal(0)], pa.decimal64(18, 9)),
                "protected": [False, True],
                "manual_approval": [False, False],
            },
            Kind.METERS: {
                "meter_id": names(17, 18),
                "role": ["consumer", "supply"],
                "account_id": pa.array([*names(7, 8).to_pylist()[:1], None], names(7).type),
                "district_id": pa.array([None, *names(7, 1).to_pylist()[1:]], names(7).type),
                "reading": ["register", "interval"],
                "interval_s": pa.array([900, 900], pa.int32()),
                "wh_per_count": [10, 1],
                "modulus": [0, 0],
                "max_w": [0, 0],
                "switchable": [True, False],
            },
            Kind.DISTRICTS: {"district_id": names(1, 2), "name": ["North", "South"]},
            Kind.ACKS: {
                "command_id": pa.array([1, 2], pa.uint64()),
                "outcome": ["done", "failed"],
                "at": instants,
            },
            Kind.UPDATES: {"op": ["suspend_trips", "approve_trip"], "account_id": names(7, 8)},
        }[kind]
    )


def body(kind: Kind, ids: str = "uint64") -> bytes:
    if kind is Kind.CONFIG:
        return b'[engine]\ncurrency = "CNY"\n'
    if kind is Kind.TICK:
        return tick_body(NOON)
    return write_batch(kind, batch(kind, ids))


def message(kind: Kind = Kind.READS, data: bytes | None = None, **changes: object) -> Message:
    """A message that `line` expects; of a batch, two rows."""
    data = body(kind) if data is None else data
    fields = {"epoch": EPOCH, "session": SESSION}
    if kind in BATCHES:
        fields |= {"seq": SEQ, "rows": 0 if kind in (Kind.CONFIG, Kind.TICK) else 2}
    producer = changes.pop("producer", KEY)
    return Message(pack(kind, producer, data, **{**fields, **changes}), data)


def line(**changes: object) -> Line:
    return Line(**{"epoch": EPOCH, "session": SESSION, "next_seq": SEQ, **changes})


def reason(frames, role: Role = Role.READS, at: Line | None = None, key: bytes = KEY) -> Reason | None:
    """Why a message is refused; None if it is taken."""
    try:
        check(frames, Sender(key, role), line() if at is None else at)
    except Refused as refused:
        return refused.reason
    return None


def forged(header: bytes, at: int, form: str, *values: object) -> bytes:
    """A header with a field changed, and a checksum that fits."""
    data = bytearray(header)
    struct.pack_into(form, data, at, *values)
    struct.pack_into("<Q", data, 120, xxh3_64_intdigest(bytes(data[:120])))
    return bytes(data)


def rewritten(kind: Kind, data: bytes, rows: int = 2) -> Message:
    """A message whose digest fits whatever its body is."""
    return message(kind, data, rows=rows, digest=xxh3_128_digest(data))


def stream(columns: pa.RecordBatch | list[pa.RecordBatch], **options: object) -> bytes:
    """What Arrow itself writes of batches, with whatever options."""
    batches = columns if isinstance(columns, list) else [columns]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for each in batches:
            writer.write_batch(each)
    return sink.getvalue().to_pybytes()


def reads(rows: int) -> pa.RecordBatch:
    """Reads exactly as the published schema has them."""
    from pipeline.wire.schemas import SCHEMAS

    columns = [
        pa.array(np.arange(rows, dtype=np.uint64)),
        pa.array(np.full(rows, NOON)).cast(UTC),
        pa.array(np.arange(rows)),
        pa.array(np.zeros(rows, np.uint16)),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMAS[Kind.READS]["uint64"])
