"""Strict proto3 JSON <-> typed messages, driven by the messages' descriptors.

What a request may hold, where the proto3 JSON mapping leaves room:

* Keys are JSON names or proto names, freely mixed; one field under both names is a violation. A key
  repeated letter by letter is the JSON parser's affair: the last one wins.
* `null` means absent, except in Value fields. Inside a list or a map it is a violation.
* Integers may be written `40.0`.
* In Gemini's shape, as in Google's parser, numbers may be strings (`"40"`) and a single value stands for a
  list of one; not so in OpenAI's.
* Enum names match in any case; numbers are accepted where our enum knows them.
* Base64 is standard or URL-safe, padded or not, with or without line breaks.
* Limits: MAX_DEPTH, MAX_VALUES and MAX_CONTAINERS end in MalformedBodyError; after MAX_VIOLATIONS the
  decoder stops looking for more.
"""

from typing import Literal, TypeVar

import msgspec
from google.protobuf.message import Message

from routerhub_server.errors import InvalidRequestError, MalformedBodyError, UpstreamBadReplyError
from routerhub_server.json_codec.decoder import MAX_DEPTH, Decoder
from routerhub_server.json_codec.encoder import encode
from routerhub_server.json_codec.replies import ReplyErrors
from routerhub_server.json_codec.wording import MAX_VIOLATIONS, GeminiErrors, OpenAIErrors

__all__ = ["MAX_CONTAINERS", "MAX_DEPTH", "MAX_VALUES", "MAX_VIOLATIONS", "decode", "decode_reply", "encode"]

MAX_VALUES = 250_000
"""Values in one request; long chat histories hold some thousands."""
MAX_CONTAINERS = 250_000
"""`[` in one request, and as many `{`, those within strings included; parsed, 3 bytes take 70."""

_REQUEST_ERRORS = {"gemini": GeminiErrors, "openai": OpenAIErrors}

Body = bytes | bytearray | memoryview
M = TypeVar("M", bound=Message)


def decode(body: Body, message_type: type[M], interface: Literal["gemini", "openai"]) -> M:
    """The typed request that `body` (UTF-8 JSON) spells. Base64 becomes raw bytes.

    Raises MalformedBodyError when it is no JSON or breaks a limit, and InvalidRequestError with every
    violation, in the words and paths of `interface`'s vendor.
    """
    body = bytes(body) if isinstance(body, memoryview) else body
    if _more_than(MAX_CONTAINERS, b"[", body) or _more_than(MAX_CONTAINERS, b"{", body):
        raise MalformedBodyError("body holds too many lists or objects")
    errors = _REQUEST_ERRORS[interface]()
    decoder = Decoder(errors, MAX_VALUES)
    message = message_type()
    try:
        decoder.read_root(message, msgspec.json.decode(body))
    except RecursionError:
        raise MalformedBodyError(f"body must not nest deeper than {MAX_DEPTH} levels") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedBodyError("body must be valid JSON") from error
    if errors.violations:
        raise InvalidRequestError(errors.violations)
    return message


def decode_reply(body: Body, message_type: type[M], unknown: list[str] | None = None) -> M:
    """The typed reply that a provider's JSON spells, skipping what our protos do not know yet.

    `unknown` receives what was skipped: dotted proto paths without indexes (`candidates.newThing`), and for
    enum names `path=NAME`; each once, a hundred at most. Raises UpstreamBadReplyError on anything else.
    """
    message = message_type()
    try:
        decoder = Decoder(ReplyErrors([] if unknown is None else unknown))
        decoder.read_root(message, msgspec.json.decode(body))
    except RecursionError:
        raise UpstreamBadReplyError("The provider's reply nests too deep.", spent="yes") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UpstreamBadReplyError("The provider's reply is not valid JSON.", spent="yes") from error
    return message


def _more_than(limit: int, byte: bytes, body: bytes | bytearray) -> bool:
    """Unlike `body.count`, which takes as long as parsing does, `find` skips base64 at memory speed."""
    position = -1
    for _ in range(limit + 1):
        position = body.find(byte, position + 1)
        if position < 0:
            return False
    return True
