"""An OpenAI Images API of our own: strict about what it receives, generous in what it sends."""

import base64
import re
from collections.abc import Callable
from typing import Any

from tests.fakes.fields import Problem, boolean, integer, one_of, problems, text
from tests.fakes.pictures import picture
from tests.fakes.server import Answer, FakeServer, Received, json_answer

_MODEL = re.compile(r"gpt-image-[\w.-]+|chatgpt-image-latest|dall-e-[23]")
MODELS = ("gpt-image-2", "gpt-image-1.5")
_REQUEST = {
    "prompt": text,
    "model": text,
    "n": integer,
    "size": text,
    "quality": one_of("low", "medium", "high", "auto", "xhigh", "max", "standard", "hd"),
    "background": one_of("transparent", "opaque", "auto"),
    "moderation": one_of("low", "auto"),
    "output_format": one_of("png", "jpeg", "webp", "gif", "svg"),
    "output_compression": integer,
    "partial_images": integer,
    "stream": boolean,
    "response_format": one_of("url", "b64_json"),
    "style": one_of("vivid", "natural"),
    "user": text,
    "safety_identifier": text,
    "complexity": one_of("low", "medium", "high"),
    "frame_count": integer,
    "frame_duration_ms": integer,
    "svg": {"model": text, "reasoning": {"effort": text}},
}
_DALL_E_ONLY = ("response_format", "style")


class FakeOpenAI(FakeServer):
    def __init__(self, key: str = "sk-openai-test-key") -> None:
        """Without `key`, a server that asks for none and wonders at one."""
        super().__init__(key)
        self.image: bytes | None = None
        """The image that every reply carries; None for one of the size and format that was asked for."""
        self.lists_single_models = True
        """Whether it has `GET /models/{id}` beside the list."""

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def respond(self, request: Received) -> Answer:
        if not self.has(request):
            return self.no_such_call(request)
        refusal = self.key_refusal(request)
        if refusal is not None:
            return refusal
        if request.method == "GET":
            return self._listing(request.path.partition("?")[0].partition("/models")[2].removeprefix("/"))
        refusal = self._body_refusal(request)
        if refusal is not None:
            return refusal
        return json_answer(200, self._reply(request.json), **{"x-request-id": "req_fake_1"})

    def has(self, request: Received) -> bool:
        if request.method == "GET":
            return request.path == "/v1/models" or (
                self.lists_single_models and request.path.startswith("/v1/models/")
            )
        return request.path == "/v1/images/generations" and request.method == "POST"

    def no_such_call(self, request: Received) -> Answer:
        return error(404, f"Invalid URL ({request.method} {request.path})")

    def key_refusal(self, request: Received) -> Answer | None:
        sent = request.headers.get("authorization")
        if sent == (f"Bearer {self.key}" if self.key else None):
            return None
        return bad_key((sent or "").removeprefix("Bearer "))

    def model_known(self, model: str) -> bool:
        return _MODEL.fullmatch(model) is not None

    def _listing(self, model: str) -> Answer:
        known = [{"id": name, "object": "model", "created": 1, "owned_by": "fake"} for name in MODELS]
        if not model:
            return json_answer(200, {"object": "list", "data": known})
        return json_answer(200, known[MODELS.index(model)]) if model in MODELS else unknown_model(model)

    def _body_refusal(self, request: Received) -> Answer | None:
        if request.headers.get("content-type") != "application/json":
            return error(400, "Unsupported content type.")
        try:
            return _body_refusal(request.json, self.model_known)
        except ValueError:
            return error(400, "We could not parse the JSON body of your request.")

    def _reply(self, request: dict[str, Any]) -> dict[str, Any]:
        """With fields that no published schema has, on every level."""
        size = _or_auto(request.get("size"), "1024x1024")
        image_format = request.get("output_format", "png")
        data = self.image or picture(*map(int, size.split("x")), image_format.upper())
        image = {"b64_json": base64.b64encode(data).decode(), "image_field_of_tomorrow": True}
        return {
            "created": 1_760_000_000,
            "background": _or_auto(request.get("background"), "opaque"),
            "output_format": image_format,
            "quality": _or_auto(request.get("quality"), "high"),
            "size": size,
            "data": [image] * request.get("n", 1),
            "usage": {
                "input_tokens": 12,
                "input_tokens_details": {"text_tokens": 12, "image_tokens": 0},
                "output_tokens": 4160,
                "output_tokens_details": {"text_tokens": 0, "image_tokens": 4160},
                "total_tokens": 4172,
            },
            "field_of_tomorrow": {"deep": ["ü", None]},
        }


def _body_refusal(body: dict[str, Any], known: Callable[[str], bool]) -> Answer | None:
    for problem in problems(_REQUEST, body):
        return _invalid(problem)
    model = body.get("model", "")
    if "prompt" not in body:
        return invalid("prompt", "missing_required_parameter", "Missing required parameter: 'prompt'.")
    if not known(model):
        return unknown_model(model)
    for name in _DALL_E_ONLY:
        if name in body and not model.startswith("dall-e"):
            return invalid(name, "unknown_parameter", f"Unknown parameter: '{name}'.")
    if body.get("n", 1) > 10:
        return invalid(
            "n",
            "integer_above_max_value",
            f"Invalid 'n': integer above maximum value. Expected a value <= 10, but got {body['n']} instead.",
        )
    return None


def _invalid(problem: Problem) -> Answer:
    path = f"{problem.path}.{problem.name}" if problem.path else problem.name
    if not problem.known:
        return invalid(path, "unknown_parameter", f"Unknown parameter: '{path}'.")
    return invalid(path, "invalid_value", f"Invalid value: '{problem.value}'.")


def _or_auto(value: str | None, automatic: str) -> str:
    return automatic if value in (None, "auto") else str(value)


def error_body(
    message: str,
    type_: str = "invalid_request_error",
    param: str | None = None,
    code: str | None = None,
    **extra: Any,
) -> dict[str, Any]:
    return {"error": {"message": message, "type": type_, "param": param, "code": code, **extra}}


def error(status: int, *args: Any, **kwargs: Any) -> Answer:
    """OpenAI's error body; the arguments are those of `error_body`."""
    return json_answer(status, error_body(*args, **kwargs), **{"x-request-id": "req_fake_1"})


def invalid(param: str, code: str, message: str) -> Answer:
    return error(400, message, param=param, code=code)


def bad_key(key: str) -> Answer:
    return error(401, f"Incorrect API key provided: {key}.", code="invalid_api_key")


def unknown_model(model: str) -> Answer:
    return error(
        404,
        f"The model '{model}' does not exist or you do not have access to it.",
        code="model_not_found",
    )


def moderation_blocked() -> dict[str, Any]:
    """The body of OpenAI's 400 for a prompt or picture that its safety system refuses."""
    return error_body(
        "Your request was rejected by the safety system. If you believe this is an error, contact us at "
        "help.openai.com and include the request ID req_fake_1. safety_violations=[sexual].",
        "image_generation_user_error",
        code="moderation_blocked",
        moderation_details={"moderation_stage": "input", "categories": ["sexual"]},
    )
