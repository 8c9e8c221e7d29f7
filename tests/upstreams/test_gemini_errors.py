"""Every refusal of Google's, as ours."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from routerhub_server.errors import (
    UpstreamError,
    UpstreamMisconfiguredError,
    UpstreamRateLimitedError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)
from routerhub_server.upstreams.gemini import GeminiAdapter
from routerhub_server.upstreams.http import HttpUpstream
from tests.fakes.gemini import FakeGemini, error_body, quota_exceeded
from tests.upstreams.orders import gemini_order, upstream_of

HTML = "<!DOCTYPE html><title>502</title>"


async def refused(gemini: HttpUpstream) -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        await gemini.render(gemini_order())
    return caught.value


@pytest.mark.parametrize(
    ("status", "name", "message"),
    [
        (400, "INVALID_ARGUMENT", "* GenerateContentRequest.contents: contents is not specified\n"),
        (400, "OUT_OF_RANGE", "Out of range."),
        (403, "PERMISSION_DENIED", "You do not have permission to access the File x or it may not exist."),
        (403, "PERMISSION_DENIED", "CachedContent not found (or permission denied)"),
        (404, "NOT_FOUND", "cachedContents/abc is not found."),
        (409, "ABORTED", "Try another."),
        (413, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes."),
        (422, "INVALID_ARGUMENT", "Unprocessable."),
    ],
)
@pytest.mark.parametrize("in_array", [False, True])
async def test_request_at_fault_is_told_in_googles_words(
    gemini: HttpUpstream, fake_gemini: FakeGemini, status: int, name: str, message: str, in_array: bool
) -> None:
    detail = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": "x"}]}
    body = error_body(status, name, message, detail)
    fake_gemini.next(status=status, body=[body] if in_array else body)
    error = await refused(gemini)
    assert isinstance(error, UpstreamRejectedError)
    assert error.message == error.provider.message == message
    assert error.provider.status == status
    assert error.provider.google_status == name
    assert list(error.provider.details) == [detail]
    assert error.spent == "no"


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        pytest.param(
            400,
            error_body(
                400,
                "INVALID_ARGUMENT",
                "API key expired. Please renew the API key.",
                {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"},
            ),
            "The upstream does not accept the gateway's credentials.",
            id="bad-key",
        ),
        pytest.param(
            400,
            error_body(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
            "The upstream does not accept the gateway's credentials.",
            id="bad-key-without-details",
        ),
        pytest.param(
            400,
            error_body(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
            "The upstream does not serve this gateway.",
            id="country",
        ),
        pytest.param(
            401,
            error_body(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
            "The upstream does not accept the gateway's credentials.",
            id="401",
        ),
        pytest.param(
            403,
            error_body(403, "PERMISSION_DENIED", "The caller does not have permission"),
            "The upstream does not permit this to the gateway.",
            id="403",
        ),
        pytest.param(
            404,
            error_body(404, "NOT_FOUND", "models/gemini-3-pro-image is not found for API version v1beta"),
            "The upstream does not know the model 'gemini-3-pro-image'.",
            id="model-gone",
        ),
        pytest.param(404, HTML, "The upstream does not offer this call.", id="wrong-address"),
        pytest.param(405, HTML, "The upstream does not offer this call.", id="405"),
        pytest.param(402, HTML, "The upstream's account of the gateway is not paid.", id="402"),
    ],
)
async def test_operators_fault_is_unavailable_and_logged_as_an_error(
    gemini: HttpUpstream, fake_gemini: FakeGemini, status: int, body: Any, told: str
) -> None:
    fake_gemini.next(status=status, body=body)
    with capture_logs() as logs:
        error = await refused(gemini)
    assert isinstance(error, UpstreamMisconfiguredError)
    assert (error.reason, error.message) == ("UPSTREAM_UNAVAILABLE", told)
    assert (error.spent, error.retry_after) == ("no", None)
    (entry,) = logs
    assert entry["log_level"] == "error"
    assert entry["event"] == "upstream_misconfigured"
    assert entry["problem"] == told
    assert (entry["upstream"], entry["model"], entry["request_id"]) == (
        "test",
        "gemini-3-pro-image",
        "request-1",
    )
    assert entry["status"] == status
    if isinstance(body, dict):
        assert entry["provider_message"] == body["error"]["message"]


async def test_wrong_and_missing_key_are_the_operators_fault(fake_gemini: FakeGemini) -> None:
    for key in ("wrong", ""):
        upstream = upstream_of(GeminiAdapter(key, fake_gemini.base_url))
        assert isinstance(await refused(upstream), UpstreamMisconfiguredError)
        await upstream.close()


@pytest.mark.parametrize("headers", [{}, {"retry-after": "5"}])
async def test_429_is_the_providers_rate_limit(
    gemini: HttpUpstream, fake_gemini: FakeGemini, headers: dict[str, str]
) -> None:
    """The header outranks RetryInfo."""
    fake_gemini.next(status=429, body=quota_exceeded(3.29), headers=headers)
    error = await refused(gemini)
    assert isinstance(error, UpstreamRateLimitedError)
    assert error.reason == "UPSTREAM_RATE_LIMITED"
    assert error.retry_after == (5 if headers else 3.29)
    assert error.spent == "no"
    assert error.message == (
        "The upstream answered 429: You exceeded your current quota, "
        "please check your plan and billing details."
    )


OVERLOADED = error_body(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")


@pytest.mark.parametrize(
    ("status", "body", "headers", "kind", "spent", "retry_after"),
    [
        (503, OVERLOADED, {"retry-after": "2"}, UpstreamUnavailableError, "no", 2),
        (503, OVERLOADED, {}, UpstreamUnavailableError, "no", None),
        (529, OVERLOADED, {}, UpstreamUnavailableError, "no", None),
        (500, OVERLOADED, {"retry-after": "2"}, UpstreamUnavailableError, "possible", None),
        (501, OVERLOADED, {}, UpstreamUnavailableError, "possible", None),
        (502, OVERLOADED, {}, UpstreamUnavailableError, "possible", None),
        (520, OVERLOADED, {}, UpstreamUnavailableError, "possible", None),
        (599, OVERLOADED, {}, UpstreamUnavailableError, "possible", None),
        (504, OVERLOADED, {}, UpstreamTimeoutError, "possible", None),
        (524, OVERLOADED, {}, UpstreamTimeoutError, "possible", None),
        (408, OVERLOADED, {}, UpstreamTimeoutError, "possible", None),
    ],
)
async def test_providers_fault_is_told_in_short(
    gemini: HttpUpstream,
    fake_gemini: FakeGemini,
    status: int,
    body: Any,
    headers: dict[str, str],
    kind: type[UpstreamError],
    spent: str,
    retry_after: float | None,
) -> None:
    fake_gemini.next(status=status, body=body, headers=headers)
    error = await refused(gemini)
    assert type(error) is kind
    words = "The model is overloaded. Please try again later."
    assert error.message == f"The upstream answered {status}: {words}"
    assert (error.spent, error.retry_after) == (spent, retry_after)


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"body": HTML, "headers": {"content-type": "text/html"}}, id="html"),
        pytest.param({"body": b""}, id="empty"),
        pytest.param({"body": b"\x00\xff" * 100}, id="garbage"),
        pytest.param(
            {"body": b'{"error": {"message": "cut', "headers": {"content-length": "500"}}, id="broken-off"
        ),
        pytest.param({"body": OVERLOADED, "cut_after": 110}, id="cut"),
        pytest.param({"body": b" " * 3_000_000}, id="huge"),
    ],
)
async def test_unreadable_502_is_still_a_502(
    gemini: HttpUpstream, fake_gemini: FakeGemini, fault: dict[str, Any]
) -> None:
    fake_gemini.next(status=502, **fault)
    error = await refused(gemini)
    assert type(error) is UpstreamUnavailableError
    assert error.message.startswith("The upstream answered 502")
    assert "<" not in error.message
    assert error.spent == "possible"


async def test_gzipped_error_is_read(gemini: HttpUpstream, fake_gemini: FakeGemini) -> None:
    fake_gemini.next(status=400, body=error_body(400, "INVALID_ARGUMENT", "No."), gzip=True)
    assert (await refused(gemini)).message == "No."


async def test_key_quoted_by_the_provider_reaches_nobody(
    gemini: HttpUpstream, fake_gemini: FakeGemini
) -> None:
    words = f"The key {fake_gemini.key} is bad."
    for status in (400, 401, 503):
        fake_gemini.next(status=status, body=error_body(status, "X", words))
        with capture_logs() as logs:
            error = await refused(gemini)
        assert fake_gemini.key not in repr((error.args, error.provider, logs))
        assert "The key [key] is bad." in repr(error.provider)
