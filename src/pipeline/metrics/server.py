"""The endpoint for those who watch a node: ``/metrics``, ``/healthz``, ``/readyz``, in threads of its own."""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from pipeline.clock import Clock, RealClock
from pipeline.closing import Closing
from pipeline.metrics.families import NodeCollector
from pipeline.metrics.health import not_ready, not_running

__all__ = ["MetricsServer"]

REQUEST_S: Final = 5.0
"""So long may a client take to say what it wants."""


class MetricsServer(Closing):
    """Serves the figures of a data directory at an address; a context manager.

    Raises `OSError` where the address cannot be had.

    Attributes:
        address: where it listens, with the port that it was given.
    """

    def __init__(self, data: Path, host: str, port: int, clock: Clock | None = None) -> None:
        clock = clock or RealClock()
        registry = CollectorRegistry(auto_describe=False)
        registry.register(NodeCollector(data, clock))

        def answer(path: str) -> tuple[int, str, bytes] | None:
            if path == "/metrics":
                return 200, CONTENT_TYPE_LATEST, generate_latest(registry)
            if path not in ("/healthz", "/readyz"):
                return None
            look = not_running if path == "/healthz" else not_ready
            wrong = look(data, clock.now_s())
            return (
                503 if wrong else 200,
                "text/plain; charset=utf-8",
                "".join(f"{line}\n" for line in wrong or ["ok"]).encode(),
            )

        self._server = ThreadingHTTPServer((host, port), _handler(answer))
        self._server.daemon_threads = True
        self.address = f"{host}:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End; closing twice does nothing."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(answer: Callable[[str], tuple[int, str, bytes] | None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_S

        def do_GET(self) -> None:
            found = answer(self.path.partition("?")[0])
            status, kind, body = found or (404, "text/plain", b"expected /metrics, /healthz or /readyz\n")
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: a scrape is no event."""

    return Handler
