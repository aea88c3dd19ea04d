"""How fast a shard starts from a snapshot, against reading that file and nothing else.

The state is that of the county after its baseline; the journal has one frame behind the snapshot. A start is all that
`feikong engine` does until it could answer: the journal scanned, the snapshot read, checked and loaded, the frame
replayed. The file is in the system's cache both times, which is the harder case: from a cold disk, both wait for it.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks import disks
from benchmarks.answers import expect, fingerprint, integers
from benchmarks.command import main
from benchmarks.contest import seconds
from benchmarks.figures import ROUNDS, Figure, Question, Size
from benchmarks.machine import need_memory
from benchmarks.present import Present, newest_quarter_s
from benchmarks.shard import Shard

QUESTION = Question("start", "a shard from its snapshot", "≤ 1.5 × the time to read that file")
SIZES: dict[Size, tuple[int, ...]] = {"smoke": (3_000,), "full": (1_000_000, 10_000_000)}
METER_BYTES: Final = 1_000
DISK_METER_BYTES: Final = 1_000


def run(size: Size) -> list[Figure]:
    """Measure it."""
    return [_figure(meters) for meters in SIZES[size]]


def _figure(meters: int) -> Figure:
    need_memory(f"{meters:,} meters", meters * METER_BYTES)
    started: list[float] = []
    read: list[float] = []
    with TemporaryDirectory(prefix="feikong-bench-") as name:
        folder = Path(name)
        disks.need_room("journal and snapshot", folder, meters * DISK_METER_BYTES)
        file, digest, answer = _made(folder, meters)
        with Shard(folder) as shard:  # this one is for the answer, and has all of it in the disk's cache
            engine = shard.now.state.engine
            assert engine is not None
            expect("start: digest of what was loaded", engine.digest(), digest)
            shard.now.state.engine = engine = None
        for _ in range(ROUNDS):
            started.append(seconds(partial(_start, shard)))
            read.append(seconds(partial(shard.snapshots.disk.read, file)))
        size_bytes = shard.snapshots.disk.size(file)
    return Figure(
        f"{meters:,} meters, {size_bytes / 2**20:,.0f} MiB",
        "s",
        tuple(started),
        "reading",
        tuple(read),
        1.5,
        at_most=True,
        answer=answer,
    )


def _made(folder: Path, meters: int) -> tuple[str, str, str]:
    """A shard in a folder: its snapshot's file, the digest behind the last frame, the hash of its registers."""
    now_s = newest_quarter_s()
    present = Present(meters, now_s)
    with Shard(folder) as shard:
        shard.begin(now_s)
        shard.take(present.county.registry(), now_s)
        *most, last = present.batches(1)
        shard.take((("reads", batch) for batch in most), present.now_s)
        file = shard.snapshot()
        shard.take([("reads", last)], present.now_s)
        engine = shard.now.state.engine
        assert engine is not None
        return file, engine.digest(), fingerprint({"last_value": integers(engine.meters()["last_value"])})


def _start(shard: Shard) -> None:
    shard.recover().journal.close()


if __name__ == "__main__":
    main([QUESTION.name])
