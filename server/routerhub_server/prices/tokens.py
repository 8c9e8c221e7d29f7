"""Tokens by kind, from the usage objects of both vendors."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from routerhub_server.upstreams.base import Facts, Interface


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a provider has counted; each token stands in one kind alone."""

    text_in: int = 0
    """Not from a cache. Sound, video and documents count as text, as the vendors price them with it."""
    cached_text_in: int = 0
    image_in: int = 0
    cached_image_in: int = 0
    text_out: int = 0
    image_out: int = 0
    thinking: int = 0

    def counts(self) -> dict[str, int]:
        """By kind, in the order of the fields."""
        return asdict(self)


def read_tokens(facts: Facts, interface: Interface) -> Tokens | None:
    """The tokens of a reply; None where the provider said nothing, or nothing that can be read."""
    if not facts.usage:
        return None
    tokens = _gemini(facts) if interface == "gemini" else _openai(facts.usage)
    return tokens if any(tokens.counts().values()) else None


def _openai(usage: Mapping[str, Any]) -> Tokens:
    """`usage` of images/generations."""
    into, out = _object(usage, "input_tokens_details"), _object(usage, "output_tokens_details")
    cached = _object(into, "cached_tokens_details")
    image_in = _count(into, "image_tokens")
    text_in = max(_count(usage, "input_tokens") - image_in, _count(into, "text_tokens"))
    cached_image = min(_count(cached, "image_tokens"), image_in)
    cached_text = min(
        max(_count(into, "cached_tokens") - cached_image, _count(cached, "text_tokens")), text_in
    )
    text_out = _count(out, "text_tokens")
    return Tokens(
        text_in=text_in - cached_text,
        cached_text_in=cached_text,
        image_in=image_in - cached_image,
        cached_image_in=cached_image,
        text_out=text_out,
        # What is not said to be text is image, which costs more.
        image_out=max(_count(usage, "output_tokens") - text_out, _count(out, "image_tokens")),
    )


def _gemini(facts: Facts) -> Tokens:
    """`usageMetadata`; prompt tokens include cached ones, candidate tokens exclude thoughts."""
    usage = facts.usage
    image_in = _images(usage, "promptTokensDetails", "toolUsePromptTokensDetails")
    prompt = _count(usage, "promptTokenCount") + _count(usage, "toolUsePromptTokenCount")
    text_in = max(prompt - image_in, 0)
    cached_image = min(_images(usage, "cacheTokensDetails"), image_in)
    cached_text = min(max(_count(usage, "cachedContentTokenCount") - cached_image, 0), text_in)
    out, image_out = _count(usage, "candidatesTokenCount"), _images(usage, "candidatesTokensDetails")
    if facts.images and not image_out:  # the kinds are missing
        image_out = out
    return Tokens(
        text_in=text_in - cached_text,
        cached_text_in=cached_text,
        image_in=image_in - cached_image,
        cached_image_in=cached_image,
        text_out=max(out - image_out, 0),
        image_out=image_out,
        thinking=_count(usage, "thoughtsTokenCount"),
    )


def _images(usage: Mapping[str, Any], *names: str) -> int:
    details: Iterable[Any] = (item for name in names for item in _list(usage.get(name)))
    return sum(
        _count(item, "tokenCount")
        for item in details
        if isinstance(item, Mapping) and item.get("modality") == "IMAGE"
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _object(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = holder.get(name)
    return value if isinstance(value, Mapping) else {}


MOST = 2**31 - 1
"""What the ledger's columns hold; far beyond any real reply."""


def _count(holder: Mapping[str, Any], name: str) -> int:
    """A count that is missing, or nonsense, is 0."""
    value = holder.get(name)
    return min(value, MOST) if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
