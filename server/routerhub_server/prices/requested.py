"""What a request may make a provider count: images and their tier, input images, characters."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from routerhub.images.v1.gemini_pb2 import Content, GenerateContentRequest, GenerationConfig, Part
from routerhub_server.catalogue.spellings import SIZE_SPELLINGS, plain_size
from routerhub_server.results.headers import read_header
from routerhub_server.upstreams.base import Facts, Request

DEFAULT_IMAGE_SIZE = "1K"
"""Gemini's, where the request names none."""
BYTES_A_TOKEN = 3
"""Of UTF-8: English has about 4, Chinese 3; the fewer, the dearer."""


@dataclass(frozen=True, slots=True)
class Requested:
    images: int
    """At most."""
    quality: str | None
    """None: there is none, or the provider chooses it."""
    size: str | None
    """`1K` or `1024x1024`; None: the provider chooses it."""
    input_images: int
    text_tokens: int
    """At most, about."""

    @property
    def tier(self) -> str:
        """As receipts name it: `1K`, `high 1024x1024`, `auto`."""
        return " ".join(word for word in (self.quality, self.size) if word) or "auto"


def images_asked(request: Request) -> int:
    """How many images the request asks for at most: `n`, or `candidateCount`."""
    if isinstance(request, GenerateContentRequest):
        return max(request.generation_config.candidate_count, 1)
    return max(request.n, 1)


def read_request(request: Request) -> Requested:
    if isinstance(request, GenerateContentRequest):
        return _gemini(request)
    return Requested(
        images=images_asked(request),
        quality=_chosen(request.quality),
        size=_chosen(request.size),
        input_images=0,
        text_tokens=_tokens([request.prompt]),
    )


def delivered_tier(request: Request, facts: Facts) -> str:
    """The tier as delivered, as far as the reply shows it: pixels where the request left the size open."""
    asked = read_request(request)
    if asked.size is None and facts.heads and (header := read_header(facts.heads[0].data)):
        size = f"{header.width}x{header.height}" if header.width else None
        return " ".join(word for word in (asked.quality, size) if word) or "auto"
    return asked.tier


def _gemini(request: GenerateContentRequest) -> Requested:
    parts = [part for content in _contents(request) for part in content.parts]
    return Requested(
        images=images_asked(request),
        quality=None,
        size=_image_size(request.generation_config),
        input_images=sum(map(_brings_file, parts)),
        text_tokens=_tokens(part.text for part in parts),
    )


def _contents(request: GenerateContentRequest) -> Iterator[Content]:
    yield request.system_instruction
    yield from request.contents


def _brings_file(part: Part) -> bool:
    return part.HasField("inline_data") or part.HasField("file_data")


def _image_size(config: GenerationConfig) -> str:
    sizes = [config.image_config.image_size]
    sizes += [plain_size(item.image.image_size) or "" for item in config.response_format]
    named = next((size for size in sizes if size), DEFAULT_IMAGE_SIZE)
    return SIZE_SPELLINGS.get(named, named).upper()


def _chosen(value: str) -> str | None:
    return None if value in ("", "auto") else value


def _tokens(texts: Iterable[str]) -> int:
    return -(-sum(len(text.encode()) for text in texts) // BYTES_A_TOKEN)
