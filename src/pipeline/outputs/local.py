"""What commands on a node's machine ask of its outputs: state tables, and the rows that are in no file yet.

While the node runs, its outputs process answers, at ``DATA/run/outputs.sock``. When it does not, the newest state that
lies on the disk does: it is older, and `Local.as_of` says of when. Words, such as `kind`, come as plain utf8.

::

    with connect(Path("node")) as local:
        accounts = local.state("accounts")        # pa.Table, the shards' rows one after the other
        tail = local.tail("ledger")               # rows in no file yet; see `pipeline.outputs.tables`
        print(local.live, local.as_of)
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
from pyarrow import flight

from fastcore import Engine, SnapshotError
from fastcore.errors import FeikongError
from fastcore.schemas import OUTPUTS, STATES
from pipeline.closing import Closing
from pipeline.journal import RealDisk
from pipeline.node.layout import Layout, Places, read_layout
from pipeline.node.snapshots import Snapshots
from pipeline.outputs.checkpoints import Checkpoints
from pipeline.outputs.flight.streams import Moment
from pipeline.outputs.flight.tickets import Kind, ticket_of
from pipeline.outputs.flight.wanted import plain
from pipeline.outputs.outside import Outside
from pipeline.outputs.places import OutputPlaces
from pipeline.outputs.tables import Tail, output_schema
from pipeline.outputs.tree import Tree

__all__ = ["Local", "LocalError", "Tail", "connect"]

ANSWERS_S: Final = 60.0
LOOK_S: Final = 2.0


class LocalError(FeikongError):
    """What was asked of a node's outputs cannot be had: what is wrong, where, what would be right."""


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
            client.list_actions(_options(LOOK_S))
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
        return Tail(rows, {shard: at.sealed for shard, at in moments.items()})

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _get(self, kind: Kind, name: str, of: Mapping[str, Any]) -> tuple[pa.Table, dict[int, Moment]]:
        _check(name, of)
        ticket = ticket_of(kind, name)
        try:
            reader = self._client.do_get(ticket, _options(ANSWERS_S))
            first = reader.read_chunk()
            table = pa.Table.from_batches([first.data, *(chunk.data for chunk in reader)], reader.schema)
        except (flight.FlightError, pa.ArrowException) as error:
            raise LocalError(f"{self._data}: the node's outputs do not answer: {_words(error)}") from None
        moments = msgspec.json.decode(first.app_metadata.to_pybytes(), type=dict[int, Moment])
        times = [at.now_s for at in moments.values()]
        self.as_of = None if not times or None in times else min(t for t in times if t is not None)
        return table, moments


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
            table = Outside(self._layout, shard).table(name, getattr(engine, name)())
            tables.append(table.cast(plain(table.schema)))
        return pa.concat_tables(tables, promote_options="permissive")

    def tail(self, name: str) -> Tail:
        """No rows: whatever is in no file is made from the journal, once the node runs again."""
        _check(name, OUTPUTS)
        return Tail(plain(output_schema(name, self._ids())).empty_table(), {})

    def close(self) -> None:
        """Let the state go."""
        self._engines = {}

    def _ids(self) -> pa.DataType:
        kinds = [e.accounts().schema.field("account_id").type for e in self._engines.values()]
        return next((kind for kind in kinds if not pa.types.is_null(kind)), pa.string())


def _newest(places: Places) -> Engine:
    """The newest state that a shard's disk has, and can be loaded; raises `LocalError`."""
    for _, load in sorted(_states(places), key=lambda each: -each[0]):
        try:
            return load()
        except SnapshotError:
            continue
    raise LocalError(
        f"{places.data}: the node does not run, and shard {places.shard} has left no state that can be read; expected "
        "a node that runs, or one that has run for a while"
    )


def _states(places: Places) -> Iterator[tuple[int, Callable[[], Engine]]]:
    """What a shard's disk has: the frame behind which a state stands, and what loads it."""
    folder = OutputPlaces(places.data).of_shard(places.shard)
    checkpoints = Checkpoints(folder, Tree())
    for path in checkpoints.newest_first():
        yield int(path.stem.split("-")[1]), partial(_of_checkpoint, checkpoints, path)
    if places.snapshots.is_dir():
        snapshots = Snapshots(RealDisk(places.snapshots))
        for number in snapshots.verified():
            yield number, partial(_of_snapshot, snapshots, number)


def _of_checkpoint(checkpoints: Checkpoints, path: Path) -> Engine:
    return checkpoints.load(path, ()).engine


def _of_snapshot(snapshots: Snapshots, number: int) -> Engine:
    engine = snapshots.load(number, ()).engine
    if engine is None:
        raise SnapshotError(f"snapshot {number} holds no engine")
    return engine


def _check(name: str, known: Mapping[str, Any]) -> None:
    if name not in known:
        raise LocalError(f"there is no table {name!r}; expected one of {', '.join(known)}")


def _words(error: Exception) -> str:
    """An error without what gRPC adds to it."""
    return str(error).partition(". Detail: ")[0].partition(". gRPC client debug context: ")[0]


def _options(timeout_s: float) -> flight.FlightCallOptions:
    return flight.FlightCallOptions(timeout=timeout_s)
