"""`generation_config` of `generateContent`."""

from collections.abc import Mapping
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest
from routerhub_server.catalogue import Catalogue, GeminiLimits, GeminiModel
from routerhub_server.errors import InvalidRequestError
from routerhub_server.validation import check_request

CATALOGUE = Catalogue.load()
FLASH = CATALOGUE.resolve("gemini", "gemini-3.1-flash-image")
PRO = CATALOGUE.resolve("gemini", "gemini-3-pro-image-preview")
SUCCESSOR = CATALOGUE.resolve("gemini", "gemini-nano-banana-2.1")
TEXT_MODEL = FLASH.model_copy(update={"model_class": "gemini-text", "limits": GeminiLimits()})

RATIOS = (
    "'1:1', '1:4', '1:8', '2:3', '3:2', '3:4', '4:1', '4:3', '4:5', '5:4', '8:1', '9:16', '16:9', or '21:9'"
)
SIZES = "1K, 2K, 4K, 512, 512P, 512PX"
V1BETA = "type.googleapis.com/google.ai.generativelanguage.v1beta"


def rule(field: str, text: str) -> str:
    return f"* GenerateContentRequest.generation_config.{field}: {text}\n"


def out_of_range(name: str, value: str, low: int, end: int) -> str:
    return (
        f"Unable to submit request because it has a {name} value of {value} but the supported range is from "
        f"{low} (inclusive) to {end} (exclusive). Update the value and try again."
    )


def modalities(asked: str, model: str) -> str:
    return (
        f"The requested combination of response modalities ({asked}) is not supported by the model. "
        f"models/{model} accepts the following combination of response modalities:\n* TEXT, IMAGE\n"
    )


def unknown(field: str, enum: str, value: str) -> str:
    return f"Invalid value at 'generation_config.{field}' ({V1BETA}.{enum}), \"{value}\""


def breaches(config: Mapping[str, Any], model: GeminiModel = FLASH) -> list[tuple[str, str]]:
    """(field, description) of everything in the config that is refused."""
    body = {"contents": [{"parts": [{"text": "a cat"}]}], "generationConfig": config}
    try:
        check_request(ParseDict(body, GenerateContentRequest()), model)
    except InvalidRequestError as error:
        return [(v.field.removeprefix("generation_config."), v.description) for v in error.violations]
    return []


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"temperature": 0, "topP": 0, "topK": 1, "candidateCount": 1, "maxOutputTokens": 1},
        {"temperature": 2, "topP": 1, "topK": 40.0, "maxOutputTokens": 32768},
        {"stopSequences": ["a", "b", "c", "d", "e"], "seed": -5},
        {"presencePenalty": -2, "frequencyPenalty": 1.99, "logprobs": 20, "responseLogprobs": True},
        {"responseModalities": ["TEXT"]},
        {"responseModalities": ["IMAGE"]},
        {"responseModalities": ["IMAGE", "TEXT"], "responseMimeType": "text/plain"},
        {"responseModalities": ["TEXT"], "responseMimeType": "application/json"},
        {"responseMimeType": ""},
        {"thinkingConfig": {"thinkingLevel": "HIGH", "includeThoughts": True}},
        {"thinkingConfig": {"thinkingLevel": "minimal"}},
        {"thinkingConfig": {"thinkingLevel": "THINKING_LEVEL_UNSPECIFIED"}},
        {"thinkingConfig": {"thinkingBudget": -1}},
        {"thinkingConfig": {"thinkingBudget": 65535}},
        {"imageConfig": {"aspectRatio": "8:1", "imageSize": "512"}},
        {"imageConfig": {"aspectRatio": "", "imageSize": ""}},
        {"imageConfig": {"imageSize": "512PX"}},
        {"imageConfig": {"personGeneration": "ALLOW_ADULT"}},
        {"responseFormat": [{"image": {"aspectRatio": "ASPECT_RATIO_SIXTEEN_BY_NINE"}}]},
        {"responseFormat": [{"image": {"aspectRatio": "ASPECT_RATIO_TWENTY_ONE_BY_NINE"}}]},
        {"responseFormat": [{"image": {"aspectRatio": "ASPECT_RATIO_UNSPECIFIED"}}]},
        {"responseFormat": [{"image": {"aspectRatio": "16:9", "imageSize": "2K"}}]},
        {"responseFormat": [{"image": {"imageSize": "IMAGE_SIZE_FIVE_TWELVE"}}]},
        {"responseFormat": [{"image": {"imageSize": "image_size_four_k"}}]},
        {"responseFormat": [{"text": {"mimeType": "TEXT_PLAIN"}}, {"image": {"delivery": "INLINE"}}]},
    ],
)
def test_good_config_passes(config: Mapping[str, Any]) -> None:
    assert breaches(config) == []


