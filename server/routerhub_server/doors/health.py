"""Health over gRPC: all services of the process are well, or none is."""

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Any

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthServicer


class HealthService(HealthServicer):  # type: ignore[misc]  # grpc_health has no types
    """NOT_SERVING until `serve`, and again after `drain`."""

    def __init__(self, services: Collection[str]) -> None:
        """`services` are the full names that may be asked for; the empty one always may."""
        self._services = frozenset({"", *services})
        self._status = HealthCheckResponse.NOT_SERVING
        self._changed = asyncio.Event()
        self._draining = False

    def serve(self) -> None:
        self._turn(HealthCheckResponse.SERVING)

    def drain(self) -> None:
        """Tell every watcher, and let them go: their calls would hold the server up."""
        self._draining = True
        self._turn(HealthCheckResponse.NOT_SERVING)

    async def Check(self, request: HealthCheckRequest, context: Any) -> HealthCheckResponse:
        if request.service not in self._services:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return HealthCheckResponse(status=self._status)

    async def Watch(self, request: HealthCheckRequest, context: Any) -> AsyncIterator[HealthCheckResponse]:
        known = request.service in self._services
        while True:
            changed = self._changed
            yield HealthCheckResponse(status=self._status if known else HealthCheckResponse.SERVICE_UNKNOWN)
            if self._draining:
                return
            await changed.wait()

    def _turn(self, status: HealthCheckResponse.ServingStatus.ValueType) -> None:
        self._status = status
        self._changed.set()
        self._changed = asyncio.Event()
