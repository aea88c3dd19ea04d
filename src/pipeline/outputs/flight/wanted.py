"""Which rows and columns of a table are wanted, over whatever schema it has: of a file, of memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import and_
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.outputs.flight.tickets import Ask, refusal

__all__ = ["TIMES", "Wanted", "plain"]

TIMES: Final = {
    "intervals": "end",
    "ledger": "at",
    "exceptions": "at",
    "notices": "at",
    "commands": "issued_at",
    "districts": "start",
    "collection": "start",
    "findings": "at",
    "orders": "at",
}
"""The column by which `from` and `to` go, of each output."""


def plain(schema: pa.Schema) -> pa.Schema:
    """A schema with words as plain text, as rows travel."""
    return pa.schema(
        [
            field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
            for field in schema
        ]
    )


class Wanted:
    """What an `Ask` wants of a table with a schema; raises `FlightServerError` where it has no such column.

    Attributes:
        schema: of what is sent.
        read: the columns that must be read for it: beside those that are sent, what rows are ordered by.
    """

    def __init__(self, ask: Ask, schema: pa.Schema) -> None:
        self._whole = plain(schema)
        self._time = None if ask.kind == "state" else TIMES[ask.name]
        self._bounds = (ask.since_s, ask.until_s)
        self._ids = ask.ids
        columns = self._whole.names if ask.columns is None else ask.columns
        if unknown := [name for name in columns if name not in self._whole.names]:
            raise refusal(
                f"{ask.name} has no column {unknown[0]!r}; expected some of {', '.join(self._whole.names)}"
            )
        if len(set(columns)) != len(columns) or not columns:
            raise refusal("the ticket: columns are none, or one is there twice; expected each once")
        self.schema = pa.schema([self._whole.field(name) for name in columns])
        order = [name for name in ("seq", "row") if name in self._whole.names and name not in columns]
        self.read = [*columns, *order]
        self._check_ids(ask)

    def expression(self, schema: pa.Schema) -> pc.Expression | None:
        """What rows of this schema must fulfil; None: nothing."""
        found: list[pc.Expression] = []
        since_s, until_s = self._bounds
        if self._time is not None and since_s is not None:
            found.append(pc.field(self._time) >= _scalar(since_s, schema.field(self._time).type))
        if self._time is not None and until_s is not None:
            found.append(pc.field(self._time) < _scalar(until_s, schema.field(self._time).type))
        for column, values in self._ids:
            found.append(pc.field(column).isin(pa.array(values, schema.field(column).type)))
        return reduce(and_, found) if found else None

    def of(self, rows: pa.Table) -> pa.Table:
        """The wanted rows and columns, in the schema that is sent."""
        expression = self.expression(rows.schema)
        return self.select(rows if expression is None else rows.filter(expression))

    def select(self, rows: pa.Table) -> pa.Table:
        """The wanted columns, of rows that are all wanted."""
        return rows.select(self.schema.names).cast(self.schema)

    def _check_ids(self, ask: Ask) -> None:
        for column, values in ask.ids:
            if column not in self._whole.names:
                having = [name for name in self._whole.names if name.endswith("_id") and name != "command_id"]
                raise refusal(
                    f"{ask.name} has no column {column}; it can be filtered by {_list([*having, *_time(self)])}"
                )
            kind = self._whole.field(column).type
            try:
                pa.array(values, kind)
            except (pa.ArrowException, OverflowError, TypeError, ValueError):
                expected = "whole numbers" if pa.types.is_integer(kind) else "texts"
                raise refusal(f"the ticket: ids of this node are {kind}; expected {expected}") from None


def _time(wanted: Wanted) -> list[str]:
    return [] if wanted._time is None else ["time"]


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"


def _scalar(value_s: int, kind: pa.DataType) -> Any:
    return pa.scalar(value_s, pa.timestamp("s", "UTC")).cast(kind)
