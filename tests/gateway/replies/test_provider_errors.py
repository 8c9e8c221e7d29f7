"""What providers refuse: their words to both SDKs, and none of the operator's affairs."""

import json
from typing import Any

import grpc
import openai
import pytest
from google import genai
from google.genai.errors import APIError, ClientError, ServerError
from google.genai.types import HttpOptions
from google.rpc import error_details_pb2, status_pb2

from tests.conftest import Gateway
from tests.fakes import gemini
from tests.fakes import openai as fake_openai
from tests.fakes.server import Answer, Fault
from tests.gateway.providers import (
    GOOGLE_BODY,
    GOOGLE_PATH,
    OPENAI_BODY,
    OPENAI_PATH,
    Providers,
    bearer,
    content,
    post,
    typed,
)

WORDS = "Do not paint the sea. "  # with its space: words are passed on as they are
THEIR_DETAIL = {"@type": "type.googleapis.com/google.rpc.Help", "links": [{"url": "https://example.com"}]}

GOOGLE_FAULTS: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "400": (
        {"status": 400, "body": gemini.error_body(400, "INVALID_ARGUMENT", WORDS, THEIR_DETAIL)},
        400,
        "INVALID_ARGUMENT",
        WORDS,
    ),
    "429": (
        {"status": 429, "body": gemini.quota_exceeded(7)},
        429,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota, please check your plan and billing details.",
    ),
    "500": ({"status": 500, "body": gemini.error_body(500, "INTERNAL", WORDS)}, 503, "UNAVAILABLE", WORDS),
    "502 in HTML": (
        {"status": 502, "body": b"<h1>no</h1>", "headers": {"content-type": "text/html"}},
        503,
        "UNAVAILABLE",
        "502",
    ),
    "503": ({"status": 503, "body": gemini.error_body(503, "UNAVAILABLE", WORDS)}, 503, "UNAVAILABLE", WORDS),
    "504": (
        {"status": 504, "body": gemini.error_body(504, "DEADLINE_EXCEEDED", WORDS)},
        504,
        "DEADLINE_EXCEEDED",
        WORDS,
    ),
    "no answer": ({"cut_after": 0}, 503, "UNAVAILABLE", "without an answer"),
    "half a reply": ({"cut_after": 400}, 502, "INTERNAL", "broke off"),
    "garbage": ({"status": 200, "body": b"{]"}, 502, "INTERNAL", "not understood"),
    "no HTTP": ({"raw": b"SSH-2.0-x\r\n\r\n"}, 502, "INTERNAL", "HTTP"),
}
"""What Gemini does; then the status, Google's name for it and words in the message."""

OPENAI_FAULTS: dict[str, tuple[dict[str, Any], type[openai.APIStatusError], int, dict[str, Any]]] = {
    "400": (
        {"status": 400, "body": fake_openai.error_body(WORDS, param="svg", code="invalid_svg")},
        openai.BadRequestError,
        400,
        {"type": "invalid_request_error", "param": "svg", "code": "invalid_svg"},
    ),
    "400 moderation": (
        {"status": 400, "body": fake_openai.moderation_blocked()},
        openai.BadRequestError,
        400,
        {"type": "image_generation_user_error", "param": None, "code": "moderation_blocked"},
    ),
    "413": (
        {"status": 413, "body": fake_openai.error_body(WORDS)},
        openai.APIStatusError,
        413,
        {"type": "invalid_request_error", "param": None, "code": None},
    ),
    "429": (
        {"status": 429, "body": fake_openai.error_body(WORDS, "requests", code="rate_limit_exceeded")},
        openai.RateLimitError,
        429,
        {"type": "rate_limit_error", "param": None, "code": "rate_limit_exceeded"},
    ),
    "500": (
        {"status": 500, "body": fake_openai.error_body(WORDS, "server_error")},
        openai.InternalServerError,
        503,
        {"type": "server_error", "param": None, "code": "upstream_unavailable"},
    ),
    "503 in text": (
        {"status": 503, "body": WORDS},
        openai.InternalServerError,
        503,
        {"type": "server_error", "param": None, "code": "upstream_unavailable"},
    ),
    "504": (
        {"status": 504, "body": fake_openai.error_body(WORDS, "server_error")},
        openai.InternalServerError,
        504,
        {"type": "server_error", "param": None, "code": "upstream_timeout"},
    ),
    "half a reply": (
        {"cut_after": 400},
        openai.InternalServerError,
        502,
        {"type": "server_error", "param": None, "code": "upstream_bad_reply"},
    ),
}
"""What OpenAI does; then the SDK's exception, status and fields."""

WORDLESS = ("half a reply", "400 moderation")
"""OpenAI's faults that do not say WORDS."""


