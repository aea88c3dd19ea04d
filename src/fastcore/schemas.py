"""Every Arrow schema, in and out: the one place (reference, "Inputs" and "Outputs").

`INPUTS` says what a batch of each kind must and may hold; `fastcore.inputs` makes it so. `OUTPUTS` and
`STATES` give the schema of each output and of each table of the state, for the engine's type of ids
(``pa.uint64()`` or ``pa.string()``).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, NamedTuple

import pyarrow as pa

__all__ = [
    "INPUTS",
    "KINDS",
    "KLASSES",
    "OUTCOMES",
    "OUTPUTS",
    "PAYMENT_KINDS",
    "READINGS",
    "ROLES",
    "STATES",
    "UPDATE_OPS",
    "Column",
    "Domain",
]

KINDS: Final = ("config", "accounts", "meters", "districts", "reads", "payments", "acks", "updates", "tick")
KLASSES: Final = ("special", "public", "low_voltage")
ROLES: Final = ("consumer", "supply")
READINGS: Final = ("register", "interval")
PAYMENT_KINDS: Final = ("top_up", "reversal", "adjustment")
OUTCOMES: Final = ("done", "armed", "failed", "refused")
UPDATE_OPS: Final = (
    "set_tariff",
    "set_policy",
    "set_protected",
    "set_manual_approval",
    "autopay_started",
    "autopay_failed",
    "autopay_cleared",
    "approve_trip",
    "restore_account",
    "suspend_trips",
    "resume_trips",
    "rebase_meter",
    "exchange_meter",
    "close_account",
    "close_finding",
    "close_order",
)

INSTANT: Final = pa.timestamp("s", "UTC")
ENERGY: Final = pa.decimal64(18, 3)
MONEY: Final = pa.decimal64(18, 9)
WORD: Final = pa.dictionary(pa.int8(), pa.string())
"""A word of one of the engine's own vocabularies."""
NAME: Final = pa.dictionary(pa.int32(), pa.string())
"""The name of a tariff or a policy."""
PAYMENT_ID: Final = pa.binary(16)


class Domain(Enum):
    """What a column of an input holds, as error messages say it."""

    ID = "uint64 or utf8"
    INSTANT = "timestamp[s, UTC], of another unit where it holds whole seconds, or int64 seconds"
    INT64 = "int64"
    INT32 = "int32"
    UINT16 = "uint16"
    UINT64 = "uint64"
    MONEY = "decimal64(18, 9), or another decimal of scale 9 or less that fits it"
    FLAG = "bool"
    FLOAT64 = "float64"
    PAYMENT_ID = "fixed_size_binary(16) or arrow.uuid"
    TEXT = "utf8, plain or dictionary-encoded"


class Column(NamedTuple):
    """A column of an input. One that is not required may be absent, and may hold nulls."""

    name: str
    domain: Domain
    required: bool = True


INPUTS: Final[dict[str, tuple[Column, ...]]] = {
    "accounts": (
        Column("account_id", Domain.ID),
        Column("district_id", Domain.ID),
        Column("tariff", Domain.TEXT),
        Column("policy", Domain.TEXT),
        Column("klass", Domain.TEXT),
        Column("opening_balance", Domain.MONEY),
        Column("protected", Domain.FLAG),
        Column("manual_approval", Domain.FLAG),
    ),
    "meters": (
        Column("meter_id", Domain.ID),
        Column("role", Domain.TEXT),
        Column("account_id", Domain.ID, required=False),
        Column("district_id", Domain.ID, required=False),
        Column("reading", Domain.TEXT),
        Column("interval_s", Domain.INT32),
        Column("wh_per_count", Domain.INT64),
        Column("modulus", Domain.INT64),
        Column("max_w", Domain.INT64),
        Column("switchable", Domain.FLAG),
        Column("initial_at", Domain.INSTANT, required=False),
        Column("initial_value", Domain.INT64, required=False),
    ),
    "districts": (
        Column("district_id", Domain.ID),
        Column("name", Domain.TEXT, required=False),
        Column("grid", Domain.TEXT, required=False),
        Column("loss_limit", Domain.FLOAT64, required=False),
    ),
    "reads": (
        Column("meter_id", Domain.ID),
        Column("at", Domain.INSTANT),
        Column("value", Domain.INT64),
        Column("status", Domain.UINT16),
    ),
    "payments": (
        Column("payment_id", Domain.PAYMENT_ID),
        Column("account_id", Domain.ID),
        Column("kind", Domain.TEXT),
        Column("amount", Domain.MONEY),
        Column("at", Domain.INSTANT),
        Column("channel", Domain.TEXT, required=False),
    ),
    "acks": (
        Column("command_id", Domain.UINT64),
        Column("outcome", Domain.TEXT),
        Column("at", Domain.INSTANT),
    ),
    "updates": (
        Column("op", Domain.TEXT),
        Column("account_id", Domain.ID, required=False),
        Column("meter_id", Domain.ID, required=False),
        Column("value", Domain.INT64, required=False),
        Column("text", Domain.TEXT, required=False),
        Column("at", Domain.INSTANT, required=False),
    ),
    "tick": (),
}
"""The columns of each kind of batch but ``config``, which is text."""

Schema = Callable[[pa.DataType], pa.Schema]


def _field(name: str, kind: pa.DataType) -> pa.Field:
    return pa.field(name, kind, nullable=False)


_SEQ: Final = _field("seq", pa.uint64())
_ROW: Final = _field("row", pa.uint32())


