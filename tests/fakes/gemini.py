"""A Gemini Developer API of our own: strict about what it receives, generous in what it sends."""

import base64
import re
from typing import Any

from tests.fakes.fields import Problem, problems
from tests.fakes.gemini_fields import RATIO_NAMES, REQUEST, SIZE_NAMES
from tests.fakes.pictures import picture, sides
from tests.fakes.server import Answer, FakeServer, Received, json_answer

_PATH = re.compile(r"/v1beta/models/([^/:?]+):generateContent")
_MODEL_PATH = re.compile(r"/v1beta/models(?:/([^/:?]+)|\?pageSize=\d+)")
_HTML = b"<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>"
SIGNATURE = base64.b64encode(b"signature of the fake").decode()


class FakeGemini(FakeServer):
    """Image models answer a text and an image, others a text."""

    def __init__(self, key: str = "gemini-test-key") -> None:
        super().__init__(key)
        self.image: bytes | None = None
        """The image that every reply carries; None for a PNG of the size that was asked for."""

    @property
    def base_url(self) -> str:
        return self.url

    def respond(self, request: Received) -> Answer:
        if request.method == "GET":
            return self._key_refusal(request) or self._listing(request)
        path = _PATH.fullmatch(request.path)
        if path is None or request.method != "POST":
            return no_such_page()
        return self._key_refusal(request) or self._generate(path[1], request, REQUEST)

    def _generate(self, model: str, request: Received, spec: dict[str, Any]) -> Answer:
        if request.headers.get("content-type") != "application/json":
            return error(400, "INVALID_ARGUMENT", "Invalid content type.")
        if not model.startswith("gemini-"):
            return unknown_model(model)
        return _body_refusal(request, spec) or json_answer(200, self._reply(model, request.json))

    def _key_refusal(self, request: Received) -> Answer | None:
        key = request.headers.get("x-goog-api-key")
        if key is None:
            return error(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers.")
        return None if key == self.key else bad_key()

    def _listing(self, request: Received) -> Answer:
        path = _MODEL_PATH.fullmatch(request.path)
        if path is None:
            return no_such_page()
        name = path[1] or "gemini-3-pro-image"
        if not name.startswith("gemini-"):
            return unknown_model(name)
        model = {"name": f"models/{name}", "supportedGenerationMethods": ["generateContent"]}
        return json_answer(200, model if path[1] else {"models": [model]})

    def _reply(self, model: str, request: dict[str, Any]) -> dict[str, Any]:
        config = request.get("generationConfig", {})
        parts: list[dict[str, Any]] = [{"text": "Here is what you asked for."}]
        wants_image = "image" in model or "banana" in model
        if wants_image and "IMAGE" in config.get("responseModalities", ["TEXT", "IMAGE"]):
            data = self.image or picture(*_sides(config))
            blob = {"mimeType": "image/png", "data": base64.b64encode(data).decode()}
            parts.append({"inlineData": blob, "thoughtSignature": SIGNATURE})
        return _response(model, parts)


def _body_refusal(request: Received, spec: dict[str, Any]) -> Answer | None:
    try:
        body = request.json
    except ValueError:
        return error(400, "INVALID_ARGUMENT", "Invalid JSON payload received. Unexpected token.")
    found = list(problems(spec, body))
    if found:
        return _invalid(found)
    if not body.get("contents"):
        return error(
            400, "INVALID_ARGUMENT", "* GenerateContentRequest.contents: contents is not specified\n"
        )
    return None


def _invalid(found: list[Problem]) -> Answer:
    violations = [{"field": _snake(p.path), "description": _describe(p)} for p in found]
    bad_request = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations}
    return error(400, "INVALID_ARGUMENT", "\n".join(map(_describe, found)), bad_request)


def _describe(problem: Problem) -> str:
    if problem.known:
        path = f"{problem.path}.{problem.name}" if problem.path else problem.name
        return f"Invalid value at '{_snake(path)}', {problem.value!r}"
    at = f" at '{_snake(problem.path)}'" if problem.path else ""
    return f'Invalid JSON payload received. Unknown name "{problem.name}"{at}: Cannot find field.'


def _snake(path: str) -> str:
    return re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), path)


def no_such_page() -> Answer:
    return Answer(404, _HTML, {"content-type": "text/html"})


def error(status: int, name: str, message: str, *details: dict[str, Any], **headers: str) -> Answer:
    """Google's error body."""
    return json_answer(status, error_body(status, name, message, *details), **headers)


def error_body(status: int, name: str, message: str, *details: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {"code": status, "message": message, "status": name}
    return {"error": body | ({"details": list(details)} if details else {})}


def bad_key() -> Answer:
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": {"service": "generativelanguage.googleapis.com"},
    }
    return error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", info)


def unknown_model(model: str) -> Answer:
    return error(
        404,
        "NOT_FOUND",
        f"models/{model} is not found for API version v1beta, or is not supported for generateContent. "
        "Call ListModels to see the list of available models and their supported methods.",
    )


def quota_exceeded(seconds: float) -> dict[str, Any]:
    """The body of Google's 429."""
    return error_body(
        429,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota, please check your plan and billing details.",
        {
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel"}],
        },
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{seconds:g}s"},
    )


def _sides(config: dict[str, Any]) -> tuple[int, int]:
    image = config.get("imageConfig") or config.get("responseFormat", {}).get("image") or {}
    ratio, size = image.get("aspectRatio", "1:1"), image.get("imageSize", "1K")
    return sides(RATIO_NAMES.get(ratio, ratio), SIZE_NAMES.get(size, size))


def _response(model: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    """With fields that no published schema has, on every level."""
    candidate = {
        "content": {"parts": parts, "role": "model"},
        "finishReason": "STOP",
        "index": 0,
        "safetyRatings": [{"category": "HARM_CATEGORY_HARASSMENT", "probability": "NEGLIGIBLE"}],
        "candidateFieldOfTomorrow": [1, 2],
    }
    usage = {
        "promptTokenCount": 12,
        "candidatesTokenCount": 1300,
        "totalTokenCount": 1312,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 12}],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
        "usageFieldOfTomorrow": 7,
    }
    return {
        "candidates": [candidate],
        "usageMetadata": usage,
        "modelVersion": model,
        "responseId": "fake-response-1",
        "fieldOfTomorrow": {"deep": ["ü", None]},
    }
