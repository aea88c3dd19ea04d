"""A worker's process: sockets, clock, folder of allowed keys, and a bound to its memory."""

from __future__ import annotations

import gc
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pyarrow as pa

from pipeline.clock import Clock, RealClock
from pipeline.journal import RealDisk
from pipeline.keys import KeyPair, Keyring
from pipeline.node.config import NodeConfig
from pipeline.node.layout import Places, read_layout
from pipeline.transport import Client, Server, Sockets, Waiter
from pipeline.worker.letters import DeadLetters
from pipeline.worker.returns import WorkerError
from pipeline.worker.status import WorkerStatusFile
from pipeline.worker.worker import Worker

__all__ = ["LETTERS", "bound_memory", "serve"]

LETTERS: Final = "dead-letters"
"""The folder of refused messages, in a node's data directory; each worker has one of its own in it."""
DOMAIN: Final = "producers"
AT_ONCE: Final = 128
"""Messages taken from one end before the others have their turn."""
KEYS_S: Final = 0.25
"""Between two looks at who is allowed: a revoked key's session ends within a second."""
STATM: Final = Path("/proc/self/statm")
WAIT_S_MAX: Final = 0.05
GARBAGE: Final = (100_000, 50, 100)
"""Thousands of batches are under way, none of them garbage: to look through them all often halves the throughput."""


def bound_memory(mib: int) -> None:
    """Take no more memory than this beside what is there: a process that needs more ends, and is started again.

    What producers may have under way is far below; this is for what nobody thought of. Where the system does not tell
    what is there, or keeps no such limit, there is none.
    """
    if not STATM.exists():
        return
    # Arrow's own allocator has reserved a large piece of address space already, which counts: it must not be used.
    pa.set_memory_pool(pa.system_memory_pool())
    reserved_bytes = int(STATM.read_text().split()[5]) * resource.getpagesize()
    limit = reserved_bytes + (mib << 20)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (limit if hard < 0 else min(limit, hard), hard))


def serve(
    config: NodeConfig,
    data: Path,
    pair: KeyPair,
    number: int,
    *,
    listening: int | None = None,
    ending: Callable[[], bool] = lambda: False,
    on_ready: Callable[[str], None] = lambda endpoint: None,
    clock: Clock | None = None,
) -> None:
    """Serve producers until `ending` says so; `number` is this worker's among those of the node.

    `on_ready` is told the endpoint, once all shards have answered; what producers say before that waits. Raises
    `TransportError` where the endpoint cannot be had, or would not be safe; `WorkerError` and `LinkError` where shards
    are not what they should be.
    """
    clock = clock or RealClock()
    gc.set_threshold(*GARBAGE)
    name = f"worker-{number}"
    layout = read_layout(RealDisk(data))
    ring = Keyring(data)
    letters = DeadLetters(RealDisk(data / LETTERS / name), name, config.dead_letters_mib << 20)
    with Sockets({DOMAIN: lambda key: key in ring.refresh()}) as sockets:
        server = sockets.serve(config.listen, pair, DOMAIN, listening=listening)
        links = [sockets.connect_local(Places(data, shard).link) for shard in range(layout.shards)]
        worker = Worker(name, server, links, ring.current, letters, clock, layout)
        status = WorkerStatusFile(data, name, worker.peers, letters)
        _join(worker, links, status, ending, clock)
        if worker.ready:
            on_ready(server.endpoint)
        _run(worker, server, links, ring, status, ending, clock)


def _join(
    worker: Worker, links: list[Client], status: WorkerStatusFile, ending: Callable[[], bool], clock: Clock
) -> None:
    """Wait until all shards have answered: they may be recovering."""
    waiter = Waiter(*links)
    while not worker.ready and not ending():
        waiter.wait(WAIT_S_MAX)
        _take_shards(worker, links, clock.monotonic_s())
        worker.on_time(clock.monotonic_s())
        status.beat(clock.now_s(), clock.monotonic_s(), ready=worker.ready)


def _run(
    worker: Worker,
    server: Server,
    links: list[Client],
    ring: Keyring,
    status: WorkerStatusFile,
    ending: Callable[[], bool],
    clock: Clock,
) -> None:
    waiter = Waiter(server, *links)
    keys_due_s = clock.monotonic_s()
    while not ending():
        waiter.wait(min(worker.wake_after_s(clock.monotonic_s()), WAIT_S_MAX))
        now_s = clock.monotonic_s()
        if now_s >= keys_due_s:
            keys_due_s = now_s + KEYS_S
            ring.refresh()
            _check(links)
            status.beat(clock.now_s(), now_s, ready=worker.ready)
        worker.allowed(ring.current)
        _take_shards(worker, links, now_s)
        for _ in range(AT_ONCE):
            received = server.receive()
            if received is None:
                break
            worker.allowed(ring.current)  # the authenticator may have let its sender in since
            worker.on_producer(received, now_s)
        worker.on_time(clock.monotonic_s())


def _check(links: list[Client]) -> None:
    """Raise `WorkerError` where a shard has ended: what it had not answered, it never will."""
    for shard, link in enumerate(links):
        if link.lost:
            raise WorkerError(
                f"shard {shard}: its engine has ended, and this worker's sessions with it; start both again"
            )


def _take_shards(worker: Worker, links: list[Client], now_s: float) -> None:
    for shard, link in enumerate(links):
        for _ in range(AT_ONCE):
            frames = link.receive()
            if frames is None:
                break
            worker.on_shard(shard, frames, now_s)
