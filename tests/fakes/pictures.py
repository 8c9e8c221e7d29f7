"""Real image files for the fakes to send."""

import io
import os
from functools import cache

from PIL import Image

_PIXELS = {"512": 512, "1K": 1024, "2K": 2048, "4K": 4096}


@cache
def picture(width: int, height: int, image_format: str = "PNG") -> bytes:
    """A plain image file: small, quick to make, and of the size that was asked for."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), (30, 120, 200)).save(file, image_format)
    return file.getvalue()


def large_picture(megabytes: float) -> bytes:
    """A PNG of noise, about as large as asked."""
    side = int((megabytes * 2**20 / 3) ** 0.5)
    file = io.BytesIO()
    Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)).save(file, "PNG", compress_level=0)
    return file.getvalue()


def sides(aspect_ratio: str, image_size: str) -> tuple[int, int]:
    """Width and height in pixels: the asked ratio, about the area of the size's square, multiples of 16."""
    across, down = map(int, aspect_ratio.split(":"))
    area = _PIXELS[image_size] ** 2
    width = (area * across / down) ** 0.5
    return round(width / 16) * 16, round(width * down / across / 16) * 16