@pytest.mark.parametrize(
    ("config", "field", "message"),
    [
        ({"temperature": 2.1}, "temperature", "temperature must be in the range [0.0, 2.0]."),
        ({"temperature": -0.1}, "temperature", "temperature must be in the range [0.0, 2.0]."),
        ({"temperature": "NaN"}, "temperature", "temperature must be in the range [0.0, 2.0]."),
        ({"topP": 1.01}, "top_p", "top_p must be in the range [0.0, 1.0]."),
        ({"topP": -1}, "top_p", "top_p must be in the range [0.0, 1.0]."),
        ({"topP": "Infinity"}, "top_p", "top_p must be in the range [0.0, 1.0]."),
        ({"topK": 0}, "top_k", "top_k must be positive."),
        ({"topK": -3}, "top_k", "top_k must be positive."),
        ({"candidateCount": 0}, "candidate_count", "candidate_count must be positive."),
        ({"candidateCount": -1}, "candidate_count", "candidate_count must be positive."),
        ({"maxOutputTokens": 0}, "max_output_tokens", "max_output_tokens must be positive."),
        ({"maxOutputTokens": -1}, "max_output_tokens", "max_output_tokens must be positive."),
        (
            {"stopSequences": list("abcdef")},
            "stop_sequences",
            "the number of stop_sequences must not exceed 5.",
        ),
        (
            {"thinkingConfig": {"thinkingBudget": -2}},
            "thinking_config.thinking_budget",
            "thinking_budget must be in the range [-1, 65535].",
        ),
        (
            {"thinkingConfig": {"thinkingBudget": 65536}},
            "thinking_config.thinking_budget",
            "thinking_budget must be in the range [-1, 65535].",
        ),
        (
            {"imageConfig": {"aspectRatio": "3:7"}},
            "image_config.aspect_ratio",
            f"aspect_ratio must be one of {RATIOS}.",
        ),
        (
            {"imageConfig": {"aspectRatio": "16x9"}},
            "image_config.aspect_ratio",
            f"aspect_ratio must be one of {RATIOS}.",
        ),
        (
            {"responseMimeType": "image/png"},
            "response_mime_type",
            (
                "allowed mimetypes are `text/plain`, `application/json`, `application/xml`, "
                "`application/yaml` and `text/x.enum`."
            ),
        ),
    ],
)
def test_breach_of_the_messages_rules_is_refused(config: Mapping[str, Any], field: str, message: str) -> None:
    assert breaches(config) == [(field, rule(field, message))]
    assert breaches(config, PRO) == [(field, rule(field, message))]


