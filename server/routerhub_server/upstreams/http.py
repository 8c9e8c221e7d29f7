"""Rendering over HTTP: the exchange. What the bodies say is the adapters' business."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field, replace
from typing import Protocol

import httpx2
import structlog

from routerhub_server.errors import (
    RouterHubError,
    UpstreamBadReplyError,
    UpstreamError,
    UpstreamMisconfiguredError,
)
from routerhub_server.settings import Settings, UpstreamSettings
from routerhub_server.upstreams.base import Interface, Order, Reply
from routerhub_server.upstreams.http_client import Patience, Timeouts, new_client
from routerhub_server.upstreams.http_errors import Progress, map_http_errors
from routerhub_server.upstreams.refusals import Refusal

MAX_REPLY_BYTES = 64 * 2**20
_MAX_REFUSAL_BYTES = 2**20
_SECRET_HEADERS = ("authorization", "x-goog-api-key", "api-key")
_PIECE_BYTES = 256 * 1024
_REFUSAL_SECONDS = 5.0
_PROBE_SECONDS = 30.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request, ready to send."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    """With the operator's key: never shown."""
    body: bytes = field(default=b"", repr=False)
    method: str = "POST"


Ask = Callable[[HttpRequest, str], Awaitable[bytes]]
"""Sends a request about a model and returns the 2xx body. Raises RouterHubError."""


class Adapter(Protocol):
    """One provider's wire format, and no policy: retries, limits and logs live elsewhere."""

    def serves(self, interface: Interface) -> bool: ...

    def lacks(self, order: Order) -> tuple[str, ...]: ...

    def encode_request(self, order: Order) -> HttpRequest: ...

    def decode_reply(self, order: Order, body: bytes) -> Reply:
        """Read a 2xx body. Raises UpstreamBadReplyError."""
        ...

    def map_error(self, model: str, refusal: Refusal) -> RouterHubError:
        """The error that a 4xx or 5xx stands for."""
        ...

    async def probe(self, models: Sequence[str], ask: Ask) -> None:
        """Ask for what costs nothing and shows that address, credentials and models are right."""
        ...


class Signer(Protocol):
    """Credentials that are not the same for every request."""

    async def headers(self) -> Mapping[str, str]:
        """Valid now. Raises UpstreamError."""
        ...

    def forget(self) -> None:
        """The upstream did not accept the last ones."""
        ...


def http_upstream(
    name: str, adapter: Adapter, section: UpstreamSettings, settings: Settings, signer: Signer | None = None
) -> "HttpUpstream":
    """An upstream with a client of its own, as the settings want it."""
    timeouts = Timeouts.of(section)
    return HttpUpstream(
        name,
        adapter,
        new_client(timeouts, max_connections=section.max_concurrent),
        timeouts,
        settings.limits.reply_bytes,
        signer=signer,
        server_errors_are_free=section.server_errors_are_free,
    )


