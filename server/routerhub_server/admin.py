"""The admin address: health and metrics over plain HTTP, for probes and scrapers on this machine."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from routerhub_server.settings import split_address


class AdminServer:
    """`/healthz` (the process answers), `/readyz` (it takes calls), `/metrics` (Prometheus)."""

    def __init__(self, address: str, registry: CollectorRegistry) -> None:
        self.ready = threading.Event()
        ready = self.ready

        class Handler(BaseHTTPRequestHandler):
            timeout = 10  # seconds that a connection may idle: it holds a thread

            def do_GET(self) -> None:
                match self.path.partition("?")[0]:
                    case "/healthz":
                        self._answer(200, b"ok\n")
                    case "/readyz":
                        self._answer(
                            200 if ready.is_set() else 503, b"ready\n" if ready.is_set() else b"not ready\n"
                        )
                    case "/metrics":
                        self._answer(200, generate_latest(registry), CONTENT_TYPE_LATEST)
                    case _:
                        self._answer(404, b"not found\n")

            def _answer(
                self, status: int, body: bytes, content_type: str = "text/plain; charset=utf-8"
            ) -> None:
                self.send_response(status)
                self.send_header("content-type", content_type)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Probes come every few seconds; their log lines would bury the rest."""

        self._server = ThreadingHTTPServer(split_address(address), Handler)
        self._server.daemon_threads = True
        host, port = self._server.server_address[:2]
        self.address = f"{host!s}:{port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="admin", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
