"""DuckDB over a folder: a view for each output and state table, and nothing else that a query could reach.

Views are named as the outputs; state tables stand in the schema `state` (`state.accounts`), and also by their bare
name where no output has it (`accounts`, `meters`, `gaps`). `balances` has the accounts at the end of each day, where
they are kept. Each view has one column more than its table, the last: `shard`.

Money and energy are decimals, and their sums are exact; a payment's id is a UUID; instants are shown in the engine's
time zone. A query can read, and no more: it is one SELECT; the file system, the network and extensions are out of
its reach, but for the files of the folder; its memory has a limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from pipeline.closing import Closing
from pipeline.query.folder import Folder, QueryError, Rows
from pipeline.query.node import NodeFolder
from pipeline.query.replayed import Replayed

__all__ = ["Catalog", "Result", "open_folder"]

BARE: Final = ("accounts", "meters", "gaps")
"""State tables whose names are no output's."""
BATCH_ROWS: Final = 65_536
TRIES: Final = 3
"""So often is a query begun when a file that was listed is gone: a day has been compacted meanwhile."""
_BARE_WORD: Final = re.compile(r"""(?<!["'\w])(at|end)(?!["'\w])""", re.IGNORECASE)
"""Columns whose names are words of SQL, and are easily written without quotes."""


