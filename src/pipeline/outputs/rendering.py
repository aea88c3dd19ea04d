"""A table as the bytes of a Parquet file: the same rows give the same bytes, whoever makes them, whenever.

Every engine of SQL and every library reads these: instants in milliseconds (Parquet has no seconds), decimals as
64-bit integers with a scale, words as plain text, no schema but Parquet's own.
"""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["MAKER", "OPTIONS", "render"]

MAKER: Final = f"pyarrow {pa.__version__}"
"""Whose bytes they are: another version may make others of the same rows."""
ROW_GROUP_ROWS: Final = 131_072
OPTIONS: Final[dict[str, Any]] = {
    "compression": "zstd",
    "compression_level": 1,
    "row_group_size": ROW_GROUP_ROWS,
    "store_schema": False,
    "store_decimal_as_integer": True,
    "version": "2.6",
}


def render(table: pa.Table) -> memoryview:
    """The bytes of the file of a table."""
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata(None), sink, **OPTIONS)
    return memoryview(sink.getvalue()).cast("B")
