"""Reading a provider's reply for its facts without copying its images."""

from typing import TypeVar

import msgspec

from routerhub_server.errors import UpstreamBadReplyError

_T = TypeVar("_T")


def parse_reply(body: bytes, decoder: msgspec.json.Decoder[_T]) -> _T:
    """The fields that the decoder's type names, of a complete JSON object. Raises UpstreamBadReplyError."""
    try:
        if not body.isascii():
            body.decode()  # msgspec does not look into the strings that it skips
        return decoder.decode(body)
    except (ValueError, RecursionError) as error:
        raise UpstreamBadReplyError("The upstream's reply was not understood.", spent="yes") from error


def is_text(raw: msgspec.Raw) -> bool:
    """Whether the JSON value is a string with something in it."""
    view = memoryview(raw)
    return len(view) > 2 and view[0] == ord('"')
