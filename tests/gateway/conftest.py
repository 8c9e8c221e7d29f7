"""Envoy in front of the echo server: what envoy.yaml does, apart from what the product does."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h11
import httpx
import pytest
import yaml

ROOT = Path(__file__).parents[2]
Node = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Front:
    """A running Envoy with the echo server behind it."""

    host: str
    """Envoy's `127.0.0.1:PORT`."""
    log: Path
    """Envoy's standard error, access log included."""

    def request(self, method: str, path: str, wish: Node | None = None, **more: Any) -> httpx.Response:
        """One request; `wish` goes to the echo server as `x-echo`."""
        headers = {"x-echo": json.dumps(wish)} if wish else {}
        headers |= more.pop("headers", {})
        with httpx.Client(trust_env=False, timeout=30) as client:
            return client.request(method, f"http://{self.host}{path}", headers=headers, **more)

    def raw(self, request: str | bytes) -> httpx.Response:
        """The reply to exactly these bytes."""
        with self.connect() as connection:
            connection.sendall(request.encode() if isinstance(request, str) else request)
            return read_reply(connection)

    def raw_until_closed(self, request: bytes) -> bytes:
        """What comes back when the caller sends these bytes and then no more."""
        with self.connect() as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def connect(self) -> socket.socket:
        host, _, port = self.host.rpartition(":")
        return socket.create_connection((host, int(port)), timeout=10)


def read_reply(connection: socket.socket) -> httpx.Response:
    """One HTTP/1.1 reply, as soon as it is whole."""
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
    parser.send(h11.EndOfMessage())
    status, headers, body = 0, [], b""
    while not isinstance(event := parser.next_event(), h11.EndOfMessage):
        if event is h11.NEED_DATA:
            parser.receive_data(connection.recv(65536))
        elif isinstance(event, h11.Response):
            status, headers = event.status_code, list(event.headers)
        elif isinstance(event, h11.Data):
            body += event.data
    return httpx.Response(status, headers=headers, content=body)


def changed_source(directory: Path, change: Callable[[Node], None]) -> Path:
    """A directory with the project's envoy.yaml after `change` of its parsed form."""
    config = yaml.safe_load((ROOT / "envoy.yaml").read_text())
    change(config)
    (directory / "envoy.yaml").write_text(yaml.safe_dump(config))
    (directory / "gen").symlink_to(ROOT / "gen")
    return directory


@pytest.fixture(scope="session")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    directory = tmp_path_factory.mktemp("front")
    paths = os.pathsep.join(str(ROOT / name) for name in ("server", "gen"))
    with (directory / "log").open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.gateway.echo", str(directory / "state")],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=os.environ | {"PYTHONPATH": paths},
        )
    with process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the echo server did not start:\n{(directory / 'log').read_text()}"
        yield Front(json.loads(line)["http"], directory / "log")
