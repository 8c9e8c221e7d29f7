"""The Gemini Developer API: `POST {base_url}/v1beta/models/{model}:generateContent`."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec

from routerhub.images.v1.gemini_pb2 import (
    GenerateContentRequest,
    GenerateContentResponse,
    ResponseFormat,
)
from routerhub_server import json_codec
from routerhub_server.errors import (
    ProviderError,
    RouterHubError,
    UpstreamMisconfiguredError,
    UpstreamRejectedError,
)
from routerhub_server.settings import Settings, UpstreamSettings
from routerhub_server.upstreams.base import Facts, Order, Reply, Request, Upstream
from routerhub_server.upstreams.http import HttpRequest, http_upstream
from routerhub_server.upstreams.refusals import Refusal, from_status, unknown_model, words_of
from routerhub_server.upstreams.replies import is_text, parse_reply

BASE_URL = "https://generativelanguage.googleapis.com"

_CALLERS_OWN = re.compile(r"\bFile\b|\bCachedContent\b|\b(files|cachedContents)/")
"""Google answers 403 or 404 for a file or cached content that the request names and that is not there."""


def gemini_upstream(name: str, section: UpstreamSettings, settings: Settings) -> Upstream:
    key = section.api_key.get_secret_value() if section.api_key else ""
    return http_upstream(name, GeminiAdapter(key, section.base_url or BASE_URL), section, settings)


class GeminiAdapter:
    """Source: Google's public proto, SDKs and documentation of `generateContent`."""

    def __init__(self, key: str, base_url: str = BASE_URL) -> None:
        """`base_url` is what stands before `/v1beta`; it may have a path."""
        self._models_url = f"{base_url.rstrip('/')}/v1beta/models/"
        self._headers = {"content-type": "application/json"} | ({"x-goog-api-key": key} if key else {})

    def encode_request(self, order: Order) -> HttpRequest:
        return HttpRequest(
            url=f"{self._models_url}{quote(order.model, safe='')}:generateContent",
            headers=self._headers,
            body=_body(order.request),
        )

    def decode_reply(self, _order: Order, body: bytes) -> Reply:
        reply = parse_reply(body, _DECODER)
        feedback = reply.prompt_feedback or _PromptFeedback()
        facts = Facts(
            images=sum(_is_image(part) for part in _parts(reply)),
            usage=reply.usage_metadata or {},
            finish_reasons=tuple(str(c.finish_reason) for c in reply.candidates or () if c.finish_reason),
            block_reason=str(feedback.block_reason or ""),
            model_version=reply.model_version or "",
        )
        return Reply(facts, body=body, decode=_decode_message)

    def map_error(self, order: Order, refusal: Refusal) -> RouterHubError:
        error = refusal.error
        details = [detail for detail in _list(error.get("details")) if isinstance(detail, dict)]
        provider = ProviderError(
            status=refusal.status,
            message=words_of(refusal),
            google_status=str(error.get("status") or ""),
            details=tuple(details),
        )
        if _is_operators_key(provider):
            return UpstreamMisconfiguredError(
                "The upstream does not accept the gateway's credentials.", provider=provider
            )
        if refusal.status in (403, 404) and _CALLERS_OWN.search(provider.message):
            return UpstreamRejectedError(provider)
        if refusal.status == 404 and provider.google_status == "NOT_FOUND":
            return unknown_model(order.model, provider)
        if refusal.status == 400 and provider.google_status == "FAILED_PRECONDITION":
            # Billing is off, or Google does not serve the gateway's country.
            return UpstreamMisconfiguredError("The upstream does not serve this gateway.", provider=provider)
        return from_status(refusal, provider, refusal.retry_after or _retry_delay(details))


def _body(request: Request) -> bytes:
    """The request's JSON, without the model: Google takes it from the path alone."""
    assert isinstance(request, GenerateContentRequest)
    content = GenerateContentRequest()
    content.CopyFrom(request)  # 0.1 ms a megabyte; the original serves again, for a second attempt
    content.ClearField("model")
    formats = list(content.generation_config.response_format)
    return _with_response_format(content, formats) if formats else json_codec.encode(content)


def _with_response_format(content: GenerateContentRequest, formats: list[ResponseFormat]) -> bytes:
    """`responseFormat` is a list in our proto and on Vertex AI, an object here."""
    merged = ResponseFormat()
    for entry in formats:
        merged.MergeFrom(entry)
    content.generation_config.ClearField("response_format")
    body = msgspec.json.decode(json_codec.encode(content), type=dict[str, msgspec.Raw])
    config = msgspec.json.decode(body["generationConfig"], type=dict[str, msgspec.Raw])
    config["responseFormat"] = msgspec.Raw(json_codec.encode(merged))
    body["generationConfig"] = msgspec.Raw(msgspec.json.encode(config))
    return msgspec.json.encode(body)


def _decode_message(body: bytes) -> GenerateContentResponse:
    return json_codec.decode_reply(body, GenerateContentResponse)


def _is_operators_key(provider: ProviderError) -> bool:
    """A bad key is a 400 INVALID_ARGUMENT with Google."""
    reasons = (str(detail.get("reason", "")) for detail in provider.details)
    return provider.status == 400 and (
        any(reason.startswith("API_KEY_") for reason in reasons) or provider.message.startswith("API key ")
    )


def _retry_delay(details: list[dict[str, Any]]) -> float | None:
    """Seconds from RetryInfo, e.g. `"retryDelay": "3.29s"`."""
    for detail in details:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(detail.get("retryDelay", "")))
        if match:
            return float(match[1])
    return None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


# What a reply is read for, and no more: image data stays where it is, as a view into the body.


class _InlineData(msgspec.Struct, rename="camel"):
    mime_type: str | None = None
    data: msgspec.Raw = msgspec.Raw()


class _FileData(msgspec.Struct, rename="camel"):
    mime_type: str | None = None
    file_uri: str | None = None


class _Part(msgspec.Struct, rename="camel"):
    thought: bool | None = None
    inline_data: _InlineData | None = None
    file_data: _FileData | None = None


class _Content(msgspec.Struct):
    parts: list[_Part] | None = None


class _Candidate(msgspec.Struct, rename="camel"):
    content: _Content | None = None
    finish_reason: str | int | None = None


class _PromptFeedback(msgspec.Struct, rename="camel"):
    block_reason: str | int | None = None


class _Reply(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    prompt_feedback: _PromptFeedback | None = None
    usage_metadata: dict[str, Any] | None = None
    model_version: str | None = None


_DECODER = msgspec.json.Decoder(_Reply)


def _parts(reply: _Reply) -> Iterator[_Part]:
    for candidate in reply.candidates or ():
        if candidate.content:
            yield from candidate.content.parts or ()


def _is_image(part: _Part) -> bool:
    """Whether the part is an image for the caller; drafts come as thoughts."""
    if part.thought:
        return False
    if part.inline_data:
        return (part.inline_data.mime_type or "").startswith("image/") and is_text(part.inline_data.data)
    file = part.file_data
    return file is not None and (file.mime_type or "").startswith("image/") and bool(file.file_uri)
