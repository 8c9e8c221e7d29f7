"""Every refusal of OpenAI's, as ours."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from routerhub_server.errors import (
    ContentBlockedError,
    RouterHubError,
    UpstreamError,
    UpstreamMisconfiguredError,
    UpstreamRateLimitedError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from routerhub_server.upstreams.http import HttpUpstream
from routerhub_server.upstreams.openai import OpenAIAdapter
from tests.fakes.openai import FakeOpenAI, error_body, moderation_blocked
from tests.upstreams.orders import openai_order, upstream_of


async def refused(openai: HttpUpstream) -> RouterHubError:
    with pytest.raises(RouterHubError) as caught:
        await openai.render(openai_order())
    return caught.value


@pytest.mark.parametrize(
    ("status", "message", "param", "code"),
    [
        (400, "Unknown parameter: 'response_format'.", "response_format", "unknown_parameter"),
        (400, "Invalid value: '1254x836'.", "size", "invalid_value"),
        (400, "Something.", None, None),
        (409, "Conflict.", None, None),
        (413, "Too large.", None, None),
        (422, "Unprocessable.", "prompt", None),
    ],
)
async def test_request_at_fault_is_told_in_openais_words(
    openai: HttpUpstream, fake_openai: FakeOpenAI, status: int, message: str, param: str, code: str
) -> None:
    fake_openai.next(status=status, body=error_body(message, param=param, code=code, extra_key=1))
    error = await refused(openai)
    assert isinstance(error, UpstreamRejectedError)
    assert error.message == error.provider.message == message
    assert error.provider.status == status
    assert error.provider.type == "invalid_request_error"
    assert (error.provider.param, error.provider.code) == (param, code)
    assert error.provider.extra == {"extra_key": 1}


async def test_vendors_own_check_reaches_the_caller(openai: HttpUpstream) -> None:
    """Nothing scripted: the fake checks `n` itself."""
    with pytest.raises(UpstreamRejectedError) as caught:
        await openai.render(openai_order(n=11))
    assert caught.value.provider.code == "integer_above_max_value"
    assert caught.value.provider.param == "n"


@pytest.mark.parametrize(
    "body",
    [
        moderation_blocked(),
        error_body("Rejected.", code="content_policy_violation", moderation_details={"categories": []}),
    ],
)
async def test_moderation_is_blocked_content_with_its_details(
    openai: HttpUpstream, fake_openai: FakeOpenAI, body: Any
) -> None:
    fake_openai.next(status=400, body=body)
    error = await refused(openai)
    assert isinstance(error, ContentBlockedError)
    assert error.reason == "CONTENT_BLOCKED"
    assert error.message == body["error"]["message"]
    assert error.provider is not None
    assert (error.provider.type, error.provider.code) == (body["error"]["type"], body["error"]["code"])
    assert error.provider.extra == {"moderation_details": body["error"]["moderation_details"]}


CREDENTIALS = "The upstream does not accept the gateway's credentials."
UNPAID = "The upstream's account of the gateway is not paid."
UNKNOWN = "The upstream does not know the model 'gpt-image-2'."


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (401, error_body("Incorrect API key provided: sk-ab***cd.", code="invalid_api_key"), CREDENTIALS),
        (401, error_body("Bad.", code=None), CREDENTIALS),
        (400, error_body("Bad.", code="invalid_api_key"), CREDENTIALS),
        (
            403,
            error_body("Your organization must be verified to use the model `gpt-image-2`."),
            "The upstream does not permit this to the gateway.",
        ),
        (
            429,
            error_body(
                "You exceeded your current quota, ...", "insufficient_quota", None, "insufficient_quota"
            ),
            UNPAID,
        ),
        (429, error_body("You exceeded your current quota, ...", "insufficient_quota"), UNPAID),
        (400, error_body("Billing hard limit has been reached", code="billing_hard_limit_reached"), UNPAID),
        (404, error_body("The model 'x' does not exist or ...", code="model_not_found"), UNKNOWN),
        (400, error_body("Model not found gpt-image-2", param="model"), UNKNOWN),
        (404, error_body("Invalid URL (POST /images/generations)"), "The upstream does not offer this call."),
    ],
)
async def test_operators_fault_is_unavailable_and_logged_as_an_error(
    openai: HttpUpstream, fake_openai: FakeOpenAI, status: int, body: Any, told: str
) -> None:
    fake_openai.next(status=status, body=body, headers={"retry-after": "30"})
    with capture_logs() as logs:
        error = await refused(openai)
    assert isinstance(error, UpstreamMisconfiguredError)
    assert (error.reason, error.message, error.retry_after) == ("UPSTREAM_UNAVAILABLE", told, None)
    (entry,) = logs
    assert (entry["log_level"], entry["event"]) == ("error", "upstream_misconfigured")
    assert (entry["status"], entry["provider_message"]) == (status, body["error"]["message"])


async def test_key_quoted_by_the_provider_reaches_nobody(fake_openai: FakeOpenAI) -> None:
    upstream = upstream_of(OpenAIAdapter("sk-very-wrong", fake_openai.base_url))
    with capture_logs() as logs:
        error = await refused(upstream)
    await upstream.close()
    assert isinstance(error, UpstreamMisconfiguredError)
    assert "sk-very-wrong" not in repr((error.args, error.provider, logs))
    assert logs[0]["provider_message"] == "Incorrect API key provided: [key]."


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"retry-after": "20"}, 20), ({"retry-after-ms": "250", "retry-after": "1"}, 0.25), ({}, None)],
)
async def test_429_is_the_providers_rate_limit(
    openai: HttpUpstream, fake_openai: FakeOpenAI, headers: dict[str, str], seconds: float | None
) -> None:
    body = error_body("Rate limit exceeded for images per minute.", "requests", None, "rate_limit_exceeded")
    fake_openai.next(status=429, body=body, headers=headers)
    error = await refused(openai)
    assert isinstance(error, UpstreamRateLimitedError)
    assert error.message == "The upstream answered 429: Rate limit exceeded for images per minute."
    assert (error.retry_after, error.spent) == (seconds, "no")


@pytest.mark.parametrize(
    ("status", "kind", "spent"),
    [
        (500, UpstreamUnavailableError, "possible"),
        (502, UpstreamUnavailableError, "possible"),
        (503, UpstreamUnavailableError, "no"),
        (504, UpstreamTimeoutError, "possible"),
    ],
)
async def test_providers_fault_is_told_in_short(
    openai: HttpUpstream, fake_openai: FakeOpenAI, status: int, kind: type[UpstreamError], spent: str
) -> None:
    body = error_body("The server had an error\nprocessing your request.", "server_error")
    fake_openai.next(status=status, body=body)
    error = await refused(openai)
    assert isinstance(error, UpstreamError)
    assert type(error) is kind
    assert (
        error.message == f"The upstream answered {status}: The server had an error processing your request."
    )
    assert error.spent == spent
