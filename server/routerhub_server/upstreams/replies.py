"""Reading a provider's reply for its facts without copying its images."""

from contextlib import suppress
from typing import Any, TypeVar

import msgspec
from google.protobuf.message import Message

from routerhub_server import json_codec
from routerhub_server.errors import UpstreamBadReplyError
from routerhub_server.upstreams.base import ImageHead
from routerhub_server.upstreams.base64_cuts import Skeleton

_T = TypeVar("_T")


def parse_reply(body: bytes, decoder: msgspec.json.Decoder[_T]) -> _T:
    """The fields that the decoder's type names, of a complete JSON object. Raises UpstreamBadReplyError."""
    try:
        if not body.isascii():
            body.decode()  # msgspec does not look into the strings that it skips
        return decoder.decode(body)
    except (ValueError, RecursionError) as error:
        raise UpstreamBadReplyError("The upstream's reply was not understood.", spent="yes") from error


def refuse_error(error: Any) -> None:
    """Proxies answer 200 with an error instead of a result. Raises UpstreamBadReplyError where one has."""
    if error:
        raise UpstreamBadReplyError("The upstream answered 200 with an error.", spent="yes")


def image_head(skeleton: Skeleton, data: str, mime_type: str) -> ImageHead:
    """The beginning of an inline image. Raises UpstreamBadReplyError where it is not base64."""
    try:
        return ImageHead(mime_type, skeleton.head(data))
    except ValueError as error:
        raise UpstreamBadReplyError("The upstream's image is not base64.", spent="yes") from error


def unknown_fields(skeleton: Skeleton, message_type: type[Message]) -> tuple[str, ...]:
    """Dotted names of what the message type does not know, as far as the reply fits the type."""
    unknown: list[str] = []
    with suppress(UpstreamBadReplyError):
        json_codec.decode_reply(skeleton.body, message_type, unknown)
    return tuple(unknown)
