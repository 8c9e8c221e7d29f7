"""Format and pixel size of an image from its first bytes, without decoding it.

Pillow is not asked: its plugins want every chunk before the pixels, and provenance manifests (C2PA) and
colour profiles there are often longer than the 64 KiB that we look at.
"""

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Header:
    mime_type: str
    width: int = 0
    """Pixels; 0 where the bytes at hand do not say."""
    height: int = 0


def read_header(data: bytes) -> Header | None:
    """The header of the image whose beginning `data` is; None where it is none that is known, or damaged."""
    mime_type = next((name for name, magic in MAGIC.items() if magic.match(data)), None)
    if mime_type is None:
        return None
    try:
        width, height = SIZES[mime_type](data)
    except (struct.error, IndexError):
        return None
    return Header(mime_type, width, height)


def _png_size(data: bytes) -> Size:
    """PNG specification, 11.2.1: IHDR is always the first chunk."""
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _gif_size(data: bytes) -> Size:
    """GIF89a, section 18."""
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _jpeg_size(data: bytes) -> Size:
    """ITU-T T.81, B.1 and B.2.2: walk the segments to the start of the frame."""
    at = 2
    while at + 4 <= len(data):
        filler, marker, length = struct.unpack_from(">BBH", data, at)
        if filler != 0xFF or length < 2:
            raise IndexError(at)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 + length
    return 0, 0  # metadata fills all that we have


def _webp_size(data: bytes) -> Size:
    """RFC 9649, sections 2.5 to 2.7."""
    kind = data[12:16]
    if kind == b"VP8X":
        size = struct.unpack_from("<HBHB", data, 24)
        return 1 + size[0] + (size[1] << 16), 1 + size[2] + (size[3] << 16)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _avif_size(data: bytes) -> Size:
    """ISO/IEC 23008-12, 6.5.3: image spatial extents; tiles and thumbnails have smaller ones of their own."""
    boxes = re.finditer(b"ispe....", data, re.DOTALL)  # the dots: version and flags
    return max((struct.unpack_from(">II", data, box.end()) for box in boxes), default=(0, 0))


def _no_size(_data: bytes) -> Size:
    return 0, 0


MAGIC: Mapping[str, re.Pattern[bytes]] = MappingProxyType(
    {
        "image/png": re.compile(rb"\x89PNG\r\n\x1a\n....IHDR", re.DOTALL),
        "image/jpeg": re.compile(rb"\xff\xd8\xff"),
        "image/webp": re.compile(rb"RIFF....WEBPVP8[ LX]", re.DOTALL),
        "image/gif": re.compile(rb"GIF8[79]a"),
        "image/avif": re.compile(rb"....ftypavi[fs]", re.DOTALL),
        # Text: an XML declaration, comments and a document type may come first.
        "image/svg+xml": re.compile(rb"(\xef\xbb\xbf)?\s*<(svg|\?xml|!--|!DOCTYPE svg)"),
    }
)
SIZES: Mapping[str, Callable[[bytes], Size]] = MappingProxyType(
    {
        "image/png": _png_size,
        "image/jpeg": _jpeg_size,
        "image/webp": _webp_size,
        "image/gif": _gif_size,
        "image/avif": _avif_size,
        "image/svg+xml": _no_size,  # in CSS units, if at all
    }
)