class HttpUpstream:
    """An upstream that is asked with one POST. Owns its client."""

    def __init__(
        self,
        name: str,
        adapter: Adapter,
        client: httpx2.AsyncClient,
        timeouts: Timeouts,
        max_reply_bytes: int = MAX_REPLY_BYTES,
        *,
        signer: Signer | None = None,
        server_errors_are_free: bool = False,
    ) -> None:
        self.name = name
        self._adapter = adapter
        self._client = client
        self._timeouts = timeouts
        self._max_reply_bytes = max_reply_bytes
        self._signer = signer
        self._server_errors_are_free = server_errors_are_free

    def serves(self, interface: Interface) -> bool:
        return self._adapter.serves(interface)

    def lacks(self, order: Order) -> tuple[str, ...]:
        return self._adapter.lacks(order)

    async def render(self, order: Order) -> Reply:
        """Ask once. Raises RouterHubError; cancelling aborts the exchange and closes its connection."""
        request = self._adapter.encode_request(order)
        try:
            body = await self._exchange(request, order.model, self._timeouts)
        except UpstreamMisconfiguredError as error:
            self._tell_operator(order, error)
            raise
        return self._adapter.decode_reply(order, body)

    async def probe(self, models: Sequence[str]) -> None:
        """Ask for what costs nothing. Raises RouterHubError."""
        timeouts = replace(self._timeouts, total=min(self._timeouts.total, _PROBE_SECONDS))

        async def ask(request: HttpRequest, model: str) -> bytes:
            return await self._exchange(request, model, timeouts)

        await self._adapter.probe(models, ask)

    async def close(self) -> None:
        await self._client.aclose()

    async def _exchange(self, request: HttpRequest, model: str, timeouts: Timeouts) -> bytes:
        """The body of a 2xx reply. Raises RouterHubError."""
        if self._signer:
            request = replace(request, headers={**request.headers, **await self._signer.headers()})
        patience = Patience(timeouts)
        progress = Progress(on_sent=lambda: patience.allow(timeouts.first_byte))
        with map_http_errors(progress):
            async with patience.timer, self._send(request, progress) as response:
                progress.status = response.status_code
                patience.allow(timeouts.read)
                if response.is_success:
                    return await self._collect(response, lambda: patience.allow(timeouts.read))
                patience.allow(timeouts.total)
                body = await _collect_refusal(response, min(timeouts.read, _REFUSAL_SECONDS))
        raise self._refused(request, model, Refusal(response.status_code, response.headers, body))

    def _send(self, request: HttpRequest, progress: Progress) -> AbstractAsyncContextManager[httpx2.Response]:
        length = {"content-length": str(len(request.body))} if request.body else {}
        return self._client.stream(
            request.method,
            request.url,
            headers={**request.headers, **length},
            content=_pieces(request.body) if request.body else None,
            extensions={"trace": progress},
        )

    async def _collect(self, response: httpx2.Response, heard: Callable[[], None]) -> bytes:
        if int(response.headers.get("content-length", "0")) > self._max_reply_bytes:
            raise self._too_large()
        chunks, size = [], 0
        async with aclosing(response.aiter_bytes()) as pieces:
            async for piece in pieces:
                heard()
                chunks.append(piece)
                size += len(piece)
                if size > self._max_reply_bytes:
                    raise self._too_large()
        return b"".join(chunks)

    def _too_large(self) -> UpstreamBadReplyError:
        return UpstreamBadReplyError(
            f"The upstream's reply is larger than {self._max_reply_bytes} bytes.", spent="yes"
        )

    def _refused(self, request: HttpRequest, model: str, refusal: Refusal) -> RouterHubError:
        if refusal.status < 400:
            return UpstreamMisconfiguredError(
                f"The upstream answered {refusal.status}, a redirection: its base_url is not the right one."
            )
        if refusal.status == 401 and self._signer:
            self._signer.forget()
        refusal = replace(refusal, body=_without_secrets(refusal.body, request.headers))
        error = self._adapter.map_error(model, refusal)
        if refusal.status >= 500 and self._server_errors_are_free and isinstance(error, UpstreamError):
            error.spent = "no"
        return error

    def _tell_operator(self, order: Order, error: UpstreamMisconfiguredError) -> None:
        said = error.provider
        _log.error(
            "upstream_misconfigured",
            upstream=self.name,
            model=order.model,
            request_id=order.request_id,
            problem=error.message,
            status=said.status if said else None,
            provider_message=said.message if said else repr(error.__cause__),
        )


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    """In one piece, a connection that breaks under it goes unnoticed: the body counts as sent and paid."""
    for at in range(0, len(body), _PIECE_BYTES):
        yield body[at : at + _PIECE_BYTES]


async def _collect_refusal(response: httpx2.Response, seconds: float) -> bytes:
    """The body of an error, as far as it came: the status says more than a body that broke off."""
    body = bytearray()
    try:
        async with asyncio.timeout(seconds), aclosing(response.aiter_bytes()) as pieces:
            async for piece in pieces:
                body += piece
                if len(body) > _MAX_REFUSAL_BYTES:
                    break
    except (httpx2.HTTPError, TimeoutError):
        pass
    return bytes(body[:_MAX_REFUSAL_BYTES])


def _without_secrets(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Some servers quote the key that they refuse."""
    for name in _SECRET_HEADERS:
        secret = headers.get(name, "").removeprefix("Bearer ").encode()
        if secret:
            body = body.replace(secret, b"[key]")
    return body
