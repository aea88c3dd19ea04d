"""Energies to counts, and other cells to typed values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.columns import COLUMNS, Ids
from pipeline.sources.mapping import FileMapping
from pipeline.sources.numbers import counts, typed


def mapped(**fields: Any) -> FileMapping:
    return msgspec.convert(fields, FileMapping)


def count_of(cell: object, kind: pa.DataType | None = None, **fields: Any) -> int | str:
    values, problems, _ = counts(pa.array([cell], kind), mapped(**fields))
    return problems.get(0, values[0].as_py())


@pytest.mark.parametrize(
    ("cell", "kind", "mapping", "expected"),
    [
        ("1234", None, {}, 1234),
        ("+7", None, {}, 7),
        ("-3", None, {}, -3),
        (" 42 ", None, {}, 42),
        ("999999999999999999", None, {}, 999_999_999_999_999_999),
        (5, pa.int16(), {}, 5),
        (2**63 - 1, pa.uint64(), {}, 2**63 - 1),
        (5.0, pa.float64(), {}, 5),
        ("0.219", None, {"unit": "kWh"}, 219),
        ("0,219", None, {"unit": "kWh", "decimal": ","}, 219),
        (".005", None, {"unit": "kWh"}, 5),
        ("1.5e1", None, {"unit": "kWh"}, 15_000),
        ("6.5279999", None, {"unit": "kWh"}, 6_528),
        (0.1 + 0.2, None, {"unit": "kWh"}, 300),
        (Decimal("1.23"), pa.decimal128(10, 2), {"unit": "kWh", "resolution_wh": 10}, 123),
        ("3", None, {"unit": "MWh", "resolution_wh": 100}, 30_000),
        (-1.25, None, {"unit": "kWh"}, -1_250),
        ("12.5381", None, {"unit": "kWh", "round": True}, 12_538),
        (7, pa.int64(), {"unit": "Wh", "resolution_wh": 10, "round": True}, 1),
    ],
)
def test_an_energy_is_so_many_counts(cell: object, kind: Any, mapping: dict[str, Any], expected: int) -> None:
    assert count_of(cell, kind, **mapping) == expected


@pytest.mark.parametrize(
    ("cell", "kind", "mapping", "reason"),
    [
        ("Null", None, {}, "whole number of counts"),
        ("1.5", None, {}, "whole number of counts"),
        ("1" * 19, None, {}, "whole number of counts"),
        (2**63, pa.uint64(), {}, "below 2^63"),
        (5.5, None, {}, "5.5 counts"),
        ("Null", None, {"unit": "kWh"}, "no number"),
        ("1,5", None, {"unit": "kWh"}, "no number"),
        ("nan", None, {"unit": "kWh"}, "no number"),
        (float("nan"), None, {"unit": "kWh"}, "no number"),
        (float("inf"), None, {"unit": "kWh", "round": True}, "no number"),
        ("1e99", None, {"unit": "kWh"}, "no number"),
        ("0.0125", None, {"unit": "kWh"}, "12.5 counts of 1 Wh"),
        ("0.215", None, {"unit": "kWh", "resolution_wh": 10}, "21.5 counts of 10 Wh"),
    ],
)
def test_what_is_no_whole_count_is_a_problem(
    cell: object, kind: Any, mapping: dict[str, Any], reason: str
) -> None:
    answer = count_of(cell, kind, **mapping)
    assert isinstance(answer, str)
    assert reason in answer


def test_rounded_energies_are_counted() -> None:
    values, problems, rounded = counts(pa.array(["0.0126", "0.013", "x"]), mapped(unit="kWh", round=True))
    assert values.to_pylist()[:2] == [13, 13]
    assert list(problems) == [2]
    assert rounded == 1


@given(st.integers(-(10**11), 10**11), st.sampled_from([1, 10, 100]))
def test_kwh_as_text_and_as_float_are_exact(wanted: int, resolution_wh: int) -> None:
    text = str(Decimal(wanted * resolution_wh).scaleb(-3))
    for cell in (text, float(text)):
        assert count_of(cell, unit="kWh", resolution_wh=resolution_wh) == wanted


def value_of(kind: str, name: str, cell: object, ids: Ids = "utf8", **fields: Any) -> object:
    [want] = [column for column in COLUMNS[kind] if column.name == name]
    values, problems = typed(pa.array([cell]), want, ids, mapped(**fields))
    assert (values[0].as_py() is None) or not problems or want.meaning in ("id", "text")
    return f"problem: {problems[0]}" if problems else values[0].as_py()


PAYMENT = UUID("0f0e0d0c-0b0a-0908-0706-050403020100")


@pytest.mark.parametrize(
    ("kind", "name", "cell", "ids", "expected"),
    [
        ("reads", "meter_id", " M1 ", "utf8", "M1"),
        ("reads", "meter_id", 17, "utf8", "17"),
        ("reads", "meter_id", "17", "uint64", 17),
        ("reads", "meter_id", str(2**64 - 1), "uint64", 2**64 - 1),
        ("reads", "status", "8", "utf8", 8),
        ("accounts", "protected", "Yes", "utf8", True),
        ("accounts", "protected", 0, "utf8", False),
        ("accounts", "opening_balance", "-12.50", "utf8", Decimal("-12.50")),
        ("accounts", "opening_balance", 0.1, "utf8", Decimal("0.1")),
        ("meters", "interval_s", "900", "utf8", 900),
        ("districts", "loss_limit", "0.05", "utf8", 0.05),
        ("payments", "payment_id", str(PAYMENT), "utf8", PAYMENT.bytes),
        ("payments", "payment_id", PAYMENT.hex.upper(), "utf8", PAYMENT.bytes),
        ("payments", "payment_id", PAYMENT.bytes, "utf8", PAYMENT.bytes),
    ],
)
def test_a_cell_is_typed(kind: str, name: str, cell: object, ids: Ids, expected: object) -> None:
    assert value_of(kind, name, cell, ids) == expected


@pytest.mark.parametrize(
    ("kind", "name", "cell", "ids", "reason"),
    [
        ("reads", "meter_id", "  ", "utf8", "1 to 64 bytes"),
        ("reads", "meter_id", "é" * 33, "utf8", "1 to 64 bytes"),
        ("reads", "meter_id", "M1", "uint64", "2^64"),
        ("reads", "meter_id", str(2**64), "uint64", "2^64"),
        ("reads", "status", "70000", "utf8", "uint16"),
        ("accounts", "protected", "maybe", "utf8", "true"),
        ("accounts", "opening_balance", "1e9", "utf8", "10^9"),
        ("accounts", "opening_balance", "0.0000000001", "utf8", "9 decimals"),
        ("accounts", "opening_balance", "NaN", "utf8", "amount"),
        ("meters", "interval_s", "quarter", "utf8", "whole number"),
        ("meters", "interval_s", str(2**40), "utf8", "int32"),
        ("districts", "loss_limit", "few", "utf8", "ratio"),
        ("payments", "payment_id", b"short", "utf8", "16"),
    ],
)
def test_a_cell_that_does_not_fit_is_a_problem(
    kind: str, name: str, cell: object, ids: Ids, reason: str
) -> None:
    answer = value_of(kind, name, cell, ids)
    assert str(answer).startswith("problem: ")
    assert reason in str(answer)


def test_other_payment_ids_are_told_apart_and_always_the_same() -> None:
    first, second = (value_of("payments", "payment_id", text) for text in ("TX-1", "TX-2"))
    assert isinstance(first, bytes)
    assert len(first) == 16
    assert first != second
    assert first == value_of("payments", "payment_id", "TX-1")


def test_a_decimal_comma_is_for_money_too() -> None:
    assert value_of("payments", "amount", "12,50", decimal=",") == Decimal("12.50")
