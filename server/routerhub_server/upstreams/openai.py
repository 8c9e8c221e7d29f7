"""The OpenAI Images API: `POST {base_url}/images/generations`."""

from typing import Any

import msgspec

from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest, GenerateImagesResponse
from routerhub_server import json_codec
from routerhub_server.errors import (
    ContentBlockedError,
    ProviderError,
    RouterHubError,
    UpstreamMisconfiguredError,
)
from routerhub_server.settings import Settings, UpstreamSettings
from routerhub_server.upstreams.base import Facts, Order, Reply, Upstream
from routerhub_server.upstreams.http import HttpRequest, http_upstream
from routerhub_server.upstreams.refusals import Refusal, from_status, unknown_model, words_of
from routerhub_server.upstreams.replies import is_text, parse_reply

BASE_URL = "https://api.openai.com/v1"

_BLOCKED = {"moderation_blocked", "content_policy_violation"}
_UNPAID = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"}
"""Sent as 429 and 400, though neither waiting nor another request helps."""


def openai_upstream(name: str, section: UpstreamSettings, settings: Settings) -> Upstream:
    adapter = OpenAIAdapter(
        section.api_key.get_secret_value() if section.api_key else "",
        section.base_url or BASE_URL,
        organization=section.organization,
        project=section.project,
    )
    return http_upstream(name, adapter, section, settings)


class OpenAIAdapter:
    """Source: OpenAI's OpenAPI document and SDKs, `images.generate`."""

    def __init__(
        self,
        key: str,
        base_url: str = BASE_URL,
        *,
        organization: str | None = None,
        project: str | None = None,
    ) -> None:
        """`base_url` includes the version, e.g. `/v1`."""
        self._url = f"{base_url.rstrip('/')}/images/generations"
        optional = {
            "authorization": f"Bearer {key}" if key else None,
            "openai-organization": organization,
            "openai-project": project,
        }
        self._headers = {"content-type": "application/json"}
        self._headers |= {name: value for name, value in optional.items() if value}

    def encode_request(self, order: Order) -> HttpRequest:
        assert isinstance(order.request, GenerateImagesRequest)
        request = GenerateImagesRequest()
        request.CopyFrom(order.request)
        request.model = order.model
        request.ClearField("stream")  # a stream has another reply
        return HttpRequest(url=self._url, headers=self._headers, body=json_codec.encode(request))

    def decode_reply(self, _order: Order, body: bytes) -> Reply:
        reply = parse_reply(body, _DECODER)
        images = sum(bool(image.url) or is_text(image.b64_json) for image in reply.data or ())
        return Reply(Facts(images=images, usage=reply.usage or {}), body=body, decode=_decode_message)

    def map_error(self, order: Order, refusal: Refusal) -> RouterHubError:
        provider = _provider_error(refusal)
        if provider.code in _BLOCKED:
            return ContentBlockedError(provider.message, provider=provider)
        if provider.code in _UNPAID or provider.type in _UNPAID:
            return UpstreamMisconfiguredError(
                "The upstream's account of the gateway is not paid.", provider=provider
            )
        if provider.code == "invalid_api_key":
            return UpstreamMisconfiguredError(
                "The upstream does not accept the gateway's credentials.", provider=provider
            )
        if provider.code == "model_not_found" or provider.message.startswith("Model not found"):
            return unknown_model(order.model, provider)
        return from_status(refusal, provider, refusal.retry_after)


def _provider_error(refusal: Refusal) -> ProviderError:
    error = refusal.error
    known = {"message", "type", "param", "code"}
    return ProviderError(
        status=refusal.status,
        message=words_of(refusal),
        type=_text(error.get("type")),
        param=_text(error.get("param")),
        code=_text(error.get("code")),
        extra={name: value for name, value in error.items() if name not in known},
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _decode_message(body: bytes) -> GenerateImagesResponse:
    return json_codec.decode_reply(body, GenerateImagesResponse)


# What a reply is read for, and no more: image data stays where it is, as a view into the body.


class _Image(msgspec.Struct):
    b64_json: msgspec.Raw = msgspec.Raw()
    url: str | None = None


class _Reply(msgspec.Struct):
    data: list[_Image] | None = None
    usage: dict[str, Any] | None = None


_DECODER = msgspec.json.Decoder(_Reply)
