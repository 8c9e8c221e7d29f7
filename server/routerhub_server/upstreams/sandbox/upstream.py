"""The sandbox: an upstream that needs no provider and draws instead of asking a model."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest
from routerhub_server.settings import Settings, UpstreamSettings
from routerhub_server.upstreams.base import Interface, Order, Reply, Request
from routerhub_server.upstreams.sandbox.conversation import prompt_of
from routerhub_server.upstreams.sandbox.failures import act_out, rejected
from routerhub_server.upstreams.sandbox.gemini import render_content
from routerhub_server.upstreams.sandbox.openai import render_images
from routerhub_server.upstreams.sandbox.script import MarkerError, Script

# Drawing is all CPU, and an input of 64 megapixels takes 256 MB: more at once would only cost memory.
_THREADS = 4


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """How the sandbox behaves when a prompt does not say otherwise."""

    latency_seconds: float = 0.0
    fail: str | None = None
    """A marker that applies to every render, such as `error=429`; script.py lists them."""
    markers: bool = True
    """Whether `[sandbox:...]` in a prompt is obeyed; if not, it is passed over."""


class SandboxUpstream:
    """Draws what a request asks for; equal requests give equal images."""

    def __init__(self, name: str, settings: SandboxSettings) -> None:
        """Raises ValueError if `settings.fail` is no marker."""
        self.name = name
        script = Script(latency=settings.latency_seconds)
        self._script = script.read(f"[sandbox:{settings.fail}]") if settings.fail else script
        self._markers = settings.markers
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix=name)

    def serves(self, interface: Interface) -> bool:
        return True

    def lacks(self, _order: Order) -> tuple[str, ...]:
        return ()

    async def probe(self, models: Sequence[str]) -> None:
        """Nothing that could fail."""

    async def render(self, order: Order) -> Reply:
        script = self._script_for(order)
        await asyncio.sleep(script.latency)
        act_out(script, order.interface)
        return await asyncio.get_running_loop().run_in_executor(self._threads, _render, order, script)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _script_for(self, order: Order) -> Script:
        if not self._markers:
            return self._script
        prompt, param = _prompt(order.request)
        try:
            return self._script.read(prompt)
        except MarkerError as error:
            raise rejected(str(error), param=param) from error


def sandbox_upstream(name: str, section: UpstreamSettings, _settings: Settings) -> SandboxUpstream:
    """The sandbox as it is configured."""
    return SandboxUpstream(
        name, SandboxSettings(latency_seconds=section.latency_seconds, markers=section.markers)
    )


def _render(order: Order, script: Script) -> Reply:
    model = order.model.rpartition("/")[2]
    if isinstance(order.request, GenerateContentRequest):
        return render_content(order.request, model, script, response_id=order.request_id)
    return render_images(order.request, model, script)


def _prompt(request: Request) -> tuple[str, str | None]:
    """The prompt, and the parameter that it is, if it is one."""
    if isinstance(request, GenerateContentRequest):
        return prompt_of(request), None
    return request.prompt, "prompt"
