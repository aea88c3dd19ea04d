"""How a node stands: all that its processes last said, and its folders show, looked at once; and what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from pipeline.gateway import no_trip
from pipeline.node.holdings import Holdings, holdings
from pipeline.node.status import OLD_S, NodeStatus, Status, read_node_status, read_status
from pipeline.outputs.status import OutputsStatus, read_outputs_status
from pipeline.worker.status import WorkerStatus, read_worker_statuses

__all__ = ["OUTPUTS", "Standing", "fresh", "look", "wrong"]

OUTPUTS: Final = "outputs"
"""The part that makes the outputs, by the name that the node gives it."""


class Standing(NamedTuple):
    """What was found at `at_s`; None of what never ran, or is of another version.

    Attributes:
        workers: those that run, and those that the node says should.
        node: what supervises the processes; None as well where they are started by somebody else.
    """

    at_s: int
    no_trip: bool
    shards: dict[int, Status | None]
    holdings: dict[int, Holdings]
    workers: dict[int, WorkerStatus | None]
    outputs: OutputsStatus | None
    node: NodeStatus | None

    @property
    def restarts(self) -> dict[str, int]:
        """How often parts were started again, as far as that is known."""
        return self.node.restarts if self.node is not None else {}


def fresh(status: Status | WorkerStatus | OutputsStatus | NodeStatus | None, at_s: int) -> bool:
    """Whether it was said so lately that who says it runs."""
    return status is not None and at_s - status.at_s <= OLD_S


def look(data: Path, at_s: int) -> Standing:
    """Look at a data directory; raises `LayoutError` for what is none."""
    shards = read_status(data)
    node = read_node_status(data)
    node = node if fresh(node, at_s) else None
    said = read_worker_statuses(data)
    workers: dict[int, WorkerStatus | None] = {n: each for n, each in said.items() if fresh(each, at_s)}
    for name in node.restarts if node is not None else ():
        kind, _, number = name.partition("-")
        if kind == "worker":
            workers.setdefault(int(number), said.get(int(number)))
    return Standing(
        at_s,
        no_trip(data),
        shards,
        {shard: holdings(data, shard) for shard in shards},
        dict(sorted(workers.items())),
        read_outputs_status(data),
        node,
    )


def wrong(standing: Standing) -> list[str]:
    """What a person should do something about."""
    at_s = standing.at_s
    lines = [line for shard, each in standing.shards.items() for line in _wrong_of(shard, each, at_s)]
    if standing.node is not None and at_s - standing.node.began_s > OLD_S:
        lines += [
            f"worker {number} does not run"
            for number, each in standing.workers.items()
            if not fresh(each, at_s)
        ]
        if OUTPUTS in standing.restarts and not fresh(standing.outputs, at_s):
            lines.append("the process of the outputs does not run")
    if standing.outputs is not None and fresh(standing.outputs, at_s):
        lines += [f"{what}: {text}" for what, text in standing.outputs.alarms.items()]
    return lines


def _wrong_of(shard: int, status: Status | None, at_s: int) -> list[str]:
    if status is None:
        return [f"engine {shard} has never run"]
    lines = [f"engine {shard}: {what}: {text}" for what, text in status.alarms.items()]
    lines += [
        f"engine {shard}: {name} is frozen: two different batches of one number" for name in status.frozen
    ]
    if not fresh(status, at_s):
        lines.append(f"engine {shard} does not run: it wrote its status {at_s - status.at_s} s ago")
    return lines
