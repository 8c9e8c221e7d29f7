"""Checks of `images/generations`, in OpenAI's words."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, Literal

from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest
from routerhub_server.catalogue import FlexibleSize, OpenAIModel
from routerhub_server.errors import Violation

_Field = Literal["response_format", "style", "complexity", "frame_count", "frame_duration_ms", "svg"]
_EXTRA_PARAMETERS: Final[tuple[_Field, ...]] = (
    "response_format",
    "style",
    "complexity",
    "frame_count",
    "frame_duration_ms",
    "svg",
)
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_SIZE = re.compile(r"([1-9][0-9]{0,8})x([1-9][0-9]{0,8})")


def missing(request: GenerateImagesRequest) -> Iterator[Violation]:
    """The required parameters that are not there."""
    if not request.HasField("model"):
        yield _missing("model")
    if not request.HasField("prompt"):
        yield _missing("prompt")


def violations(request: GenerateImagesRequest, model: OpenAIModel) -> Iterator[Violation]:
    """Every breach of the request; where a value breaks several rules, the one that OpenAI names first."""
    limits = model.limits
    yield from missing(request)
    for name in _EXTRA_PARAMETERS:
        if request.HasField(name) and name not in limits.extra_parameters:
            yield Violation(name, f"Unknown parameter: '{name}'.", "UNKNOWN_FIELD", "unknown_parameter")
    if request.HasField("prompt"):
        yield from _prompt(request.prompt, limits.max_prompt_chars)
    if request.HasField("n"):
        yield from _integer("n", request.n, 1, limits.max_images)
    if request.HasField("size"):
        yield from _size(request.size, limits.sizes, limits.flexible_size)
    yield from _choices(request, model)
    yield from _output(request)
    yield from _streaming(request)
    yield from _extras(request, model)


def _choices(request: GenerateImagesRequest, model: OpenAIModel) -> Iterator[Violation]:
    limits = model.limits
    if request.HasField("quality"):
        yield from _choice("quality", request.quality, limits.qualities)
    if request.HasField("background"):
        yield from _choice("background", request.background, limits.backgrounds)
    if request.HasField("moderation"):
        yield from _choice("moderation", request.moderation, limits.moderations)
    if request.HasField("output_format"):
        yield from _choice("output_format", request.output_format, limits.output_formats)


def _output(request: GenerateImagesRequest) -> Iterator[Violation]:
    """Compression, and what a file format cannot hold."""
    file_format = request.output_format or "png"
    if request.HasField("output_compression"):
        yield from _integer("output_compression", request.output_compression, 0, 100)
        if 0 <= request.output_compression < 100 and file_format not in ("jpeg", "webp"):
            text = f"Compression less than 100 is not supported for {file_format.upper()} output format"
            yield Violation("output_compression", text, code="invalid_png_output_compression")
    if request.background == "transparent" and file_format in ("jpeg", "gif", "svg"):
        text = f"Transparent background is not supported for {file_format.upper()} output format"
        yield Violation("background", text)


def _streaming(request: GenerateImagesRequest) -> Iterator[Violation]:
    # The gateway does not stream yet. Ignoring the flag would be worse: SDKs read a JSON reply to it as an
    # empty stream, and report no error.
    if request.stream:
        text = "Unsupported value: 'stream' does not support true yet. Only the default (false) is supported."
        yield Violation("stream", text, code="unsupported_value")
    if request.HasField("partial_images"):
        yield from _integer("partial_images", request.partial_images, 0, 3)
        if 0 < request.partial_images <= 3 and not request.stream:
            text = "Invalid value for 'partial_images': partial images need 'stream' to be true."
            yield Violation("partial_images", text)


def _extras(request: GenerateImagesRequest, model: OpenAIModel) -> Iterator[Violation]:
    """Values of the parameters that only some models know; unknown ones have been refused already."""
    known = [name for name in model.limits.extra_parameters if request.HasField(name)]
    if "response_format" in known:
        yield from _choice("response_format", request.response_format, ("url", "b64_json"))
    if "style" in known:
        yield from _choice("style", request.style, ("vivid", "natural"))
    if "complexity" in known:
        yield from _choice("complexity", request.complexity, ("low", "medium", "high"))
    if "frame_count" in known:
        yield from _integer("frame_count", request.frame_count, 2, 16)
        yield from _only_with("frame_count", request, "gif")
    if "frame_duration_ms" in known:
        yield from _integer("frame_duration_ms", request.frame_duration_ms, 1, None)
        yield from _only_with("frame_duration_ms", request, "gif")
    if "svg" in known:
        yield from _svg(request)


def _svg(request: GenerateImagesRequest) -> Iterator[Violation]:
    yield from _only_with("svg", request, "svg")
    if not request.svg.HasField("model"):
        yield _missing("svg.model")
    if request.svg.reasoning.HasField("effort"):
        yield from _choice("svg.reasoning.effort", request.svg.reasoning.effort, _EFFORTS)
    if request.n > 1:
        yield Violation("n", "Invalid value for 'n': SVG output supports one image.")


def _only_with(name: str, request: GenerateImagesRequest, file_format: str) -> Iterator[Violation]:
    if request.output_format != file_format:
        text = f"Invalid value for '{name}': it is only supported with output_format '{file_format}'."
        yield Violation(name, text)


def _prompt(prompt: str, longest: int) -> Iterator[Violation]:
    if not prompt:
        text = (
            "Invalid 'prompt': empty string. Expected a string with minimum length 1, but got an empty "
            "string instead."
        )
        yield Violation("prompt", text, code="empty_string")
    elif len(prompt) > longest:
        text = (
            f"Invalid 'prompt': string too long. Expected a string with maximum length {longest}, but got a "
            f"string with length {len(prompt)} instead."
        )
        yield Violation("prompt", text, code="string_above_max_length")


def _size(size: str, fixed: Sequence[str] | None, rule: FlexibleSize | None) -> Iterator[Violation]:
    if rule is None:
        yield from _choice("size", size, fixed)
    elif size not in (fixed or ()):
        problem = _size_problem(size, rule)
        if problem:
            yield Violation("size", f"Invalid size '{_shortened(size)}'. {problem}")


def _size_problem(size: str, rule: FlexibleSize) -> str | None:
    """The first rule that the size breaks, in the order in which OpenAI checks them."""
    match = _SIZE.fullmatch(size)
    if not match:
        return "Expected WIDTHxHEIGHT, for example '1824x1024'."
    width, height = int(match[1]), int(match[2])
    longer, shorter = max(width, height), min(width, height)
    if width % rule.multiple_of or height % rule.multiple_of:
        return f"Width and height must both be divisible by {rule.multiple_of}."
    if longer > rule.max_edge:
        return f"The longest edge must be less than or equal to {rule.max_edge}."
    if longer > shorter * rule.max_ratio:
        return f"Long-edge to short-edge ratio must be less than or equal to {rule.max_ratio}:1."
    if width * height < rule.min_pixels:
        return "Requested resolution is below the current minimum pixel budget."
    if width * height > rule.max_pixels:
        return "Requested resolution exceeds the current pixel budget."
    return None


def _missing(name: str) -> Violation:
    return Violation(
        name, f"Missing required parameter: '{name}'.", "MISSING_FIELD", "missing_required_parameter"
    )


def _choice(name: str, value: str, supported: Sequence[str] | None) -> Iterator[Violation]:
    """One of a list; None is not checked."""
    if supported is not None and value not in supported:
        text = f"Invalid value: '{_shortened(value)}'. Supported values are: {_listed(supported)}."
        yield Violation(name, text)


def _integer(name: str, value: int, low: int, high: int | None) -> Iterator[Violation]:
    if value < low:
        text = f"integer below minimum value. Expected a value >= {low}, but got {value} instead."
        yield Violation(name, f"Invalid '{name}': {text}", code="integer_below_min_value")
    elif high is not None and value > high:
        text = f"integer above maximum value. Expected a value <= {high}, but got {value} instead."
        yield Violation(name, f"Invalid '{name}': {text}", code="integer_above_max_value")


def _listed(values: Sequence[str]) -> str:
    """`'a', 'b', and 'c'`; two without the commas."""
    quoted = [f"'{value}'" for value in values]
    if len(quoted) < 3:
        return " and ".join(quoted)
    return f"{', '.join(quoted[:-1])}, and {quoted[-1]}"


def _shortened(value: str) -> str:
    """A caller's value, at a length that fits an error message."""
    return value if len(value) <= 100 else f"{value[:100]}..."
