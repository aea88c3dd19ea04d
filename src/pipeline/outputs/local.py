"""What commands on a node's machine ask of its outputs: state tables, and the rows that are in no file yet.

While the node runs, its outputs process answers, at ``DATA/run/outputs.sock``. When it does not, the newest state that
lies on the disk does: it is older, and `Local.as_of` says of when.

::

    with connect(Path("node")) as local:
        accounts = local.state("accounts")        # pa.Table, the shards' rows one after the other
        tail = local.tail("ledger")               # rows in no file yet; see `pipeline.outputs.tables`
        print(local.live, local.as_of)
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
from pyarrow import flight

from fastcore import Engine, SnapshotError
from fastcore.errors import FeikongError
from fastcore.schemas import OUTPUTS, STATES
from pipeline.closing import Closing
from pipeline.journal import RealDisk
from pipeline.node.layout import Layout, Places, command_base, read_layout
from pipeline.node.snapshots import Snapshots
from pipeline.outputs.places import OutputPlaces
from pipeline.outputs.tables import SHARD, Tail, output_schema

__all__ = ["Local", "LocalError", "Tail", "connect"]

SAID = b"feikong"
"""The key of a schema's metadata under which the server says of which moment its rows are."""

ANSWERS_S = 30.0


class LocalError(FeikongError):
    """What was asked of a node's outputs cannot be had: what is wrong, where, what would be right."""


class Moment(msgspec.Struct, frozen=True):
    """Of which moment a shard's rows are: its last batch, the engine's time then, and the last `seq` in files."""

    seq: int
    now_s: int | None
    sealed: int | None = None


class Local(Closing):
    """What is known of a node's outputs on its machine; a context manager. Raises `LocalError`.

    Attributes:
        live: whether the node's outputs process answers; else the tables are those that it left behind.
        as_of: the engine's time, seconds since 1970 UTC, of the shard that is furthest behind; None before the first
            batch. Of the last answer, while it is live.
    """

    live: bool
    as_of: int | None

    @abstractmethod
    def state(self, name: str) -> pa.Table:
        """A state table, `accounts` and so on, of all shards; the last column says which."""

    @abstractmethod
    def tail(self, name: str) -> Tail:
        """The rows of an output that are in no file yet."""


def connect(data: Path) -> Local:
    """What is known of the outputs of the node in a data directory; raises `LocalError`, `LayoutError`."""
    layout = read_layout(RealDisk(data)) if data.is_dir() else None
    if layout is None:
        raise LocalError(f"{data}: is no folder; expected the data directory of a node")
    socket = OutputPlaces(data).socket
    if socket.exists():
        client = flight.connect(f"grpc+unix://{socket.absolute()}")
        try:
            client.list_actions(_options(2.0))
            return _Live(client, data)
        except flight.FlightError:
            client.close()  # the node was killed: nobody listens at what it left there
    return _Saved(data, layout)


class _Live(Local):
    """A node that runs."""

    live = True

    def __init__(self, client: flight.FlightClient, data: Path) -> None:
        self.as_of: int | None = None
        self._client = client
        self._data = data

    def state(self, name: str) -> pa.Table:
        """A state table, as it is now."""
        return self._get("state", name, STATES)[0]

    def tail(self, name: str) -> Tail:
        """The rows that are in no file now."""
        rows, moments = self._get("tail", name, OUTPUTS)
        return Tail(rows, {shard: at.sealed for shard, at in moments.items() if at.sealed is not None})

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _get(self, kind: str, name: str, of: Mapping[str, Any]) -> tuple[pa.Table, dict[int, Moment]]:
        _check(name, of)
        ticket = flight.Ticket(msgspec.json.encode({kind: name}))
        try:
            table = self._client.do_get(ticket, _options(ANSWERS_S)).read_all()
        except (flight.FlightError, pa.ArrowException) as error:
            raise LocalError(f"{self._data}: the node's outputs do not answer: {error}") from None
        moments = msgspec.json.decode(table.schema.metadata[SAID], type=dict[int, Moment])
        times = [at.now_s for at in moments.values()]
        self.as_of = None if not times or None in times else min(t for t in times if t is not None)
        return table.replace_schema_metadata(None), moments


class _Saved(Local):
    """A node that does not run: the newest state of each shard on its disk."""

    live = False

    def __init__(self, data: Path, layout: Layout) -> None:
        self._engines = {shard: _newest(Places(data, shard)) for shard in range(layout.shards)}
        self._layout = layout
        times = [engine.now_s for engine in self._engines.values()]
        self.as_of = None if None in times else min(t for t in times if t is not None)

    def state(self, name: str) -> pa.Table:
        """A state table, as of then."""
        _check(name, STATES)
        tables = []
        for shard, engine in self._engines.items():
            table: pa.Table = getattr(engine, name)()
            if name == "commands":
                ids = table["command_id"].to_numpy() + command_base(self._layout, shard)
                table = table.set_column(0, table.schema.field(0), pa.array(ids, pa.uint64()))
            tables.append(table.append_column(SHARD, pa.repeat(pa.scalar(shard, SHARD.type), len(table))))
        return pa.concat_tables(tables, promote_options="permissive")

    def tail(self, name: str) -> Tail:
        """No rows: whatever is in no file is made from the journal, once the node runs again."""
        _check(name, OUTPUTS)
        return Tail(output_schema(name, self._ids()).empty_table(), {})

    def close(self) -> None:
        """Let the state go."""
        self._engines = {}

    def _ids(self) -> pa.DataType:
        kinds = [e.accounts().schema.field("account_id").type for e in self._engines.values()]
        return next((kind for kind in kinds if not pa.types.is_null(kind)), pa.string())


def _newest(places: Places) -> Engine:
    """The newest state that a shard's disk has, and can be loaded; raises `LocalError`."""
    if places.snapshots.is_dir():
        snapshots = Snapshots(RealDisk(places.snapshots))
        for number in snapshots.verified():
            try:
                engine = snapshots.load(number).engine
            except SnapshotError:
                continue
            if engine is not None:
                return engine
    raise LocalError(
        f"{places.data}: the node does not run, and shard {places.shard} has left no state that can be read; expected "
        "a node that runs, or one that has run for as long as its `snapshot_every`"
    )


def _check(name: str, known: Mapping[str, Any]) -> None:
    if name not in known:
        raise LocalError(f"there is no table {name!r}; expected one of {', '.join(known)}")


def _options(timeout_s: float) -> flight.FlightCallOptions:
    return flight.FlightCallOptions(timeout=timeout_s)
