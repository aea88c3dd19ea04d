"""Rows as a person reads them: a table where it fits the width, else one record after another.

Numbers stand right, everything else left. A column shows as many decimals as its
values need, at least two for money, so that the points stand below one another. Instants are shown in the engine's
zone, without seconds where all of a column are whole minutes. In reports money is rounded to cents.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

__all__ = ["lines_of", "sheet", "show", "texts"]

GAP = 2
"""Columns of the screen between two columns of a table."""
SCALE_MIN = 2
MONEY_SCALE = 9


class _Column(NamedTuple):
    name: str
    right: bool
    cells: list[str]

    @property
    def width(self) -> int:
        return max(map(cell_len, (self.name, *self.cells)))


def sheet(table: pa.Table, width: int, title: str = "", *, cents: bool = False) -> Text:
    """What to print of a table's rows.

    Args:
        table: the rows.
        width: of the screen, in columns.
        title: what stands above them.
        cents: money is rounded to two decimals, half to even; what has nine is money.
    """
    columns = [_column(name, table[name], cents) for name in table.column_names]
    if sum(column.width for column in columns) + GAP * (len(columns) - 1) <= width:
        return _grid(columns, table.num_rows, title)
    return _records(columns, table.num_rows, title)


def _column(name: str, values: pa.ChunkedArray, cents: bool) -> _Column:
    kind, cells = values.type, values.to_pylist()
    right = pa.types.is_decimal(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind)
    if cents and pa.types.is_decimal(kind) and kind.scale == MONEY_SCALE:
        cells = [None if cell is None else round(cell, 2) for cell in cells]
    return _Column(name, right, _texts(kind, cells))


def texts(values: pa.ChunkedArray) -> list[str]:
    """A column as it is shown; null is nothing."""
    return _texts(values.type, values.to_pylist())


def _texts(kind: pa.DataType, cells: Sequence[Any]) -> list[str]:
    show = _decimals(cells) if pa.types.is_decimal(kind) else _instants(cells)
    return ["" if cell is None else show(cell) for cell in cells]


def _decimals(cells: Sequence[Decimal | None]) -> Any:
    known = [cell for cell in cells if cell is not None]
    whole = all(cell.as_tuple().exponent == 0 for cell in known)
    if whole:
        return lambda cell: f"{cell:,}"
    most = max((_scale(cell) for cell in known), default=0)
    return lambda cell: f"{cell:,.{max(most, SCALE_MIN)}f}"


def _scale(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _instants(cells: Sequence[Any]) -> Any:
    minutes = all(not isinstance(cell, datetime) or cell.second == cell.microsecond == 0 for cell in cells)
    form = "%Y-%m-%d %H:%M" if minutes else "%Y-%m-%d %H:%M:%S"

    def show(cell: Any) -> str:
        if isinstance(cell, datetime):
            return cell.strftime(form)
        if isinstance(cell, bool):
            return "yes" if cell else "no"
        if isinstance(cell, float):
            return f"{cell:,.4f}"
        return cell.hex() if isinstance(cell, bytes) else str(cell)

    return show


def lines_of(
    headers: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[int] = (), title: str = ""
) -> Text:
    """A line of names, a rule, a line a row; no blanks at the ends. Columns in `right` are set right."""
    columns = [
        _Column(name, place in right, [row[place] for row in rows]) for place, name in enumerate(headers)
    ]
    return _grid(columns, len(rows), title)


def _grid(columns: Sequence[_Column], rows: int, title: str) -> Text:
    """A line of names, a rule, a line a row; no blanks at the ends."""
    widths = [column.width for column in columns]

    def line(cells: Sequence[str]) -> str:
        parts = [
            " " * (width - cell_len(cell)) + cell if column.right else cell + " " * (width - cell_len(cell))
            for column, cell, width in zip(columns, cells, widths, strict=True)
        ]
        return (" " * GAP).join(parts).rstrip()

    text = Text(f"{title}\n\n" if title else "", style="", no_wrap=False)
    text.append(line([column.name for column in columns]) + "\n", style="bold")
    text.append("─" * (sum(widths) + GAP * (len(columns) - 1)))
    for row in range(rows):
        text.append("\n" + line([column.cells[row] for column in columns]))
    return text


def _records(columns: Sequence[_Column], rows: int, title: str) -> Text:
    """Each row as lines of a name and a value."""
    most = max(cell_len(column.name) for column in columns)
    lines = [title, ""] if title else []
    for row in range(rows):
        lines.append(f"row {row + 1}")
        lines += [
            f"  {column.name}{' ' * (most - cell_len(column.name))}  {column.cells[row]}".rstrip()
            for column in columns
        ]
    return Text("\n".join(lines), overflow="fold")


def show(console: Console, table: pa.Table, title: str = "", *, cents: bool = False) -> None:
    """Print a table's rows."""
    console.print(sheet(table, console.width, title, cents=cents))
