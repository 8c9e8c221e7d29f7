"""What the HTTP client raises, as our errors, with what the attempt may have cost (`UpstreamError.spent`):

| the exchange ended                             | error                    | spent    |
|------------------------------------------------|--------------------------|----------|
| before the whole request was sent              | UpstreamUnavailableError | no       |
| without an answer: reset, end of stream        | UpstreamUnavailableError | possible |
| without an answer in time                      | UpstreamTimeoutError     | possible |
| in something that is not HTTP                  | UpstreamBadReplyError    | possible |
| within a 2xx reply, timeouts apart             | UpstreamBadReplyError    | yes      |
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx2

from routerhub_server.errors import (
    Spent,
    UpstreamBadReplyError,
    UpstreamError,
    UpstreamMisconfiguredError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)


class Progress:
    """How far an exchange has come. httpx2 calls it as its `trace` extension."""

    def __init__(self, on_sent: Callable[[], None]) -> None:
        """`on_sent` is called when there is nothing left but to wait for the reply."""
        self.sent = False
        self.status = 0
        self._on_sent = on_sent

    async def __call__(self, event: str, _info: Mapping[str, Any]) -> None:
        self.sent = self.sent or event.endswith(".send_request_body.complete")
        if event.endswith(".receive_response_headers.started"):
            self._on_sent()

    @property
    def replying(self) -> bool:
        return 200 <= self.status < 300

    @property
    def spent(self) -> Spent:
        return "possible" if self.sent else "no"


_ERRORS: tuple[tuple[tuple[type[Exception], ...], type[UpstreamError], str], ...] = (
    ((httpx2.PoolTimeout,), UpstreamUnavailableError, "All connections to the upstream are in use."),
    (
        (httpx2.ConnectTimeout, httpx2.ConnectError, httpx2.ProxyError),
        UpstreamUnavailableError,
        "The upstream could not be reached.",
    ),
    (
        (httpx2.WriteTimeout, httpx2.WriteError),
        UpstreamUnavailableError,
        "The upstream did not take the request.",
    ),
    (
        (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.LocalProtocolError),
        UpstreamMisconfiguredError,
        "The upstream's address or key cannot be used.",
    ),
    ((httpx2.ReadTimeout, TimeoutError), UpstreamTimeoutError, "The upstream did not answer in time."),
    ((httpx2.RemoteProtocolError,), UpstreamBadReplyError, "The upstream did not answer in HTTP."),
    ((httpx2.HTTPError,), UpstreamUnavailableError, "The upstream closed the connection without an answer."),
)
"""Foreign exception to ours; the first row that fits counts."""


@contextmanager
def map_http_errors(progress: Progress) -> Iterator[None]:
    """Turn what the HTTP client raises, and the total timeout, into an UpstreamError."""
    try:
        yield
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
        raise _mapped(error, progress) from error


def _mapped(error: Exception, progress: Progress) -> UpstreamError:
    kind, message = next((kind, text) for types, kind, text in _ERRORS if isinstance(error, types))
    if progress.replying and kind is not UpstreamTimeoutError:
        return UpstreamBadReplyError("The upstream's reply broke off.", spent="yes")
    if _closed_in_silence(error):
        kind, message = UpstreamUnavailableError, "The upstream closed the connection without an answer."
    return kind(message, spent=progress.spent)


def _closed_in_silence(error: Exception) -> bool:
    """The client has one class for this and for garbage, and only its words tell them apart."""
    return isinstance(error, httpx2.RemoteProtocolError) and str(error).startswith("Server disconnected")
