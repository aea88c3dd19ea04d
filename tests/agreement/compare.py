"""Twin and engine side by side over one random log: effects after each batch, state every few."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

import pyarrow as pa

from model import TwinConfigError, TwinSchemaError
from model.schemas import ID, OUTPUT_TYPES, STATE_TYPES, id_type

from .arrow import as_arrow
from .coverage import met
from .generate import Batch, batches
from .grid import Grid, Row

OPEN = ("detail",)
"""What the reference leaves to the engine, of findings and orders."""
STATE_EVERY = 8


class Native(Protocol):
    """What is compared with the twin."""

    def apply(self, kind: str, batch: Any, now: int) -> Any:
        """Apply one batch; effects with a record batch per output."""

    def audit(self) -> None:
        """Raise where an invariant is broken."""


Factory = Callable[[str], Native]


@dataclass(slots=True)
class Counts:
    """What a run has compared, and what the log met."""

    logs: int = 0
    batches: int = 0
    reloads: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)

    def add(self, other: Counts) -> None:
        """Add what another run has counted."""
        self.logs += other.logs
        self.batches += other.batches
        self.reloads += other.reloads
        self.rows.update(other.rows)
        self.met.update(other.met)


def plain(column: Any) -> list[Any]:
    """An Arrow column as the twin writes it: instants and decimals as integers, names as text."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    told = column.type
    if pa.types.is_dictionary(told):
        column = column.cast(told.value_type)
    elif pa.types.is_timestamp(told):
        column = column.cast(pa.int64())
    elif pa.types.is_decimal(told):
        column = pa.Array.from_buffers(pa.int64(), len(column), column.buffers(), offset=column.offset)
    values: list[Any] = column.to_pylist()
    return values


def told_type(told: Any) -> Any:
    """A column's type, dictionaries by what they hold."""
    return told.value_type if pa.types.is_dictionary(told) else told


def compare_table(where: str, rows: list[Row], table: Any, types: dict[str, Any], ids: str | None) -> None:
    """Assert that a table of the engine holds the twin's rows, in order, in the types of the reference."""
    assert table.num_rows == len(rows), (
        f"{where}: {len(rows)} rows, the engine has {table.num_rows}" + first_of(rows, table)
    )
    given = dict(zip(table.schema.names, table.schema.types, strict=True))
    for name, told in types.items():
        assert name in given, f"{where}: the engine has no column {name}"
        wanted = told_type(id_type(ids) if told is ID else told)
        if told is not ID or ids is not None:
            assert told_type(given[name]) == wanted, f"{where}.{name}: is {given[name]}, must be {wanted}"
        if name in OPEN and "id" in types:
            continue
        mine, theirs = [row[name] for row in rows], plain(table.column(name))
        if mine != theirs:
            i = next(i for i, (a, b) in enumerate(zip(mine, theirs, strict=True)) if a != b)
            raise AssertionError(
                f"{where}.{name}[{i}]: {mine[i]!r}, the engine has {theirs[i]!r}\n"
                f"  twin:   {rows[i]}\n  engine: {row_of(table, i)}"
            )


def row_of(table: Any, i: int) -> Row:
    """One row of a table of the engine, as the twin would write it."""
    return {name: plain(table.column(name))[i] for name in table.schema.names}


def first_of(rows: list[Row], table: Any) -> str:
    """The first row that only one of them has, to be shown."""
    both = min(len(rows), table.num_rows)
    names = [name for name in table.schema.names if not rows or name in rows[0]]
    columns = {name: plain(table.column(name)) for name in names if name not in OPEN}
    for i in range(both):
        if any(rows[i][name] != values[i] for name, values in columns.items()):
            return f"; first difference at {i}\n  twin:   {rows[i]}\n  engine: {row_of(table, i)}"
    if len(rows) > both:
        return f"; only the twin has\n  {rows[both]}"
    return f"; only the engine has\n  {row_of(table, both)}"


def compare_state(where: str, grid: Grid, native: Any, counts: Counts) -> None:
    """Assert that every state table is the same, and that both keep their invariants."""
    for name, rows in grid.twin.tables().items():
        compare_table(
            f"{where}, state {name}", rows, getattr(native, name)(), STATE_TYPES[name], grid.world.ids
        )
        counts.rows[f"state {name}"] += len(rows)
    grid.twin.check()
    native.audit()


def reloaded(where: str, native: Any) -> Any:
    """The engine, saved and loaded; it must be the same."""
    file = io.BytesIO()
    native.save(file)
    file.seek(0)
    again = type(native).load(file)
    assert again.digest() == native.digest(), f"{where}: the loaded engine has another digest"
    return again


def step(where: str, grid: Grid, native: Any, batch: Batch, arrow: Any, counts: Counts) -> None:
    """One batch through both."""
    kind, _, now = batch
    refused: Exception | None = None
    raised: Exception | None = None
    try:
        effects = grid.twin.apply(*batch)
    except (TwinSchemaError, TwinConfigError) as error:
        refused = error
    try:
        given = native.apply(kind, arrow, now=now)
    except Exception as error:
        raised = error
    if refused is None and raised is not None:
        raise AssertionError(f"{where}: the engine refuses what the twin takes: {raised!r}") from raised
    if refused is not None:
        assert raised is not None, f"{where}: the engine takes what the twin refuses: {refused!r}"
        mine, theirs = (type(error).__name__.removeprefix("Twin") for error in (refused, raised))
        both = kind == "config" and theirs in (
            "ConfigError",
            "SchemaError",
        )  # its text and its time may be wrong
        assert mine == theirs or both, f"{where}: {refused!r}, the engine raises {raised!r}"
        counts.met[f"malformed {mine}"] += 1
        return
    for name, rows in effects.items():
        compare_table(f"{where}, {name}", rows, getattr(given, name), OUTPUT_TYPES[name], grid.world.ids)
        counts.rows[name] += len(rows)
    counts.met.update(met(grid.twin, effects))


def run(seed: int, engine_factory: Factory, length: int | None = None, reload_every: int = 0) -> Counts:
    """Drive both over the log of a seed; ``AssertionError`` with seed and batch at the first difference.

    ``reload_every`` batches, the engine is saved, loaded, and goes on from there (0: never).
    """
    grid, free = Grid.of(seed), Random(~seed)
    native: Any = engine_factory(grid.settings.toml())
    counts = Counts(logs=1)
    where = f"seed {seed}"
    for number, batch in enumerate(batches(grid, length), start=1):
        kind, rows, now = batch
        where = f"seed {seed}, batch {number} ({kind}, now {now})"
        arrow = as_arrow(kind, rows, grid.ids, free if free.random() < 0.3 else None)
        step(where, grid, native, batch, arrow, counts)
        counts.batches += 1
        if number % STATE_EVERY == 0:
            compare_state(where, grid, native, counts)
        if reload_every and number % reload_every == 0:
            native = reloaded(where, native)
            counts.reloads += 1
    compare_state(where, grid, native, counts)
    return counts
