"""Tables of the state, as of now, in the order of arrival (reference, "State").

Each function takes the state as NumPy arrays whose dtypes are those of the structs in ``structs.pxd``, and
gives the columns of one table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fastcore import types
from fastcore.frames import Source, fixed, instants, names, words
from fastcore.schemas import ENERGY, INSTANT, MONEY, STATES

__all__ = ["StateSource", "state_table"]

Rows = NDArray[Any]

_NONE: Final = 0xFFFFFFFF
_METER_READ: Final = 1
_METER_KNOWN: Final = 1 | 2
_METER_OUT_OF_USE: Final = 4 | 8 | 32
_METER_GONE: Final = 32
_UNSURE: Final = 1
_SUSPENDED: Final = 1


class StateSource(Source, Protocol):
    """What an engine lends to the functions of this module."""

    late_horizon_s: int

    def rows_of(self, table: str) -> Rows:
        """Return a copy of the structs of a table."""

    def standing_gaps(self) -> tuple[Rows, Rows]:
        """Return the meters' gaps, oldest first by meter, and the row of each one's meter."""

    def open_entries(self, which: str) -> pa.RecordBatch:
        """Return the open "findings" or "orders", by id."""


def _accounts(source: StateSource) -> list[pa.Array]:
    rows, infos, controls = (
        source.rows_of("accounts"),
        source.rows_of("account_infos"),
        source.rows_of("controls"),
    )
    state = rows["state"]
    controlled = rows["control"] != _NONE
    flags = np.zeros(len(rows), np.uint16)
    flags[controlled] = controls["flags"][rows["control"][controlled]]
    return [
        source.id_column("accounts", np.arange(len(rows), dtype=np.uint32)),
        source.id_column("districts", rows["district"]),
        names(source.tariff_names, rows["tariff"]),
        names(source.policy_names, rows["policy"]),
        words(types.Klass, infos["klass"]),
        words(types.State, state),
        pa.array((flags & _UNSURE) != 0),
        words(types.Gate, infos["blocked_by"], infos["blocked_by"] != 0),
        fixed(MONEY, rows["balance_nano"]),
        fixed(ENERGY, rows["tier_energy_wh"]),
    ]


def _meters(source: StateSource) -> list[pa.Array]:
    every = source.rows_of("meters")
    kept = np.flatnonzero((every["flags"] & _METER_GONE) == 0)
    rows = every[kept]
    flags = rows["flags"]
    known = (flags & _METER_KNOWN) != 0
    return [
        source.id_column("meters", kept.astype(np.uint32)),
        source.id_column("accounts", rows["account"], rows["account"] != _NONE),
        source.id_column("districts", rows["district"]),
        pa.array((flags & _METER_OUT_OF_USE) == 0),
        instants(rows["last_at_s"]),
        fixed(pa.int64(), rows["last_value"], known),
        fixed(ENERGY, rows["typical_wh_x16"] >> 4),
        fixed(pa.uint16(), rows["quality"].astype(np.uint16), (flags & _METER_READ) != 0),
    ]


def _districts(source: StateSource) -> list[pa.Array]:
    rows = source.rows_of("districts")
    every = np.arange(len(rows), dtype=np.uint32)
    return [
        source.id_column("districts", every),
        pa.array(source.texts("name", every), pa.string()),
        pa.array(source.texts("grid", every), pa.string()),
        fixed(pa.float64(), rows["loss_limit"], ~np.isnan(rows["loss_limit"])),
        pa.array((rows["flags"] & _SUSPENDED) != 0),
    ]


def _gaps(source: StateSource) -> list[pa.Array]:
    gaps, meters = source.standing_gaps()
    profiles = source.rows_of("profiles")[source.rows_of("meters")["profile"][meters]]
    seconds, interval_s = gaps["to_s"] - gaps["from_s"], profiles["interval_s"].astype(np.int64)
    missing = np.maximum(1, (2 * seconds + interval_s) // (2 * interval_s))
    missing -= profiles["reading"] == types.Reading.READING_REGISTER
    return [
        source.id_column("meters", meters),
        fixed(INSTANT, gaps["from_s"]),
        fixed(INSTANT, gaps["to_s"]),
        fixed(pa.uint32(), missing.astype(np.uint32)),
    ]


def _findings(source: StateSource) -> list[pa.Array]:
    columns: list[pa.Array] = source.open_entries("findings").columns
    return columns


def _orders(source: StateSource) -> list[pa.Array]:
    columns: list[pa.Array] = source.open_entries("orders").columns
    return columns


def _commands(source: StateSource) -> list[pa.Array]:
    controls, dispatches = source.rows_of("controls"), source.rows_of("dispatches")
    current = np.flatnonzero(controls["command"] != types.Command.COMMAND_NONE)
    current = current[np.argsort(dispatches["command_id"][current], kind="stable")]
    controls, dispatches = controls[current], dispatches[current]
    return [
        fixed(pa.uint64(), dispatches["command_id"]),
        words(types.Command, controls["command"]),
        fixed(pa.uint32(), controls["attempt"]),
        source.id_column("accounts", controls["account"]),
        source.id_column("meters", dispatches["command_meter"]),
        fixed(INSTANT, dispatches["issued_at_s"]),
        fixed(INSTANT, dispatches["expires_at_s"]),
        words(types.Cause, controls["cause"]),
    ]


_TABLES: Final[dict[str, Callable[[StateSource], list[pa.Array]]]] = {
    "accounts": _accounts,
    "meters": _meters,
    "districts": _districts,
    "gaps": _gaps,
    "findings": _findings,
    "orders": _orders,
    "commands": _commands,
}


def state_table(table: str, source: StateSource) -> pa.Table:
    """Return one table of the state, as of now."""
    return pa.Table.from_arrays(_TABLES[table](source), schema=STATES[table](source.id_type))
