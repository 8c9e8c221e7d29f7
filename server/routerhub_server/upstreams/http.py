"""Rendering over HTTP: the exchange and its client. What the bodies say is the adapters' business."""

import asyncio
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Protocol

import httpx2
import structlog

from routerhub_server.errors import RouterHubError, UpstreamBadReplyError, UpstreamMisconfiguredError
from routerhub_server.settings import Settings, UpstreamSettings
from routerhub_server.upstreams.base import Order, Reply
from routerhub_server.upstreams.http_errors import Progress, map_http_errors
from routerhub_server.upstreams.refusals import Refusal

MAX_REPLY_BYTES = 64 * 2**20
_MAX_REFUSAL_BYTES = 2**20
_SECRET_HEADERS = ("authorization", "x-goog-api-key", "api-key")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. Renders take up to three minutes, mostly in silence."""

    connect: float = 10
    pool: float = 10
    """Waiting for a free connection."""
    write: float = 120
    """Sending the whole body: 25 MB of input images at 2 Mbit/s."""
    read: float = 300
    """Between two pieces of the reply, and before the first."""
    total: float = 600


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A POST, ready to send."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    """With the operator's key: never shown."""
    body: bytes = field(repr=False)


class Adapter(Protocol):
    """One provider's wire format, and no policy: retries, limits and logs live elsewhere."""

    def encode_request(self, order: Order) -> HttpRequest: ...

    def decode_reply(self, order: Order, body: bytes) -> Reply:
        """Read a 2xx body. Raises UpstreamBadReplyError."""
        ...

    def map_error(self, order: Order, refusal: Refusal) -> RouterHubError:
        """The error that a 4xx or 5xx stands for."""
        ...


def new_client(timeouts: Timeouts, *, max_connections: int = 200) -> httpx2.AsyncClient:
    """A client for one upstream, so that a provider that hangs takes no other provider's connections."""
    return httpx2.AsyncClient(
        http2=False,  # pure Python framing: five times the CPU per megabyte
        trust_env=False,  # a proxy variable of the shell must not see keys and prompts
        follow_redirects=False,  # a redirected POST may be paid twice, or take the key elsewhere
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # callers share the client, no more
        headers={
            "accept": "application/json",
            "accept-encoding": "identity",
            "user-agent": "routerhub-images",
        },
        timeout=httpx2.Timeout(
            connect=timeouts.connect, pool=timeouts.pool, write=timeouts.write, read=timeouts.read
        ),
        limits=httpx2.Limits(
            max_connections=max_connections,
            max_keepalive_connections=max_connections,
            # Below the providers' own idle limits: a POST on a connection just closed may have been paid.
            keepalive_expiry=30,
        ),
    )


def http_upstream(
    name: str, adapter: Adapter, section: UpstreamSettings, settings: Settings
) -> "HttpUpstream":
    """An upstream with a client of its own, as the settings want it."""
    timeouts = Timeouts(
        connect=section.connect_seconds, read=section.read_seconds, total=settings.limits.render_seconds
    )
    client = new_client(timeouts, max_connections=section.max_connections)
    return HttpUpstream(name, adapter, client, timeouts, settings.limits.reply_bytes)


class HttpUpstream:
    """An upstream that is asked with one POST. Owns its client."""

    def __init__(
        self,
        name: str,
        adapter: Adapter,
        client: httpx2.AsyncClient,
        timeouts: Timeouts,
        max_reply_bytes: int = MAX_REPLY_BYTES,
    ) -> None:
        self.name = name
        self._adapter = adapter
        self._client = client
        self._total_seconds = timeouts.total
        self._max_reply_bytes = max_reply_bytes

    async def render(self, order: Order) -> Reply:
        """Ask once. Raises RouterHubError; cancelling aborts the exchange and closes its connection."""
        request = self._adapter.encode_request(order)
        try:
            return await self._exchange(order, request)
        except UpstreamMisconfiguredError as error:
            self._tell_operator(order, error)
            raise

    async def close(self) -> None:
        await self._client.aclose()

    async def _exchange(self, order: Order, request: HttpRequest) -> Reply:
        progress = Progress()
        with map_http_errors(progress):
            async with asyncio.timeout(self._total_seconds), self._post(request, progress) as response:
                progress.status = response.status_code
                if response.is_success:
                    body = await self._collect(response)
                else:
                    body = await _collect_refusal(response)
        if response.is_success:
            return self._adapter.decode_reply(order, body)
        if response.status_code < 400:
            raise UpstreamBadReplyError(f"The upstream answered {response.status_code}, a redirection.")
        body = _without_secrets(body, request.headers)
        raise self._adapter.map_error(order, Refusal(response.status_code, response.headers, body))

    def _post(self, request: HttpRequest, progress: Progress) -> AbstractAsyncContextManager[httpx2.Response]:
        return self._client.stream(
            "POST",
            request.url,
            headers=request.headers,
            content=request.body,
            extensions={"trace": progress},
        )

    async def _collect(self, response: httpx2.Response) -> bytes:
        if int(response.headers.get("content-length", "0")) > self._max_reply_bytes:
            raise self._too_large()
        chunks, size = [], 0
        async with aclosing(response.aiter_bytes()) as pieces:
            async for piece in pieces:
                chunks.append(piece)
                size += len(piece)
                if size > self._max_reply_bytes:
                    raise self._too_large()
        return b"".join(chunks)

    def _too_large(self) -> UpstreamBadReplyError:
        return UpstreamBadReplyError(
            f"The upstream's reply is larger than {self._max_reply_bytes} bytes.", spent="yes"
        )

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


async def _collect_refusal(response: httpx2.Response) -> bytes:
    """The body of an error, as far as it came: the status says more than a body that broke off."""
    body = bytearray()
    try:
        async with aclosing(response.aiter_bytes()) as pieces:
            async for piece in pieces:
                body += piece
                if len(body) > _MAX_REFUSAL_BYTES:
                    break
    except httpx2.HTTPError:
        pass
    return bytes(body[:_MAX_REFUSAL_BYTES])


def _without_secrets(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Some servers quote the key that they refuse."""
    for name in _SECRET_HEADERS:
        secret = headers.get(name, "").removeprefix("Bearer ").encode()
        if secret:
            body = body.replace(secret, b"[key]")
    return body
