"""`images/generations`, parameter by parameter."""

from collections.abc import Mapping
from typing import Any, Literal

import pytest

from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest
from routerhub_server.catalogue import Catalogue, OpenAILimits, OpenAIModel
from routerhub_server.errors import InvalidRequestError, Violation
from routerhub_server.validation import check_request, with_defaults

CATALOGUE = Catalogue.load()
GPT_1 = CATALOGUE.resolve("openai", "gpt-image-1")
GPT_2 = CATALOGUE.resolve("openai", "gpt-image-2")
FLARE = CATALOGUE.resolve("openai", "gpt-image-2.5-flare")
FIXED_SIZES = "'1024x1024', '1024x1536', '1536x1024', and 'auto'"


def breaches(parameters: Mapping[str, Any], model: OpenAIModel = GPT_2) -> list[Violation]:
    """Everything in the parameters that is refused."""
    given = {"model": "gpt-image-2", "prompt": "a cat", **parameters}
    try:
        check_request(GenerateImagesRequest(**given), model)
    except InvalidRequestError as error:
        return list(error.violations)
    return []


def one(parameters: Mapping[str, Any], model: OpenAIModel = GPT_2) -> tuple[str, str, str, str]:
    """(field, reason, code, description) of the only breach."""
    [found] = breaches(parameters, model)
    return found.field, found.reason, found.code, found.description


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"prompt": " "},
        {"prompt": "é" * 32000},
        {"n": 1},
        {"n": 10},
        {"size": "auto"},
        {"size": "1024x1024"},
        {"quality": "auto", "background": "opaque", "moderation": "low", "output_format": "webp"},
        {"background": "transparent"},
        {"background": "transparent", "output_format": "webp"},
        {"output_compression": 100},
        {"output_compression": 0, "output_format": "jpeg"},
        {"output_compression": 55, "output_format": "webp"},
        {"stream": False, "partial_images": 0},
        {"user": "u1", "safety_identifier": "s" * 200},
    ],
)
@pytest.mark.parametrize("model", CATALOGUE.visible("openai"), ids=lambda model: str(model.bare_id))
def test_good_request_passes(model: OpenAIModel, parameters: Mapping[str, Any]) -> None:
    assert breaches(parameters, model) == []


@pytest.mark.parametrize("name", ["model", "prompt"])
def test_missing_parameter_is_refused(name: Literal["model", "prompt"]) -> None:
    request = GenerateImagesRequest(model="gpt-image-2", prompt="a cat")
    request.ClearField(name)
    with pytest.raises(InvalidRequestError) as caught:
        check_request(request, GPT_2)
    message = f"Missing required parameter: '{name}'."
    assert caught.value.violations == (
        Violation(name, message, "MISSING_FIELD", "missing_required_parameter"),
    )
    assert caught.value.reason == "MISSING_FIELD"


def test_empty_prompt_is_refused() -> None:
    message = (
        "Invalid 'prompt': empty string. Expected a string with minimum length 1, but got an empty string "
        "instead."
    )
    assert one({"prompt": ""}) == ("prompt", "INVALID_VALUE", "empty_string", message)


def test_long_prompt_is_refused() -> None:
    message = (
        "Invalid 'prompt': string too long. Expected a string with maximum length 32000, but got a string "
        "with length 32001 instead."
    )
    assert one({"prompt": "é" * 32001}) == ("prompt", "INVALID_VALUE", "string_above_max_length", message)


@pytest.mark.parametrize(
    ("name", "value", "low", "parameters"),
    [
        ("n", 0, 1, {}),
        ("n", -7, 1, {}),
        ("output_compression", -1, 0, {"output_format": "jpeg"}),
        ("partial_images", -1, 0, {}),
    ],
)
def test_integer_below_its_range_is_refused(
    name: str, value: int, low: int, parameters: Mapping[str, Any]
) -> None:
    message = (
        f"Invalid '{name}': integer below minimum value. Expected a value >= {low}, but got {value} instead."
    )
    expected = (name, "INVALID_VALUE", "integer_below_min_value", message)
    assert one({**parameters, name: value}) == expected


