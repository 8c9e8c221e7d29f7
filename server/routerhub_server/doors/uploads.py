"""Request bodies: collected in bounds, then decoded strictly into the typed request."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest
from routerhub_server import json_codec
from routerhub_server.calls import current_call
from routerhub_server.doors.metadata import Metadata
from routerhub_server.errors import (
    BodyTooLargeError,
    DeadlineError,
    InvalidRequestError,
    MalformedBodyError,
    Violation,
)
from routerhub_server.settings import LimitSettings


@dataclass(frozen=True, slots=True)
class Upload:
    body: bytes
    model: str = ""
    """From the path, on the Gemini door."""


class Uploads:
    def __init__(self, limits: LimitSettings) -> None:
        self._limits = limits

    async def collect(self, pieces: AsyncIterator[Any], metadata: Metadata) -> Upload:
        """The whole body. Raises BodyTooLargeError, MalformedBodyError, DeadlineError, OverloadedError."""
        _check_encoding(metadata.get("content-encoding") or "")
        loop = asyncio.get_running_loop()
        until = min(current_call.get().deadline, loop.time() + self._limits.upload_seconds)
        try:
            async with asyncio.timeout_at(until):
                return await self._collect(pieces, metadata.number("x-routerhub-content-length") or 0)
        except TimeoutError as error:
            raise DeadlineError("The request body did not arrive in time.") from error

    async def _collect(self, pieces: AsyncIterator[Any], announced: float) -> Upload:
        limit = body_limit(self._limits)
        model, size = "", 0
        parts: list[bytes] = []
        async for piece in pieces:
            if not parts:  # path and content type come with the first piece
                model = getattr(piece, "model", "")
                _check_type(piece.body.content_type)
            data = piece.body.data  # every read of a bytes field copies it: read once
            size += len(data)
            if size > limit:
                raise BodyTooLargeError(limit)
            current_call.get().held.add(len(data))
            parts.append(data)
        if size < announced:  # torn: the caller has hung up, and the call's cancellation is on its way
            await asyncio.Event().wait()
        return Upload(parts[0] if len(parts) == 1 else b"".join(parts), model)


def body_limit(limits: LimitSettings) -> int:
    """Bytes that the body of the current call may have: its account may have a limit of its own."""
    account = current_call.get().account
    own = account.allowance.body_bytes if account else None
    return limits.body_bytes if own is None else min(own, limits.body_bytes)


def weigh(size: int, limits: LimitSettings) -> None:
    """Hold a typed request of so many bytes. Raises BodyTooLargeError, OverloadedError."""
    limit = body_limit(limits)
    if size > limit:
        raise BodyTooLargeError(limit)
    current_call.get().held.add(size)


def content_request(upload: Upload) -> GenerateContentRequest:
    """Gemini's request; the model is the path's, and a body that says otherwise is refused."""
    request = json_codec.decode(upload.body, GenerateContentRequest, "gemini")
    if request.model and request.model.removeprefix("models/") != upload.model.removeprefix("models/"):
        said, meant = request.model[:100], upload.model[:100]
        text = f"Invalid value at 'model': the body says {said!r}, the path {meant!r}."
        raise InvalidRequestError([Violation("model", text)])
    request.model = upload.model
    return request


def images_request(upload: Upload) -> GenerateImagesRequest:
    return json_codec.decode(upload.body, GenerateImagesRequest, "openai")


def _check_type(given: str) -> None:
    """JSON, or nothing said. Forms and multipart would otherwise fail as baffling JSON errors."""
    if given.partition(";")[0].strip().lower() not in ("", "application/json"):
        raise MalformedBodyError("The body must be JSON: send it with Content-Type: application/json.")


def _check_encoding(given: str) -> None:
    """Unpacked here, a compressed body would be of any size."""
    if given.strip().lower() not in ("", "identity"):
        raise MalformedBodyError("The body must not be compressed: send it without Content-Encoding.")
