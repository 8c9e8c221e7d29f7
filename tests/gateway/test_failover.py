"""Several upstreams behind one model: who is asked, after what, and how often, through the whole stack."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conftest import Gateway, running_gateway
from tests.fakes import openai
from tests.fakes.gemini import FakeGemini
from tests.fakes.openai import FakeOpenAI
from tests.fakes.server import FakeServer, Fault
from tests.fakes.threads import in_thread
from tests.fakes.vertex import FakeVertex
from tests.gateway.broken_hosts import refusing
from tests.gateway.bursts import crowd
from tests.gateway.callers import DOORS, Caller, Door
from tests.gateway.providers import beside, scraped, wait_until
from tests.gateway.routes import gemini_model, openai_model, route

BREAKER_SECONDS = 4.0
"""Long enough for a busy machine to send a burst meanwhile."""
GPT, GEMINI = "gpt-image-2", "gemini-3-pro-image"
IN_FLIGHT = 'routerhub_renders_in_flight{upstream="small"}'


@dataclass(frozen=True)
class World:
    gateway: Gateway
    caller: Caller
    a: FakeOpenAI
    b: FakeOpenAI
    vertex: FakeVertex
    developer: FakeGemini

    def log(self) -> list[str]:
        return self.gateway.log.read_text().splitlines()

    def state(self, upstream: str, model: str) -> float | None:
        """Of the breaker: 0 closed, 1 half-open, 2 open; None where it was never asked."""
        name = f'routerhub_breaker_state{{model="{model}",upstream="{upstream}"}}'
        return scraped(self.gateway).get(name)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        a, b = (stack.enter_context(in_thread(FakeOpenAI())) for _ in range(2))
        vertex = stack.enter_context(in_thread(FakeVertex()))
        developer = stack.enter_context(in_thread(FakeGemini()))
        config = _config(a, b, vertex, developer, stack.enter_context(refusing()))
        gateway = stack.enter_context(running_gateway(tmp_path_factory.mktemp("failover"), config))
        caller = Caller(gateway)
        stack.callback(caller.close)
        yield World(gateway, caller, a, b, vertex, developer)


def _config(a: FakeOpenAI, b: FakeOpenAI, vertex: FakeVertex, developer: FakeGemini, nowhere: str) -> Any:
    def openai_at(fake: FakeOpenAI, **more: Any) -> dict[str, Any]:
        calm = {"retries": 0, "breaker_failures": 10_000}
        return {"kind": "openai", "base_url": fake.base_url, "api_key": fake.key, **calm, **more}

    fragile = {"breaker_failures": 3, "breaker_seconds": BREAKER_SECONDS}
    to_b = route("b", GPT)
    return {
        "upstreams": {
            "a": openai_at(a),
            "b": openai_at(b),
            "free": openai_at(a, server_errors_are_free=True),
            "fragile": openai_at(a, **fragile),
            "small": openai_at(a, max_concurrent=2),
            "nowhere": {**openai_at(a), "base_url": nowhere},
            "vertex": {"kind": "vertex", "base_url": vertex.base_url, "api_key": vertex.key},
            "developer": {"kind": "gemini", "base_url": developer.base_url, "api_key": developer.key},
        },
        "models": [
            openai_model("ordered", route("a", GPT), to_b),
            openai_model("unreachable", route("nowhere", GPT), to_b),
            openai_model("twice", route("a", GPT), route("b", GPT, may_pay_twice=True)),
            openai_model("free", route("free", GPT), to_b),
            openai_model("weighted", route("a", GPT, weight=3), route("b", GPT, weight=1)),
            openai_model("guarded", route("fragile", "gpt-image-1.5"), to_b),
            openai_model("lonely", route("fragile", "gpt-image-1")),
            openai_model("small", route("small", GPT), to_b),
            openai_model("smallest", route("small", GPT)),
            gemini_model("both", route("vertex", GEMINI), route("developer", GEMINI)),
            gemini_model("vertex-only", route("vertex", GEMINI)),
        ],
    }


@contextlib.contextmanager
def counting(*fakes: FakeServer) -> Iterator[list[int]]:
    """How often each was asked while the context lasted."""
    before, asked = [len(fake.requests) for fake in fakes], list[int]()
    try:
        yield asked
    finally:
        for fake in fakes:
            fake.script.clear()
    asked += [len(fake.requests) - count for fake, count in zip(fakes, before, strict=True)]


FREE = [
    Fault(status=503),
    Fault(status=429, headers={"retry-after": "60"}),
    Fault(status=401, body=openai.error_body("Incorrect API key provided.", code="invalid_api_key")),
    Fault(status=403, body=openai.error_body("Not in your country.")),
    Fault(status=404, body=openai.error_body("The model is gone.", code="model_not_found")),
    Fault(status=400, body=openai.error_body("Billing hard limit.", code="billing_hard_limit_reached")),
]
MAYBE_PAID = [
    Fault(status=500),
    Fault(status=502, body="<html>"),
    Fault(cut_after=0),
    Fault(cut_after=0, reset=True),
    Fault(cut_after=500),
    Fault(status=200, body=b"{"),
]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("fault", FREE, ids=lambda fault: str(fault.status))
def test_failure_that_costs_nothing_goes_to_the_next_route(world: World, door: Door, fault: Fault) -> None:
    with counting(world.a, world.b) as asked:
        world.a.script.append(fault)
        told = world.caller.ask(door, "openai", "ordered")
    assert told.ok, told
    assert told.ours == {"upstream": "b", "model": GPT, "attempts": "2"}
    assert asked == [1, 1]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("fault", MAYBE_PAID, ids=lambda fault: str(fault.status or fault.cut_after))
def test_failure_that_may_have_cost_ends_the_call(world: World, door: Door, fault: Fault) -> None:
    with counting(world.a, world.b) as asked:
        world.a.script.append(fault)
        told = world.caller.ask(door, "openai", "ordered")
    assert not told.ok
    advice = told.headers["x-should-retry" if door == "rest" else "grpc-retry-pushback-ms"]
    assert advice == ("false" if door == "rest" else "-1")
    assert "retry-after" not in told.headers
    assert asked == [1, 0]


@pytest.mark.parametrize("fault", MAYBE_PAID, ids=lambda fault: str(fault.status or fault.cut_after))
def test_failure_that_may_have_cost_goes_where_paying_twice_is_allowed(world: World, fault: Fault) -> None:
    with counting(world.a, world.b) as asked:
        world.a.script.append(fault)
        told = world.caller.ask("rest", "openai", "twice")
    assert told.ours == {"upstream": "b", "model": GPT, "attempts": "2"}
    assert asked == [1, 1]


def test_possible_charge_is_not_forgotten_when_the_last_failure_costs_nothing(world: World) -> None:
    with counting(world.a, world.b) as asked:
        world.a.next(status=500)
        world.b.next(status=503)
        told = world.caller.ask("rest", "openai", "twice")
    assert (told.status, told.headers["x-should-retry"]) == (503, "false")
    assert "retry-after" not in told.headers
    assert asked == [1, 1]


@pytest.mark.parametrize("status", [500, 502, 504, 524])
def test_server_errors_fail_over_where_the_operator_knows_them_to_be_free(world: World, status: int) -> None:
    with counting(world.a, world.b) as asked:
        world.a.next(status=status)
        told = world.caller.ask("rest", "openai", "free")
    assert told.ours == {"upstream": "b", "model": GPT, "attempts": "2"}
    assert asked == [1, 1]


@pytest.mark.parametrize("door", DOORS)
def test_unreachable_upstream_is_passed(world: World, door: Door) -> None:
    with counting(world.a, world.b) as asked:
        told = world.caller.ask(door, "openai", "unreachable")
    assert told.ours == {"upstream": "b", "model": GPT, "attempts": "2"}
    assert asked == [0, 1]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("status", [400, 413, 422])
def test_callers_own_error_asks_nobody_else(world: World, door: Door, status: int) -> None:
    with counting(world.a, world.b) as asked:
        world.a.next(status=status, body=openai.error_body("Your prompt is bad.", param="prompt"))
        told = world.caller.ask(door, "openai", "ordered")
    assert told.message == "Your prompt is bad."
    assert told.status == (status if door == "rest" else "INVALID_ARGUMENT")
    assert asked == [1, 0]


def test_failure_everywhere_is_the_last_one(world: World) -> None:
    with counting(world.a, world.b) as asked:
        world.a.next(status=503)
        world.b.next(status=429, headers={"retry-after": "7"})
        told = world.caller.ask("rest", "openai", "ordered")
    assert (told.status, told.headers["retry-after"], told.headers["x-should-retry"]) == (429, "7", "true")
    assert told.ours == {"upstream": "b", "model": GPT, "attempts": "2"}
    assert asked == [1, 1]


class TestFieldsThatAnUpstreamLacks:
    """`store` is the Developer API's; Vertex AI has no such field."""

    @pytest.mark.parametrize("door", DOORS)
    def test_without_them_the_first_route_answers(self, world: World, door: Door) -> None:
        assert world.caller.ask(door, "gemini", "both").ours["upstream"] == "vertex"

    def test_pass_the_upstream_over(self, world: World) -> None:
        with counting(world.vertex, world.developer) as asked:
            reply = world.caller.post_content("both", {"store": True})
        assert reply.ours == {"upstream": "developer", "model": GEMINI, "attempts": "1"}
        assert asked == [0, 1]
        request_id, told = reply.headers["x-request-id"], '"passed_over": {"vertex": ["store"]}'
        wait_until(lambda: any(request_id in line and told in line for line in world.log()))

    def test_are_the_callers_error_where_nobody_has_them(self, world: World) -> None:
        with counting(world.vertex) as asked:
            reply = world.caller.post_content("vertex-only", {"store": True})
        assert (reply.status, reply.reason) == (400, "INVALID_VALUE")
        assert "'store' is not supported" in reply.message
        assert asked == [0]


