"""Megabytes of base64 cut out of a reply, so that the rest is small enough to read in full.

A long string hides no quote: looking for a quote in every window finds it at memory speed, and what cannot be
base64 stays where it is. For a reply of 2 MB this takes 0.2 ms, half as long as one pass of a JSON parser.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pybase64

HEAD_BYTES = 65_535
"""Decoded; a multiple of three, so that it ends where a group of four characters ends."""

_WINDOW = 8_192
"""Strings twice as long are always found."""
_PIECE = HEAD_BYTES // 3 * 4


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A JSON text without its long base64 strings. It is valid JSON if, and only if, the whole is."""

    body: bytes
    heads: Mapping[str, bytes]
    """What stands in the place of each string (itself base64) -> its first bytes, decoded."""

    def head(self, text: str) -> bytes:
        """The first bytes of the base64 that `text` is or stands for. Raises ValueError if it is none."""
        if text in self.heads:
            return self.heads[text]
        return _head_of(text.replace("\r", "").replace("\n", "").encode("ascii"))


def cut_base64(body: bytes) -> Skeleton:
    """Standard or URL-safe, padded or not; checked to the last character."""
    view = memoryview(body)
    kept: list[bytes] = []
    heads: dict[str, bytes] = {}
    done = at = 0
    while at < len(body):
        if body.find(b'"', at, at + _WINDOW) >= 0:
            at += _WINDOW
            continue
        start, end = body.rfind(b'"', done, at) + 1, body.find(b'"', at)
        if end < 0:
            break
        at = end + 1
        opens = start > 0 and body[max(start - 2, 0) : start - 1] != b"\\"  # else that quote is escaped
        head = _head_or_none(view[start:end]) if opens else None
        if head is not None:
            name = f"cut{len(heads):05}"
            kept += [body[done:start], name.encode()]
            heads[name] = head
            done = end
    return Skeleton(b"".join([*kept, body[done:]]) if heads else body, heads)


def _head_or_none(text: memoryview) -> bytes | None:
    try:
        return _head_of(text)
    except ValueError:
        return None


def _head_of(text: bytes | memoryview) -> bytes:
    """Raises ValueError for what is not base64, in one alphabet, from end to end."""
    try:
        return _decoded(text, None)
    except ValueError:
        if b"+" in bytes(text) or b"/" in bytes(text):
            raise
        return _decoded(text, b"-_")


def _decoded(text: bytes | memoryview, altchars: bytes | None) -> bytes:
    """All of it is decoded, in pieces that fit the processor's cache; the first piece is kept."""
    head = b""
    for at in range(0, len(text), _PIECE):
        piece = text[at : at + _PIECE]
        if at + _PIECE >= len(text):
            piece = bytes(piece) + b"=" * (-len(piece) % 4)
        data = pybase64.b64decode(piece, altchars=altchars, validate=True)
        if len(data) < HEAD_BYTES and at + _PIECE < len(text):
            raise ValueError("padding before the end")
        head = head or data
    return head
