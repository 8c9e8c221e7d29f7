"""The HTTP client of one upstream, and how long it waits for what."""

import asyncio
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2

from routerhub_server.settings import UpstreamSettings


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. Renders take up to three minutes, mostly in silence."""

    connect: float = 10
    pool: float = 10
    """Waiting for a free connection."""
    write: float = 120
    """Sending the whole body: 25 MB of input images at 2 Mbit/s."""
    first_byte: float = 300
    """From the end of the request to the end of the reply's head."""
    read: float = 60
    """Between two pieces of the reply's body."""
    total: float = 600

    @classmethod
    def of(cls, section: UpstreamSettings) -> "Timeouts":
        return cls(
            connect=section.connect_seconds,
            first_byte=section.first_byte_seconds,
            read=section.read_seconds,
            total=section.total_seconds,
        )


class Patience:
    """One timer for the phases of one exchange, each with a limit of its own, all within the total."""

    def __init__(self, timeouts: Timeouts) -> None:
        """Starts now; `timer` is to be entered around the exchange."""
        self._loop = asyncio.get_running_loop()
        self._end = self._loop.time() + timeouts.total
        self.timer = asyncio.timeout_at(self._end)

    def allow(self, seconds: float) -> None:
        """So long for what comes next."""
        if not self.timer.expired():
            self.timer.reschedule(min(self._end, self._loop.time() + seconds))


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
        # No read timeout: the client has one for head and body alike, Patience has two.
        timeout=httpx2.Timeout(connect=timeouts.connect, pool=timeouts.pool, write=timeouts.write, read=None),
        limits=httpx2.Limits(
            max_connections=max_connections,
            max_keepalive_connections=max_connections,
            # Below the providers' own idle limits: a POST on a connection just closed may have been paid.
            keepalive_expiry=30,
        ),
    )
