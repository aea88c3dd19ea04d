"""The floor, `floor.c`: built with the system's C compiler into `build/benchmarks/`.

It is what every figure of the core is held against: the least that any implementation must do for a read.
`cc`, or what the environment's `CC` says, is needed; without it the questions that need the floor say so.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.errors import CannotRun

__all__ = ["FLAGS", "Floor", "compiler"]

SOURCE = Path(__file__).with_name("floor.c")
BUILD = Path(__file__).resolve().parents[1] / "build" / "benchmarks"
FLAGS = ("-O3", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared")
COLUMNS = ("row", "start_s", "end_s", "energy_wh", "total_wh")


class _Output(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in COLUMNS]


def compiler() -> list[str]:
    """The C compiler's command; raises `CannotRun` where there is none."""
    command = shlex.split(os.environ.get("CC", "cc"))
    if not command or shutil.which(command[0]) is None:
        raise CannotRun(
            f"floor.c: no C compiler {' '.join(command) or '(CC is empty)'}; expected cc, or CC to name one"
        )
    return command


@cache
def library() -> ctypes.CDLL:
    """The compiled floor, compiled again when its source is newer; raises `CannotRun` if it does not compile."""
    built = BUILD / "floor.so"
    if not built.exists() or built.stat().st_mtime < SOURCE.stat().st_mtime:
        BUILD.mkdir(parents=True, exist_ok=True)
        made = built.with_suffix(f".{os.getpid()}")
        done = subprocess.run(
            [*compiler(), *FLAGS, str(SOURCE), "-o", str(made)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise CannotRun(f"floor.c does not compile:\n{done.stderr}")
        made.replace(built)
    floor = ctypes.CDLL(str(built))
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    floor.floor_new.restype = pointer
    floor.floor_new.argtypes = [pointer, pointer, number, number, number, number]
    floor.floor_free.restype = None
    floor.floor_free.argtypes = [pointer]
    floor.floor_output.restype = _Output
    floor.floor_output.argtypes = [pointer]
    floor.floor_take.restype = number
    floor.floor_take.argtypes = [pointer, pointer, pointer, pointer, number]
    floor.floor_take_rows.restype = None
    floor.floor_take_rows.argtypes = [pointer, pointer, pointer, pointer, number]
    return floor


class Floor:
    """The floor over `ids`, all of which read `values` at `at_s`.

    Reads come in batches of at most `batch_rows`; what the newest one wrote is in `output`, views that the
    next one overwrites: `row` (-1: no such id), `start_s`, `end_s`, `energy_wh` and `total_wh`, all that
    its meter has used.
    """

    def __init__(
        self,
        ids: NDArray[np.uint64],
        values: NDArray[np.int64],
        at_s: int,
        wh_per_count: int,
        batch_rows: int,
    ) -> None:
        self._library = library()
        self._pointer: int | None = None
        ids, values = np.ascontiguousarray(ids), np.ascontiguousarray(values)
        self._pointer = self._library.floor_new(
            ids.ctypes.data, values.ctypes.data, at_s, wh_per_count, len(ids), batch_rows
        )
        if not self._pointer:
            raise MemoryError(f"no room for the floor over {len(ids):,} meters")
        output = self._library.floor_output(self._pointer)
        self.batch_rows = batch_rows
        self.output: dict[str, NDArray[np.int64]] = {
            name: np.ctypeslib.as_array(
                ctypes.cast(getattr(output, name), ctypes.POINTER(ctypes.c_int64)), (batch_rows,)
            )
            for name in COLUMNS
        }

    def take(self, batch: pa.RecordBatch) -> int:
        """Take a batch of reads with uint64 ids, none null; how many had no row."""
        ids, at, values = (_address(batch, name) for name in ("meter_id", "at", "value"))
        missing: int = self._library.floor_take(self._pointer, ids, at, values, self._room(batch.num_rows))
        return missing

    def take_rows(self, rows: NDArray[np.uint32], batch: pa.RecordBatch) -> None:
        """Take a batch of which the rows are known already: no lookup."""
        at, values = (_address(batch, name) for name in ("at", "value"))
        assert rows.dtype == np.uint32
        assert rows.flags.c_contiguous
        assert len(rows) == batch.num_rows
        self._library.floor_take_rows(self._pointer, rows.ctypes.data, at, values, self._room(len(rows)))

    def _room(self, rows: int) -> int:
        if rows > self.batch_rows:
            raise ValueError(f"a batch of {rows:,} reads; expected at most {self.batch_rows:,}")
        return rows

    def close(self) -> None:
        """Free it; `output` is gone with it."""
        self.output = {}
        pointer, self._pointer = self._pointer, None
        if pointer:
            self._library.floor_free(pointer)

    def __enter__(self) -> Self:
        """Return the floor."""
        return self

    def __exit__(self, *_: Any) -> None:
        """Free it."""
        self.close()

    def __del__(self) -> None:
        """Free it, if nobody did."""
        if hasattr(self, "_pointer"):
            self.close()


def _address(batch: pa.RecordBatch, name: str) -> int:
    """Where the values of a fixed-width column of eight bytes begin."""
    column = batch.column(name)
    assert column.null_count == 0
    assert column.type.bit_width == 64
    address: int = column.buffers()[1].address + 8 * column.offset
    return address