@pytest.mark.parametrize(
    ("name", "value", "high"),
    [("n", 11, 10), ("n", 2**31 - 1, 10), ("output_compression", 101, 100), ("partial_images", 4, 3)],
)
def test_integer_above_its_range_is_refused(name: str, value: int, high: int) -> None:
    message = (
        f"Invalid '{name}': integer above maximum value. Expected a value <= {high}, but got {value} instead."
    )
    assert one({name: value}) == (name, "INVALID_VALUE", "integer_above_max_value", message)


@pytest.mark.parametrize("size", ["1254x836", "512x512", "1792x1024", "1024X1024", "", "1024x1024 "])
def test_size_that_is_not_one_of_the_fixed_ones_is_refused(size: str) -> None:
    message = f"Invalid value: '{size}'. Supported values are: {FIXED_SIZES}."
    assert one({"size": size}, GPT_1) == ("size", "INVALID_VALUE", "invalid_value", message)


@pytest.mark.parametrize("size", ["1024x1024", "1024x1536", "1536x1024", "auto"])
def test_fixed_size_passes(size: str) -> None:
    assert breaches({"size": size}, GPT_1) == []
    assert breaches({"size": size}, GPT_2) == []


@pytest.mark.parametrize(
    "size",
    [
        "1536x864",
        "1024x640",  # exactly the fewest pixels
        "3840x2160",  # exactly the most pixels
        "2160x3840",
        "2880x2880",
        "1728x576",  # exactly 3:1
        "576x1728",
    ],
)
def test_size_within_the_rules_passes(size: str) -> None:
    assert breaches({"size": size}, GPT_2) == []
    assert breaches({"size": size}, FLARE) == []


@pytest.mark.parametrize(
    ("size", "problem"),
    [
        ("bogus", "Expected WIDTHxHEIGHT, for example '1824x1024'."),
        ("", "Expected WIDTHxHEIGHT, for example '1824x1024'."),
        ("0x0", "Expected WIDTHxHEIGHT, for example '1824x1024'."),
        ("1024X1024", "Expected WIDTHxHEIGHT, for example '1824x1024'."),
        ("1024x", "Expected WIDTHxHEIGHT, for example '1824x1024'."),
        ("-1024x1024", "Expected WIDTHxHEIGHT, for example '1824x1024'."),
        ("01024x1024", "Expected WIDTHxHEIGHT, for example '1824x1024'."),
        ("1024x1024\n", "Expected WIDTHxHEIGHT, for example '1824x1024'."),
        ("１024x1024", "Expected WIDTHxHEIGHT, for example '1824x1024'."),  # noqa: RUF001 - another digit one
        ("Auto", "Expected WIDTHxHEIGHT, for example '1824x1024'."),
        ("1792x936", "Width and height must both be divisible by 16."),
        ("9x9", "Width and height must both be divisible by 16."),
        ("1920x1080", "Width and height must both be divisible by 16."),
        ("4096x4096", "The longest edge must be less than or equal to 3840."),
        ("3856x2160", "The longest edge must be less than or equal to 3840."),
        ("16x3856", "The longest edge must be less than or equal to 3840."),
        ("3840x1264", "Long-edge to short-edge ratio must be less than or equal to 3:1."),
        ("576x1744", "Long-edge to short-edge ratio must be less than or equal to 3:1."),
        ("768x768", "Requested resolution is below the current minimum pixel budget."),
        ("1024x624", "Requested resolution is below the current minimum pixel budget."),
        ("3008x3008", "Requested resolution exceeds the current pixel budget."),
        ("3840x2176", "Requested resolution exceeds the current pixel budget."),
    ],
)
def test_size_that_breaks_a_rule_is_refused(size: str, problem: str) -> None:
    message = f"Invalid size '{size}'. {problem}"
    assert one({"size": size}) == ("size", "INVALID_VALUE", "invalid_value", message)


