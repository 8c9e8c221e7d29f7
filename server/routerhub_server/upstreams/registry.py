"""The registry: one line for each kind of upstream, name beside constructor."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from types import MappingProxyType

from routerhub_server.settings import Settings, UpstreamSettings
from routerhub_server.upstreams.base import Upstream
from routerhub_server.upstreams.gemini import gemini_upstream
from routerhub_server.upstreams.openai import openai_upstream
from routerhub_server.upstreams.sandbox import sandbox_upstream

KINDS: Mapping[str, Callable[[str, UpstreamSettings, Settings], Upstream]] = MappingProxyType(
    {
        "gemini": gemini_upstream,
        "openai": openai_upstream,
        "sandbox": sandbox_upstream,
    }
)


@asynccontextmanager
async def build_upstreams(settings: Settings) -> AsyncIterator[Mapping[str, Upstream]]:
    """Every configured upstream by name, closed when the context ends."""
    async with AsyncExitStack() as stack:
        upstreams = {}
        for name, section in settings.resolved_upstreams.items():
            upstream = KINDS[section.kind](name, section, settings)
            stack.push_async_callback(upstream.close)
            upstreams[name] = upstream
        yield MappingProxyType(upstreams)