async def test_weights_share_the_calls_out(world: World) -> None:
    async with crowd(world.gateway) as callers:
        with counting(world.a, world.b) as asked:
            assert await callers.ask("weighted", 200) == {"OK": 200}
    assert sum(asked) == 200
    assert 110 <= asked[0] <= 190  # 150 expected; six standard deviations to either side


class TestBreaker:
    async def test_opens_probes_once_and_closes(self, world: World) -> None:
        """200 callers find it half-open."""
        async with crowd(world.gateway) as callers:
            world.a.otherwise = Fault(status=503)
            with counting(world.a, world.b) as asked:
                for _ in range(3):
                    assert await callers.ask("guarded", 1) == {"OK": 1}
            assert (asked, world.state("fragile", "gpt-image-1.5")) == ([3, 3], 2)

            with counting(world.a, world.b) as asked:
                assert await callers.ask("guarded", 50) == {"OK": 50}
            assert asked == [0, 50]

            await asyncio.to_thread(wait_until, lambda: world.state("fragile", "gpt-image-1.5") == 1)
            answer = threading.Event()
            world.a.otherwise = Fault(hold=answer)
            before = len(world.b.requests)
            with counting(world.a, world.b) as asked:
                calls = asyncio.create_task(callers.ask("guarded", 200))
                await asyncio.to_thread(wait_until, lambda: len(world.b.requests) == before + 199, 20)
                answer.set()
                assert await calls == {"OK": 200}
            assert (asked, world.state("fragile", "gpt-image-1.5")) == ([1, 199], 0)

            world.a.otherwise = Fault()
            with counting(world.a, world.b) as asked:
                assert await callers.ask("guarded", 100) == {"OK": 100}
            assert asked == [100, 0]

    async def test_open_without_another_route_is_told_at_once(self, world: World) -> None:
        world.a.otherwise = Fault(status=503)
        for _ in range(3):
            world.caller.ask("rest", "openai", "lonely")
        with counting(world.a) as asked:
            told = [world.caller.ask(door, "openai", "lonely") for door in DOORS]
            async with crowd(world.gateway) as callers:
                outcomes = await callers.ask("lonely", 40)
        world.a.otherwise = Fault()
        assert asked == [0]
        assert outcomes == {"upstream_unavailable": 20, "UNAVAILABLE": 20}
        assert told[0].headers["x-should-retry"] == "true"
        assert [0 < int(reply.headers["retry-after"]) <= BREAKER_SECONDS for reply in told] == [True, True]
        assert [reply.seconds < BREAKER_SECONDS for reply in told] == [True, True]
        assert [reply.ours for reply in told] == [{}, {}]
        wait_until(lambda: world.state("fragile", "gpt-image-1") == 1)
        assert world.caller.ask("rest", "openai", "lonely").ok
        assert world.state("fragile", "gpt-image-1") == 0


