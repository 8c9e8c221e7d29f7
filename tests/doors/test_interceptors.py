"""What stands around every call, on real gRPC servers with services of the test's own."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import grpc
import grpc.aio
import pytest
import structlog
from google.api.httpbody_pb2 import HttpBody
from google.rpc import error_details_pb2, status_pb2

from routerhub.images.v1.gemini_pb2 import ListModelsRequest, ListModelsResponse
from routerhub.images.v1.image_generation_service_pb2_grpc import (
    ImageGenerationServiceStub,
    add_ImageGenerationServiceServicer_to_server,
)
from routerhub.images.v1.rest_service_pb2 import RestGenerateImagesRequest
from routerhub.images.v1.rest_service_pb2_grpc import (
    RestServiceStub,
    add_RestServiceServicer_to_server,
)
from routerhub_server.accounts import Account
from routerhub_server.calls import Call, current_call
from routerhub_server.capacity import ByteBudget
from routerhub_server.doors import interceptors
from routerhub_server.doors.interceptors.context import request_id
from routerhub_server.doors.metadata import Metadata
from routerhub_server.doors.rest import RestService
from routerhub_server.doors.typed import ImageGenerationService
from routerhub_server.errors import RateLimitedError, UnauthenticatedError
from routerhub_server.settings import LimitSettings

LIMITS = LimitSettings(body_bytes=1000, call_seconds=60)
KEY = (("authorization", "Bearer rh_known"),)


class OneAccount:
    """Knows one key."""

    async def authenticate(self, secret: str | None) -> Account:
        if secret != "rh_known":
            raise UnauthenticatedError("The API key is not known to this gateway.")
        return Account("account-1", "web", datetime.now(UTC))


class Typed(ImageGenerationService):
    """Its one method does what the test wants."""

    def __init__(self, act: Callable[[Call], Any]) -> None:
        self._act = act

    async def ListModels(self, request: ListModelsRequest, context: Any) -> ListModelsResponse:
        await self._act(current_call.get())
        return ListModelsResponse()


class Rest(RestService):
    """Its one method takes the upload as it comes, and sends what `act` returns."""

    def __init__(self, act: Callable[[Any], AsyncIterator[HttpBody]]) -> None:
        self._act = act

    async def GenerateImages(self, request_iterator: Any, context: Any) -> AsyncIterator[HttpBody]:
        async for piece in self._act(request_iterator):
            yield piece


@asynccontextmanager
async def served(
    around: Sequence[grpc.aio.ServerInterceptor], add: Callable[[grpc.aio.Server], None]
) -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server(interceptors=around)
    add(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        await server.stop(None)


@asynccontextmanager
async def typed(act: Callable[[Call], Any]) -> AsyncIterator[Any]:
    around = interceptors.typed(OneAccount(), LIMITS, ByteBudget(10**6))  # type: ignore[arg-type]
    async with served(
        around, lambda server: add_ImageGenerationServiceServicer_to_server(Typed(act), server)
    ) as channel:
        yield ImageGenerationServiceStub(channel)


@asynccontextmanager
async def rest(act: Callable[[Any], AsyncIterator[HttpBody]]) -> AsyncIterator[Any]:
    around = interceptors.rest(OneAccount(), LIMITS, ByteBudget(10**6))  # type: ignore[arg-type]
    async with served(around, lambda server: add_RestServiceServicer_to_server(Rest(act), server)) as channel:
        yield RestServiceStub(channel)


async def fine(_call: Call) -> None:
    pass


async def test_handler_knows_its_caller_door_and_time() -> None:
    seen: list[Call] = []
    left: list[float] = []

    async def look(call: Call) -> None:
        seen.append(call)
        left.append(call.deadline - asyncio.get_running_loop().time())

    async with typed(look) as stub:
        await stub.ListModels(ListModelsRequest(), metadata=KEY, timeout=50)
        await stub.ListModels(ListModelsRequest(), metadata=(*KEY, ("x-server-timeout", "20")), timeout=50)
    assert [(call.door, call.method) for call in seen] == [("grpc", "ListModels")] * 2
    assert seen[0].account is not None
    assert seen[0].account.id == "account-1"
    assert 20 < left[0] < 60  # gRPC's clock is a tenth of a second coarse
    assert 0 < left[1] <= 20
    assert seen[0].request_id != seen[1].request_id


async def test_every_call_ends_with_one_line_in_the_log() -> None:
    async def limited(call: Call) -> None:
        raise RateLimitedError("slow down", retry_after=3)

    with structlog.testing.capture_logs() as lines:
        async with typed(fine) as stub:
            await stub.ListModels(ListModelsRequest(), metadata=KEY)
        async with typed(limited) as stub:
            with pytest.raises(grpc.RpcError):
                await stub.ListModels(ListModelsRequest(), metadata=KEY)
            with pytest.raises(grpc.RpcError):
                await stub.ListModels(ListModelsRequest())
    assert [(line["event"], line["account"], line["outcome"]) for line in lines] == [
        ("call", "account-1", "OK"),
        ("call", "account-1", "RATE_LIMITED"),
        ("call", None, "UNAUTHENTICATED"),
    ]


async def test_typed_failure_carries_its_details() -> None:
    async def limited(call: Call) -> None:
        raise RateLimitedError("slow down", retry_after=2.5)

    async with typed(limited) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await stub.ListModels(ListModelsRequest(), metadata=KEY)
    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "slow down")
    trailer = dict(raised.value.trailing_metadata())
    assert trailer["retry-after"] == "3"
    status = status_pb2.Status.FromString(bytes(trailer["grpc-status-details-bin"]))
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(retry)
    assert (info.reason, info.domain, retry.retry_delay.nanos) == ("RATE_LIMITED", "routerhub", 500_000_000)


async def uploading(pieces: int, size: int, sent: list[int]) -> AsyncIterator[RestGenerateImagesRequest]:
    for number in range(pieces):
        sent.append(number)
        yield RestGenerateImagesRequest(body=HttpBody(data=b"x" * size))


async def whole(call: Any) -> tuple[dict[str, str], bytes]:
    """Initial metadata and body of a REST reply."""
    metadata = dict(await call.initial_metadata())
    return metadata, b"".join([piece.data async for piece in call])


async def unread(_upload: Any) -> AsyncIterator[HttpBody]:
    raise AssertionError("a stranger's call reached the handler")
    yield HttpBody()


async def test_stranger_is_answered_after_its_upload_without_reaching_the_handler() -> None:
    sent: list[int] = []
    async with rest(unread) as stub:
        metadata, body = await whole(stub.GenerateImages(uploading(15, 100, sent), timeout=5))
    assert metadata["x-routerhub-status"] == "401"
    assert metadata["x-request-id"]
    assert b"invalid_api_key" in body
    assert len(sent) == 15


async def test_endless_upload_of_a_stranger_is_answered_all_the_same() -> None:
    piece = RestGenerateImagesRequest(body=HttpBody(data=b"x" * LIMITS.body_bytes))
    async with rest(unread) as stub, asyncio.timeout(5):
        call = stub.GenerateImages()
        for _ in range(3):  # the last is beyond what is read of a refused upload
            await call.write(piece)
        metadata, _ = await whole(call)
    assert metadata["x-routerhub-status"] == "401"


async def test_failure_before_the_reply_is_an_ordinary_body() -> None:
    async def limited(_upload: Any) -> AsyncIterator[HttpBody]:
        raise RateLimitedError("slow down", retry_after=2.5)
        yield HttpBody()

    async with rest(limited) as stub:
        call = stub.GenerateImages(uploading(1, 10, []), metadata=KEY, timeout=5)
        metadata, body = await whole(call)
        assert await call.code() == grpc.StatusCode.OK
    assert (metadata["x-routerhub-status"], metadata["retry-after"]) == ("429", "3")
    assert b'"code":"rate_limit_exceeded"' in body


async def test_failure_in_mid_reply_breaks_it_off_and_says_nothing() -> None:
    async def failing(_upload: Any) -> AsyncIterator[HttpBody]:
        yield HttpBody(data=b'{"data": ')
        raise RateLimitedError("words of the gateway")

    async with rest(failing) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await whole(stub.GenerateImages(uploading(1, 10, []), metadata=KEY, timeout=5))
    assert (raised.value.code(), raised.value.details()) == (
        grpc.StatusCode.INTERNAL,
        "The reply broke off.",
    )


async def test_hang_up_is_logged_as_such_and_ends_the_handler() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def endless(_upload: Any) -> AsyncIterator[HttpBody]:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        yield HttpBody()

    with structlog.testing.capture_logs() as lines:
        async with rest(endless) as stub:
            call = stub.GenerateImages(uploading(1, 10, []), metadata=KEY, timeout=5)
            await started.wait()
            call.cancel()
            async with asyncio.timeout(2):
                await ended.wait()
    assert [line["outcome"] for line in lines] == ["HUNG_UP"]


@pytest.mark.parametrize("given", ["5f2c9a70-1b", "shop:42.a_b"])
def test_sound_request_id_is_kept(given: str) -> None:
    assert request_id(Metadata([("x-request-id", given)])) == given


@pytest.mark.parametrize("given", ["", "a b", 'x"}', "a" * 129, "a\nb", "../x"])
def test_other_request_ids_are_replaced(given: str) -> None:
    made = request_id(Metadata([("x-request-id", given)]))
    assert made != given
    assert len(made) == 32
