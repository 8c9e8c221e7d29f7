"""Opens the images that a request brings along: strangers' bytes, so with care."""

from io import BytesIO

from PIL import Image, ImageDraw, ImageFont, ImageOps

from routerhub_server.upstreams.sandbox.failures import rejected

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "AVIF")
_READABLE = frozenset({"image/png", "image/jpeg", "image/jpg", "image/webp", "image/gif", "image/avif"})
_MAX_PIXELS = 64_000_000  # by the header, before anything is decoded: a tiny file can unfold to gigabytes
_MAX_SIDE = 1536  # px; more would not be seen on a drawing


def read_image(data: bytes, mime_type: str) -> Image.Image:
    """The image in RGBA, scaled to at most 1536 pixels a side; a placeholder where Pillow knows no such type.

    Raises UpstreamRejectedError in Google's words if the bytes are no image of a readable size.
    """
    if mime_type.lower() not in _READABLE:
        return placeholder(mime_type.rpartition("/")[2].upper())
    try:
        return _decode(data)
    except Exception as error:  # decoders raise nearly anything on hostile bytes
        raise rejected("Unable to process input image.") from error


def placeholder(title: str) -> Image.Image:
    """Stands in for an input that cannot be looked at, e.g. one given by URI."""
    tile = Image.new("RGBA", (480, 360), (120, 126, 140, 255))
    canvas = ImageDraw.Draw(tile)
    canvas.line((0, 0, 480, 360), fill=(140, 146, 160, 255), width=3)
    canvas.line((0, 360, 480, 0), fill=(140, 146, 160, 255), width=3)
    font = ImageFont.load_default(64)
    canvas.text((240, 180), title[:12], font=font, anchor="mm", fill=(255, 255, 255, 255))
    return tile


def _decode(data: bytes) -> Image.Image:
    with Image.open(BytesIO(data), formats=_FORMATS) as image:
        if image.width * image.height > _MAX_PIXELS:
            raise Image.DecompressionBombError(f"{image.width}x{image.height} pixels")
        image.thumbnail((_MAX_SIDE, _MAX_SIDE), Image.Resampling.BILINEAR)
        return ImageOps.exif_transpose(image).convert("RGBA")
