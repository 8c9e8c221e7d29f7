import pytest
from PIL import Image

from routerhub_server.results.headers import Header, read_header
from tests.results.samples import HEAD_BYTES, jpeg_with_manifest, noisy_png, png_with_manifest, sample

SIZES = [(1, 1), (1024, 1536), (3168, 1344), (16383, 3)]


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize(
    ("image_format", "mode", "options"),
    [
        ("PNG", "RGB", {}),
        ("PNG", "P", {}),
        ("JPEG", "RGB", {}),
        ("JPEG", "L", {"progressive": True}),
        ("JPEG", "RGB", {"exif": b"Exif\0\0" + b"x" * 20_000, "icc_profile": b"p" * 30_000}),
        ("GIF", "P", {}),
        ("WEBP", "RGB", {}),
        ("WEBP", "RGBA", {"lossless": True}),
        ("WEBP", "RGB", {"icc_profile": b"p" * 100}),
        ("AVIF", "RGB", {"speed": 10}),
    ],
    ids=["png", "palette", "jpeg", "progressive", "exif", "gif", "lossy", "lossless", "extended", "avif"],
)
def test_format_and_pixels_are_read_from_the_first_bytes(
    image_format: str, mode: str, options: dict[str, object], width: int, height: int
) -> None:
    data = sample(image_format, width, height, mode, **options)
    expected = Header(Image.MIME[image_format], width, height)
    assert read_header(data) == expected
    assert read_header(data[:HEAD_BYTES]) == expected


def test_webp_samples_are_of_all_three_kinds() -> None:
    kinds = [
        sample("WEBP", 8, 8)[12:16],
        sample("WEBP", 8, 8, "RGBA", lossless=True)[12:16],
        sample("WEBP", 8, 8, icc_profile=b"p")[12:16],
    ]
    assert kinds == [b"VP8 ", b"VP8L", b"VP8X"]


def test_megabytes_are_known_by_their_beginning() -> None:
    data = noisy_png(2048, 1152)
    assert len(data) > 2_000_000
    assert read_header(data[:HEAD_BYTES]) == Header("image/png", 2048, 1152)
    assert read_header(data[:33]) == Header("image/png", 2048, 1152)


def test_long_manifest_hides_no_png() -> None:
    data = png_with_manifest(640, 480, 300_000)
    assert read_header(data[:HEAD_BYTES]) == Header("image/png", 640, 480)


def test_jpeg_whose_manifest_fills_the_head_keeps_its_format() -> None:
    assert read_header(jpeg_with_manifest(640, 480, 50_000)[:HEAD_BYTES]) == Header("image/jpeg", 640, 480)
    assert read_header(jpeg_with_manifest(640, 480, 300_000)[:HEAD_BYTES]) == Header("image/jpeg")


@pytest.mark.parametrize(
    "text",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\xef\xbb\xbf<?xml version='1.0'?>\n<svg/>",
        b"  \n<!-- a lighthouse --><svg/>",
    ],
)
def test_svg_is_known_without_a_size(text: bytes) -> None:
    assert read_header(text) == Header("image/svg+xml")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 60,
        sample("PNG", 4, 4)[:20],
        b"\xff\xd8\xff\xe0\0\x01" + b"\0" * 60,
        b"\xff\xd8\xff\xe0\0\x08" + b"\0" * 60,
        b"GIF89a\x01",
        b"RIFF\0\0\0\0WEBPVP8 \0\0",
        b"RIFF\0\0\0\0WEBPXXXX" + b"\0" * 60,
        b"RIFF\0\0\0\0WAVEfmt ",
        b"\0\0\0\x18ftypisom" + b"\0" * 60,
        b"%PDF-1.7",
        b"<html>502 Bad Gateway</html>",
        b"just words",
    ],
)
def test_damaged_or_foreign_bytes_are_no_image(data: bytes) -> None:
    assert read_header(data) is None
