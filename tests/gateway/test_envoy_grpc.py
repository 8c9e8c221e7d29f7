"""gRPC through Envoy's port: the three public services as they are, and nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.gateway.conftest import Front

GENERATE = "/routerhub.images.v1.ImageGenerationService/GenerateContent"
UNLIMITED = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))


@pytest.fixture
async def channel(front: Front) -> AsyncIterator[grpc.aio.Channel]:
    async with grpc.aio.insecure_channel(front.host, options=UNLIMITED) as channel:
        yield channel


async def call(channel: grpc.aio.Channel, method: str = GENERATE, request: bytes = b"", **more: Any) -> bytes:
    reply: bytes = await start_call(channel, method, request, **more)
    return reply


def start_call(channel: Any, method: str = GENERATE, request: bytes = b"", **more: Any) -> Any:
    """On raw bytes: the echo server answers in JSON."""
    return channel.unary_unary(method)(request, **more)


async def test_a_typed_call_passes_with_its_metadata(channel: grpc.aio.Channel) -> None:
    metadata = (("authorization", "Bearer rh_x"), ("x-trace-bin", b"\x00\xff"))
    report = json.loads(await call(channel, request=b"12345", metadata=metadata))
    assert report["size"] == 5
    assert report["metadata"]["authorization"] == "Bearer rh_x"
    assert report["binary"] == {"x-trace-bin": "00ff"}


async def test_the_deadline_reaches_the_server(channel: grpc.aio.Channel) -> None:
    report = json.loads(await call(channel, timeout=300))
    assert 290 < report["deadline"] <= 300


async def test_the_deadline_ends_the_call(channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call(channel, metadata=(("x-sleep", "5"),), timeout=0.3)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_callers_headers_do_not_steer_envoy(channel: grpc.aio.Channel) -> None:
    smuggled = (
        ("x-envoy-upstream-rq-timeout-ms", "1"),
        ("x-envoy-max-retries", "9"),
        ("x-routerhub-status", "418"),
    )
    metadata = json.loads(await call(channel, metadata=(*smuggled, ("x-sleep", "0.1"))))["metadata"]
    assert not {key for key, _ in smuggled} & metadata.keys()


async def test_large_messages_pass_both_ways(channel: grpc.aio.Channel) -> None:
    assert json.loads(await call(channel, request=bytes(25_000_000)))["size"] == 25_000_000
    assert len(await call(channel, metadata=(("x-bytes", "20000000"),))) == 20_000_000


async def test_every_reply_has_a_request_id(channel: grpc.aio.Channel) -> None:
    started = start_call(channel)
    report = json.loads(await started)
    metadata = dict(await started.initial_metadata() or ())
    assert metadata["x-request-id"] == report["metadata"]["x-request-id"]


async def test_health_and_reflection_are_public(channel: grpc.aio.Channel) -> None:
    health: Any = health_pb2_grpc.HealthStub(channel)
    assert (await health.Check(health_pb2.HealthCheckRequest())).status == 1
    listing = reflection_pb2.ServerReflectionRequest(list_services="*")
    untyped: Any = channel
    reflection: Any = reflection_pb2_grpc.ServerReflectionStub(untyped)
    answers = reflection.ServerReflectionInfo(iter([listing]))
    names = [service.name async for answer in answers for service in answer.list_services_response.service]
    assert "routerhub.images.v1.ImageGenerationService" in names


@pytest.mark.parametrize(
    "method",
    [
        "/routerhub.images.v1.RestService/GenerateImages",
        "/routerhub.images.v1.RestService/Unmatched",
        "//routerhub.images.v1.RestService/GenerateImages",
        "/routerhub.images.v1.ImageGenerationService/../RestService/GenerateImages",
        "/routerhub.images.v1.ImageGenerationService%2F..%2FRestService/GenerateImages",
        "/grpc.channelz.v1.Channelz/GetServers",
        "/v1/images/generations",
        "/",
    ],
)
async def test_everything_else_is_unimplemented(channel: grpc.aio.Channel, method: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call(channel, method)
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert raised.value.details() == "There is nothing at this path."


@pytest.mark.parametrize(
    "content_type", ["application/grpc-web", "application/grpc-web+proto", "application/grpcx"]
)
def test_almost_grpc_is_rest(front: Front, content_type: str) -> None:
    for path in (GENERATE, "/routerhub.images.v1.RestService/GenerateImages"):
        report = front.request("POST", path, content=b"", headers={"content-type": content_type}).json()
        assert report["method"] == "Unmatched"


async def test_too_many_headers_are_a_clear_error(channel: grpc.aio.Channel) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call(channel, metadata=(("x-long", "a" * 9000),))
    assert raised.value.details() == "The request headers are larger than 8 KiB."


async def test_many_calls_share_one_connection(channel: grpc.aio.Channel) -> None:
    """More than Envoy allows on one connection at once: the rest wait their turn."""
    calls = [call(channel, metadata=(("x-sleep", "0.2"),)) for _ in range(250)]
    assert len(await asyncio.gather(*calls)) == 250
