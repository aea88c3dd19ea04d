"""`feikong worker`: one ingestion worker, for those who start the parts themselves."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from pipeline.cli._node import CONFIG, DATA, LOG_FORMAT, failing, load_setup, until_told
from pipeline.logs import Format, Log, Message
from pipeline.node.identity import node_pair
from pipeline.node.internal import LinkError
from pipeline.worker.process import bound_memory, serve
from pipeline.worker.returns import WorkerError

__all__ = ["worker"]


@click.command()
@CONFIG
@DATA
@click.option("--number", default=0, show_default=True, help="Which of the node's workers this one is.")
@click.option("--listen", metavar="ENDPOINT", help="Where it listens.  [default: as CONFIG says]")
@click.option("--listen-fd", type=int, hidden=True, help="A socket that listens there already.")
@LOG_FORMAT
def worker(
    config: Path, data: Path, number: int, listen: str | None, listen_fd: int | None, log_format: Format
) -> None:
    """Run one ingestion worker in front of the engines of a node, until SIGTERM.

    It checks who sends what, gathers small messages, and passes on; the engines are started by `feikong engine`.

    \b
    Example:
      feikong worker county.toml --data node --listen tcp://0.0.0.0:7070
    """  # noqa: D301
    log = Log(f"worker {number}", log_format)

    def ready(endpoint: str) -> None:
        log.say(Message(f"serves {endpoint}", endpoint=endpoint))

    with failing(log, LinkError, WorkerError):
        node = load_setup(config).node
        if listen is not None:
            node = msgspec.structs.replace(node, listen=listen)
        ending = until_told()
        bound_memory(node.worker_memory_mib)
        serve(node, data, node_pair(data), number, listening=listen_fd, ending=ending.is_set, on_ready=ready)
