"""What the processes of a node may say of themselves, as files."""

from __future__ import annotations

from pathlib import Path

from pipeline.clock import RealClock
from pipeline.journal import RealDisk
from pipeline.journal.format import segment_name
from pipeline.node.layout import Layout, Places, write_layout
from pipeline.node.status import NodeStatus, Status, StatusFile, Subscriber, node_status_path
from pipeline.node.timing import Times
from pipeline.outputs.description import Gap
from pipeline.outputs.places import OutputPlaces
from pipeline.outputs.status import OutputsStatus, ShardFollowed
from pipeline.worker.status import Producing, WorkerStatus


def folder(data: Path, shards: int = 1) -> Path:
    write_layout(RealDisk(data), Layout(shards))
    Places(data, 0).link.parent.mkdir()
    return data


def write_engine(data: Path, shard: int = 0, **other: object) -> None:
    times = Times()
    for seconds in (0.001, 0.004, 99.0):
        times.add(seconds)
    fields = {
        "at_s": RealClock().now_s(), "engine_s": 7, "frame": 28, "sequence": 12, "snapshot": None,
        "snapshot_pause_s": 0.0, "producers": 3, "frozen": [], "refused_batches": 2, "trips_held": True,
        "held_for": [], "trips_suspended": False, "commands": {"waiting": {"restore": 4}}, "alarms": {},
        "figures": {"rows": {"reads": 41}, "reasons": {"duplicate": 5}}, "durations": {"sync": times.shown},
        "subscribers": (Subscriber("reports", "ledger", 17, 4096),),
    }  # fmt: skip
    StatusFile(Places(data, shard).link.with_suffix(".json")).write(Status(**{**fields, **other}))


def write_worker(data: Path, number: int = 0, **other: object) -> None:
    fields = {
        "at_s": RealClock().now_s(), "ready": True, "batches": {"reads": 9}, "rows": {"reads": 41_000},
        "refused": {"schema": 3}, "letters_kept": 2, "letters_passed_over": 1, "connected": {"reads": 2},
        "credit_bytes": {"bulk": 1000}, "flying_bytes": {"bulk": 300},
        "producers": {"feeder-1": Producing(2, 300, 500), "feeder-2": Producing(0, 0, 500)},
    }  # fmt: skip
    StatusFile(data / "run" / f"worker-{number}.json").write(WorkerStatus(**{**fields, **other}))


def write_outputs(data: Path, **other: object) -> None:
    followed = ShardFollowed(
        running=True,
        frame=20,
        seq=11,
        now_s=7,
        sealed=9,
        lag_frames=8,
        lag_s=2.5,
        written=6,
        gaps=(Gap(3, 5),),
    )
    fields = {"at_s": RealClock().now_s(), "shards": (followed,), "alarms": {}}
    StatusFile(OutputPlaces(data).status).write(OutputsStatus(**{**fields, **other}))


def write_node(data: Path, **other: object) -> None:
    now_s = RealClock().now_s()
    fields = {"at_s": now_s, "began_s": now_s - 3600, "restarts": {"worker-0": 6, "outputs": 1}}
    StatusFile(node_status_path(data)).write(NodeStatus(**{**fields, **other}))


def write_disk(data: Path, shard: int = 0) -> None:
    """Two segments of 1,000 and 500 bytes, and a verified snapshot."""
    places = Places(data, shard)
    for path, size in ((places.journal / segment_name(1), 1000), (places.journal / segment_name(2), 500)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
    places.snapshots.mkdir()
    (places.snapshots / "snapshot-000000000020.lines").write_bytes(b"")
    (places.snapshots / "candidate-000000000024.lines").write_bytes(b"")


def write_all(data: Path) -> None:
    """A folder of one shard in which every process has said something."""
    folder(data)
    write_engine(data)
    write_worker(data)
    write_outputs(data)
    write_node(data)
    write_disk(data)
