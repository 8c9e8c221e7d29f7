"""Is it what was asked for: count, format and pixels, read from the first bytes of each image."""

from collections.abc import Iterator

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest, GenerationConfig
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest
from routerhub_server.catalogue.spellings import SIZE_SPELLINGS, plain_ratio, plain_size
from routerhub_server.results.headers import Header, read_header
from routerhub_server.upstreams.base import Facts, Request

RATIO_TOLERANCE = 0.04
"""Gemini's pixel sizes are multiples of 16 or 32 near the ratio; 21:9 comes as 1536x672."""
AREA = {"512": 512**2, "1K": 1024**2, "2K": 2048**2, "4K": 4096**2}
AREA_FACTOR = 2.0
"""A size names an area; real ones lie within this factor, the next size is four times as large."""


def mismatches(request: Request, facts: Facts) -> tuple[str, ...]:
    """What differs, each as `what=delivered/asked`, e.g. `size=1024x1024/1536x1024`; empty when all is well.

    Says nothing about what the request left open, nor of images that came as an address.
    """
    headers = [(head.mime_type, read_header(head.data)) for head in facts.heads]
    found = [*_broken(headers)]
    if isinstance(request, GenerateImagesRequest):
        found += _openai(request, facts.images, headers)
    else:
        found += _gemini(request, headers)
    return tuple(dict.fromkeys(found))


def _broken(headers: list[tuple[str, Header | None]]) -> Iterator[str]:
    for mime_type, header in headers:
        if header is None:
            yield "format=unreadable"
        elif mime_type and mime_type != header.mime_type:
            yield f"format={_short(header.mime_type)}/{_short(mime_type)}"


def _openai(
    request: GenerateImagesRequest, images: int, headers: list[tuple[str, Header | None]]
) -> Iterator[str]:
    asked = request.n if request.HasField("n") else 1
    if images != asked:
        yield f"count={images}/{asked}"
    format_ = request.output_format or "png"
    for _, header in headers:
        if header is None:
            continue
        if _short(header.mime_type) != format_:
            yield f"format={_short(header.mime_type)}/{format_}"
        if request.size not in ("", "auto") and header.width and _pixels(header) != request.size:
            yield f"size={_pixels(header)}/{request.size}"


def _gemini(request: GenerateContentRequest, headers: list[tuple[str, Header | None]]) -> Iterator[str]:
    ratio, size, mime_type = _asked(request.generation_config)
    for _, header in headers:
        if header is None:
            continue
        if mime_type and header.mime_type != mime_type:
            yield f"format={_short(header.mime_type)}/{_short(mime_type)}"
        if ratio and header.width and not _has_ratio(header, ratio):
            yield f"aspect_ratio={_pixels(header)}/{ratio}"
        if size and header.width and not _has_size(header, size):
            yield f"image_size={_pixels(header)}/{size}"


def _asked(config: GenerationConfig) -> tuple[str, str, str]:
    """Aspect ratio, image size and mime type; each empty where the request leaves it open."""
    ratio, size = config.image_config.aspect_ratio, config.image_config.image_size
    mime_type = config.image_config.image_output_options.mime_type
    for item in config.response_format:  # says the same in other words
        ratio = ratio or plain_ratio(item.image.aspect_ratio) or ""
        size = size or plain_size(item.image.image_size) or ""
        mime_type = mime_type or item.image.mime_type.lower().replace("image_", "image/")
    return ratio, SIZE_SPELLINGS.get(size, size), mime_type


def _has_ratio(header: Header, ratio: str) -> bool:
    width, _, height = ratio.partition(":")
    if not (width.isdecimal() and height.isdecimal() and int(height)):
        return True
    asked = int(width) / int(height)
    return abs(header.width / header.height - asked) <= asked * RATIO_TOLERANCE


def _has_size(header: Header, size: str) -> bool:
    area = AREA.get(size.upper())
    return area is None or 1 / AREA_FACTOR <= header.width * header.height / area <= AREA_FACTOR


def _pixels(header: Header) -> str:
    return f"{header.width}x{header.height}"


def _short(mime_type: str) -> str:
    return mime_type.removeprefix("image/").removesuffix("+xml")