@pytest.mark.parametrize(
    ("config", "field", "message"),
    [
        (
            {"maxOutputTokens": 32769},
            "max_output_tokens",
            out_of_range("maxOutputTokens", "32769", 1, 32769),
        ),
        (
            {"maxOutputTokens": 2000000},
            "max_output_tokens",
            out_of_range("maxOutputTokens", "2000000", 1, 32769),
        ),
        ({"presencePenalty": 2}, "presence_penalty", out_of_range("presencePenalty", "2", -2, 2)),
        ({"presencePenalty": -2.5}, "presence_penalty", out_of_range("presencePenalty", "-2.5", -2, 2)),
        ({"frequencyPenalty": 3}, "frequency_penalty", out_of_range("frequencyPenalty", "3", -2, 2)),
        ({"logprobs": 21}, "logprobs", out_of_range("logprobs", "21", 0, 21)),
        ({"logprobs": -1}, "logprobs", out_of_range("logprobs", "-1", 0, 21)),
        (
            {"candidateCount": 2},
            "candidate_count",
            "Multiple candidates is not enabled for models/gemini-3.1-flash-image",
        ),
        (
            {"responseModalities": ["AUDIO"]},
            "response_modalities",
            modalities("AUDIO", "gemini-3.1-flash-image"),
        ),
        (
            {"responseModalities": ["TEXT", "VIDEO"]},
            "response_modalities",
            modalities("TEXT, VIDEO", "gemini-3.1-flash-image"),
        ),
        (
            {"responseModalities": ["MODALITY_UNSPECIFIED", 77]},
            "response_modalities",
            modalities("MODALITY_UNSPECIFIED, 77", "gemini-3.1-flash-image"),
        ),
        (
            {"responseMimeType": "application/json"},
            "response_mime_type",
            "Parameter response_mime_type is not supported for generating image response.",
        ),
        (
            {"responseMimeType": "application/json", "responseJsonSchema": {"type": ["string", "null"]}},
            "response_mime_type",
            "Parameter response_mime_type is not supported for generating image response.",
        ),
        (
            {"responseSchema": {"type": "OBJECT"}, "responseModalities": ["IMAGE"]},
            "response_schema",
            "Parameter response_schema is not supported for generating image response.",
        ),
        (
            {"responseJsonSchema": {"type": "object"}},
            "response_json_schema",
            "Parameter response_json_schema is not supported for generating image response.",
        ),
        (
            {"thinkingConfig": {"thinkingLevel": "ULTRA"}},
            "thinking_config.thinking_level",
            unknown("thinking_config.thinking_level", "ThinkingConfig.ThinkingLevel", "ULTRA"),
        ),
        (
            {"thinkingConfig": {"thinkingLevel": "medium"}},
            "thinking_config.thinking_level",
            "Thinking level MEDIUM is not supported for this model. Please retry with other thinking level.",
        ),
        (
            {"thinkingConfig": {"thinkingLevel": "HIGH", "thinkingBudget": 0}},
            "thinking_config",
            "You can only set only one of thinking budget and thinking level.",
        ),
        (
            {"imageConfig": {"imageSize": "8K"}},
            "image_config.image_size",
            f"Unsupported image_size '8K'. Supported values are: {SIZES}.",
        ),
        (
            {"imageConfig": {"imageSize": "1k"}},
            "image_config.image_size",
            f"Unsupported image_size '1k'. Supported values are: {SIZES}.",
        ),
        (
            {"imageConfig": {"imageSize": "x" * 101}},
            "image_config.image_size",
            f"Unsupported image_size '{'x' * 100}...'. Supported values are: {SIZES}.",
        ),
        (
            {"responseFormat": [{"image": {"aspectRatio": "3:7"}}]},
            "response_format.image.aspect_ratio",
            unknown("response_format.image.aspect_ratio", "ImageResponseFormat.AspectRatio", "3:7"),
        ),
        (
            {"responseFormat": [{"image": {"aspectRatio": "ASPECT_RATIO_ONE_BY_NINE"}}]},
            "response_format.image.aspect_ratio",
            unknown(
                "response_format.image.aspect_ratio",
                "ImageResponseFormat.AspectRatio",
                "ASPECT_RATIO_ONE_BY_NINE",
            ),
        ),
        (
            {"responseFormat": [{"text": {}}, {"image": {"imageSize": "IMAGE_SIZE_EIGHT_K"}}]},
            "response_format[1].image.image_size",
            unknown(
                "response_format[1].image.image_size", "ImageResponseFormat.ImageSize", "IMAGE_SIZE_EIGHT_K"
            ),
        ),
    ],
)
def test_value_that_the_model_does_not_take_is_refused(
    config: Mapping[str, Any], field: str, message: str
) -> None:
    assert breaches(config) == [(field, message)]


