"""Gemini's shape on the wire, as far as all who speak it agree: replies and refusals."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest, GenerateContentResponse
from routerhub_server import json_codec
from routerhub_server.errors import (
    ProviderError,
    RouterHubError,
    UpstreamMisconfiguredError,
    UpstreamRejectedError,
)
from routerhub_server.upstreams.base import Facts, ImageHead, Reply, Request
from routerhub_server.upstreams.base64_cuts import Skeleton, cut_base64
from routerhub_server.upstreams.refusals import Refusal, from_status, unknown_model, words_of
from routerhub_server.upstreams.replies import image_head, parse_reply, refuse_error, unknown_fields

_CALLERS_OWN = re.compile(r"\bFile\b|\bCachedContent\b|\b(files|cachedContents)/")
"""Google answers 403 or 404 for a file or cached content that the request names and that is not there."""


def content_of(request: Request) -> GenerateContentRequest:
    """A copy to send, without the model: it stands in the path alone."""
    assert isinstance(request, GenerateContentRequest)
    content = GenerateContentRequest()
    content.CopyFrom(request)  # 0.1 ms a megabyte; the original serves again, for a second attempt
    content.ClearField("model")
    return content


def read_content(body: bytes) -> Reply:
    """Raises UpstreamBadReplyError."""
    skeleton = cut_base64(body)
    reply = parse_reply(skeleton.body, _DECODER)
    refuse_error(reply.error if not reply.candidates else None)
    feedback = reply.prompt_feedback or _PromptFeedback()
    parts = [part for part in _parts(reply) if not part.thought]  # drafts come as thoughts
    facts = Facts(
        images=sum(_is_image(part) for part in parts),
        usage=reply.usage_metadata or {},
        finish_reasons=tuple(str(c.finish_reason) for c in reply.candidates or () if c.finish_reason),
        block_reason=str(feedback.block_reason or ""),
        model_version=reply.model_version or "",
        texts=any(part.text for part in parts),
        heads=tuple(_heads(parts, skeleton)),
        unknown_fields=unknown_fields(skeleton, GenerateContentResponse),
    )
    return Reply(facts, body=body, decode=_decode_message)


def map_google_error(model: str, refusal: Refusal, provider: ProviderError | None = None) -> RouterHubError:
    """What a refusal in Google's words (`provider`, if read already) means, of a call for `model`."""
    provider = provider or google_error(refusal)
    if _is_operators_key(provider):
        return UpstreamMisconfiguredError(
            "The upstream does not accept the gateway's credentials.", provider=provider
        )
    if refusal.status in (403, 404) and _CALLERS_OWN.search(provider.message):
        return UpstreamRejectedError(provider)
    if refusal.status == 404 and provider.google_status == "NOT_FOUND":
        return unknown_model(model, provider)
    if refusal.status == 400 and provider.google_status == "FAILED_PRECONDITION":
        # Billing is off, or Google does not serve the gateway's country.
        return UpstreamMisconfiguredError("The upstream does not serve this gateway.", provider=provider)
    return from_status(refusal, provider, refusal.retry_after or _retry_delay(provider))


def google_error(refusal: Refusal) -> ProviderError:
    error = refusal.error
    details = error.get("details")
    return ProviderError(
        status=refusal.status,
        message=words_of(refusal),
        google_status=str(error.get("status") or ""),
        details=tuple(d for d in details if isinstance(d, dict)) if isinstance(details, list) else (),
    )


def _decode_message(body: bytes) -> GenerateContentResponse:
    return json_codec.decode_reply(body, GenerateContentResponse)


def _is_operators_key(provider: ProviderError) -> bool:
    """A bad key is a 400 INVALID_ARGUMENT with Google."""
    reasons = (str(detail.get("reason", "")) for detail in provider.details)
    return provider.status == 400 and (
        any(reason.startswith("API_KEY_") for reason in reasons) or provider.message.startswith("API key ")
    )


def _retry_delay(provider: ProviderError) -> float | None:
    """Seconds from RetryInfo, e.g. `"retryDelay": "3.29s"`."""
    for detail in provider.details:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(detail.get("retryDelay", "")))
        if match:
            return float(match[1])
    return None


# What a reply is read for, and no more.


class _InlineData(msgspec.Struct, rename="camel"):
    mime_type: str | None = None
    data: str | None = None


class _FileData(msgspec.Struct, rename="camel"):
    mime_type: str | None = None
    file_uri: str | None = None


class _Part(msgspec.Struct, rename="camel"):
    text: str | None = None
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
    error: Any = None
    candidates: list[_Candidate] | None = None
    prompt_feedback: _PromptFeedback | None = None
    usage_metadata: dict[str, Any] | None = None
    model_version: str | None = None


_DECODER = msgspec.json.Decoder(_Reply)


def _parts(reply: _Reply) -> Iterator[_Part]:
    for candidate in reply.candidates or ():
        if candidate.content:
            yield from candidate.content.parts or ()


def _heads(parts: list[_Part], skeleton: Skeleton) -> Iterator[ImageHead]:
    for part in parts:
        if part.inline_data and part.inline_data.data and _is_image(part):
            yield image_head(skeleton, part.inline_data.data, part.inline_data.mime_type or "")


def _is_image(part: _Part) -> bool:
    if part.inline_data:
        return (part.inline_data.mime_type or "").startswith("image/") and bool(part.inline_data.data)
    file = part.file_data
    return file is not None and (file.mime_type or "").startswith("image/") and bool(file.file_uri)
