"""The unmodified openai SDK for Node through Envoy and the gateway."""

import base64
from typing import Any

import pytest

from tests.clients.conftest import Program
from tests.clients.pictures import looks

MODEL = "gpt-image-2"


def generate(node: Program, key: str | None = None, **params: Any) -> dict[str, Any]:
    keys = {} if key is None else {"key": key}
    return node("openai.mjs", "generate", {"model": MODEL, "prompt": "a fox", **params}, **keys)


def images(outcome: dict[str, Any]) -> list[tuple[str, tuple[int, int]]]:
    return [looks(base64.b64decode(image["b64_json"], validate=True)) for image in outcome["result"]["data"]]


def failing(marker: str) -> dict[str, str]:
    return {"prompt": f"a fox [sandbox:{marker}]"}


@pytest.mark.parametrize("model", [MODEL, "openai/gpt-image-1"])
def test_minimal_call_returns_image_and_usage(node: Program, model: str) -> None:
    outcome = generate(node, model=model)
    assert images(outcome) == [("PNG", (1024, 1024))]
    assert outcome["result"]["usage"]["total_tokens"] > 0


def test_every_option_is_accepted_and_obeyed(node: Program) -> None:
    outcome = generate(
        node,
        background="opaque",
        moderation="low",
        n=2,
        output_compression=80,
        output_format="jpeg",
        partial_images=0,
        quality="high",
        safety_identifier="user-1",
        size="1536x864",
        stream=False,
        user="user-1",
    )
    assert images(outcome) == [("JPEG", (1536, 864))] * 2


def test_explicit_nulls_are_defaults(node: Program) -> None:
    assert images(generate(node, n=None, size=None)) == [("PNG", (1024, 1024))]


def test_models_list_holds_the_image_models(node: Program) -> None:
    assert f"openai/{MODEL}" in node("openai.mjs", "models_list", {})["result"]


@pytest.mark.parametrize("model", [MODEL, f"openai/{MODEL}"])
def test_models_retrieve_takes_both_spellings(node: Program, model: str) -> None:
    retrieved = node("openai.mjs", "models_retrieve", {"model": model})["result"]
    assert (retrieved["object"], retrieved["owned_by"]) == ("model", "openai")


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"size": "9x9"}, ("BadRequestError", 400, "invalid_request_error", "size", "invalid_value")),
        (
            {"model": "gpt-image-0"},
            ("BadRequestError", 400, "invalid_request_error", "model", "invalid_model"),
        ),
        ({"tint": "red"}, ("BadRequestError", 400, "invalid_request_error", "tint", "unknown_parameter")),
        (failing("error=429"), ("RateLimitError", 429, "rate_limit_error", None, "rate_limit_exceeded")),
        (failing("error=503"), ("InternalServerError", 503, "server_error", None, "upstream_unavailable")),
        (failing("timeout"), ("InternalServerError", 504, "server_error", None, "upstream_timeout")),
    ],
)
def test_failure_is_the_sdks_own_error(node: Program, params: dict[str, Any], told: tuple[Any, ...]) -> None:
    assert refused(generate(node, **params)) == told


def test_unknown_key_is_an_authentication_error(node: Program) -> None:
    failure = generate(node, key="rh_" + "x" * 40)
    assert refused(failure) == ("AuthenticationError", 401, "invalid_request_error", None, "invalid_api_key")


def test_disabled_key_is_a_permission_denied_error(node: Program, disabled_key: str) -> None:
    failure = generate(node, key=disabled_key)
    assert refused(failure) == ("PermissionDeniedError", 403, "invalid_request_error", None, "key_disabled")


def refused(outcome: dict[str, Any]) -> tuple[Any, ...]:
    """Class, status, type, param and code of the exception."""
    error = outcome["error"]
    assert error["requestID"]
    assert error["message"].startswith(f"{error['status']} ")
    return error["name"], error["status"], error["type"], error.get("param"), error["code"]
