"""The reference lists what the code has, no more and no less: keys, kinds, columns, names."""

from __future__ import annotations

import re
from enum import EnumMeta

import pyarrow as pa
import pytest

from fastcore import Config, types
from fastcore.config_model import Engine, Policy
from fastcore.schemas import INPUTS, KINDS, OUTPUTS, STATES, UPDATE_OPS
from tidy.tree import ROOT

REFERENCE = ROOT / "docs/reference"
MINIMAL = """
[engine]
currency = "CNY"
timezone = "Asia/Shanghai"
calendar = { from = 2026-01-01, to = 2026-02-01 }
%s
[policies.home]
warn_below = ["20"]
%s
"""
TYPES = {
    "instant": pa.timestamp("s", "UTC"),
    "energy": pa.decimal64(18, 3),
    "money": pa.decimal64(18, 9),
    "utf8": pa.string(),
    "fixed_size_binary(16)": pa.binary(16),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "int64": pa.int64(),
    "uint16": pa.uint16(),
    "uint32": pa.uint32(),
    "uint64": pa.uint64(),
    "id": pa.uint64(),
}


def section(page: str, title: str) -> str:
    """What stands under a heading of a page, up to the next heading of the first or second level."""
    text = (REFERENCE / page).read_text()
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#{{1,2}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no heading {title}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of each row of the tables in a text, headings aside."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    heads = {i for i, line in enumerate(lines) if re.match(r"\|[-|]+$", line)}
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for i, line in enumerate(lines)
        if i not in heads and i + 1 not in heads
    ]


def words(cell: str) -> list[str]:
    """The code words of a cell."""
    return re.findall(r"`([^`]+)`", cell)


def columns(cells: list[list[str]]) -> dict[str, pa.DataType | str]:
    """Column and type of each row of a table of columns; ``name`` stands for dictionary-encoded words."""
    out: dict[str, pa.DataType | str] = {}
    for names, kinds, *_ in cells:
        found = [
            "name" if kind == "*name*" else TYPES[kind.strip("`")] for kind in re.split(r", (?!9|3)", kinds)
        ]
        out.update(zip(words(names), found * (len(words(names)) // len(found)), strict=True))
    return out


def columns_of(schema: pa.Schema) -> dict[str, pa.DataType | str]:
    """The same of a schema."""
    return {field.name: "name" if pa.types.is_dictionary(field.type) else field.type for field in schema}


@pytest.mark.parametrize(("title", "place", "struct"), [("`[engine]`", 0, Engine), ("Policies", 1, Policy)])
def test_keys_have_the_defaults_that_are_told(title, place, struct):
    told = {words(row[0])[0]: words(row[2]) for row in rows(section("configuration.md", title))}
    fields = {re.sub(r"_(?:s|nano|from|to|text)$", "", field) for field in struct.__struct_fields__} - {
        "name"
    }
    assert set(told) == fields
    plain = Config.from_toml(MINIMAL % ("", ""))
    checked = 0
    for key, default in told.items():
        if default:
            line = f"{key} = {default[0]}"
            spelt = Config.from_toml(MINIMAL % (("", line) if place else (line, "")))
            assert (spelt.engine, spelt.policies) == (plain.engine, plain.policies), line
            checked += 1
    assert checked >= 11


def test_kinds_and_their_columns():
    kinds = re.findall(r"^### `(\w+)`$", section("inputs.md", "The kinds"), re.MULTILINE)
    assert tuple(kinds) == KINDS
    text = section("inputs.md", "The kinds")
    checked = 0
    for kind in ("accounts", "meters", "districts", "reads", "payments", "acks"):
        part = re.search(rf"^### `{kind}`$(.*?)(?=^### )", text, re.MULTILINE | re.DOTALL)
        assert part
        told = [name for row in rows(part[1]) for name in words(row[0])]
        assert told == [column.name for column in INPUTS[kind]]
        checked += len(told)
    assert checked > 30
    assert all(f"`{column.name}`" in section("updates.md", "9. Updates") for column in INPUTS["updates"])


def test_columns_that_may_be_absent():
    text = section("inputs.md", "Types")
    told = set(words(text[text.index("Columns that may be absent") :]))
    optional = {
        column.name for kind in INPUTS if kind != "updates" for column in INPUTS[kind] if not column.required
    }
    assert optional == told - {"meters", "updates", "op"}


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_have_the_columns_that_are_told(name):
    title = "`findings` and `orders`" if name in ("findings", "orders") else f"`{name}`"
    text = section("outputs.md", title).partition("### ")[0]
    told = columns(rows(text))
    assert told == columns_of(OUTPUTS[name](pa.uint64()))
    assert list(told) == OUTPUTS[name](pa.uint64()).names


def test_state_tables_have_the_columns_that_are_told():
    told: dict[str, list[list[str]]] = {}
    for table, *cells in rows(section("outputs.md", "State tables")):
        names = words(table) or [list(told)[-1]]
        for name in names:
            told.setdefault(name, []).append(cells)
    assert list(told) == list(STATES)
    for name in ("accounts", "meters", "districts", "gaps"):
        assert columns(told[name]) == columns_of(STATES[name](pa.uint64())), name


def test_updates_are_all_listed():
    assert (
        tuple(name for row in rows(section("updates.md", "9. Updates")) for name in words(row[0]))
        == UPDATE_OPS
    )
    assert len(UPDATE_OPS) == 16


@pytest.mark.parametrize(
    ("page", "title", "vocabulary", "column"),
    [
        ("outputs.md", "`exceptions`", types.Reason, 0),
        ("control.md", "Gates", types.Gate, 0),
        ("windows.md", "Findings", types.Finding, 0),
        ("windows.md", "Orders", types.Order, 0),
        ("reads.md", "Quality", types.Quality, 1),
    ],
)
def test_vocabularies_are_listed_whole(page, title, vocabulary: EnumMeta, column):
    told = {name for row in rows(section(page, title)) for name in words(row[column])}
    known = set(types.names(vocabulary)) - {"accepted", "none"}
    assert len(known) >= 2
    assert known <= told
