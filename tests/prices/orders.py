"""Requests, replies and models to put a price on."""

from datetime import UTC, datetime
from typing import Any

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest
from routerhub_server.catalogue import GeminiModel, Lifecycle, Model, OpenAIModel, Route
from routerhub_server.prices import PriceBook
from routerhub_server.prices.entry import Price
from routerhub_server.upstreams.base import Facts

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

OPENAI_USAGE: dict[str, Any] = {
    "input_tokens": 50,
    "input_tokens_details": {"text_tokens": 20, "image_tokens": 30},
    "output_tokens": 4160,
    "output_tokens_details": {"text_tokens": 60, "image_tokens": 4100},
    "total_tokens": 4210,
}
GEMINI_USAGE: dict[str, Any] = {
    "promptTokenCount": 600,
    "promptTokensDetails": [
        {"modality": "TEXT", "tokenCount": 40},
        {"modality": "IMAGE", "tokenCount": 560},
    ],
    "cachedContentTokenCount": 100,
    "cacheTokensDetails": [{"modality": "IMAGE", "tokenCount": 80}, {"modality": "TEXT", "tokenCount": 20}],
    "candidatesTokenCount": 1150,
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
    "thoughtsTokenCount": 200,
    "toolUsePromptTokenCount": 10,
    "totalTokenCount": 1960,
}


def book(*entries: dict[str, Any]) -> PriceBook:
    """Prices of the operator alone."""
    return PriceBook([Price.model_validate(entry) for entry in entries], (), "USD")


def openai_model(*routes: tuple[str, str]) -> Model:
    return OpenAIModel(
        id="openai/gpt-image-2",
        model_class="openai-image",
        display_name="",
        routes=_routes(routes or (("openai", "gpt-image-2"),)),
        lifecycle=Lifecycle(stage="STABLE"),
        released=NOW.date(),
    )


def gemini_model(*routes: tuple[str, str], model_class: Any = "gemini-image") -> Model:
    return GeminiModel(
        id="google/gemini-3-pro-image",
        model_class=model_class,
        display_name="",
        routes=_routes(routes or (("gemini", "gemini-3-pro-image"),)),
        lifecycle=Lifecycle(stage="STABLE"),
        released=NOW.date(),
    )


def _routes(routes: tuple[tuple[str, str], ...]) -> tuple[Route, ...]:
    return tuple(Route(upstream=upstream, model=model) for upstream, model in routes)


def images_request(**fields: Any) -> GenerateImagesRequest:
    return GenerateImagesRequest(prompt="A fox.", **fields)


def content_request(size: str = "", candidates: int = 0, images: int = 0) -> GenerateContentRequest:
    request = GenerateContentRequest()
    content = request.contents.add()
    content.parts.add(text="Ein Fuchs.")
    for _ in range(images):
        content.parts.add().inline_data.data = b"image"
    if size:
        request.generation_config.image_config.image_size = size
    if candidates:
        request.generation_config.candidate_count = candidates
    return request


def facts(usage: dict[str, Any] | None = None, images: int = 1) -> Facts:
    return Facts(images=images, usage=usage or {})