@pytest.mark.parametrize("name", GOOGLE_FAULTS)
def test_geminis_words_reach_googles_sdk(served: Gateway, behind: Providers, name: str) -> None:
    fault, code, status, words = GOOGLE_FAULTS[name]
    behind.gemini.otherwise = Fault(**fault)
    options = HttpOptions(base_url=served.http)
    with (
        genai.Client(api_key=served.key, http_options=options) as client,
        pytest.raises(APIError) as caught,
    ):
        client.models.generate_content(model="gemini-3-pro-image", contents="a lighthouse")
    error = caught.value
    assert type(error) is (ClientError if code < 500 else ServerError)
    assert (error.code, error.status) == (code, status)
    assert error.message is not None
    if code == 400:
        assert error.message == words
    assert words.strip() in error.message


def test_geminis_details_reach_the_caller_beside_ours(served: Gateway, behind: Providers) -> None:
    behind.gemini.next(**GOOGLE_FAULTS["400"][0])
    error = post(served, GOOGLE_PATH, GOOGLE_BODY).json()["error"]
    assert THEIR_DETAIL in error["details"]
    assert [detail.get("reason") for detail in error["details"]] == [None, "UPSTREAM_REJECTED"]


def test_geminis_pause_reaches_every_caller(served: Gateway, behind: Providers) -> None:
    behind.gemini.otherwise = Fault(status=429, body=gemini.quota_exceeded(7))
    reply = post(served, GOOGLE_PATH, GOOGLE_BODY)
    assert reply.headers["retry-after"] == "7"
    assert reply.json()["error"]["details"][-1]["retryDelay"] == "7s"
    with typed(served.grpc) as stub, pytest.raises(grpc.RpcError) as caught:
        stub.GenerateContent(content(), metadata=bearer(served), timeout=30)
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    trailer = dict(error.trailing_metadata())
    assert trailer["retry-after"] == "7"
    status = status_pb2.Status.FromString(trailer["grpc-status-details-bin"])
    retry = error_details_pb2.RetryInfo()
    assert [detail.Unpack(retry) for detail in status.details] == [False, True]
    assert retry.retry_delay.seconds == 7


@pytest.mark.parametrize("name", OPENAI_FAULTS)
def test_openais_words_reach_openais_sdk(served: Gateway, behind: Providers, name: str) -> None:
    fault, exception, status, fields = OPENAI_FAULTS[name]
    behind.openai.otherwise = Fault(**fault)
    client = openai.OpenAI(api_key=served.key, base_url=f"{served.http}/v1", max_retries=0)
    with client, pytest.raises(openai.APIStatusError) as caught:
        client.images.generate(model="gpt-image-2", prompt="a lighthouse")
    error = caught.value
    assert type(error) is exception
    assert error.status_code == status
    assert {field: getattr(error, field) for field in fields} == fields
    assert error.request_id
    assert isinstance(error.body, dict)
    assert name in WORDLESS or WORDS.strip() in error.body["message"]
    assert ("moderation_details" in error.body) == (name == "400 moderation")


@pytest.mark.parametrize("status", [401, 403, 404])
def test_the_operators_trouble_is_not_the_callers(served: Gateway, behind: Providers, status: int) -> None:
    """And what the provider says of the operator's account stays here."""
    secret = "Project 1234 of Acme has no access."
    behind.gemini.otherwise = Fault(
        status=status, body=gemini.error_body(status, "PERMISSION_DENIED", secret)
    )
    behind.openai.otherwise = Fault(status=status, body=fake_openai.error_body(secret))
    for path, body in ((GOOGLE_PATH, GOOGLE_BODY), (OPENAI_PATH, OPENAI_BODY)):
        reply = post(served, path, body)
        assert reply.status_code == 503
        assert "Acme" not in reply.text
    with typed(served.grpc) as stub, pytest.raises(grpc.RpcError) as caught:
        stub.GenerateContent(content(), metadata=bearer(served), timeout=30)
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert "Acme" not in error.details()


@pytest.mark.parametrize(
    "answer",
    [
        gemini.bad_key(),
        gemini.error(400, "FAILED_PRECONDITION", "API key of a country without free tier."),
    ],
    ids=("key", "country"),
)
def test_googles_400_about_the_account_is_the_operators_trouble(
    served: Gateway, behind: Providers, answer: Answer
) -> None:
    """Google says it as if the request were at fault."""
    behind.gemini.otherwise = Fault(status=answer.status, body=json.loads(answer.body))
    reply = post(served, GOOGLE_PATH, GOOGLE_BODY)
    assert reply.status_code == 503
    assert "API key" not in reply.text
