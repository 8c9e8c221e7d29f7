"""Orders to place, and upstreams to place them with."""

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest
from routerhub_server.upstreams.base import Order
from routerhub_server.upstreams.http import Adapter, HttpUpstream, Signer
from routerhub_server.upstreams.http_client import Timeouts, new_client

PATIENT = Timeouts(connect=5, pool=5, write=10, read=10, total=20)
IMPATIENT = Timeouts(connect=5, pool=5, write=1, first_byte=0.5, read=0.5, total=20)
"""For the tests that wait for a timeout."""


def upstream_of(
    adapter: Adapter,
    timeouts: Timeouts = PATIENT,
    *,
    max_connections: int = 10,
    max_reply_bytes: int = 2**26,
    signer: Signer | None = None,
    server_errors_are_free: bool = False,
) -> HttpUpstream:
    client = new_client(timeouts, max_connections=max_connections)
    return HttpUpstream(
        "test",
        adapter,
        client,
        timeouts,
        max_reply_bytes,
        signer=signer,
        server_errors_are_free=server_errors_are_free,
    )


def gemini_order(prompt: str = "a cat", **fields: object) -> Order:
    request = GenerateContentRequest(model="google/gemini-3-pro-image-preview", **fields)  # type: ignore[arg-type]
    if not request.contents:
        request.contents.add().parts.add().text = prompt
    return Order(request, "gemini-3-pro-image", "request-1")


def openai_order(prompt: str = "a cat", **fields: object) -> Order:
    request = GenerateImagesRequest(model="openai/gpt-image-1", prompt=prompt, **fields)  # type: ignore[arg-type]
    return Order(request, "gpt-image-2", "request-1")
