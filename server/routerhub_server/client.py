"""A small client of the typed service: what `routerhub generate` uses, and an example of calling it."""

import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest, GenerateContentResponse
from routerhub.images.v1.image_generation_service_pb2_grpc import ImageGenerationServiceStub
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest, GenerateImagesResponse

MAX_REPLY_BYTES = 128 * 1024 * 1024
"""A client's default of 4 MiB would refuse an image that is already paid for."""


@dataclass(frozen=True, slots=True)
class Picture:
    data: bytes
    mime_type: str


class CallFailedError(Exception):
    """The call failed; the message is the server's, with its reason and violations."""


def open_channel(address: str) -> grpc.Channel:
    """A plain-text channel to `host:port`, ready for replies of many megabytes."""
    return grpc.insecure_channel(address, options=[("grpc.max_receive_message_length", MAX_REPLY_BYTES)])


class Client:
    def __init__(self, channel: grpc.Channel, key: str, timeout: float) -> None:
        """`timeout` in seconds, for each call."""
        self._stub = ImageGenerationServiceStub(channel)
        self._metadata = (("authorization", f"Bearer {key}"),)
        self._timeout = timeout

    def content(self, request: GenerateContentRequest) -> GenerateContentResponse:
        """Raises CallFailedError."""
        response: GenerateContentResponse = self._call(self._stub.GenerateContent, request)
        return response

    def images(self, request: GenerateImagesRequest) -> GenerateImagesResponse:
        """Raises CallFailedError."""
        response: GenerateImagesResponse = self._call(self._stub.GenerateImages, request)
        return response

    def _call(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=self._timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            raise CallFailedError(explain(error)) from error


def explain(error: Any) -> str:
    """A failed call in words: code, message, reason, every violation, request id."""
    lines = [f"{error.code().name}: {error.details()}"]
    trailer = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailer.get("grpc-status-details-bin", b""))
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        if detail.Unpack(info):
            lines[0] += f" ({info.reason})"
        elif detail.Unpack(bad):
            lines += [f"  {violation.field}: {violation.description}" for violation in bad.field_violations]
    if "x-request-id" in trailer:
        lines.append(f"  request id {trailer['x-request-id']}")
    return "\n".join(lines)


def content_request(
    prompt: str, model: str, inputs: Sequence[Path] = (), *, aspect_ratio: str | None, image_size: str | None
) -> GenerateContentRequest:
    """A one-turn request in Gemini's shape: the input images, then the prompt. Raises OSError."""
    request = GenerateContentRequest(model=model)
    content = request.contents.add(role="user")
    for path in inputs:
        blob = content.parts.add().inline_data
        blob.mime_type = mimetypes.guess_type(path.name)[0] or "image/png"
        blob.data = path.read_bytes()
    content.parts.add(text=prompt)
    if aspect_ratio:
        request.generation_config.image_config.aspect_ratio = aspect_ratio
    if image_size:
        request.generation_config.image_config.image_size = image_size
    return request


def content_pictures(response: GenerateContentResponse) -> list[Picture]:
    """The images of every candidate, thoughts left out."""
    return [
        Picture(part.inline_data.data, part.inline_data.mime_type)
        for candidate in response.candidates
        for part in candidate.content.parts
        if part.inline_data.mime_type.startswith("image/") and not part.thought
    ]


def images_pictures(response: GenerateImagesResponse) -> list[Picture]:
    mime_type = f"image/{response.output_format or 'png'}"
    return [Picture(image.b64_json, mime_type) for image in response.data if image.b64_json]