def _intervals(id_: pa.DataType) -> pa.Schema:
    return pa.schema(
        [
            _SEQ,
            _ROW,
            _field("meter_id", id_),
            pa.field("account_id", id_),
            _field("district_id", id_),
            _field("start", INSTANT),
            _field("end", INSTANT),
            _field("energy", ENERGY),
            _field("quality", pa.uint16()),
            pa.field("charge", MONEY),
            pa.field("balance", MONEY),
        ]
    )


def _ledger(id_: pa.DataType) -> pa.Schema:
    return pa.schema(
        [
            _SEQ,
            _ROW,
            _field("account_id", id_),
            _field("at", INSTANT),
            _field("kind", WORD),
            _field("amount", MONEY),
            _field("balance", MONEY),
            pa.field("ref", PAYMENT_ID),
        ]
    )


def _exceptions(id_: pa.DataType) -> pa.Schema:
    return pa.schema(
        [
            _SEQ,
            _ROW,
            _field("kind", WORD),
            _field("reason", WORD),
            pa.field("subject", pa.string()),
            pa.field("at", INSTANT),
            pa.field("value", pa.int64()),
            pa.field("amount", MONEY),
        ]
    )


def _notices(id_: pa.DataType) -> pa.Schema:
    return pa.schema(
        [
            _SEQ,
            _field("account_id", id_),
            _field("kind", WORD),
            pa.field("detail", pa.string()),
            _field("at", INSTANT),
            _field("balance", MONEY),
        ]
    )


def _commands(id_: pa.DataType) -> pa.Schema:
    return pa.schema(
        [
            _SEQ,
            _field("command_id", pa.uint64()),
            _field("kind", WORD),
            _field("attempt", pa.uint32()),
            _field("account_id", id_),
            _field("meter_id", id_),
            _field("issued_at", INSTANT),
            _field("expires_at", INSTANT),
            _field("reason", WORD),
        ]
    )


def _districts(id_: pa.DataType) -> pa.Schema:
    return pa.schema(
        [
            _SEQ,
            _field("district_id", id_),
            _field("start", INSTANT),
            _field("end", INSTANT),
            _field("revision", pa.uint32()),
            _field("supply", ENERGY),
            _field("consumption", ENERGY),
            _field("loss", ENERGY),
            pa.field("loss_ratio", pa.float64()),
            _field("received", pa.uint32()),
            _field("expected", pa.uint32()),
        ]
    )


def _collection(id_: pa.DataType) -> pa.Schema:
    return pa.schema(
        [
            _SEQ,
            _field("district_id", id_),
            _field("klass", WORD),
            _field("start", INSTANT),
            _field("end", INSTANT),
            _field("revision", pa.uint32()),
            _field("received", pa.uint32()),
            _field("expected", pa.uint32()),
        ]
    )


def _findings(id_: pa.DataType) -> pa.Schema:
    return pa.schema(
        [
            _SEQ,
            _field("id", pa.uint64()),
            _field("kind", WORD),
            _field("state", WORD),
            pa.field("subject", pa.string()),
            pa.field("district_id", id_),
            pa.field("grid", pa.string()),
            _field("at", INSTANT),
            pa.field("detail", pa.string()),
        ]
    )


OUTPUTS: Final[dict[str, Schema]] = {
    "intervals": _intervals,
    "ledger": _ledger,
    "exceptions": _exceptions,
    "notices": _notices,
    "commands": _commands,
    "districts": _districts,
    "collection": _collection,
    "findings": _findings,
    "orders": _findings,
}
"""The schema of each output, given the type of ids."""


def _accounts_state(id_: pa.DataType) -> pa.Schema:
    return pa.schema(
        [
            _field("account_id", id_),
            _field("district_id", id_),
            _field("tariff", NAME),
            _field("policy", NAME),
            _field("klass", WORD),
            _field("state", WORD),
            _field("unsure", pa.bool_()),
            pa.field("blocked_by", WORD),
            _field("balance", MONEY),
            _field("tier_energy", ENERGY),
        ]
    )


def _meters_state(id_: pa.DataType) -> pa.Schema:
    return pa.schema(
        [
            _field("meter_id", id_),
            pa.field("account_id", id_),
            _field("district_id", id_),
            _field("in_use", pa.bool_()),
            pa.field("last_at", INSTANT),
            pa.field("last_value", pa.int64()),
            _field("typical", ENERGY),
            pa.field("quality", pa.uint16()),
        ]
    )


def _districts_state(id_: pa.DataType) -> pa.Schema:
    return pa.schema(
        [
            _field("district_id", id_),
            pa.field("name", pa.string()),
            pa.field("grid", pa.string()),
            pa.field("loss_limit", pa.float64()),
            _field("suspended", pa.bool_()),
        ]
    )


def _gaps_state(id_: pa.DataType) -> pa.Schema:
    return pa.schema(
        [
            _field("meter_id", id_),
            _field("from", INSTANT),
            _field("to", INSTANT),
            _field("missing", pa.uint32()),
        ]
    )


def _without_seq(schema: Schema) -> Schema:
    return lambda id_: pa.schema(list(schema(id_))[1:])


STATES: Final[dict[str, Schema]] = {
    "accounts": _accounts_state,
    "meters": _meters_state,
    "districts": _districts_state,
    "gaps": _gaps_state,
    "findings": _without_seq(_findings),
    "orders": _without_seq(_findings),
    "commands": _without_seq(_commands),
}
"""The schema of each table of the state, given the type of ids."""
