"""What official SDKs were seen to send, to be sent again byte for byte.

`tests/data/recorded_requests/requests.jsonl` holds every distinct request of 215 recordings of google-genai
(Python, Node) and openai (Python, Node), one a line; `also` names the recordings that sent the same. Left out
are the headers `host` and `connection`; in place of each recorded key stands `{key}`.
"""

import base64
import json
import socket
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any

import httpx
import yaml

from tests.conftest import ROOT, Gateway

DATA = ROOT / "tests/data/recorded_requests"
SECONDS = 30


@dataclass(frozen=True, slots=True)
class Recording:
    label: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    """In the order and the case in which they were sent."""
    body: bytes
    also: tuple[str, ...]
    """Further recordings that sent the same."""

    def spelled(self, host: str, key: str) -> bytes:
        """The request on the wire, to this host and with this key."""
        lines = [f"{self.method} {self.path} HTTP/1.1", f"host: {host}", "connection: close"]
        lines += [f"{name}: {value.replace('{key}', key)}" for name, value in self.headers]
        return "\r\n".join([*lines, "", ""]).encode() + self.body

    def replay(self, gateway: Gateway) -> httpx.Response:
        host, _, port = gateway.host.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=SECONDS) as connection:
            connection.sendall(self.spelled(gateway.host, gateway.key))
            response = HTTPResponse(connection, method=self.method)
            response.begin()
            return httpx.Response(response.status, headers=response.getheaders(), content=response.read())


def listed(name: str) -> dict[str, dict[str, Any]]:
    """A list of labels, `refused` or `not_ours`."""
    entries: dict[str, dict[str, Any]] = yaml.safe_load((DATA / f"{name}.yaml").read_text())
    return entries


def _read(line: dict[str, Any]) -> Recording:
    body = base64.b64decode(line["body_base64"]) if "body_base64" in line else line.get("body", "").encode()
    headers = tuple((name, value) for name, value in line["headers"])
    return Recording(line["label"], line["method"], line["path"], headers, body, tuple(line.get("also", ())))


RECORDINGS = [_read(json.loads(line)) for line in (DATA / "requests.jsonl").read_text().splitlines()]
