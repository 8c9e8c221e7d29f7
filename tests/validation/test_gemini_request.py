"""Safety, labels, tiers and defaults of `generateContent`."""

from collections.abc import Mapping
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest, GenerationConfig
from routerhub_server.catalogue import Catalogue, GeminiLimits
from routerhub_server.errors import InvalidRequestError
from routerhub_server.validation import check_request, with_defaults

FLASH = Catalogue.load().resolve("gemini", "gemini-2.5-flash-image")
TEXT_MODEL = FLASH.model_copy(update={"model_class": "gemini-text", "limits": GeminiLimits()})
CATEGORY_RULE = (
    "element predicate failed: $.category in (HarmCategory.HARM_CATEGORY_HATE_SPEECH, "
    "HarmCategory.HARM_CATEGORY_SEXUALLY_EXPLICIT, HarmCategory.HARM_CATEGORY_DANGEROUS_CONTENT, "
    "HarmCategory.HARM_CATEGORY_HARASSMENT, HarmCategory.HARM_CATEGORY_CIVIC_INTEGRITY)"
)
LABEL_RULE = (
    "* GenerateContentRequest.labels: keys must start with a lower-case letter; keys and values must have at "
    "most 63 characters, each a lower-case letter, a digit, an underscore or a dash.\n"
)


def asking(fields: Mapping[str, Any]) -> GenerateContentRequest:
    return ParseDict({"contents": [{"parts": [{"text": "a cat"}]}], **fields}, GenerateContentRequest())


def breaches(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(field, description) of everything that is refused."""
    try:
        check_request(asking(fields), FLASH)
    except InvalidRequestError as error:
        return [(v.field, v.description) for v in error.violations]
    return []


@pytest.mark.parametrize(
    "fields",
    [
        {"safetySettings": []},
        {"safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}]},
        {"safetySettings": [{"category": "HARM_CATEGORY_JAILBREAK", "threshold": "OFF"}]},
        {"safetySettings": [{"category": "HARM_CATEGORY_IMAGE_HATE", "threshold": "OFF"}]},
        {"safetySettings": [{"category": "HARM_CATEGORY_HATE_SPEECH"}]},
        {"cachedContent": "cachedContents/abc"},
        {"cachedContent": "projects/p/locations/us-central1/cachedContents/123"},
        {"cachedContent": ""},
        {"serviceTier": "flex"},
        {"serviceTier": "PRIORITY"},
        {"serviceTier": "unspecified"},
        {"labels": {"team": "x", "cost-centre_9": "", "é": "日本"}},
        {"labels": {f"k{i}": "v" * 63 for i in range(64)}},
        {"store": True, "continuationToken": "-__-"},
    ],
)
def test_good_request_passes(fields: Mapping[str, Any]) -> None:
    assert breaches(fields) == []


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        (
            {"cachedContent": "abc"},
            "cached_content",
            "* GenerateContentRequest.cached_content: unexpected cached_content name format\n",
        ),
        (
            {"cachedContent": "cachedContents/a/b"},
            "cached_content",
            "* GenerateContentRequest.cached_content: unexpected cached_content name format\n",
        ),
        (
            {"serviceTier": "turbo"},
            "service_tier",
            (
                "Invalid value at 'service_tier' (type.googleapis.com/google.ai.generativelanguage.v1beta."
                'ServiceTier), "turbo"'
            ),
        ),
        ({"labels": {"Team": "x"}}, "labels", LABEL_RULE),
        ({"labels": {"": "x"}}, "labels", LABEL_RULE),
        ({"labels": {"9a": "x"}}, "labels", LABEL_RULE),
        ({"labels": {"a b": "x"}}, "labels", LABEL_RULE),
        ({"labels": {"a": "X"}}, "labels", LABEL_RULE),
        ({"labels": {"a": "v" * 64}}, "labels", LABEL_RULE),
        ({"labels": {"k" * 64: "v"}}, "labels", LABEL_RULE),
        (
            {"labels": {f"k{i}": "v" for i in range(65)}},
            "labels",
            "* GenerateContentRequest.labels: the number of labels must not exceed 64.\n",
        ),
    ],
)
def test_bad_request_is_refused(fields: Mapping[str, Any], field: str, message: str) -> None:
    assert breaches(fields) == [(field, message)]


@pytest.mark.parametrize(
    "category",
    [
        {},
        {"category": "HARM_CATEGORY_UNSPECIFIED"},
        {"category": "HARM_CATEGORY_TOXICITY"},
        {"category": "HARM_CATEGORY_DANGEROUS"},
        {"category": 4711},
    ],
)
def test_category_that_no_model_takes_is_refused(category: Mapping[str, Any]) -> None:
    good = {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}
    message = f"* GenerateContentRequest.safety_settings[1]: {CATEGORY_RULE}\n"
    fields = {"safetySettings": [good, {**category, "threshold": "OFF"}]}
    assert breaches(fields) == [("safety_settings[1]", message)]


def test_category_given_twice_is_refused() -> None:
    setting = {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}
    message = "Multiple safety settings with the same category."
    assert breaches({"safetySettings": [setting, setting]}) == [("safety_settings", message)]


def test_image_model_gets_text_and_image_where_nothing_is_asked_for() -> None:
    request = asking({})
    assert with_defaults(request, FLASH) is request
    asked = list(request.generation_config.response_modalities)
    assert asked == [GenerationConfig.TEXT, GenerationConfig.IMAGE]


def test_modalities_that_are_asked_for_stay() -> None:
    request = asking({"generationConfig": {"responseModalities": ["IMAGE"]}})
    before = MessageToDict(request)
    assert MessageToDict(with_defaults(request, FLASH)) == before


@pytest.mark.parametrize(
    ("written", "plain"), [("512P", "512"), ("512PX", "512"), ("512", "512"), ("2K", "2K")]
)
def test_sizes_have_one_spelling_afterwards(written: str, plain: str) -> None:
    request = asking({"generationConfig": {"imageConfig": {"imageSize": written}}})
    with_defaults(request, FLASH)
    assert request.generation_config.image_config.image_size == plain


def test_defaults_do_not_set_an_image_config() -> None:
    request = asking({})
    with_defaults(request, FLASH)
    assert not request.generation_config.HasField("image_config")


def test_text_model_gets_no_defaults() -> None:
    request = asking({})
    with_defaults(request, TEXT_MODEL)
    assert not request.HasField("generation_config")
