"""The unmodified @google/genai SDK for Node through Envoy and the gateway."""

import base64
import json
from typing import Any

import pytest

from tests.clients.conftest import Program
from tests.clients.pictures import looks, share_of, square

MODEL = "gemini-3-pro-image"

# What this version of the SDK can send to the Gemini API, apart from what is not for images.
EVERY_OPTION: dict[str, Any] = {
    "cachedContent": "cachedContents/brand-guide",
    "candidateCount": 1,
    "enableEnhancedCivicAnswers": False,
    "frequencyPenalty": 0.2,
    "httpOptions": {"timeout": 60_000, "headers": {"x-team": "design"}},
    "imageConfig": {"aspectRatio": "16:9", "imageSize": "2K"},
    "logprobs": 2,
    "maxOutputTokens": 2048,
    "mediaResolution": "MEDIA_RESOLUTION_HIGH",
    "presencePenalty": 0.1,
    "responseLogprobs": True,
    "responseModalities": ["TEXT", "IMAGE"],
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}],
    "seed": 42,
    "serviceTier": "flex",
    "stopSequences": ["STOP"],
    "systemInstruction": "You paint in watercolours.",
    "temperature": 0.7,
    "thinkingConfig": {"includeThoughts": True},
    "toolConfig": {"retrievalConfig": {"latLng": {"latitude": 1.5, "longitude": 2.5}, "languageCode": "en"}},
    "tools": [{"googleSearch": {}}],
    "topK": 40,
    "topP": 0.9,
}


def files(images: list[dict[str, str]]) -> list[bytes]:
    return [base64.b64decode(image["data"], validate=True) for image in images]


def picture_part(color: str) -> dict[str, Any]:
    return {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(square(color)).decode()}}


def generate(node: Program, contents: Any = "a fox", key: str | None = None, **params: Any) -> dict[str, Any]:
    keys = {} if key is None else {"key": key}
    return node("genai.mjs", "generate", {"model": MODEL, "contents": contents, **params}, **keys)


@pytest.mark.parametrize("api_version", ["v1", "v1beta"])
@pytest.mark.parametrize("model", [MODEL, "google/gemini-2.5-flash-image"])
def test_minimal_call_returns_image_and_text(node: Program, model: str, api_version: str) -> None:
    result = generate(node, model=model, apiVersion=api_version)["result"]
    assert [looks(file) for file in files(result["images"])] == [("PNG", (1024, 1024))]
    assert result["text"]
    assert result["finishReason"] == "STOP"
    assert result["usage"]["totalTokenCount"] > 0


def test_every_option_is_accepted_and_size_obeyed(node: Program) -> None:
    result = generate(node, config=EVERY_OPTION)["result"]
    assert [looks(file) for file in files(result["images"])] == [("PNG", (2752, 1536))]


@pytest.mark.parametrize("colors", [["red"], ["red", "lime", "blue"]])
def test_edit_draws_every_inline_image(node: Program, colors: list[str]) -> None:
    contents = [*map(picture_part, colors), {"text": "put these on a table"}]
    [picture] = files(generate(node, contents)["result"]["images"])
    assert all(share_of(color, picture) > 0.01 for color in colors)


def test_chat_sends_thought_signature_back(node: Program) -> None:
    result = node("genai.mjs", "chat", {"model": MODEL, "messages": ["a castle", "make it night"]})["result"]
    assert [len(images) for images in result["turns"]] == [1, 1]
    assert result["signatures"] == 1


def test_models_list_names_the_image_models(node: Program) -> None:
    assert f"models/{MODEL}" in node("genai.mjs", "models_list", {})["result"]


@pytest.mark.parametrize("model", [MODEL, f"google/{MODEL}"])
def test_models_get_takes_both_spellings(node: Program, model: str) -> None:
    assert node("genai.mjs", "models_get", {"model": model})["result"]["name"] == f"models/{MODEL}"


@pytest.mark.parametrize(
    ("contents", "config", "status", "google_status", "reason"),
    [
        ("a fox", {"imageConfig": {"aspectRatio": "17:9"}}, 400, "INVALID_ARGUMENT", "INVALID_VALUE"),
        ("a fox [sandbox:error=429]", {}, 429, "RESOURCE_EXHAUSTED", "UPSTREAM_RATE_LIMITED"),
        ("a fox [sandbox:error=503]", {}, 503, "UNAVAILABLE", "UPSTREAM_UNAVAILABLE"),
        ("a fox [sandbox:timeout]", {}, 504, "DEADLINE_EXCEEDED", "UPSTREAM_TIMEOUT"),
    ],
)
def test_failure_is_the_sdks_own_error(
    node: Program, contents: str, config: dict[str, Any], status: int, google_status: str, reason: str
) -> None:
    assert refused(generate(node, contents, config=config)) == (status, google_status, reason)


def test_unknown_model_is_a_404(node: Program) -> None:
    assert refused(generate(node, model="gemini-0-image")) == (404, "NOT_FOUND", "INVALID_MODEL")


def test_unknown_key_is_a_401(node: Program) -> None:
    failure = generate(node, key="rh_" + "x" * 40)
    assert refused(failure) == (401, "UNAUTHENTICATED", "UNAUTHENTICATED")


def test_disabled_key_is_a_403(node: Program, disabled_key: str) -> None:
    assert refused(generate(node, key=disabled_key)) == (403, "PERMISSION_DENIED", "KEY_DISABLED")


def refused(outcome: dict[str, Any]) -> tuple[int, str, str]:
    """HTTP status, Google's status and ErrorInfo's reason of an ApiError, whose message is the whole body."""
    error = outcome["error"]
    assert error["name"] == "ApiError"
    body = json.loads(error["message"])["error"]
    assert body["code"] == error["status"]
    assert body["message"]
    [info] = [detail for detail in body["details"] if detail["@type"].endswith("ErrorInfo")]
    return error["status"], body["status"], info["reason"]
