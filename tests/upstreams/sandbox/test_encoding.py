from io import BytesIO

import pytest
from PIL import Image, ImageSequence

from routerhub_server.upstreams.sandbox.drawing import Subject, draw
from routerhub_server.upstreams.sandbox.encoding import FORMATS, Encoding, encode_image

OPAQUE = draw(Subject("a fox", (256, 192)))
TRANSPARENT = draw(Subject("a fox", (256, 192), transparent=True))


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("drawing", [OPAQUE, TRANSPARENT], ids=["opaque", "transparent"])
def test_file_opens_in_its_format_and_size(name: str, drawing: Image.Image) -> None:
    image = Image.open(BytesIO(encode_image(drawing, Encoding(name))))
    image.load()
    assert (image.format, image.size) == (name.upper(), (256, 192))


@pytest.mark.parametrize("name", ["png", "webp"])
def test_alpha_survives_where_the_format_has_it(name: str) -> None:
    image = Image.open(BytesIO(encode_image(TRANSPARENT, Encoding(name))))
    assert image.mode == "RGBA"
    assert image.getchannel("A").getextrema() == (0, 255)


@pytest.mark.parametrize("name", ["jpeg", "webp"])
def test_lower_quality_makes_smaller_files(name: str) -> None:
    sizes = [len(encode_image(OPAQUE, Encoding(name, quality=quality))) for quality in (100, 80, 50, 10, 0)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] * 2 < sizes[0]


@pytest.mark.parametrize("name", FORMATS)
def test_padding_fills_up_to_the_size_and_leaves_the_image_alone(name: str) -> None:
    file = encode_image(OPAQUE, Encoding(name))
    padded = encode_image(OPAQUE, Encoding(name, min_bytes=300_000))
    assert len(padded) == 300_000
    assert Image.open(BytesIO(padded)).tobytes() == Image.open(BytesIO(file)).tobytes()


def test_padding_never_cuts() -> None:
    assert encode_image(OPAQUE, Encoding(min_bytes=10)) == encode_image(OPAQUE, Encoding())


def test_gif_has_its_frames_and_their_delay() -> None:
    image = Image.open(BytesIO(encode_image(OPAQUE, Encoding("gif", frames=5, frame_ms=120))))
    assert [frame.info["duration"] for frame in ImageSequence.Iterator(image)] == [120] * 5