def test_long_size_is_quoted_short() -> None:
    _, _, _, message = one({"size": "9" * 5000})
    assert message == f"Invalid size '{'9' * 100}...'. Expected WIDTHxHEIGHT, for example '1824x1024'."


@pytest.mark.parametrize(
    ("name", "value", "supported"),
    [
        ("quality", "hd", "'low', 'medium', 'high', and 'auto'"),
        ("quality", "", "'low', 'medium', 'high', and 'auto'"),
        ("quality", "xhigh", "'low', 'medium', 'high', and 'auto'"),
        ("background", "white", "'transparent', 'opaque', and 'auto'"),
        ("moderation", "none", "'auto' and 'low'"),
        ("output_format", "jpg", "'png', 'webp', and 'jpeg'"),
        ("output_format", "svg", "'png', 'webp', and 'jpeg'"),
    ],
)
def test_value_outside_its_list_is_refused(name: str, value: str, supported: str) -> None:
    message = f"Invalid value: '{value}'. Supported values are: {supported}."
    assert one({name: value}) == (name, "INVALID_VALUE", "invalid_value", message)


def test_newer_model_has_its_own_lists() -> None:
    assert breaches({"quality": "xhigh", "output_format": "gif"}, FLARE) == []
    message = (
        "Invalid value: 'ultra'. Supported values are: 'low', 'medium', 'high', 'xhigh', 'max', and 'auto'."
    )
    assert one({"quality": "ultra"}, FLARE) == ("quality", "INVALID_VALUE", "invalid_value", message)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("response_format", "b64_json"),
        ("response_format", ""),
        ("style", "vivid"),
        ("complexity", "high"),
        ("frame_count", 4),
        ("frame_duration_ms", 100),
        ("svg", GenerateImagesRequest.Svg(model="m")),
    ],
)
def test_parameter_that_the_model_does_not_know_is_refused(name: str, value: object) -> None:
    message = f"Unknown parameter: '{name}'."
    assert one({name: value}) == (name, "UNKNOWN_FIELD", "unknown_parameter", message)


@pytest.mark.parametrize("file_format", [None, "png"])
def test_compression_of_png_is_refused(file_format: str | None) -> None:
    message = "Compression less than 100 is not supported for PNG output format"
    expected = ("output_compression", "INVALID_VALUE", "invalid_png_output_compression", message)
    assert one({"output_compression": 80, "output_format": file_format}) == expected


def test_transparent_jpeg_is_refused() -> None:
    message = "Transparent background is not supported for JPEG output format"
    given = {"background": "transparent", "output_format": "jpeg"}
    assert one(given) == ("background", "INVALID_VALUE", "invalid_value", message)


def test_streaming_is_refused_rather_than_dropped() -> None:
    message = "Unsupported value: 'stream' does not support true yet. Only the default (false) is supported."
    expected = ("stream", "INVALID_VALUE", "unsupported_value", message)
    assert one({"stream": True}) == expected
    assert one({"stream": True, "partial_images": 2}) == expected


def test_partial_images_without_streaming_are_refused() -> None:
    message = "Invalid value for 'partial_images': partial images need 'stream' to be true."
    assert one({"partial_images": 2}) == ("partial_images", "INVALID_VALUE", "invalid_value", message)


SVG = GenerateImagesRequest.Svg


@pytest.mark.parametrize(
    "parameters",
    [
        {"complexity": "low"},
        {"output_format": "gif", "frame_count": 2, "frame_duration_ms": 1},
        {"output_format": "gif", "frame_count": 16, "frame_duration_ms": 655350},
        {"output_format": "svg", "n": 1},
        {"output_format": "svg", "svg": SVG(model="m", reasoning=SVG.Reasoning(effort="max"))},
    ],
)
def test_parameters_of_newer_models_pass(parameters: Mapping[str, Any]) -> None:
    assert breaches(parameters, FLARE) == []


