"""OpenAI's shape: a request for images -> the reply with drawings in it."""

import math
import re
import time
from collections.abc import Mapping
from types import MappingProxyType

from google.protobuf.json_format import MessageToDict

from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest, GenerateImagesResponse
from routerhub_server.upstreams.base import Facts, ImageHead, Reply
from routerhub_server.upstreams.base64_cuts import HEAD_BYTES
from routerhub_server.upstreams.sandbox.drawing import Subject, draw
from routerhub_server.upstreams.sandbox.encoding import FORMATS, Encoding, encode_image
from routerhub_server.upstreams.sandbox.failures import rejected
from routerhub_server.upstreams.sandbox.printing import print_json
from routerhub_server.upstreams.sandbox.script import Script, without_markers
from routerhub_server.upstreams.sandbox.sizes import Size, tokens_of_text

# Tokens of one image, https://platform.openai.com/docs/guides/image-generation#cost-and-latency
_TOKENS: Mapping[str, Mapping[Size, int]] = MappingProxyType(
    {
        "low": {(1024, 1024): 272, (1024, 1536): 408, (1536, 1024): 400},
        "medium": {(1024, 1024): 1056, (1024, 1536): 1584, (1536, 1024): 1568},
        "high": {(1024, 1024): 4160, (1024, 1536): 6240, (1536, 1024): 6208},
    }
)
_DEFAULT_FRAMES = 9


def render_images(request: GenerateImagesRequest, model: str, script: Script) -> Reply:
    """Draws what the request asks for; what it leaves open or `auto` is square, opaque and of high quality.

    Raises UpstreamRejectedError for a format that the sandbox cannot write.
    """
    size = _size(request)
    encoding = _encoding(request, script)
    subject = Subject(without_markers(request.prompt), size, transparent=request.background == "transparent")
    reply = GenerateImagesResponse(
        created=int(time.time()),
        background="transparent" if subject.transparent else "opaque",
        output_format=encoding.format,
        quality=_chosen(request.quality, "high"),
        size=f"{size[0]}x{size[1]}",
    )
    for index in range(0 if script.no_image else request.n or 1):
        reply.data.add().b64_json = encode_image(draw(subject.nth(index)), encoding)
    _count_tokens(reply, request, size)
    facts = Facts(
        images=len(reply.data),
        usage=MessageToDict(reply.usage),
        model_version=f"sandbox/{model}",
        heads=tuple(ImageHead(encoding.mime_type, image.b64_json[:HEAD_BYTES]) for image in reply.data),
    )
    return Reply(facts, message=reply, encode=print_json)


def _size(request: GenerateImagesRequest) -> Size:
    match = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", _chosen(request.size, "1024x1024"))
    if match is None:
        raise rejected(f"Invalid size {request.size!r}.", param="size")
    return int(match[1]), int(match[2])


def _encoding(request: GenerateImagesRequest, script: Script) -> Encoding:
    output_format = _chosen(request.output_format, "png")
    if output_format not in FORMATS:
        raise rejected(f"The sandbox does not draw {output_format}.", param="output_format")
    return Encoding(
        output_format,
        quality=request.output_compression if request.HasField("output_compression") else 100,
        frames=request.frame_count or _DEFAULT_FRAMES,
        frame_ms=request.frame_duration_ms or 200,
        min_bytes=script.bytes,
    )


def _chosen(value: str, default: str) -> str:
    return default if value in ("", "auto") else value


def _count_tokens(reply: GenerateImagesResponse, request: GenerateImagesRequest, size: Size) -> None:
    usage = reply.usage
    usage.input_tokens_details.text_tokens = tokens_of_text(len(request.prompt))
    usage.input_tokens_details.image_tokens = 0
    usage.input_tokens = usage.input_tokens_details.text_tokens
    usage.output_tokens_details.text_tokens = 0
    usage.output_tokens_details.image_tokens = len(reply.data) * _image_tokens(reply.quality, size)
    usage.output_tokens = usage.output_tokens_details.image_tokens
    usage.total_tokens = usage.input_tokens + usage.output_tokens


def _image_tokens(quality: str, size: Size) -> int:
    """From OpenAI's table; sizes that are not in it, by their pixels."""
    known = _TOKENS.get(quality, _TOKENS["high"])
    return known.get(size) or math.ceil(known[1024, 1024] * size[0] * size[1] / 2**20)
