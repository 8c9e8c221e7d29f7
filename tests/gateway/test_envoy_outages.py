"""What callers are told when the server is away, silent or broken; by Envoy alone, in their dialect."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from routerhub_server.envoy import EnvoyProcess
from tests.gateway.conftest import Node, changed_source
from tests.gateway.dialects import check_google, check_openai
from tests.gateway.echo import start_servers

GEMINI = "/v1beta/models/gemini-x:generateContent"
OPENAI = "/v1/images/generations"
Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Start = Callable[..., Awaitable[str]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Start Envoy before `rest` (a `host:port`) with a change of envoy.yaml; its URL."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(rest: str, change: Callable[[Node], None] = no_health_checks) -> str:
            source = changed_source(tmp_path, change)
            envoy = EnvoyProcess(
                http="127.0.0.1:0", rest=rest, grpc=rest, state_dir=tmp_path, concurrency=1, source=source
            )
            await envoy.start()
            stack.push_async_callback(envoy.stop)
            return f"http://{envoy.http}"

        yield start


@contextlib.asynccontextmanager
async def peer(handle: Handle) -> AsyncIterator[str]:
    """A server that is none; its address."""
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"127.0.0.1:{port}"
    finally:
        server.close()


def no_health_checks(config: Node) -> None:
    for cluster in config["static_resources"]["clusters"]:
        del cluster["health_checks"]


def manager(config: Node) -> Node:
    chain = config["static_resources"]["listeners"][0]["filter_chains"][0]
    found: Node = chain["filters"][0]["typed_config"]
    return found


async def post_both(url: str, **more: Any) -> tuple[httpx.Response, httpx.Response]:
    more = more or {"content": b"{}"}
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        return await client.post(url + GEMINI, **more), await client.post(url + OPENAI, **more)


async def test_no_server_is_a_503_to_be_repeated(start: Start) -> None:
    google, openai = await post_both(await start("127.0.0.1:1"))
    check_google(google, 503, "UNAVAILABLE")
    check_openai(openai, 503, "server_error")
    for reply in (google, openai):
        assert reply.headers["retry-after"] == "1"
        assert "x-should-retry" not in reply.headers


async def test_a_server_that_hangs_up_on_a_call_is_not_to_be_asked_again(start: Start) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.close()

    async with peer(hang_up) as address:
        google, openai = await post_both(await start(address))
    check_google(google, 503, "UNAVAILABLE")
    check_openai(openai, 503, "server_error")
    assert openai.headers["x-should-retry"] == "false"
    for reply in (google, openai):
        assert "retry-after" not in reply.headers


async def test_a_silent_server_is_a_504(start: Start) -> None:
    def hurry(config: Node) -> None:
        no_health_checks(config)
        manager(config)["route_config"]["virtual_hosts"][0]["routes"][-1]["route"]["timeout"] = "0.3s"

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with peer(say_nothing) as address:
        google, openai = await post_both(await start(address, hurry))
    check_google(google, 504, "DEADLINE_EXCEEDED")
    check_openai(openai, 504, "server_error")
    assert openai.headers["x-should-retry"] == "false"


async def test_a_server_that_speaks_something_else_is_an_error_in_dialect(start: Start) -> None:
    async def speak_http1(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        await reader.read()
        writer.close()

    async with peer(speak_http1) as address:
        google, openai = await post_both(await start(address))
    check_google(google, 502, "INTERNAL")
    check_openai(openai, 502, "server_error")
    assert openai.headers["x-should-retry"] == "false"


async def test_a_server_that_does_not_serve_is_not_asked(start: Start) -> None:
    rest, rest_address, typed, _ = await start_servers(serving=False)
    try:
        google, openai = await post_both(await start(rest_address, lambda config: None))
    finally:
        await asyncio.gather(rest.stop(0), typed.stop(0))
    check_google(google, 503, "UNAVAILABLE")
    check_openai(openai, 503, "server_error")


async def test_an_upload_that_never_ends_is_a_408(start: Start) -> None:
    def hurry(config: Node) -> None:
        no_health_checks(config)
        manager(config)["request_timeout"] = "0.3s"

    async def trickle() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(0.8)

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with peer(listen) as address:
        url = await start(address, hurry)
        async with httpx.AsyncClient(trust_env=False) as client:
            google = await client.post(url + GEMINI, content=trickle())
            openai = await client.post(url + OPENAI, content=trickle())
    check_google(google, 408, "DEADLINE_EXCEEDED")
    check_openai(openai, 408, "invalid_request_error")


async def test_overload_is_a_503_in_dialect(start: Start) -> None:
    def full(config: Node) -> None:
        no_health_checks(config)
        manager = config["overload_manager"]
        manager["resource_monitors"][0]["typed_config"]["max_heap_size_bytes"] = 1
        kept = "envoy.overload_actions.stop_accepting_requests"
        manager["actions"] = [action for action in manager["actions"] if action["name"] == kept]

    google, openai = await post_both(await start("127.0.0.1:1", full))
    check_google(google, 503, "UNAVAILABLE")
    check_openai(openai, 503, "server_error")
