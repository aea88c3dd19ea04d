"""`feikong run`: a node, until SIGTERM."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from socket import socket
from threading import Event
from typing import Final

import click

from pipeline.cli._node import (
    ACCEPT_LOSS,
    CONFIG,
    DATA,
    LOG_FORMAT,
    failing,
    load_setup,
    node_lock,
    until_told,
)
from pipeline.clock import RealClock
from pipeline.listening import endpoint_of, listen
from pipeline.logs import WARNING, Format, Log, Message
from pipeline.metrics.server import MetricsServer
from pipeline.node.config import NodeConfig
from pipeline.node.identity import made_pair
from pipeline.node.layout import Places, open_layout
from pipeline.node.status import NodeStatus, StatusFile, node_status_path
from pipeline.node.supervise import Child, Part, Supervisor
from pipeline.reshard.move import check_unchanged

__all__ = ["run"]

LOOK_S: Final = 0.1
STATUS_S: Final = 1.0
PR_SET_PDEATHSIG: Final = 1


@click.command()
@CONFIG
@DATA
@ACCEPT_LOSS
@LOG_FORMAT
def run(config: Path, data: Path, accept_loss: bool, log_format: Format) -> None:
    """Run a node: its engines, and the workers that producers and head-ends connect to, until SIGTERM.

    On start it recovers what was acknowledged. A worker that ends is started again; when an engine ends, the node does,
    with exit status 1. The first start makes the node's key pair: producers need keys/node.pub of its data directory.

    \b
    Example:
      feikong run county.toml --data node
    """  # noqa: D301
    log = Log("node", log_format)
    with failing(log):
        node = load_setup(config).node
        with node_lock(data):
            check_unchanged(data)
            _run(node, config, data, accept_loss, log)


def _run(node: NodeConfig, config: Path, data: Path, accept_loss: bool, log: Log) -> None:
    open_layout(data, node.shards)
    _, made = made_pair(data)
    if made:
        log.say(f"made the node's key pair; producers need {data / 'keys' / 'node.pub'}")
    Places(data, 0).link.parent.mkdir(mode=0o700, exist_ok=True)
    ending = until_told()
    sockets = listen(node.listen, node.workers)
    try:
        endpoint = endpoint_of(sockets[0])
        text = f"listens at {endpoint}; {node.workers} workers, {node.shards} shards"
        log.say(Message(text, endpoint=endpoint, workers=node.workers, shards=node.shards))
        with _metrics(node.metrics, data, log):
            parts = _Parts(config, data, endpoint, sockets, accept_loss, log.form)
            supervisor = _supervise(parts, node, StatusFile(node_status_path(data)), ending, log)
    finally:
        for each in sockets:
            each.close()
    if supervisor.failure is not None:
        raise click.ClickException(supervisor.failure)
    log.say("ended")


def _metrics(address: str, data: Path, log: Log) -> AbstractContextManager[object]:
    """The endpoint for those who watch; a node goes on without one where its address cannot be had."""
    if not address:
        return nullcontext()
    host, _, port = address.rpartition(":")
    try:
        server = MetricsServer(data, host, int(port))
    except (OSError, OverflowError) as error:
        text = f"metrics: cannot listen at {address}: {error}; expected a free address: there are none"
        log.say(Message(text, WARNING, address=address))
        return nullcontext()
    log.say(Message(f"metrics at http://{server.address}/metrics", address=server.address))
    return server


def _supervise(parts: _Parts, node: NodeConfig, status: StatusFile, ending: Event, log: Log) -> Supervisor:
    clock = RealClock()
    engines = [Part(f"engine-{shard}", vital=True) for shard in range(node.shards)]
    workers = [Part(f"worker-{number}", vital=False) for number in range(node.workers)]
    outputs = [Part("outputs", vital=False)] if node.outputs.write else []
    supervisor = Supervisor([*engines, *workers, *outputs], parts.start, log.say)
    began_s, status_s = clock.now_s(), float("-inf")
    try:
        while not supervisor.done:
            if ending.is_set():
                supervisor.stop()
            now_s = clock.monotonic_s()
            supervisor.look(now_s)
            if now_s >= status_s + STATUS_S:
                status_s = now_s
                status.write(NodeStatus(clock.now_s(), began_s, supervisor.restarts))
            ending.wait(LOOK_S) if not ending.is_set() else parts.wait(LOOK_S)
    finally:
        parts.kill()
    return supervisor


class _Parts:
    """Starts the parts of a node as processes of their own."""

    def __init__(
        self,
        config: Path,
        data: Path,
        endpoint: str,
        sockets: list[socket],
        accept_loss: bool,
        log_format: Format = "text",
    ) -> None:
        self._config = config
        self._data = data
        self._endpoint = endpoint
        self._sockets = sockets
        self._engine = ["--accept-loss"] if accept_loss else []
        self._log_format = log_format
        self._started: list[_Process] = []

    def start(self, part: Part) -> Child:
        """Start a part; its messages go where this process's go."""
        kind, _, number = part.name.partition("-")
        arguments = [kind, str(self._config), "--data", str(self._data), "--log-format", self._log_format]
        if kind == "outputs":
            process = _Process(arguments)
        elif kind == "engine":
            process = _Process([*arguments, "--shard", number, *self._engine])
        else:
            fd = self._sockets[int(number)].fileno()
            listening = ["--number", number, "--listen", self._endpoint, "--listen-fd", str(fd)]
            process = _Process([*arguments, *listening], fd)
        self._started = [each for each in self._started if each.ended() is None]
        self._started.append(process)
        return process

    def wait(self, timeout_s: float) -> None:
        """Wait until one of them ends, at most so long."""
        for process in self._started:
            if process.ended() is None:
                process.wait(timeout_s)
                return

    def kill(self) -> None:
        """End all that still runs, whatever happened."""
        for process in self._started:
            process.kill()


class _Process:
    """A process of this program; it ends when this one does, where the system can see to that."""

    def __init__(self, arguments: list[str], *fds: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.cli", *arguments],
            stdin=subprocess.DEVNULL,
            pass_fds=fds,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            start_new_session=True,
        )

    def ended(self) -> str | None:
        """How it ended."""
        status = self._process.poll()
        if status is None:
            return None
        return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"

    def wait(self, timeout_s: float) -> None:
        """Wait until it ends, at most so long."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)

    def terminate(self) -> None:
        """Tell it to end."""
        self._process.terminate()

    def kill(self) -> None:
        """End it."""
        self._process.kill()


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
