"""Orders for the sandbox, and the images of its replies."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from PIL import Image

from routerhub.images.v1.gemini_pb2 import (
    GenerateContentRequest,
    GenerateContentResponse,
    GenerationConfig,
    Part,
)
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest, GenerateImagesResponse
from routerhub_server.upstreams.base import Order, Reply

PRO = "gemini-3-pro-image"
FLASH_25 = "gemini-2.5-flash-image"
FLASH_31 = "gemini-3.1-flash-image"


def gemini(
    prompt: str,
    *images: bytes,
    model: str = FLASH_31,
    modalities: Sequence["GenerationConfig.Modality.ValueType"] = (
        GenerationConfig.TEXT,
        GenerationConfig.IMAGE,
    ),
    ratio: str = "",
    size: str = "512",
) -> GenerateContentRequest:
    """A request of one turn: PNG images, then the prompt. Small unless asked otherwise, to be quick."""
    request = GenerateContentRequest(model=model)
    turn = request.contents.add(role="user")
    for image in images:
        turn.parts.add().inline_data.MergeFrom(png_part(image).inline_data)
    turn.parts.add(text=prompt)
    request.generation_config.response_modalities.extend(modalities)
    if ratio:
        request.generation_config.image_config.aspect_ratio = ratio
    if size:
        request.generation_config.image_config.image_size = size
    return request


def png_part(image: bytes) -> Part:
    part = Part()
    part.inline_data.mime_type = "image/png"
    part.inline_data.data = image
    return part


def openai(prompt: str = "a fox", **fields: Any) -> GenerateImagesRequest:
    return GenerateImagesRequest(**{"model": "gpt-image-2", "prompt": prompt, "size": "256x256"} | fields)


def order(request: GenerateContentRequest | GenerateImagesRequest) -> Order:
    return Order(request, request.model, "request-1")


def content_of(reply: Reply) -> GenerateContentResponse:
    assert isinstance(reply.message, GenerateContentResponse)
    return reply.message


def images_of(reply: Reply) -> GenerateImagesResponse:
    assert isinstance(reply.message, GenerateImagesResponse)
    return reply.message


def files(reply: Reply) -> list[bytes]:
    """The image files of a reply in either shape."""
    message = reply.message
    if isinstance(message, GenerateImagesResponse):
        return [image.b64_json for image in message.data]
    parts = [part for candidate in message.candidates for part in candidate.content.parts]
    return [part.inline_data.data for part in parts if part.HasField("inline_data")]


def opened(file: bytes) -> Image.Image:
    image = Image.open(BytesIO(file))
    image.load()
    return image


def photo(size: tuple[int, int] = (96, 64), color: str = "red", image_format: str = "PNG") -> bytes:
    file = BytesIO()
    Image.new("RGB", size, color).save(file, image_format)
    return file.getvalue()
