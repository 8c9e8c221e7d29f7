"""Another RouterHub: both interfaces, through its REST doors under one address."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeGuard
from urllib.parse import quote

from routerhub_server import json_codec
from routerhub_server.errors import (
    ContentBlockedError,
    NoImageError,
    ProviderError,
    RouterHubError,
    Spent,
    UpstreamBadReplyError,
    UpstreamError,
    UpstreamMisconfiguredError,
    UpstreamRateLimitedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from routerhub_server.settings import Settings, UpstreamSettings
from routerhub_server.upstreams.base import Interface, Order, Reply, Upstream
from routerhub_server.upstreams.gemini_wire import content_of, google_error, map_google_error, read_content
from routerhub_server.upstreams.http import Ask, HttpRequest, http_upstream
from routerhub_server.upstreams.openai_wire import images_body, map_openai_error, openai_error, read_images
from routerhub_server.upstreams.refusals import Refusal, short, unknown_model

_DOMAIN = "routerhub"
_REASONS = MappingProxyType(
    {
        "invalid_model": "INVALID_MODEL",
        "no_image": "NO_IMAGE",
        "overloaded": "OVERLOADED",
        "upstream_unavailable": "UPSTREAM_UNAVAILABLE",
        "upstream_timeout": "UPSTREAM_TIMEOUT",
        "upstream_bad_reply": "UPSTREAM_BAD_REPLY",
        "deadline_exceeded": "DEADLINE_EXCEEDED",
    }
)
"""OpenAI's `code` -> our reason, where OpenAI itself has no such code."""

_FAILURES: Mapping[str, tuple[type[UpstreamError], Spent]] = MappingProxyType(
    {
        "RATE_LIMITED": (UpstreamRateLimitedError, "no"),
        "UPSTREAM_RATE_LIMITED": (UpstreamRateLimitedError, "no"),
        "OVERLOADED": (UpstreamUnavailableError, "no"),
        "UPSTREAM_UNAVAILABLE": (UpstreamUnavailableError, "possible"),
        "UPSTREAM_TIMEOUT": (UpstreamTimeoutError, "possible"),
        "DEADLINE_EXCEEDED": (UpstreamTimeoutError, "possible"),
        "UPSTREAM_BAD_REPLY": (UpstreamBadReplyError, "possible"),
        "INTERNAL": (UpstreamUnavailableError, "possible"),
    }
)
"""Reason -> what it is to us, and what it cost where the other RouterHub does not say."""

_TOLD: Mapping[str, Spent] = MappingProxyType({"true": "no", "false": "possible"})
"""What `x-should-retry` says of the cost."""


def routerhub_upstream(name: str, section: UpstreamSettings, settings: Settings) -> Upstream:
    assert section.base_url is not None, "the settings see to that"
    key = section.api_key.get_secret_value() if section.api_key else ""
    return http_upstream(name, RouterHubAdapter(key, section.base_url), section, settings)


class RouterHubAdapter:
    def __init__(self, key: str, base_url: str) -> None:
        """`base_url` is what stands before `/v1beta` and `/v1`."""
        self._base_url = base_url.rstrip("/")
        self._headers = {"authorization": f"Bearer {key}"} if key else {}

    def serves(self, interface: Interface) -> bool:
        return True

    def lacks(self, _order: Order) -> tuple[str, ...]:
        """What it cannot honour it says itself, before anything is bought."""
        return ()

    def encode_request(self, order: Order) -> HttpRequest:
        headers = {"content-type": "application/json", "x-request-id": order.request_id, **self._headers}
        if order.interface == "openai":
            return HttpRequest(f"{self._base_url}/v1/images/generations", headers, images_body(order))
        url = f"{self._base_url}/v1beta/models/{quote(order.model)}:generateContent"
        return HttpRequest(url, headers, json_codec.encode(content_of(order.request)))

    def decode_reply(self, order: Order, body: bytes) -> Reply:
        return read_content(body) if order.interface == "gemini" else read_images(body)

    def map_error(self, model: str, refusal: Refusal) -> RouterHubError:
        google = "status" in refusal.error
        provider = google_error(refusal) if google else openai_error(refusal)
        info = _error_info(provider)
        reason = str(info.get("reason", "")) or _REASONS.get(provider.code or "", "")
        # Ours will say its own reason.
        provider = replace(provider, details=tuple(d for d in provider.details if d is not info))
        error = _by_reason(reason, model, provider, refusal)
        if error is None:
            error = (map_google_error if google else map_openai_error)(model, refusal, provider)
        told = _TOLD.get(refusal.headers.get("x-should-retry", ""))
        if told and _may_have_asked(error):
            error.spent = told
        return error

    async def probe(self, models: Sequence[str], ask: Ask) -> None:
        for model in models:
            await ask(self._get(f"/{quote(model, safe='')}"), model)
        if not models:
            await ask(self._get(""), "")

    def _get(self, rest: str) -> HttpRequest:
        return HttpRequest(f"{self._base_url}/v1/models{rest}", self._headers, method="GET")


def _error_info(provider: ProviderError) -> Mapping[str, Any]:
    return next((detail for detail in provider.details if detail.get("domain") == _DOMAIN), {})


def _by_reason(reason: str, model: str, provider: ProviderError, refusal: Refusal) -> RouterHubError | None:
    """None where the status and the words say it as well as any provider's."""
    if reason == "INVALID_MODEL":
        return unknown_model(model, provider)
    if reason == "BUDGET_EXHAUSTED":
        return UpstreamMisconfiguredError(
            "The upstream's account of the gateway is not paid.", provider=provider
        )
    if reason == "CONTENT_BLOCKED":
        return ContentBlockedError(provider.message, provider=provider)
    if reason == "NO_IMAGE":
        return NoImageError(provider.message, provider=provider)
    if reason not in _FAILURES:
        return None
    kind, spent = _FAILURES[reason]
    words = f"The upstream answered {refusal.status}: {short(provider.message)}"
    return kind(words, provider=provider, retry_after=refusal.retry_after, spent=spent)


def _may_have_asked(error: RouterHubError) -> TypeGuard[UpstreamError]:
    """Whether the other RouterHub may have asked a provider before it failed."""
    return isinstance(
        error, UpstreamUnavailableError | UpstreamTimeoutError | UpstreamBadReplyError
    ) and not isinstance(error, UpstreamMisconfiguredError)
