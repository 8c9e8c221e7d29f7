"""A server that tells what Envoy brought it, with Envoy in front: `python -m tests.gateway.echo STATE_DIR`.

It isolates Envoy from the product: RestService answers what its caller asks for in the header `x-echo`, a
JSON object with any of `status`, `headers`, `bytes` (size of the reply), `chunk`, `sleep` (seconds),
`abort` (a gRPC code) and `unread` (do not read the upload). By default it replies what it got, as JSON.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from google.api.httpbody_pb2 import HttpBody
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from routerhub.images.v1 import rest_service_pb2_grpc
from routerhub_server.envoy import EnvoyProcess

TYPED = "routerhub.images.v1.ImageGenerationService"
OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ("grpc.max_metadata_size", 64 * 1024),
    ("grpc.absolute_max_metadata_size", 64 * 1024),
)


class EchoRestService(rest_service_pb2_grpc.RestServiceServicer):
    async def GenerateContent(self, request_iterator: Any, context: Any) -> AsyncIterator[HttpBody]:
        async for piece in _answer("GenerateContent", request_iterator, context):
            yield piece

    async def GenerateImages(self, request_iterator: Any, context: Any) -> AsyncIterator[HttpBody]:
        async for piece in _answer("GenerateImages", request_iterator, context):
            yield piece

    async def Unmatched(self, request_iterator: Any, context: Any) -> AsyncIterator[HttpBody]:
        async for piece in _answer("Unmatched", request_iterator, context):
            yield piece

    async def ListModels(self, request: Any, context: Any) -> AsyncIterator[HttpBody]:
        async for piece in _answer("ListModels", _once(request), context):
            yield piece

    async def GetModel(self, request: Any, context: Any) -> AsyncIterator[HttpBody]:
        async for piece in _answer("GetModel", _once(request), context):
            yield piece


async def _once(request: Any) -> AsyncIterator[Any]:
    yield request


async def _answer(method: str, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[HttpBody]:
    metadata = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
    wish = json.loads(metadata.get("x-echo", "{}"))
    sizes, first = [], None
    if not wish.get("unread"):
        async for request in requests:
            first = request if first is None else first
            sizes.append(len(request.body.data) if hasattr(request, "body") else 0)
    if "abort" in wish:
        await context.abort(grpc.StatusCode[wish["abort"]], "words of the gRPC library")
    await asyncio.sleep(wish.get("sleep", 0))
    headers = [(name, str(value)) for name, value in wish.get("headers", {}).items()]
    if "status" in wish:
        headers.append(("x-routerhub-status", str(wish["status"])))
    await context.send_initial_metadata(tuple(headers))
    if "bytes" in wish:
        async for piece in _blob(wish["bytes"], wish.get("chunk", 192 * 1024)):
            yield piece
        return
    report = {
        "method": method,
        "fields": _fields(first),
        "content_type": first.body.content_type if first is not None and hasattr(first, "body") else None,
        "pieces": len(sizes),
        "size": sum(sizes),
        "largest": max(sizes, default=0),
        "metadata": metadata,
        "binary": [key for key, _ in context.invocation_metadata() if key.endswith("-bin")],
        "deadline": context.time_remaining(),
    }
    yield HttpBody(content_type="application/json", data=json.dumps(report).encode())


def _fields(request: Any) -> dict[str, Any]:
    set_fields = [] if request is None else request.ListFields()
    return {field.name: value for field, value in set_fields if field.name != "body"}


async def _blob(size: int, chunk: int) -> AsyncIterator[HttpBody]:
    for start in range(0, size, chunk):
        yield HttpBody(content_type="application/json", data=b"x" * min(chunk, size - start))


async def _typed(request: bytes, context: Any) -> bytes:
    """Any method of the typed service, on raw bytes: what it got, as JSON."""
    metadata = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
    binary = {key: value.hex() for key, value in context.invocation_metadata() if isinstance(value, bytes)}
    if "x-sleep" in metadata:
        await asyncio.sleep(float(metadata["x-sleep"]))
    if "x-bytes" in metadata:
        return b"x" * int(metadata["x-bytes"])
    report = {
        "size": len(request),
        "metadata": metadata,
        "binary": binary,
        "deadline": context.time_remaining(),
    }
    return json.dumps(report).encode()


async def start_servers(serving: bool = True) -> tuple[grpc.aio.Server, str, grpc.aio.Server, str]:
    """The REST server and the typed server, with their addresses."""
    health = HealthServicer()
    status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
    await health.set("", status)
    rest, typed = grpc.aio.server(options=OPTIONS), grpc.aio.server(options=OPTIONS)
    rest_service_pb2_grpc.add_RestServiceServicer_to_server(EchoRestService(), rest)
    # As a careless server would: Envoy alone must keep RestService from outside.
    rest_service_pb2_grpc.add_RestServiceServicer_to_server(EchoRestService(), typed)
    handlers: dict[str, Any] = {"GenerateContent": grpc.unary_unary_rpc_method_handler(_typed)}
    typed.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(TYPED, handlers),))
    reflection.enable_server_reflection([TYPED, reflection.SERVICE_NAME], typed)
    addresses = []
    for server in (rest, typed):
        health_pb2_grpc.add_HealthServicer_to_server(health, server)
        addresses.append(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
        await server.start()
    return rest, addresses[0], typed, addresses[1]


async def main(state_dir: Path) -> None:
    """Serve until standard input ends."""
    rest, rest_address, typed, typed_address = await start_servers()
    envoy = EnvoyProcess(http="127.0.0.1:0", rest=rest_address, grpc=typed_address, state_dir=state_dir)
    await envoy.start()
    print(json.dumps({"http": envoy.http}), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await envoy.stop()
    await asyncio.gather(rest.stop(0), typed.stop(0))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
