"""How the gateway starts and ends, as an operator and the callers in flight see it."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.conftest import Gateway
from tests.fakes.server import Fault
from tests.gateway.providers import (
    GOOGLE_BODY,
    GOOGLE_PATH,
    OPENAI_BODY,
    OPENAI_PATH,
    Providers,
    bearer,
    beside,
    content,
    failure,
    images,
    post,
    providers,
    typed,
    wait_until,
)

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
TYPED = "routerhub.images.v1.ImageGenerationService"

Start = Callable[..., Gateway]


@pytest.fixture
def behind() -> Iterator[Providers]:
    with providers() as running:
        yield running


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def envoy_of(gateway: Gateway) -> int:
    """Envoy's process id."""
    (envoy,) = children(gateway.process.pid)
    assert Path(f"/proc/{envoy}/comm").read_text() == "envoy\n"
    return envoy


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def readiness(gateway: Gateway) -> int:
    try:
        return httpx.get(f"{gateway.admin}/readyz", trust_env=False, timeout=5).status_code
    except httpx.TransportError:
        return 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_signal_lets_calls_in_flight_finish_and_refuses_new_ones(
    start_gateway: Start, behind: Providers, how: signal.Signals
) -> None:
    behind.gemini.otherwise = behind.openai.otherwise = Fault(delay=2)
    gateway = start_gateway({"upstreams": behind.upstreams})
    with (
        typed(gateway.grpc) as direct,
        typed(gateway.host) as through,
        beside() as run,
        grpc.insecure_channel(gateway.grpc) as channel,
        httpx.Client(trust_env=False, timeout=30) as kept,
    ):
        kept.get(f"{gateway.http}/v1/models", headers=dict(bearer(gateway)))
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=TYPED))
        assert next(watch).status == SERVING
        calls = [
            run(post, gateway, GOOGLE_PATH, GOOGLE_BODY),
            run(post, gateway, OPENAI_PATH, OPENAI_BODY),
            run(direct.GenerateImages, images(), metadata=bearer(gateway), timeout=30),
            run(through.GenerateContent, content(), metadata=bearer(gateway), timeout=30),
        ]
        wait_until(lambda: behind.asked == 4)
        started = time.monotonic()
        gateway.process.send_signal(how)
        assert next(watch).status == NOT_SERVING
        wait_until(lambda: readiness(gateway) == 503)
        refused_everywhere(gateway, kept)
        assert not any(call.done() for call in calls)
        replies = [call.result(20) for call in calls]
        assert gateway.process.wait(10) == 0
        assert time.monotonic() - started < 5
    assert [reply.status_code for reply in replies[:2]] == [200, 200]
    assert replies[0].json()["candidates"][0]["content"]["parts"][1]["inlineData"]["data"]
    assert replies[1].json()["data"][0]["b64_json"]
    assert replies[2].data[0].b64_json.startswith(b"\x89PNG")
    assert replies[3].candidates[0].content.parts[1].inline_data.data.startswith(b"\x89PNG")
    assert behind.asked == 4
    assert gateway.process.stdout is not None
    assert gateway.process.stdout.read() == ""


def refused_everywhere(gateway: Gateway, kept: httpx.Client) -> None:
    """Nobody gets in: by a new connection, by one that is open, past Envoy."""
    with pytest.raises(httpx.ConnectError):
        post(gateway, OPENAI_PATH, OPENAI_BODY)
    try:
        reply = post(gateway, OPENAI_PATH, OPENAI_BODY, client=kept)
    except httpx.TransportError:
        pass
    else:
        assert (reply.status_code, reply.json()["error"]["type"]) == (503, "server_error")
        assert reply.headers["retry-after"] == "1"
    with typed(gateway.grpc) as stub, pytest.raises(grpc.RpcError) as refused:
        stub.GenerateImages(images(), metadata=bearer(gateway), timeout=10)
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE


def test_calls_beyond_the_drain_limit_are_cancelled(start_gateway: Start, behind: Providers) -> None:
    behind.gemini.otherwise = behind.openai.otherwise = Fault(hang=True)
    gateway = start_gateway({"upstreams": behind.upstreams, "limits": {"drain_seconds": 0.5}})
    with typed(gateway.grpc) as stub, beside() as run:
        google = run(post, gateway, GOOGLE_PATH, GOOGLE_BODY)
        openai = run(post, gateway, OPENAI_PATH, OPENAI_BODY)
        direct = run(stub.GenerateImages, images(), metadata=bearer(gateway), timeout=30)
        wait_until(lambda: behind.asked == 3)
        gateway.process.terminate()
        assert gateway.process.wait(8) == 0
        requests = behind.gemini.requests + behind.openai.requests
        wait_until(lambda: all(request.hung_up.is_set() for request in requests))
        assert (google.result(5).status_code, google.result().json()["error"]["status"]) == (
            503,
            "UNAVAILABLE",
        )
        assert (openai.result(5).status_code, openai.result().json()["error"]["type"]) == (
            503,
            "server_error",
        )
        # The image may have been paid for: SDKs must not try again by themselves.
        assert openai.result().headers["x-should-retry"] == "false"
        told = failure(direct.exception(5))
        assert (told.code, told.reason, told.trailer["grpc-retry-pushback-ms"]) == (
            "UNAVAILABLE",
            "OVERLOADED",
            "-1",
        )
    assert '"cancelled": ' in gateway.log.read_text()


def test_killed_gateway_leaves_no_envoy(start_gateway: Start) -> None:
    gateway = start_gateway()
    envoy = envoy_of(gateway)
    gateway.process.kill()
    gateway.process.wait()
    wait_until(lambda: not alive(envoy))


def test_envoy_dying_ends_the_gateway_with_an_error(start_gateway: Start) -> None:
    gateway = start_gateway()
    os.kill(envoy_of(gateway), signal.SIGKILL)
    assert gateway.process.wait(10) == 2
    assert "routerhub: Envoy ended unexpectedly" in gateway.log.read_text()
    assert "Traceback" not in gateway.log.read_text()


def test_envoy_never_sees_provider_keys(start_gateway: Start) -> None:
    gateway = start_gateway(environment={"OPENAI_API_KEY": "sk-of-the-operator", "GEMINI_API_KEY": "AIza-of"})
    environment = Path(f"/proc/{envoy_of(gateway)}/environ").read_bytes()
    for secret in (b"sk-of-the-operator", b"AIza-of", gateway.key.encode()):
        assert secret not in environment