@pytest.mark.parametrize("ratio", ["1:4", "4:1", "1:8", "8:1"])
def test_ratio_of_other_models_is_refused(ratio: str) -> None:
    message = f"Aspect ratio {ratio} is not supported for this model"
    assert breaches({"imageConfig": {"aspectRatio": ratio}}) == []
    assert breaches({"imageConfig": {"aspectRatio": ratio}}, PRO) == [("image_config.aspect_ratio", message)]


def test_ratio_of_other_models_in_response_format_is_refused() -> None:
    config = {"responseFormat": [{"image": {"aspectRatio": "ASPECT_RATIO_EIGHT_BY_ONE"}}]}
    message = "Aspect ratio 8:1 is not supported for this model"
    assert breaches(config, PRO) == [("response_format.image.aspect_ratio", message)]


@pytest.mark.parametrize("model", [PRO, SUCCESSOR])
@pytest.mark.parametrize("size", ["512", "512P"])
def test_size_of_other_models_is_refused(model: GeminiModel, size: str) -> None:
    message = f"Image size {size} is not supported for this model"
    assert breaches({"imageConfig": {"imageSize": size}}, model) == [("image_config.image_size", message)]


def test_any_size_is_refused_by_a_model_without_sizes() -> None:
    model = FLASH.model_copy(update={"limits": GeminiLimits(image_sizes=())})
    message = "Image size 2K is not supported for this model"
    assert breaches({"imageConfig": {"imageSize": "2K"}}, model) == [("image_config.image_size", message)]


def test_any_thinking_level_is_refused_by_a_model_without_levels() -> None:
    model = FLASH.model_copy(update={"limits": GeminiLimits(thinking_levels=())})
    expected = [("thinking_config.thinking_level", "Thinking level is not supported for this model.")]
    assert breaches({"thinkingConfig": {"thinkingLevel": "HIGH"}}, model) == expected


@pytest.mark.parametrize("level", ["MINIMAL", "low", "Medium", "HIGH", "XHIGH"])
def test_level_is_the_providers_to_judge_where_the_models_are_not_known(level: str) -> None:
    assert PRO.limits.thinking_levels is None
    assert breaches({"thinkingConfig": {"thinkingLevel": level}}, PRO) == []


def test_candidates_up_to_the_models_limit_pass() -> None:
    model = FLASH.model_copy(update={"limits": GeminiLimits(max_candidates=4)})
    message = out_of_range("candidateCount", "5", 1, 5)
    assert breaches({"candidateCount": 4}, model) == []
    assert breaches({"candidateCount": 5}, model) == [("candidate_count", message)]


def test_temperature_follows_the_models_own_maximum() -> None:
    model = FLASH.model_copy(update={"max_temperature": 1.0})
    message = rule("temperature", "temperature must be in the range [0.0, 1.0].")
    assert breaches({"temperature": 1.5}, model) == [("temperature", message)]


def test_text_model_takes_what_only_image_models_refuse() -> None:
    config = {
        "responseMimeType": "application/json",
        "responseSchema": {"type": "OBJECT"},
        "responseModalities": ["AUDIO"],
        "candidateCount": 8,
        "imageConfig": {"aspectRatio": "3:7", "imageSize": "9K"},
        "thinkingConfig": {"thinkingLevel": "LOW"},
    }
    assert breaches(config, TEXT_MODEL) == []


def test_text_model_is_held_to_the_messages_rules() -> None:
    config = {"temperature": 3, "candidateCount": 9, "thinkingConfig": {"thinkingLevel": "ULTRA"}}
    assert breaches(config, TEXT_MODEL) == [
        ("temperature", rule("temperature", "temperature must be in the range [0.0, 2.0].").rstrip()),
        ("candidate_count", out_of_range("candidateCount", "9", 1, 9)),
        (
            "thinking_config.thinking_level",
            unknown("thinking_config.thinking_level", "ThinkingConfig.ThinkingLevel", "ULTRA"),
        ),
    ]
