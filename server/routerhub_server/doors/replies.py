"""How the REST door sends: headers as initial metadata, bodies as HttpBody pieces."""

from collections.abc import AsyncIterator, Iterable
from typing import Any

from google.api.httpbody_pb2 import HttpBody

from routerhub_server.calls import current_call

JSON = "application/json; charset=UTF-8"
PIECE_BYTES = 192 * 1024
"""Below Envoy's buffer limit (256 KiB): a piece above it becomes a 500 there."""


async def send_headers(context: Any, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> None:
    """Send the initial metadata. Envoy turns `x-routerhub-status` into the HTTP status and removes it."""
    call = current_call.get()
    pairs = [("x-request-id", call.request_id), *call.headers.items(), *headers]
    if status != 200:
        pairs.append(("x-routerhub-status", str(status)))
    await context.send_initial_metadata(tuple(pairs))


async def send_json(
    context: Any, body: bytes, headers: Iterable[tuple[str, str]] = ()
) -> AsyncIterator[HttpBody]:
    """A complete JSON body as a 200, in pieces of at most 192 KiB. One copy of each piece is made."""
    await send_headers(context, headers=headers)
    view = memoryview(body)
    for start in range(0, len(body), PIECE_BYTES):
        piece = HttpBody(data=view[start : start + PIECE_BYTES].tobytes())
        if start == 0:
            piece.content_type = JSON
        yield piece


def typed_trailer(context: Any) -> None:
    """What the pipeline found, beside a good typed reply."""
    context.set_trailing_metadata(tuple(current_call.get().headers.items()))


async def typed_headers(context: Any) -> None:
    """The request id, sent at once: the caller can quote it while it waits."""
    await context.send_initial_metadata((("x-request-id", current_call.get().request_id),))
