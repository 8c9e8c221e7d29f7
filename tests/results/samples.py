"""Real image files, made by Pillow."""

import io
from typing import Any

from PIL import Image, PngImagePlugin

HEAD_BYTES = 64 * 1024
"""What upstreams keep of an image."""


def sample(image_format: str, width: int, height: int, mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (width, height)).save(file, image_format, **options)
    return file.getvalue()


def noisy_png(width: int, height: int) -> bytes:
    """Not compressible: megabytes."""
    file = io.BytesIO()
    Image.effect_noise((width, height), 100).save(file, "PNG")
    return file.getvalue()


def png_with_manifest(width: int, height: int, size: int) -> bytes:
    """With so many bytes of provenance before the pixels, as C2PA puts it there."""
    info = PngImagePlugin.PngInfo()
    info.add(b"caBX", b"j" * size)
    return sample("PNG", width, height, pnginfo=info)


def jpeg_with_manifest(width: int, height: int, size: int) -> bytes:
    """The same in APP11 segments, each of at most 64 KiB."""
    plain = sample("JPEG", width, height)
    segments = b""
    while size > 0:
        part = min(size, 60_000)
        segments += b"\xff\xeb" + (part + 2).to_bytes(2, "big") + b"j" * part
        size -= part
    return plain[:2] + segments + plain[2:]