class Result:
    """What a query gives: its columns, and its rows batch by batch, once."""

    def __init__(self, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> None:
        self.schema = schema
        self._batches = batches

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """The rows; raises `QueryError`."""
        try:
            yield from self._batches
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise QueryError(_said(error)) from None

    def table(self) -> pa.Table:
        """All rows."""
        return pa.Table.from_batches(list(self), self.schema)

    def rows(self) -> list[dict[str, Any]]:
        """All rows as Python values: money and energy as `Decimal`."""
        found: list[dict[str, Any]] = self.table().to_pylist()
        return found


class Catalog(Closing):
    """A connection of DuckDB with the views of a folder; use it in one thread.

    Attributes:
        folder: what is asked.
        timezone: the engine's zone, in which instants are shown and days counted; UTC where the folder does not say.
        currency: the engine's currency; None where the folder does not say.
    """

    def __init__(self, folder: Folder, *, memory: str = "2GiB", timezone: str | None = None) -> None:
        self.folder = folder
        self.config = folder.config()
        engine = self.config.engine if self.config is not None else None
        self.timezone = timezone or (engine.timezone if engine is not None else "UTC")
        self.currency = engine.currency if engine is not None else None
        self._made: set[str] = set()
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "python_enable_replacements": False,
                "temp_directory": "",
            },
        )
        places = [str((folder.path / name).resolve()) for name in ("outputs", "state")]
        listed = ", ".join(_text(place) for place in places)
        try:
            for statement in (
                f"SET TimeZone = {_text(self.timezone)}",
                f"SET memory_limit = {_text(memory)}",
                f"SET allowed_directories = [{listed}]",
                "SET enable_external_access = false",
                "SET lock_configuration = true",
                "CREATE SCHEMA state",
                "CREATE SCHEMA memory_rows",
            ):
                self._connection.execute(statement)
        except duckdb.Error as error:
            raise QueryError(_said(error)) from None

    def run(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Result:
        """Answer one SELECT; `$name` in it is a parameter. Raises `QueryError`."""
        self._check(sql)
        for attempt in range(1, TRIES + 1):
            try:
                self._views(sql)
                relation = self._connection.sql(sql, params=dict(parameters) if parameters else None)
                reader = relation.to_arrow_reader(BATCH_ROWS)
                first = next(reader, None)
            except duckdb.IOException as error:
                if attempt == TRIES:
                    raise QueryError(_said(error)) from None
                self._made.clear()
                continue
            except StopIteration:
                first = None
            except (duckdb.Error, pa.ArrowException, OSError) as error:
                raise QueryError(_said(error, sql)) from None
            return Result(reader.schema, _chained(first, reader))
        raise AssertionError("the last attempt answers or raises")

    def close(self) -> None:
        """Close the connection, and the folder."""
        self._connection.close()
        self.folder.close()

    def _check(self, sql: str) -> None:
        try:
            statements = self._connection.extract_statements(sql)
        except duckdb.Error as error:
            raise QueryError(_said(error, sql)) from None
        kinds = [statement.type for statement in statements]
        if kinds != [duckdb.StatementType.SELECT]:
            found = ", ".join(kind.name for kind in kinds) or "nothing"
            raise QueryError(
                f"a query is one SELECT; found {found}. Nothing can be changed here; PIVOT needs its values: "
                "FROM (PIVOT … ON … IN (…) USING …)"
            )

    def _views(self, sql: str) -> None:
        """Make the views whose names occur in a query: tables of a node are asked for only when they are."""
        words = {word.lower() for word in re.findall(r"\w+", sql)}
        everything = bool(words & {"show", "duckdb_views", "duckdb_columns", "information_schema"})
        for name in self.folder.outputs:
            if everything or name in words:
                self._view(name, lambda name=name: self.folder.rows(name))
        for name in self.folder.states:
            if everything or ("state" in words and name in words) or (name in BARE and name in words):
                self._view(f"state.{name}", lambda name=name: self.folder.state(name))
                if name in BARE:
                    self._connection.execute(f"CREATE OR REPLACE VIEW {name} AS FROM state.{name}")
        if self.folder.daily and (everything or "balances" in words):
            self._view("balances", self.folder.balances, hive=True)

    def _view(self, name: str, rows_of: Any, *, hive: bool = False) -> None:
        if name not in self._made:
            rows: Rows = rows_of()
            tail = f'memory_rows."{name}"'
            if rows.tail is not None:
                self._connection.register("given", rows.tail)
                self._connection.execute(f"CREATE OR REPLACE TABLE {tail} AS FROM given")
                self._connection.unregister("given")
            self._connection.execute(f"CREATE OR REPLACE VIEW {name} AS {_select(rows, tail, hive)}")
            self._made.add(name)


def open_folder(path: Path) -> Folder:
    """The folder of outputs at a path, of whichever layout; raises `QueryError`, `FeikongError`."""
    if not path.is_dir():
        raise QueryError(
            f"{path}: is no folder; expected one of `feikong replay`, or the data directory of a node"
        )
    return NodeFolder(path) if NodeFolder.is_one(path) else Replayed(path)


def _select(rows: Rows, tail: str, hive: bool) -> str:
    """A SELECT of all rows, each column of its type, whatever the file or the memory has it in."""
    files = ", ".join(_text(str(path.resolve())) for path in rows.files)
    columns = ", ".join(_column(field) for field in rows.schema)
    day = ', "day"' if hive else ""
    parts = []
    if rows.files:
        shard = "CAST(shard AS UTINYINT)" if rows.sharded else "0::UTINYINT"
        source = f"read_parquet([{files}], hive_partitioning = {'true' if hive else 'false'})"
        part = f"SELECT {columns}, {shard} AS shard{day} FROM {source}"
        if rows.sealed:
            some = " OR ".join(f"(shard = {shard} AND seq <= {seq})" for shard, seq in rows.sealed.items())
            part += f" WHERE {some}"
        parts.append(part)
    if rows.tail is not None:
        parts.append(f"SELECT {columns}, CAST(shard AS UTINYINT) AS shard FROM {tail}")
    if not parts:
        nulls = ", ".join(f'NULL::{_type(field.type)} AS "{field.name}"' for field in rows.schema)
        days = ", NULL::DATE AS day" if hive else ""
        parts.append(f"SELECT {nulls}, NULL::UTINYINT AS shard{days} WHERE false")
    return " UNION ALL ".join(parts)


def _column(field: pa.Field) -> str:
    if pa.types.is_fixed_size_binary(field.type):
        return f'CAST(hex("{field.name}") AS UUID) AS "{field.name}"'
    return f'CAST("{field.name}" AS {_type(field.type)}) AS "{field.name}"'


def _type(kind: pa.DataType) -> str:
    """The type of DuckDB for a type of the engine's tables."""
    if pa.types.is_decimal(kind):
        return f"DECIMAL({kind.precision}, {kind.scale})"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMPTZ"
    if pa.types.is_fixed_size_binary(kind):
        return "UUID"
    return {
        "bool": "BOOLEAN",
        "double": "DOUBLE",
        "int64": "BIGINT",
        "uint8": "UTINYINT",
        "uint16": "USMALLINT",
        "uint32": "UINTEGER",
        "uint64": "UBIGINT",
    }.get(str(kind), "VARCHAR")


def _text(value: str) -> str:
    """A literal of SQL."""
    return "'" + value.replace("'", "''") + "'"


def _chained(first: pa.RecordBatch | None, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    if first is not None:
        yield first
        yield from rest


def _said(error: Exception, sql: str = "") -> str:
    """What DuckDB says, as one says it to a person."""
    said = str(error).strip()
    if isinstance(error, duckdb.ParserException) and (word := _BARE_WORD.search(sql)):
        return f'{said}\n{word[1]} is a word of SQL: as the name of a column it stands in double quotes, "{word[1]}"'
    if isinstance(error, duckdb.CatalogException) and "Table with name" in said:
        return f"{said.splitlines()[0]}\nSHOW TABLES lists them; state tables are state.NAME"
    if isinstance(error, duckdb.OutOfMemoryException):
        return f"{said.splitlines()[0]}\nAsk for less at a time, or give the query more with --memory"
    return said
