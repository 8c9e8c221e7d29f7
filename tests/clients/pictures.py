"""Pictures that the clients send, and a look at those that they get."""

import io

from PIL import Image, ImageColor


def looks(file: bytes) -> tuple[str, tuple[int, int]]:
    """Format and size of an image file, all of its pixels read."""
    with Image.open(io.BytesIO(file)) as image:
        image.load()
        assert image.format is not None
        return image.format, image.size


def square(color: str, side: int = 64) -> bytes:
    """A PNG of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (side, side), color).save(file, "PNG")
    return file.getvalue()


def share_of(color: str, file: bytes) -> float:
    """The share of the picture's pixels that have about this colour, 0 to 1."""
    with Image.open(io.BytesIO(file)) as image:
        values = image.convert("RGB").resize((128, 128)).tobytes()
    wanted = ImageColor.getrgb(color)
    near = [
        all(abs(a - b) < 48 for a, b in zip(values[i : i + 3], wanted, strict=True))
        for i in range(0, len(values), 3)
    ]
    return sum(near) / len(near)
