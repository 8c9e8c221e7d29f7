"""Checks of what the image should be like: `image_config`, and `response_format.image` which repeats it."""

from collections.abc import Iterator

from routerhub.images.v1.gemini_pb2 import GenerationConfig, ResponseFormat
from routerhub_server.catalogue import GeminiLimits
from routerhub_server.errors import Violation
from routerhub_server.validation.gemini.words import rule, shortened, unknown_name

# Every ratio and size of the API, in the order of its error texts; a model takes some of them.
_ASPECT_RATIOS = (
    "1:1", "1:4", "1:8", "2:3", "3:2", "3:4", "4:1", "4:3", "4:5", "5:4", "8:1", "9:16", "16:9", "21:9",
)  # fmt: skip
_IMAGE_SIZES = ("1K", "2K", "4K", "512", "512P", "512PX")

# Two further spellings that the API has for one size.
SIZE_SPELLINGS = {"512P": "512", "512PX": "512"}

_NUMBERS = {
    "ONE": "1",
    "TWO": "2",
    "THREE": "3",
    "FOUR": "4",
    "FIVE": "5",
    "EIGHT": "8",
    "NINE": "9",
    "SIXTEEN": "16",
    "TWENTY_ONE": "21",
}
_SIZE_NAMES = {"FIVE_TWELVE": "512", "ONE_K": "1K", "TWO_K": "2K", "FOUR_K": "4K"}


def violations(config: GenerationConfig, limits: GeminiLimits) -> Iterator[Violation]:
    """Breaches in `generation_config.image_config` and `generation_config.response_format`."""
    path = "generation_config.image_config"
    yield from _aspect_ratio(f"{path}.aspect_ratio", config.image_config.aspect_ratio, limits)
    yield from _image_size(f"{path}.image_size", config.image_config.image_size, limits)
    for i, item in enumerate(config.response_format):
        # The Gemini API's own spelling is one object; only Vertex AI's list has positions to name.
        index = f"[{i}]" if len(config.response_format) > 1 else ""
        yield from _response_format(f"generation_config.response_format{index}.image", item.image, limits)


def _aspect_ratio(field: str, ratio: str, limits: GeminiLimits) -> Iterator[Violation]:
    if not ratio or limits.aspect_ratios is None or ratio in limits.aspect_ratios:
        return
    if ratio in _ASPECT_RATIOS:
        yield Violation(field, f"Aspect ratio {ratio} is not supported for this model")
    else:
        *first, last = (f"'{known}'" for known in _ASPECT_RATIOS)
        yield rule(field, f"aspect_ratio must be one of {', '.join(first)}, or {last}.")


def _image_size(field: str, size: str, limits: GeminiLimits) -> Iterator[Violation]:
    if not size or limits.image_sizes is None or SIZE_SPELLINGS.get(size, size) in limits.image_sizes:
        return
    if size in _IMAGE_SIZES:
        yield Violation(field, f"Image size {size} is not supported for this model")
    else:
        text = f"Unsupported image_size '{shortened(size)}'. Supported values are: {', '.join(_IMAGE_SIZES)}."
        yield Violation(field, text)


def _response_format(
    path: str, image: ResponseFormat.ImageResponseFormat, limits: GeminiLimits
) -> Iterator[Violation]:
    """Ratio and size by their enum names, or as `image_config` spells them."""
    ratio, size = plain_ratio(image.aspect_ratio), plain_size(image.image_size)
    if ratio is None:
        field = f"{path}.aspect_ratio"
        yield unknown_name(field, "ImageResponseFormat.AspectRatio", image.aspect_ratio)
    else:
        yield from _aspect_ratio(f"{path}.aspect_ratio", ratio, limits)
    if size is None:
        yield unknown_name(f"{path}.image_size", "ImageResponseFormat.ImageSize", image.image_size)
    else:
        yield from _image_size(f"{path}.image_size", size, limits)


def plain_ratio(written: str) -> str | None:
    """`16:9` for ASPECT_RATIO_SIXTEEN_BY_NINE; empty when unset or unspecified, None for no ratio."""
    name = written.upper().removeprefix("ASPECT_RATIO_")
    if name in ("", "UNSPECIFIED") or name in _ASPECT_RATIOS:
        return name.removeprefix("UNSPECIFIED")
    width, _, height = name.partition("_BY_")
    ratio = f"{_NUMBERS.get(width)}:{_NUMBERS.get(height)}"
    return ratio if ratio in _ASPECT_RATIOS else None


def plain_size(written: str) -> str | None:
    """`2K` for IMAGE_SIZE_TWO_K; empty when unset or unspecified, None for no size."""
    name = written.upper().removeprefix("IMAGE_SIZE_")
    if name in ("", "UNSPECIFIED") or name in _IMAGE_SIZES:
        return name.removeprefix("UNSPECIFIED")
    return _SIZE_NAMES.get(name)
