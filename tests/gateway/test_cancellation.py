"""Callers that go away, by the thousand: their provider calls end with them, and nothing is left behind.

CANCELLATIONS says how many (default 400); `pytest -s` shows the figures.
"""

import asyncio
import contextlib
import gc
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest
from routerhub_server.catalogue import Route
from routerhub_server.errors import DeadlineError
from routerhub_server.renders import Renders
from routerhub_server.routing import Chain, Journey, Link
from routerhub_server.settings import Settings, UpstreamSettings
from routerhub_server.upstreams.base import Order
from routerhub_server.upstreams.openai import openai_upstream
from tests.conftest import Gateway, running_gateway
from tests.fakes.openai import FakeOpenAI
from tests.fakes.server import Fault
from tests.fakes.threads import in_thread
from tests.gateway.bursts import Crowd, crowd
from tests.gateway.providers import scraped, wait_until

TIMES = int(os.environ.get("CANCELLATIONS", "400"))
AT_ONCE = 60
SLOTS = 20
"""Fewer than callers: some are cancelled while they wait for a slot."""
GROWTH = 40 * 2**20
"""Bytes by which a process may have grown: allocators keep some of what they once had."""

rng = random.Random(1)  # noqa: S311  # repeatable, not secret


async def cancel_many(call: Callable[[int], Awaitable[object]], times: int, seconds: float) -> Counter[str]:
    """Start `times` calls, `AT_ONCE` at a time, and cancel each within `seconds`. How they ended."""
    numbers, ends = iter(range(times)), Counter[str]()

    async def caller() -> None:
        for number in numbers:
            task = asyncio.ensure_future(call(number))
            await asyncio.wait({task}, timeout=rng.random() * seconds)
            task.cancel()
            (end,) = await asyncio.gather(task, return_exceptions=True)
            ends[type(end).__name__ if isinstance(end, BaseException) else "answered"] += 1

    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
    return ends


