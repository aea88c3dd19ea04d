"""The words of stories: which there are, which columns they fill, and how effects are spoken."""

from __future__ import annotations

import re
from typing import Any, Final

import pyarrow as pa

SPAN: Final = re.compile(r"[+-]\d+[smhd]")

QUALITY: Final = {
    "good": 0,
    "first": 1,
    "rollover": 2,
    "gap": 4,
    "late": 8,
    "estimated": 16,
    "suspect": 32,
    "outage": 64,
}
STATUS: Final = {"clock_invalid": 1, "test_mode": 2, "estimated": 4, "outage": 8}

COLUMNS: Final[dict[str, dict[str, str]]] = {
    "accounts": {
        "account_id": "id",
        "district_id": "id",
        "tariff": "text",
        "policy": "text",
        "klass": "text",
        "opening_balance": "money",
        "protected": "flag",
        "manual_approval": "flag",
    },
    "meters": {
        "meter_id": "id",
        "role": "text",
        "account_id": "id",
        "district_id": "id",
        "reading": "text",
        "interval_s": "int32",
        "wh_per_count": "count",
        "modulus": "count",
        "max_w": "count",
        "switchable": "flag",
        "initial_at": "instant",
        "initial_value": "count",
    },
    "districts": {"district_id": "id", "name": "text", "grid": "text", "loss_limit": "ratio"},
    "reads": {"meter_id": "id", "at": "instant", "value": "count", "status": "uint16"},
    "payments": {
        "payment_id": "bytes",
        "account_id": "id",
        "kind": "text",
        "amount": "money",
        "at": "instant",
        "channel": "text",
    },
    "acks": {"command_id": "uint64", "outcome": "text", "at": "instant"},
    "updates": {
        "op": "text",
        "account_id": "id",
        "meter_id": "id",
        "value": "count",
        "text": "text",
        "at": "instant",
    },
}
DEFAULTS: Final[dict[str, dict[str, str]]] = {
    "accounts": {
        "district_id": "D1",
        "tariff": "flat",
        "policy": "std",
        "klass": "low_voltage",
        "opening_balance": "0",
        "protected": "no",
        "manual_approval": "no",
    },
    "meters": {
        "role": "consumer",
        "reading": "register",
        "interval_s": "900",
        "wh_per_count": "1",
        "modulus": "0",
        "max_w": "0",
        "switchable": "yes",
    },
    "reads": {"status": "0"},
    "acks": {"at": "+0s"},
}

_ACCOUNT, _METER = "account_id", "meter_id"
OPS: Final[dict[str, tuple[str, ...]]] = {
    "set_tariff": (_ACCOUNT, "text"),
    "set_policy": (_ACCOUNT, "text"),
    "set_protected": (_ACCOUNT, "value"),
    "set_manual_approval": (_ACCOUNT, "value"),
    "autopay_started": (_ACCOUNT,),
    "autopay_failed": (_ACCOUNT,),
    "autopay_cleared": (_ACCOUNT,),
    "approve_trip": (_ACCOUNT,),
    "restore_account": (_ACCOUNT,),
    "suspend_trips": ("text",),
    "resume_trips": ("text",),
    "rebase_meter": (_METER, "value", "at"),
    "exchange_meter": (_METER, "text", "value", "at"),
    "close_account": (_ACCOUNT,),
    "close_finding": ("value",),
    "close_order": ("value",),
}
PAYMENTS: Final = ("top_up", "reversal", "adjustment")
# What begins a line: the kind of its batch, the columns of its arguments in order, and those it fills itself.
VERBS: Final[dict[str, tuple[str, tuple[str, ...], dict[str, str]]]] = {
    "account": ("accounts", (_ACCOUNT, "opening_balance"), {}),
    "meter": ("meters", (_METER, _ACCOUNT), {}),
    "supply": ("meters", (_METER, "district_id"), {"role": "supply"}),
    "district": ("districts", ("district_id",), {}),
    "read": ("reads", (_METER, "at", "value"), {}),
    **{kind: ("payments", (_ACCOUNT, "amount"), {"kind": kind}) for kind in PAYMENTS},
    "payment": ("payments", (_ACCOUNT, "amount", "kind"), {}),
    "feed": ("payments", (), {}),
    "ack": ("acks", ("command_id", "outcome"), {}),
    **{op: ("updates", names, {"op": op}) for op, names in OPS.items()},
    "update": ("updates", ("op",), {}),
    "config": ("config", (), {}),
    "at": ("tick", (), {}),
    "day": ("", (), {}),
    "watch": ("", (), {}),
    "see": ("", (), {}),
}
# How many arguments those take that make no rows, and with which options.
ALONE: Final = {"config": 1, "at": 1, "day": 1, "feed": 0}
ALONE_ASIDE: Final = {"config": ("now",), "feed": ("now",)}
ASIDE: Final = ("now", "times", "every", "step")
OWN: Final = {"account": "opening", **{kind: kind for kind in PAYMENTS}}

