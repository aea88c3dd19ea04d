"""Outputs that are followed step by step, as their world has them, behind a Flight server at a socket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import flight

from pipeline.node.entries import Entry
from pipeline.outputs.flight import Door, Server
from pipeline.outputs.flight.wanted import plain
from pipeline.outputs.follower import ALL
from pipeline.outputs.places import OutputPlaces
from pipeline.outputs.shown import Shown
from unit.outputs.world import LAYOUT, Outputs, Shard, history, made, node

__all__ = ["Served", "ask", "begun", "by_seq", "follow", "get", "wanted"]


def entries(days: int = 3) -> tuple[Entry, ...]:
    """A history that ends within a day."""
    return history(days)[:-40]


class Served:
    """A node's journal, its outputs, and who asks for them."""

    def __init__(self, data: Path, days: int = 3, **more: Any) -> None:
        self.data = data
        self.shard = Shard(node(data), entries(days))
        self.places = OutputPlaces(data)
        self.places.socket.parent.mkdir(mode=0o700, exist_ok=True)
        self.followers: dict[int, Any] = {}
        self.more = more
        self.again()

    def again(self) -> None:
        """Start the process of the outputs, in the place of one that was killed."""
        self.outputs = Outputs(self.data, **self.more)
        self.followers[0] = self.outputs.follower

    def serve(self, **more: Any) -> Server:
        location = f"grpc+unix://{self.places.socket}"
        shown = Shown(LAYOUT, ALL, self.followers)
        return Server(shown, self.places, Door(location), **more)

    def write(self, frames: int = 1 << 30) -> None:
        """Let the journal grow, and follow it."""
        self.shard.write(frames)
        self.outputs.follow(self.shard.last)

    def client(self) -> flight.FlightClient:
        return flight.connect(f"grpc+unix://{self.places.socket}")


def begun(data: Path, days: int = 3, **more: Any) -> Served:
    """All of a history followed, with days compacted."""
    served = Served(data, days, **{"cut_s": 5 * 3600, **more})
    served.write()
    served.outputs.keep()
    served.again()  # so that memory begins at a checkpoint
    served.write()
    return served


def ask(**fields: Any) -> flight.Ticket:
    return flight.Ticket(
        json.dumps({"from" if k == "since" else "to" if k == "until" else k: v for k, v in fields.items()})
    )


def get(client: flight.FlightClient, **fields: Any) -> pa.Table:
    return client.do_get(ask(**fields), flight.FlightCallOptions(timeout=30)).read_all()


def follow(client: flight.FlightClient, last: int, **fields: Any) -> list[tuple[pa.RecordBatch, int]]:
    """The messages of a stream up to batch `last`, each with its cursor."""
    reader = client.do_get(ask(**fields), flight.FlightCallOptions(timeout=30))
    found = []
    while True:
        chunk = reader.read_chunk()
        seq = json.loads(chunk.app_metadata.to_pybytes())["seq"]
        found.append((chunk.data, seq))
        if seq > last:
            reader.cancel()
            return found


def wanted(name: str, days: int = 3) -> pa.Table:
    """All rows of an output as they travel, made by an engine of its own."""
    table = made(entries(days))[name]
    return table.cast(plain(table.schema))


def by_seq(table: pa.Table) -> list[dict[str, Any]]:
    return sorted(table.to_pylist(), key=repr)
