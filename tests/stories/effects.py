"""What an engine did, as rows, and as the words that stories use for it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from stories.words import FACTS, QUALITY


def plain(table: Any) -> list[dict[str, Any]]:
    """The rows of an output, or of a table of the state: instants in seconds, energy in Wh beside kWh."""
    columns: dict[str, list[Any]] = {}
    for name, told in zip(table.schema.names, table.schema.types, strict=True):
        column = table.column(name)
        if pa.types.is_timestamp(told):
            column = column.cast(pa.int64())
        columns[name] = column.to_pylist()
        if name in ("energy", "supply", "consumption", "loss"):
            columns["wh" if name == "energy" else f"{name}_wh"] = [int(x.scaleb(3)) for x in columns[name]]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def spoken(output: str, row: dict[str, Any]) -> list[str]:
    """The words of an effect, the most significant first."""
    match output:
        case "intervals":
            names = [name for name, bit in QUALITY.items() if row["quality"] & bit]
            return ["+".join(names) or "good"]
        case "exceptions":
            said = ["refused", row["reason"], row["subject"]]
        case "ledger":
            said = [row["kind"], row["account_id"]]
        case "notices":
            said = ["notice", row["kind"], row["account_id"], row["detail"]]
        case "commands":
            said = [row["kind"], row["account_id"], row["meter_id"]]
        case "districts":
            said = ["window", row["district_id"]]
        case "collection":
            said = ["collection", row["district_id"], row["klass"]]
        case _:
            said = ["opens" if row["state"] == "opened" else "closes", row["kind"], row["subject"]]
    return [str(word) for word in said if word is not None]


def shown(output: str, row: dict[str, Any]) -> str:
    """The rest of an effect, for people."""
    return " ".join(f"{key}={row[column]}" for key, (column, _) in FACTS[output].items())
