"""The endpoint for those who watch a node: ``/metrics``, ``/healthz``, ``/readyz``, in threads of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import BoundedSemaphore, Thread
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
AT_ONCE: Final = 8
"""So many are answered at once; who comes beyond them is closed on, and asks again."""


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

        self._server = _Bounded((host, port), _handler(answer))
        self.address = f"{host}:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End; closing twice does nothing."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Bounded(ThreadingHTTPServer):
    """Answers `AT_ONCE` clients at once, each in a thread of its own."""

    daemon_threads = True
    request_queue_size = 8 * AT_ONCE

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._free = BoundedSemaphore(AT_ONCE)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Begin to answer, if that is not too many."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # the thread that frees it has not begun
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say what went wrong, unless a client has only gone away."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


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
