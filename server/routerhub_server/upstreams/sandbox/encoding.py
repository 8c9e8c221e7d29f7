"""Drawing -> image file."""

from dataclasses import dataclass
from io import BytesIO
from typing import Any

from PIL import Image, ImageEnhance

FORMATS = ("png", "jpeg", "webp", "gif")


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a drawing is written."""

    format: str = "png"
    """One of FORMATS."""
    quality: int = 100
    """0 (smallest) to 100 (best); counts for jpeg and webp."""
    frames: int = 1
    """gif only: pictures in the animation."""
    frame_ms: int = 200
    min_bytes: int = 0
    """Padding up to this size, behind the end of the image."""

    @property
    def mime_type(self) -> str:
        return f"image/{self.format}"


def encode_image(picture: Image.Image, encoding: Encoding) -> bytes:
    """The file's bytes. What a format cannot hold (alpha in jpeg) is flattened."""
    if encoding.format == "jpeg":
        picture = picture.convert("RGB")
    file = BytesIO()
    picture.save(file, encoding.format, **_options(picture, encoding))
    return file.getvalue().ljust(encoding.min_bytes, b"\0")


def _options(picture: Image.Image, encoding: Encoding) -> dict[str, Any]:
    if encoding.format == "png":
        return {"compress_level": 1}  # a third of the default's CPU
    if encoding.format == "gif":
        frames = [_dimmed(picture, number / encoding.frames) for number in range(1, encoding.frames)]
        return {"save_all": True, "append_images": frames, "duration": encoding.frame_ms, "loop": 0}
    return {"quality": max(1, encoding.quality)} | ({"method": 1} if encoding.format == "webp" else {})


def _dimmed(picture: Image.Image, share: float) -> Image.Image:
    """The picture with the light going; no two frames are alike, for Pillow would make them one."""
    return ImageEnhance.Brightness(picture.convert("RGB")).enhance(1 - 0.7 * share)
