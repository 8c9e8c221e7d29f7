import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image

from routerhub_server.errors import UpstreamRejectedError
from routerhub_server.upstreams.sandbox.inputs import read_image
from tests.upstreams.sandbox.orders import photo


def png_header(width: int, height: int) -> bytes:
    """A PNG of so many pixels by its header, with next to nothing in it."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "GIF", "AVIF"])
def test_readable_formats_are_read(image_format: str) -> None:
    image = read_image(photo((90, 60), "red", image_format), f"image/{image_format.lower()}")
    assert (image.size, image.mode) == ((90, 60), "RGBA")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "RGB", "RGBA"])
def test_every_png_mode_is_read(mode: str) -> None:
    file = BytesIO()
    Image.new(mode, (8, 8)).save(file, "PNG")
    assert read_image(file.getvalue(), "image/png").mode == "RGBA"


def test_large_image_is_scaled_in_proportion() -> None:
    assert read_image(photo((3072, 1024)), "image/png").size == (1536, 512)


def test_camera_orientation_is_followed() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    file = BytesIO()
    Image.new("RGB", (90, 60)).save(file, "JPEG", exif=exif)
    assert read_image(file.getvalue(), "image/jpeg").size == (60, 90)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not an image",
        photo()[:-40],
        photo((200, 200), "red", "JPEG")[:300],
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        png_header(8001, 8000),
        png_header(12000, 12000),
        png_header(60000, 60000),
    ],
    ids=["empty", "text", "cut png", "cut jpeg", "postscript", "64 MP", "144 MP", "3.6 GP"],
)
def test_what_is_no_image_is_refused_in_googles_words(data: bytes) -> None:
    with pytest.raises(UpstreamRejectedError) as caught:
        read_image(data, "image/png")
    assert caught.value.provider.status == 400
    assert caught.value.provider.google_status == "INVALID_ARGUMENT"
    assert caught.value.message == "Unable to process input image."


@pytest.mark.parametrize("mime_type", ["image/heic", "image/heif", "application/pdf"])
def test_types_without_a_decoder_get_a_placeholder(mime_type: str) -> None:
    assert read_image(b"whatever", mime_type).size == (480, 360)