@pytest.mark.parametrize(
    ("parameters", "field", "message"),
    [
        (
            {"complexity": "max"},
            "complexity",
            "Invalid value: 'max'. Supported values are: 'low', 'medium', and 'high'.",
        ),
        (
            {"output_format": "gif", "frame_count": 1},
            "frame_count",
            "Invalid 'frame_count': integer below minimum value. Expected a value >= 2, but got 1 instead.",
        ),
        (
            {"output_format": "gif", "frame_count": 17},
            "frame_count",
            "Invalid 'frame_count': integer above maximum value. Expected a value <= 16, but got 17 instead.",
        ),
        (
            {"output_format": "gif", "frame_duration_ms": 0},
            "frame_duration_ms",
            (
                "Invalid 'frame_duration_ms': integer below minimum value. Expected a value >= 1, but got 0 "
                "instead."
            ),
        ),
        (
            {"frame_count": 3},
            "frame_count",
            "Invalid value for 'frame_count': it is only supported with output_format 'gif'.",
        ),
        (
            {"output_format": "png", "frame_duration_ms": 3},
            "frame_duration_ms",
            "Invalid value for 'frame_duration_ms': it is only supported with output_format 'gif'.",
        ),
        (
            {"svg": SVG(model="m")},
            "svg",
            "Invalid value for 'svg': it is only supported with output_format 'svg'.",
        ),
        (
            {"output_format": "svg", "svg": SVG(model="m", reasoning=SVG.Reasoning(effort="much"))},
            "svg.reasoning.effort",
            (
                "Invalid value: 'much'. Supported values are: 'none', 'minimal', 'low', 'medium', 'high', "
                "'xhigh', and 'max'."
            ),
        ),
        (
            {"output_format": "svg", "svg": SVG(model="m"), "n": 2},
            "n",
            "Invalid value for 'n': SVG output supports one image.",
        ),
        ({"output_format": "svg", "svg": SVG()}, "svg.model", "Missing required parameter: 'svg.model'."),
        (
            {"output_format": "gif", "background": "transparent"},
            "background",
            "Transparent background is not supported for GIF output format",
        ),
        (
            {"output_format": "svg", "output_compression": 9},
            "output_compression",
            "Compression less than 100 is not supported for SVG output format",
        ),
    ],
)
def test_bad_parameter_of_newer_models_is_refused(
    parameters: Mapping[str, Any], field: str, message: str
) -> None:
    assert [(v.field, v.description) for v in breaches(parameters, FLARE)] == [(field, message)]


def test_model_with_its_own_limits_is_held_to_them() -> None:
    limits = OpenAILimits(
        max_images=1, max_prompt_chars=5, extra_parameters=("response_format", "style"), sizes=("256x256",)
    )
    model = GPT_2.model_copy(update={"limits": limits})
    given = {"n": 2, "prompt": "a long one", "response_format": "gif", "style": "dull", "size": "1x1"}
    assert [(v.field, v.description) for v in breaches(given, model)] == [
        (
            "prompt",
            (
                "Invalid 'prompt': string too long. Expected a string with maximum length 5, but got a "
                "string with length 10 instead."
            ),
        ),
        ("n", "Invalid 'n': integer above maximum value. Expected a value <= 1, but got 2 instead."),
        ("size", "Invalid value: '1x1'. Supported values are: '256x256'."),
        ("response_format", "Invalid value: 'gif'. Supported values are: 'url' and 'b64_json'."),
        ("style", "Invalid value: 'dull'. Supported values are: 'vivid' and 'natural'."),
    ]


def test_limits_that_are_not_known_are_the_providers_to_judge() -> None:
    model = GPT_2.model_copy(update={"limits": OpenAILimits()})
    given = {
        "size": "7x7",
        "quality": "best",
        "background": "pink",
        "moderation": "x",
        "output_format": "bmp",
    }
    assert breaches(given, model) == []


def test_defaults_leave_the_request_as_it_is() -> None:
    request = GenerateImagesRequest(model="gpt-image-2", prompt="a cat")
    before = request.SerializeToString()
    assert with_defaults(request, GPT_2) is request
    assert request.SerializeToString() == before