class TestPool:
    async def test_full_goes_to_the_next_route_and_then_waits(self, world: World) -> None:
        world.a.otherwise = Fault(delay=1)
        async with crowd(world.gateway) as callers:
            with counting(world.a, world.b) as asked:
                assert await callers.ask("small", 20) == {"OK": 20}
        world.a.otherwise = Fault()
        assert asked == [2, 18]

    async def test_full_everywhere_serves_in_turn(self, world: World) -> None:
        world.a.otherwise = Fault(delay=0.2)
        async with crowd(world.gateway) as callers:
            started = time.monotonic()
            with counting(world.a) as asked:
                assert await callers.ask("smallest", 10) == {"OK": 10}
            assert time.monotonic() - started >= 5 * 0.2
        world.a.otherwise = Fault()
        assert asked == [10]

    def test_waiting_beyond_the_callers_deadline_is_overloaded(self, world: World) -> None:
        world.a.otherwise = Fault(delay=3)
        with (
            contextlib.closing(Caller(world.gateway, seconds=1)) as hurried,
            beside() as run,
            counting(world.a) as asked,
        ):
            served = [run(world.caller.ask, "grpc", "openai", "smallest") for _ in range(2)]
            wait_until(lambda: scraped(world.gateway)[IN_FLIGHT] == 2)
            told = hurried.ask("grpc", "openai", "smallest")
            assert (told.status, told.reason) == ("UNAVAILABLE", "OVERLOADED")
            assert (told.headers["retry-after"], told.retry_delay) == ("1", 1)
            assert "grpc-retry-pushback-ms" not in told.headers
            told = hurried.post_images("smallest", {}, x_stainless_read_timeout="0.6")
            assert (told.status, told.body["error"]["code"]) == (503, "overloaded")
            assert (told.headers["retry-after"], told.headers["x-should-retry"]) == ("1", "true")
            assert [future.result(10).ok for future in served] == [True, True]
        world.a.otherwise = Fault()
        assert asked == [2]
