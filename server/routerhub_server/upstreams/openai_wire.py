"""OpenAI's shape on the wire, as far as all who speak it agree: requests, replies and refusals."""

from collections.abc import Iterator
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
from routerhub_server.upstreams.base import Facts, ImageHead, Order, Reply
from routerhub_server.upstreams.base64_cuts import Skeleton, cut_base64
from routerhub_server.upstreams.refusals import Refusal, from_status, unknown_model, words_of
from routerhub_server.upstreams.replies import image_head, parse_reply, refuse_error, unknown_fields

_BLOCKED = {"moderation_blocked", "content_policy_violation"}
_UNPAID = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"}
"""Sent as 429 and 400, though neither waiting nor another request helps."""
_MIME_TYPES = {"svg": "image/svg+xml"}


def images_body(order: Order) -> bytes:
    """The request's JSON, with the upstream's model."""
    assert isinstance(order.request, GenerateImagesRequest)
    request = GenerateImagesRequest()
    request.CopyFrom(order.request)
    request.model = order.model
    request.ClearField("stream")  # a stream has another reply
    return json_codec.encode(request)


def read_images(body: bytes) -> Reply:
    """Raises UpstreamBadReplyError."""
    skeleton = cut_base64(body)
    reply = parse_reply(skeleton.body, _DECODER)
    refuse_error(reply.error if not reply.data else None)
    facts = Facts(
        images=sum(bool(image.url or image.b64_json) for image in reply.data or ()),
        usage=reply.usage or {},
        heads=tuple(_heads(reply, skeleton)),
        unknown_fields=unknown_fields(skeleton, GenerateImagesResponse),
    )
    return Reply(facts, body=body, decode=_decode_message)


def map_openai_error(model: str, refusal: Refusal, provider: ProviderError | None = None) -> RouterHubError:
    """What a refusal in OpenAI's words (`provider`, if read already) means, of a call for `model`."""
    provider = provider or openai_error(refusal)
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
        return unknown_model(model, provider)
    return from_status(refusal, provider, refusal.retry_after)


def openai_error(refusal: Refusal) -> ProviderError:
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


def check_listed(model: str, body: bytes) -> None:
    """Whether a list of models has this one. Raises UpstreamMisconfiguredError, UpstreamBadReplyError."""
    listed = parse_reply(body, _LIST_DECODER)
    if model not in {entry.id for entry in listed.data}:
        raise UpstreamMisconfiguredError(f"The upstream does not list the model {model!r}.")


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _decode_message(body: bytes) -> GenerateImagesResponse:
    return json_codec.decode_reply(body, GenerateImagesResponse)


# What a reply is read for, and no more.


class _Image(msgspec.Struct):
    b64_json: str | None = None
    url: str | None = None


class _Reply(msgspec.Struct):
    error: Any = None
    data: list[_Image] | None = None
    output_format: str | None = None
    usage: dict[str, Any] | None = None


class _Model(msgspec.Struct):
    id: str


class _List(msgspec.Struct):
    data: list[_Model]


_DECODER = msgspec.json.Decoder(_Reply)
_LIST_DECODER = msgspec.json.Decoder(_List)


def _heads(reply: _Reply, skeleton: Skeleton) -> Iterator[ImageHead]:
    name = reply.output_format or ""
    mime_type = _MIME_TYPES.get(name, f"image/{name}" if name else "")
    for image in reply.data or ():
        if image.b64_json:
            yield image_head(skeleton, image.b64_json, mime_type)
