"""The registry: one line for each kind of upstream, name beside constructor."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from types import MappingProxyType

from routerhub_server.catalogue import CatalogueError, Model
from routerhub_server.settings import Settings, UpstreamSettings
from routerhub_server.upstreams.azure import azure_upstream
from routerhub_server.upstreams.base import Upstream
from routerhub_server.upstreams.gemini import gemini_upstream
from routerhub_server.upstreams.openai import openai_upstream
from routerhub_server.upstreams.routerhub import routerhub_upstream
from routerhub_server.upstreams.sandbox import sandbox_upstream
from routerhub_server.upstreams.vertex import vertex_upstream

KINDS: Mapping[str, Callable[[str, UpstreamSettings, Settings], Upstream]] = MappingProxyType(
    {
        "gemini": gemini_upstream,
        "vertex": vertex_upstream,
        "openai": openai_upstream,
        "azure": azure_upstream,
        "routerhub": routerhub_upstream,
        "sandbox": sandbox_upstream,
    }
)


def check_routes(models: Sequence[Model], upstreams: Mapping[str, Upstream]) -> None:
    """Raises CatalogueError, naming every route to an upstream that does not have the model's interface.

    Also where there is no model, because no route leads to any of the upstreams.
    """
    problems = [
        (
            f"models['{model.id}'].routes[{number}].upstream",
            f"{route.upstream!r} has no {model.interface} API",
        )
        for model in models
        for number, route in enumerate(model.routes)
        if not upstreams[route.upstream].serves(model.interface)
    ]
    if not models:
        problems = [("models", f"none has a route to {' or '.join(map(repr, upstreams))}")]
    if problems:
        raise CatalogueError(problems)


@asynccontextmanager
async def build_upstreams(settings: Settings) -> AsyncIterator[Mapping[str, Upstream]]:
    """Every configured upstream by name, closed when the context ends. Raises SettingsError."""
    async with AsyncExitStack() as stack:
        upstreams = {}
        for name, section in settings.resolved_upstreams.items():
            upstream = KINDS[section.kind](name, section, settings)
            stack.push_async_callback(upstream.close)
            upstreams[name] = upstream
        yield MappingProxyType(upstreams)
