"""Checks of what the image should be like: `image_config`, and `response_format.image` which repeats it."""

from collections.abc import Iterator

from routerhub.images.v1.gemini_pb2 import GenerationConfig, ResponseFormat
from routerhub_server.catalogue import GeminiLimits
from routerhub_server.catalogue.spellings import (
    ASPECT_RATIOS,
    IMAGE_SIZES,
    SIZE_SPELLINGS,
    plain_ratio,
    plain_size,
)
from routerhub_server.errors import Violation
from routerhub_server.validation.gemini.words import rule, shortened, unknown_name


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
    if ratio in ASPECT_RATIOS:
        yield Violation(field, f"Aspect ratio {ratio} is not supported for this model")
    else:
        *first, last = (f"'{known}'" for known in ASPECT_RATIOS)
        yield rule(field, f"aspect_ratio must be one of {', '.join(first)}, or {last}.")


def _image_size(field: str, size: str, limits: GeminiLimits) -> Iterator[Violation]:
    if not size or limits.image_sizes is None or SIZE_SPELLINGS.get(size, size) in limits.image_sizes:
        return
    if size in IMAGE_SIZES:
        yield Violation(field, f"Image size {size} is not supported for this model")
    else:
        text = f"Unsupported image_size '{shortened(size)}'. Supported values are: {', '.join(IMAGE_SIZES)}."
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