@dataclass(frozen=True)
class World:
    gateway: Gateway
    provider: FakeOpenAI

    def rss(self) -> int:
        """Bytes of the server's memory."""
        pages = Path(f"/proc/{self.gateway.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def files(self) -> int:
        """Open file descriptors of the server: its connections, mostly."""
        return len(list(Path(f"/proc/{self.gateway.process.pid}/fd").iterdir()))

    @property
    def busy(self) -> float:
        metrics = scraped(self.gateway)
        names = ("routerhub_renders_in_flight", "routerhub_renders_waiting")
        return sum(metrics[f'{name}{{upstream="openai"}}'] for name in names)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with in_thread(FakeOpenAI()) as fake:
        section = {"kind": "openai", "base_url": fake.base_url, "api_key": fake.key, "max_concurrent": SLOTS}
        config = {"upstreams": {"openai": section}, "log": {"level": "warning"}}
        with running_gateway(tmp_path_factory.mktemp("cancellation"), config) as gateway:
            yield World(gateway, fake)


async def cancelled_at_both_doors(callers: Crowd, times: int) -> Counter[str]:
    """REST callers hang up, gRPC callers cancel."""

    async def call(number: int) -> str:
        return await (callers.rest("gpt-image-2") if number % 2 else callers.grpc("gpt-image-2"))

    return await cancel_many(call, times, 2)


async def test_cancelled_calls_leave_nothing_behind(world: World) -> None:
    async with crowd(world.gateway) as callers:
        assert await callers.ask("gpt-image-2", 40) == {"OK": 40}
        world.provider.otherwise = Fault(delay=0.6)
        await cancelled_at_both_doors(callers, 100)  # warm, and with all the memory that this needs
        await settled(world)
        rss, files, asked = world.rss(), world.files(), len(world.provider.requests)

        started = time.monotonic()
        ends = await cancelled_at_both_doors(callers, TIMES)
        seconds = time.monotonic() - started
        await settled(world)
        growth, bought = world.rss() - rss, len(world.provider.requests) - asked
        print(
            f"\n{TIMES} calls in {seconds:.1f} s: {dict(ends)}, {bought} provider calls;"
            f" RSS {rss / 2**20:.1f} -> {world.rss() / 2**20:.1f} MiB, files {files} -> {world.files()},"
            f" provider connections {len(world.provider.open)}"
        )
        assert ends["CancelledError"] >= TIMES / 4
        assert bought >= TIMES / 20
        assert set(ends) <= {"CancelledError", "answered"}
        assert len(world.provider.open) <= SLOTS
        assert abs(world.files() - files) <= 2 * SLOTS
        assert growth < GROWTH

        world.provider.otherwise = Fault()
        assert await callers.ask("gpt-image-2", 100) == {"OK": 100}


async def settled(world: World) -> None:
    """Wait until nobody renders, and every provider call has ended or been cut."""
    await asyncio.to_thread(wait_until, lambda: world.busy == 0)


async def test_hang_up_ends_the_providers_call_at_once(world: World) -> None:
    world.provider.otherwise = Fault(hang=True)
    before = len(world.provider.requests)
    async with crowd(world.gateway) as callers:
        calls = [
            asyncio.create_task(call("gpt-image-2"))
            for call in (callers.rest, callers.grpc)
            for _ in range(8)
        ]
        await asyncio.to_thread(wait_until, lambda: len(world.provider.requests) == before + 16)
        requests = world.provider.requests[before:]
        assert not any(request.hung_up.is_set() for request in requests)
        for call in calls:
            call.cancel()
        await asyncio.to_thread(wait_until, lambda: all(r.hung_up.is_set() for r in requests), 2)
        await asyncio.gather(*calls, return_exceptions=True)
    world.provider.otherwise = Fault()
    await settled(world)


class InProcess:
    """Renders, chain, pool and HTTP client as the server has them, without the doors."""

    def __init__(self, provider: FakeOpenAI) -> None:
        section = UpstreamSettings(
            kind="openai", base_url=provider.base_url, api_key=provider.key, max_concurrent=SLOTS
        )
        self.upstream = openai_upstream("openai", section, Settings())
        self.link = Link.of(self.upstream, section, time.monotonic)
        self.chain = Chain({"openai": self.link})
        self.renders = Renders()
        self.routes = [Route(upstream="openai", model="gpt-image-2")]

    async def render(self, seconds: float = 30) -> None:
        now = asyncio.get_running_loop().time()
        order = Order(GenerateImagesRequest(prompt="a lighthouse"), "gpt-image-2", "request-1")
        journey = Journey(order, until=now + 60, caller_until=now + seconds)
        await self.renders.attend(
            self.chain.render(journey, self.routes, lambda answer: "return"), now + seconds
        )


@contextlib.asynccontextmanager
async def in_process() -> AsyncIterator[tuple[InProcess, FakeOpenAI]]:
    async with FakeOpenAI() as provider:
        stack = InProcess(provider)
        yield stack, provider
        await stack.upstream.close()


async def test_cancelled_renders_leave_no_task_slot_or_connection() -> None:
    async with in_process() as (stack, provider):
        provider.otherwise = Fault(delay=0.02)
        tasks = len(asyncio.all_tasks())
        started = time.monotonic()
        ends = await cancel_many(lambda number: stack.render(), TIMES, 0.1)
        print(f"\n{TIMES} renders in {time.monotonic() - started:.1f} s: {dict(ends)}")
        assert ends["CancelledError"] >= TIMES / 10
        assert set(ends) <= {"CancelledError", "answered"}
        assert (len(stack.renders), stack.link.pool.in_use, stack.link.pool.waiting) == (0, 0, 0)
        await provider.until(lambda: len(provider.open) <= SLOTS)
        assert len(asyncio.all_tasks()) <= tasks + len(provider.open)
        assert stack.link.breaker("gpt-image-2").state == "closed"
        provider.otherwise = Fault()
        await asyncio.gather(*(stack.render() for _ in range(200)))
        assert provider.connections > SLOTS
        gc.collect()  # a task or connection that was dropped would warn, and fail the test


async def test_deadlines_leave_no_task_slot_or_connection() -> None:
    async with in_process() as (stack, provider):
        provider.otherwise = Fault(hang=True)
        results = await asyncio.gather(*(stack.render(0.3) for _ in range(SLOTS)), return_exceptions=True)
        assert {type(result) for result in results} == {DeadlineError}
        assert (len(stack.renders), stack.link.pool.in_use) == (0, 0)
        await provider.until(lambda: not provider.open)
        provider.otherwise = Fault()
        await asyncio.gather(*(stack.render() for _ in range(3 * SLOTS)))
