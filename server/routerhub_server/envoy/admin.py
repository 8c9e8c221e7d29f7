"""Envoy's admin interface, over its Unix socket."""

import asyncio
import http.client
import json
import socket
from pathlib import Path
from typing import Any

ACTIVE_REQUESTS = "http.public.downstream_rq_active"


class AdminClient:
    """Every method raises OSError or http.client.HTTPException while Envoy does not answer."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def ready(self) -> bool:
        status, _ = await self._ask("GET", "/ready")
        return status == 200

    async def listening_port(self, name: str) -> int:
        """The port that the listener of this name got."""
        _, body = await self._ask("GET", "/listeners?format=json")
        statuses: list[dict[str, Any]] = json.loads(body)["listener_statuses"]
        found = next(status for status in statuses if status["name"] == name)
        return int(found["local_address"]["socket_address"]["port_value"])

    async def active_requests(self) -> int:
        _, body = await self._ask("GET", f"/stats?format=json&filter=^{ACTIVE_REQUESTS}$")
        return sum(stat["value"] for stat in json.loads(body)["stats"])

    async def drain(self) -> None:
        """Close every connection after its current calls, and accept no new ones."""
        # The first alone would go on accepting; the second alone would let connections live on.
        await self._ask("POST", "/drain_listeners?graceful&skip_exit")
        await self._ask("POST", "/drain_listeners")

    async def _ask(self, method: str, target: str) -> tuple[int, bytes]:
        return await asyncio.to_thread(self._ask_blocking, method, target)

    def _ask_blocking(self, method: str, target: str) -> tuple[int, bytes]:
        connection = _UnixConnection(self._path)
        try:
            connection.request(method, target)
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("envoy", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