OUTPUTS: Final = (
    "intervals",
    "exceptions",
    "ledger",
    "notices",
    "commands",
    "districts",
    "collection",
    "findings",
    "orders",
)
BY_ROW: Final = ("intervals", "exceptions", "ledger")
ORDERS: Final = ("trip_failed", "field_restore")
HEADS: Final = {
    "refused": "exceptions",
    "opening": "ledger",
    "standing": "ledger",
    "correction": "ledger",
    **dict.fromkeys(PAYMENTS, "ledger"),
    "notice": "notices",
    "trip": "commands",
    "restore": "commands",
    "window": "districts",
    "collection": "collection",
    "malformed": "malformed",
}
# What `key=value` may tell of an effect: the column, and its type.
_OPENED: Final = {"id": ("id", "count"), "district": ("district_id", "id"), "grid": ("grid", "text")}
_COUNTED: Final = {
    "revision": ("revision", "count"),
    "received": ("received", "count"),
    "expected": ("expected", "count"),
    "end": ("end", "instant"),
}
FACTS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "intervals": {
        "wh": ("wh", "count"),
        "charge": ("charge", "money"),
        "balance": ("balance", "money"),
        "start": ("start", "instant"),
        "end": ("end", "instant"),
    },
    "exceptions": {
        "subject": ("subject", "text"),
        "value": ("value", "count"),
        "at": ("at", "instant"),
        "amount": ("amount", "money"),
    },
    "ledger": {
        "amount": ("amount", "money"),
        "balance": ("balance", "money"),
        "at": ("at", "instant"),
        "ref": ("ref", "bytes"),
    },
    "notices": {"balance": ("balance", "money"), "at": ("at", "instant")},
    "commands": {
        "id": ("command_id", "count"),
        "attempt": ("attempt", "count"),
        "reason": ("reason", "text"),
        "issued": ("issued_at", "instant"),
        "expires": ("expires_at", "instant"),
    },
    "districts": {
        **_COUNTED,
        "supply": ("supply_wh", "count"),
        "consumption": ("consumption_wh", "count"),
        "loss": ("loss_wh", "count"),
        "ratio": ("loss_ratio", "ratio"),
    },
    "collection": _COUNTED,
    "findings": _OPENED,
    "orders": _OPENED,
}
# What `see` looks at: the table, its key, and the types of its columns.
SEEN: Final[dict[str, tuple[str, str, dict[str, str]]]] = {
    "account": (
        "accounts",
        "account_id",
        {
            "district_id": "id",
            "tariff": "text",
            "policy": "text",
            "klass": "text",
            "state": "text",
            "unsure": "flag",
            "blocked_by": "text",
            "balance": "money",
            "tier_energy": "energy",
        },
    ),
    "meter": (
        "meters",
        "meter_id",
        {
            "account_id": "id",
            "district_id": "id",
            "in_use": "flag",
            "last_at": "instant",
            "last_value": "count",
            "typical": "energy",
            "quality": "quality",
        },
    ),
    "district": (
        "districts",
        "district_id",
        {"name": "text", "grid": "text", "loss_limit": "ratio", "suspended": "flag"},
    ),
}
_ARROW: Final = {
    "text": pa.string(),
    "flag": pa.bool_(),
    "ratio": pa.float64(),
    "bytes": pa.binary(16),
    "money": pa.decimal64(18, 9),
    "count": pa.int64(),
    "int32": pa.int32(),
    "uint16": pa.uint16(),
    "uint64": pa.uint64(),
    "instant": pa.int64(),
}


def span_s(said: str) -> int:
    """A length of time such as ``+48h``, in seconds."""
    return int(said[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[said[-1]]


def array(told: str, values: list[Any], ids: str) -> Any:
    """A column of a batch."""
    if told == "id":
        return pa.array(values, pa.string() if ids == "utf8" else pa.uint64())
    return pa.array(values, _ARROW[told])
