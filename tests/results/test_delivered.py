"""What is said of images that differ from what was asked for."""

from collections.abc import Mapping

import pytest

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest
from routerhub_server.results import mismatches
from routerhub_server.upstreams.base import Facts, ImageHead
from routerhub_server.upstreams.sandbox.sizes import GEMINI_3_PRO, GEMINI_25, GEMINI_31_FLASH, Family
from tests.results.samples import HEAD_BYTES, jpeg_with_manifest, png_with_manifest, sample


def delivered(*images: bytes, mime_type: str = "") -> Facts:
    return Facts(len(images), heads=tuple(ImageHead(mime_type, data[:HEAD_BYTES]) for data in images))


def openai(**fields: object) -> GenerateImagesRequest:
    return GenerateImagesRequest(prompt="a lighthouse", **fields)  # type: ignore[arg-type]  # as the proto has it


def gemini(**image_config: str) -> GenerateContentRequest:
    request = GenerateContentRequest()
    for name, value in image_config.items():
        setattr(request.generation_config.image_config, name, value)
    return request


SQUARE = sample("PNG", 1024, 1024)
WIDE = sample("PNG", 1536, 1024)
JPEG = sample("JPEG", 1024, 1024)
WEBP = sample("WEBP", 1024, 1024)


@pytest.mark.parametrize(
    ("request_", "facts", "found"),
    [
        (openai(), delivered(SQUARE), ()),
        (openai(size="auto"), delivered(WIDE), ()),
        (openai(size="1536x1024"), delivered(WIDE), ()),
        (openai(size="1536x1024"), delivered(SQUARE), ("size=1024x1024/1536x1024",)),
        (openai(n=3), delivered(SQUARE, SQUARE, SQUARE), ()),
        (openai(n=3), delivered(SQUARE), ("count=1/3",)),
        (openai(), delivered(SQUARE, SQUARE), ("count=2/1",)),
        (openai(output_format="webp"), delivered(WEBP), ()),
        (openai(output_format="jpeg"), delivered(SQUARE), ("format=png/jpeg",)),
        (openai(), delivered(JPEG), ("format=jpeg/png",)),
        (openai(output_format="svg"), delivered(b"<svg/>"), ()),
        (openai(output_format="svg"), delivered(SQUARE), ("format=png/svg",)),
        (openai(output_format="svg", size="1024x1024"), delivered(b"<svg/>"), ()),
        (openai(), delivered(b"<html>no image</html>"), ("format=unreadable",)),
        (openai(), delivered(sample("AVIF", 64, 64)), ("format=avif/png",)),
        # Each thing once, however many images share it.
        (openai(n=2, size="1536x1024"), delivered(SQUARE, SQUARE), ("size=1024x1024/1536x1024",)),
        (
            openai(n=3, size="1536x1024", output_format="png"),
            delivered(JPEG, WIDE),
            ("count=2/3", "format=jpeg/png", "size=1024x1024/1536x1024"),
        ),
        # Images that came as an address cannot be looked at.
        (openai(size="1536x1024"), Facts(1), ()),
        # Metadata before the pixels, longer than what we look at.
        (openai(size="1024x1024"), delivered(png_with_manifest(1024, 1024, 200_000)), ()),
        (
            openai(size="1536x1024", output_format="jpeg"),
            delivered(jpeg_with_manifest(1024, 1024, 200_000)),
            (),
        ),
    ],
)
def test_openai(request_: GenerateImagesRequest, facts: Facts, found: tuple[str, ...]) -> None:
    assert mismatches(request_, facts) == found


@pytest.mark.parametrize(
    ("request_", "facts", "found"),
    [
        (gemini(), delivered(WIDE, mime_type="image/png"), ()),
        (gemini(), delivered(SQUARE, SQUARE, mime_type="image/png"), ()),
        (gemini(), delivered(JPEG, mime_type="image/png"), ("format=jpeg/png",)),
        (gemini(), delivered(b"no image", mime_type="image/png"), ("format=unreadable",)),
        (gemini(), delivered(sample("AVIF", 64, 64), mime_type="image/avif"), ()),
        (gemini(aspect_ratio="3:2"), delivered(WIDE), ()),
        (gemini(aspect_ratio="16:9"), delivered(WIDE), ("aspect_ratio=1536x1024/16:9",)),
        (gemini(aspect_ratio="2:3"), delivered(WIDE), ("aspect_ratio=1536x1024/2:3",)),
        (gemini(aspect_ratio="new"), delivered(WIDE), ()),
        (gemini(image_size="1K"), delivered(SQUARE), ()),
        (gemini(image_size="2K"), delivered(SQUARE), ("image_size=1024x1024/2K",)),
        (gemini(image_size="512PX"), delivered(SQUARE), ("image_size=1024x1024/512",)),
        (gemini(image_size="16K"), delivered(SQUARE), ()),
    ],
)
def test_gemini(request_: GenerateContentRequest, facts: Facts, found: tuple[str, ...]) -> None:
    assert mismatches(request_, facts) == found


def test_output_options_of_vertex_name_the_format() -> None:
    request = gemini()
    request.generation_config.image_config.image_output_options.mime_type = "image/jpeg"
    assert mismatches(request, delivered(JPEG)) == ()
    assert mismatches(request, delivered(SQUARE)) == ("format=png/jpeg",)


@pytest.mark.parametrize(
    "wish",
    [
        {
            "aspect_ratio": "ASPECT_RATIO_SIXTEEN_BY_NINE",
            "image_size": "IMAGE_SIZE_TWO_K",
            "mime_type": "IMAGE_JPEG",
        },
        {"aspect_ratio": "16:9", "image_size": "2K", "mime_type": "image/jpeg"},
    ],
)
def test_response_format_asks_the_same_in_other_words(wish: Mapping[str, str]) -> None:
    request = GenerateContentRequest()
    image = request.generation_config.response_format.add().image
    for name, value in wish.items():
        setattr(image, name, value)
    assert mismatches(request, delivered(sample("JPEG", 2752, 1536))) == ()
    assert mismatches(request, delivered(SQUARE)) == (
        "format=png/jpeg",
        "aspect_ratio=1024x1024/16:9",
        "image_size=1024x1024/2K",
    )


@pytest.mark.parametrize("size", ["512", "1K", "2K", "4K"])
@pytest.mark.parametrize("family", [GEMINI_25, GEMINI_3_PRO, GEMINI_31_FLASH])
def test_every_size_that_google_documents_is_as_asked(family: Family, size: str) -> None:
    for ratio in family.pixels:
        image = sample("PNG", *family.size(ratio, size), mode="1")
        assert mismatches(gemini(aspect_ratio=ratio, image_size=size), delivered(image)) == ()


def test_every_other_size_that_google_documents_is_not() -> None:
    pixels = GEMINI_31_FLASH.pixels
    for asked in pixels:
        for other in pixels.keys() - {asked}:
            found = mismatches(gemini(aspect_ratio=asked), delivered(sample("PNG", *pixels[other], mode="1")))
            assert found == (f"aspect_ratio={pixels[other][0]}x{pixels[other][1]}/{asked}",)
    for asked, other in [("1K", "2K"), ("2K", "1K"), ("4K", "2K"), ("512", "1K")]:
        image = sample("PNG", *GEMINI_31_FLASH.size("21:9", other), mode="1")
        assert len(mismatches(gemini(image_size=asked), delivered(image))) == 1
