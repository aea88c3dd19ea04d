"""What the outputs' process counts of the state for those who watch: ``DATA/run/figures.json``, every 15 s, not synced.

Accounts by what they are in and what holds a trip back, what is open, and of how many reads the newest window has; the
engines are not asked, and do not wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.clock import Clock
from pipeline.node.status import StatusFile, read_file
from pipeline.outputs.tables import CursorGone, Tables
from pipeline.wire.outputs import OLDEST, Cursor

__all__ = ["COLLECTION", "Counting", "Figures", "Held", "ShardFigures", "Window", "counted", "read_figures"]

EVERY_S: Final = 15.0
SOON_S: Final = 1.0
"""As long as no shard is followed yet."""
RESTS: Final = 20
"""It rests at least so many times as long as it took."""
COLLECTION: Final = "collection"
"""The output that tells how many reads of a window came."""
BYTES: Final = 4 << 20


class Held(msgspec.Struct, frozen=True):
    """Accounts of one state that one gate holds, or none, where it is empty; and the sum of their balances."""

    state: str
    gate: str
    accounts: int
    balance_nano: int


class Window(msgspec.Struct, frozen=True):
    """The newest window that was told of: when it began, and by class the reads that came, and that were expected."""

    start_s: int
    classes: dict[str, tuple[int, int]]


class ShardFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What one shard holds: its accounts, what is open by kind, its newest window, None before the first."""

    shard: int
    held: tuple[Held, ...] = ()
    findings: dict[str, int] = {}
    orders: dict[str, int] = {}
    window: Window | None = None


class Figures(msgspec.Struct, frozen=True):
    """What was counted, and when."""

    at_s: int
    shards: tuple[ShardFigures, ...]


def figures_path(data: Path) -> Path:
    """Where it is written."""
    return data / "run" / "figures.json"


def read_figures(data: Path) -> Figures | None:
    """What was counted last; None where nothing ever was, or by another version."""
    return read_file(figures_path(data), Figures)


class Counting:
    """A service of the outputs' process: counts in a thread of its own until it is closed."""

    def __init__(self, tables: Tables, data: Path, clock: Clock) -> None:
        self._tables = tables
        self._file = StatusFile(figures_path(data))
        self._clock = clock
        self._windows = _Windows(tables)
        self._ending = Event()
        self._thread = Thread(target=self._run, name="figures", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            began_s = self._clock.monotonic_s()
            self._windows.follow(self._ending)
            shards = counted(self._tables, self._windows.newest)
            self._file.write(Figures(self._clock.now_s(), shards))
            took_s = self._clock.monotonic_s() - began_s
            if self._ending.wait(max(EVERY_S if shards else SOON_S, RESTS * took_s)):
                return


def counted(tables: Tables, windows: dict[int, Window]) -> tuple[ShardFigures, ...]:
    """What the shards that are followed hold now."""
    held: dict[int, list[Held]] = {}
    accounts = tables.state("accounts").select(["shard", "state", "blocked_by", "balance"])
    balances = accounts["balance"].cast(pa.decimal128(38, 9))  # which a sum over everybody fits
    accounts = accounts.set_column(accounts.num_columns - 1, "balance", balances)
    grouped = _grouped(accounts, ["state", "blocked_by"], [("balance", "sum"), ([], "count_all")])
    for row in grouped:
        balance_nano = int(row["balance_sum"].scaleb(9)) if row["balance_sum"] is not None else 0
        each = Held(row["state"], row["blocked_by"] or "", row["count_all"], balance_nano)
        held.setdefault(row["shard"], []).append(each)
    opened = {name: _kinds(tables.state(name)) for name in ("findings", "orders")}
    return tuple(
        ShardFigures(
            shard=shard,
            held=tuple(sorted(held.get(shard, []), key=lambda each: (each.state, each.gate))),
            findings=opened["findings"].get(shard, {}),
            orders=opened["orders"].get(shard, {}),
            window=windows.get(shard),
        )
        for shard in sorted(tables.positions())
    )


def _kinds(table: pa.Table) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    for row in _grouped(table.select(["shard", "kind"]), ["kind"], [([], "count_all")]):
        found.setdefault(row["shard"], {})[row["kind"]] = row["count_all"]
    return found


def _grouped(table: pa.Table, words: list[str], sums: list[Any]) -> Iterator[dict[str, Any]]:
    """Rows of sums by shard and words; of words the engine has few."""
    for name in words:
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, table[name].cast(pa.string()))
    yield from table.group_by(["shard", *words]).aggregate(sums).to_pylist()


class _Windows:
    """Follows how many reads came, window by window.

    Attributes:
        newest: of each shard.
    """

    def __init__(self, tables: Tables) -> None:
        self.newest: dict[int, Window] = {}
        self._tables = tables
        self._cursors: dict[int, Cursor] = {}
        self._found: dict[int, dict[tuple[Any, str], tuple[int, int]]] = {}

    def follow(self, ending: Event) -> None:
        """Take what has come since."""
        if COLLECTION not in self._tables.names:
            return
        for shard in self._tables.positions():
            while not ending.is_set() and self._take(shard):
                pass

    def _take(self, shard: int) -> bool:
        start = self._cursors.get(shard, OLDEST)
        try:
            rows, end = self._tables.after(COLLECTION, shard, start, BYTES)
        except CursorGone:
            return self._cursors.pop(shard, None) is not None
        self._cursors[shard] = end
        if rows is not None:
            self._add(shard, rows)
        return rows is not None and end != start

    def _add(self, shard: int, rows: pa.RecordBatch) -> None:
        newest = pc.max(rows["start"])
        start_s, now = int(newest.value), self.newest.get(shard)
        if now is not None and start_s < now.start_s:
            return
        if now is None or start_s > now.start_s:
            self._found[shard] = {}
        found = self._found[shard]
        for row in rows.filter(pc.equal(rows["start"], newest)).to_pylist():
            found[row["district_id"], row["klass"]] = row["received"], row["expected"]
        classes: dict[str, tuple[int, int]] = {}
        for (_, klass), (received, expected) in found.items():
            before = classes.get(klass, (0, 0))
            classes[klass] = before[0] + received, before[1] + expected
        self.newest[shard] = Window(start_s, classes)
