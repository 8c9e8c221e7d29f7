"""The one catch-all: whatever goes wrong becomes a domain error, and that the reply of its door."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import structlog
from google.api.httpbody_pb2 import HttpBody

from routerhub_server.calls import current_call
from routerhub_server.doors import dialects
from routerhub_server.doors.interceptors.base import AroundInterceptor
from routerhub_server.doors.metadata import Metadata, interface_of
from routerhub_server.doors.replies import send_headers
from routerhub_server.errors import InternalError, RouterHubError
from routerhub_server.settings import LimitSettings
from routerhub_server.upstreams.base import Interface

log = structlog.get_logger("routerhub.failures")

CODES = {code.value[0]: code for code in grpc.StatusCode}
DISCARD_SECONDS = 10
"""How long the rest of a refused upload is read before the answer is sent all the same."""


def as_domain_error(error: Exception) -> RouterHubError:
    """The error itself if it is ours; otherwise an InternalError, with the cause in the log alone."""
    if isinstance(error, RouterHubError):
        current_call.get().facts["outcome"] = error.reason
        return error
    current_call.get().facts["outcome"] = "INTERNAL"
    log.error("unexpected", exc_info=error)
    return InternalError()


class TypedFailuresInterceptor(AroundInterceptor):
    """Errors of the typed service: gRPC codes with `google.rpc` details in the trailing metadata."""

    @asynccontextmanager
    async def around(self, method: str, context: Any) -> AsyncIterator[None]:
        try:
            yield
        except grpc.aio.AbortError:
            raise
        except Exception as caught:  # noqa: BLE001  # the one catch-all of the typed door
            error = as_domain_error(caught)
            interface: Interface = "openai" if method == "GenerateImages" else "gemini"
            status = dialects.grpc_status(error, interface)
            trailer = [
                ("x-request-id", current_call.get().request_id),
                ("grpc-status-details-bin", status.SerializeToString()),
                *dialects.retry_headers(error, dialects.TABLE[error.reason].http),
                *dialects.standing_headers(error),
                *current_call.get().headers.items(),
            ]
            if dialects.retry_advice(error) is False:
                trailer.append(("grpc-retry-pushback-ms", "-1"))
            await context.abort(CODES[status.code], status.message, tuple(trailer))


class RestFailuresInterceptor(AroundInterceptor):
    """Errors of the REST door: an ordinary HttpBody, its HTTP status in the initial metadata."""

    def __init__(self, limits: LimitSettings) -> None:
        self._limits = limits

    def stream(self, name: str, inner: Any) -> Any:
        async def handler(request: Any, context: Any) -> AsyncIterator[HttpBody]:
            started = False
            try:
                async with aclosing(inner(request, context)) as replies:
                    async for reply in replies:
                        started = True
                        yield reply
            except Exception as caught:  # noqa: BLE001  # the one catch-all of the REST door
                error = as_domain_error(caught)
                if started:  # the status is gone; only a broken reply is still honest
                    await context.abort(grpc.StatusCode.INTERNAL, "The reply broke off.")
                await self._discard(request)
                yield await _render(error, context)

        return handler

    async def _discard(self, request: Any) -> None:
        """Read what the caller is still sending: answered earlier, it would see a reset, no answer."""
        if not hasattr(request, "__aiter__"):
            return
        left = 2 * self._limits.body_bytes
        try:
            async with asyncio.timeout(DISCARD_SECONDS):
                async for piece in request:
                    left -= len(piece.body.data)
                    if left < 0:
                        return
        except TimeoutError:
            return


async def _render(error: RouterHubError, context: Any) -> HttpBody:
    metadata = Metadata.of(context)
    reply = dialects.http_error(error, interface_of(metadata.path, metadata))
    await send_headers(context, reply.status, reply.headers)
    return HttpBody(content_type="application/json; charset=UTF-8", data=reply.body)
