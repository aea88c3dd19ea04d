"""The schema of each Arrow body: what is published, and what alone is accepted.

The columns are those of the engine's inputs, all of them, in their order, each in its plainest type: instants as
``timestamp[s, UTC]``, money as ``decimal64(18, 9)``, names as ``utf8`` without dictionaries. A column that the engine
requires is not nullable. Ids are ``uint64`` or ``utf8``: there are two schemas of each kind that has ids.
"""

from __future__ import annotations

from typing import Final, Literal

import pyarrow as pa

from fastcore.schemas import INPUTS, INSTANT, MONEY, PAYMENT_ID, Domain
from pipeline.wire.kinds import BATCHES, Kind, engine_kind

__all__ = ["ARROW_KINDS", "COMMANDS", "IDS", "SCHEMAS", "Ids"]

Ids = Literal["uint64", "utf8"]

IDS: Final[dict[Ids, pa.DataType]] = {"uint64": pa.uint64(), "utf8": pa.string()}

_TYPES: Final[dict[Domain, pa.DataType]] = {
    Domain.INSTANT: INSTANT,
    Domain.INT64: pa.int64(),
    Domain.INT32: pa.int32(),
    Domain.UINT16: pa.uint16(),
    Domain.UINT64: pa.uint64(),
    Domain.MONEY: MONEY,
    Domain.FLAG: pa.bool_(),
    Domain.FLOAT64: pa.float64(),
    Domain.PAYMENT_ID: PAYMENT_ID,
    Domain.TEXT: pa.string(),
}

ARROW_KINDS: Final = frozenset(kind for kind in BATCHES if INPUTS.get(engine_kind(kind)))
"""The kinds of batch whose body is Arrow; a configuration is text, a tick eight bytes."""


def _input(kind: Kind, ids: Ids) -> pa.Schema:
    return pa.schema(
        [
            pa.field(
                column.name,
                IDS[ids] if column.domain is Domain.ID else _TYPES[column.domain],
                nullable=not column.required,
            )
            for column in INPUTS[engine_kind(kind)]
        ]
    )


SCHEMAS: Final[dict[Kind, dict[Ids, pa.Schema]]] = {
    kind: {ids: _input(kind, ids) for ids in IDS} for kind in sorted(ARROW_KINDS)
}
"""The schema of a batch, by kind and type of ids; ``acks`` have no ids, and both are the same."""


def _commands(ids: Ids) -> pa.Schema:
    columns = {
        "command_id": pa.uint64(),
        "kind": pa.string(),
        "attempt": pa.uint32(),
        "account_id": IDS[ids],
        "meter_id": IDS[ids],
        "issued_at": INSTANT,
        "expires_at": INSTANT,
        "reason": pa.string(),
        "balance": MONEY,
        "threshold": MONEY,
        "decided_seq": pa.uint64(),
        "signer": pa.binary(32),
        "signature": pa.binary(64),
    }
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in columns.items()])


COMMANDS: Final[dict[Ids, pa.Schema]] = {ids: _commands(ids) for ids in IDS}
"""The schema of commands on their way to a head-end."""
