"""The schemas: what is said about them elsewhere, and what Arrow itself must be able to do with them."""

from __future__ import annotations

import pyarrow as pa
import pytest

from fastcore.schemas import INPUTS, KINDS, OUTPUTS, STATES, UPDATE_OPS, Domain

ID_COLUMNS = {"meter_id", "account_id", "district_id"}
TEXTS = {"subject", "detail", "grid", "name"}
ENERGY = {"energy", "supply", "consumption", "loss", "tier_energy", "typical"}
MONEY = {"charge", "balance", "amount"}
INSTANTS = {"at", "start", "end", "from", "to", "issued_at", "expires_at", "last_at"}
NAMES = {"kind", "reason", "state", "klass", "tariff", "policy", "blocked_by"}
MAY_BE_NULL = {
    "intervals": {"account_id", "charge", "balance"},
    "ledger": {"ref"},
    "exceptions": {"subject", "at", "value", "amount"},
    "notices": {"detail"},
    "commands": set(),
    "districts": {"loss_ratio"},
    "collection": set(),
    "findings": {"subject", "district_id", "grid", "detail"},
    "orders": {"subject", "district_id", "grid", "detail"},
}
STATE_MAY_BE_NULL = {
    "accounts": {"blocked_by"},
    "meters": {"account_id", "last_at", "last_value", "quality"},
    "districts": {"name", "grid", "loss_limit"},
    "gaps": set(),
    "findings": MAY_BE_NULL["findings"],
    "orders": MAY_BE_NULL["orders"],
    "commands": set(),
}


@pytest.mark.parametrize(
    ("schemas", "nulls"), [(OUTPUTS, MAY_BE_NULL), (STATES, STATE_MAY_BE_NULL)], ids=["outputs", "states"]
)
def test_types_go_by_the_name_and_only_some_columns_may_be_null(schemas, nulls):
    assert list(schemas) == list(nulls)
    ids = pa.large_binary()  # that no other column has
    for name, schema in schemas.items():
        for field in schema(ids):
            where = f"{name}.{field.name}"
            assert (field.type == ids) == (field.name in ID_COLUMNS), where
            assert (field.type == pa.string()) == (field.name in TEXTS), where
            assert (field.type == pa.decimal64(18, 3)) == (field.name in ENERGY), where
            assert (field.type == pa.decimal64(18, 9)) == (field.name in MONEY), where
            assert (field.type == pa.timestamp("s", "UTC")) == (field.name in INSTANTS), where
            assert pa.types.is_dictionary(field.type) == (field.name in NAMES), where
            assert field.nullable == (field.name in nulls[name]), where


def test_state_tables_of_what_is_open_lack_only_the_batch():
    for name in ("findings", "orders", "commands"):
        assert STATES[name](pa.uint64()).names == OUTPUTS[name](pa.uint64()).names[1:]
        assert OUTPUTS[name](pa.uint64()).names[0] == "seq"


def test_every_kind_of_batch_but_text_has_its_columns():
    assert list(INPUTS) == [kind for kind in KINDS if kind != "config"]
    for kind, columns in INPUTS.items():
        names = [column.name for column in columns]
        assert len(set(names)) == len(names), kind
        for column in columns:
            assert (column.domain is Domain.ID) == (column.name in ID_COLUMNS), f"{kind}.{column.name}"


def test_the_optional_columns():
    optional = {kind: {c.name for c in columns if not c.required} for kind, columns in INPUTS.items()}
    assert optional == {
        "accounts": set(),
        "meters": {"account_id", "district_id", "initial_at", "initial_value"},
        "districts": {"name", "grid", "loss_limit"},
        "reads": set(),
        "payments": {"channel"},
        "acks": set(),
        "updates": {"account_id", "meter_id", "value", "text", "at"},
        "tick": set(),
    }


def test_ops_stand_in_the_order_of_the_reference():
    assert len(UPDATE_OPS) == len(set(UPDATE_OPS)) == 16
    assert (UPDATE_OPS[0], UPDATE_OPS[7], UPDATE_OPS[-1]) == ("set_tariff", "approve_trip", "close_order")
