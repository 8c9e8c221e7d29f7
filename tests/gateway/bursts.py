"""Many calls at once, half of them through each door."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc.aio
import httpx

from routerhub.images.v1.image_generation_service_pb2_grpc import ImageGenerationServiceStub
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest
from tests.conftest import Gateway
from tests.gateway.providers import OPENAI_PATH, bearer

if TYPE_CHECKING:
    from routerhub.images.v1.image_generation_service_pb2_grpc import ImageGenerationServiceAsyncStub


@dataclass(frozen=True)
class Crowd:
    """Callers of OpenAI's shape: REST through Envoy, gRPC at the server itself."""

    client: httpx.AsyncClient
    stub: "ImageGenerationServiceAsyncStub"
    metadata: tuple[tuple[str, str], ...]

    async def rest(self, model: str) -> str:
        """`OK`, or the code of the error."""
        body = {"model": model, "prompt": "a lighthouse"}
        reply = await self.client.post(OPENAI_PATH, json=body, headers=dict(self.metadata))
        return "OK" if reply.status_code == 200 else str(reply.json()["error"]["code"])

    async def grpc(self, model: str) -> str:
        """`OK`, or the name of the gRPC code."""
        try:
            await self.stub.GenerateImages(
                GenerateImagesRequest(model=model, prompt="a lighthouse"), metadata=self.metadata, timeout=30
            )
        except grpc.aio.AioRpcError as error:
            return error.code().name
        return "OK"

    async def ask(self, model: str, times: int) -> Counter[str]:
        """How often which outcome."""
        calls = [self.rest(model) if number % 2 else self.grpc(model) for number in range(times)]
        return Counter(await asyncio.gather(*calls))


@contextlib.asynccontextmanager
async def crowd(gateway: Gateway) -> AsyncIterator[Crowd]:
    options = [("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0)]
    limits = httpx.Limits(max_connections=None)
    async with (
        httpx.AsyncClient(trust_env=False, timeout=30, base_url=gateway.http, limits=limits) as client,
        grpc.aio.insecure_channel(gateway.grpc, options=options) as channel,
    ):
        stub: Any = ImageGenerationServiceStub(channel)
        yield Crowd(client, stub, bearer(gateway))
