"""Every domain error, in all three dialects."""

from typing import Any

import msgspec
import pytest
from google.protobuf import json_format
from google.rpc import code_pb2

from routerhub.images.v1 import error_reason_pb2
from routerhub_server.doors.dialects import STATUS_BYTES, TABLE, grpc_status, http_error
from routerhub_server.errors import (
    BodyTooLargeError,
    BudgetExhaustedError,
    ContentBlockedError,
    InternalError,
    InvalidRequestError,
    MalformedBodyError,
    MethodNotAllowedError,
    ModelNotFoundError,
    OverloadedError,
    ProviderError,
    RateLimitedError,
    RouterHubError,
    UnauthenticatedError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
    Violation,
)


def google(error: RouterHubError) -> Any:
    reply = http_error(error, "gemini")
    return reply.status, dict(reply.headers), msgspec.json.decode(reply.body)["error"]


def openai(error: RouterHubError) -> Any:
    reply = http_error(error, "openai")
    return reply.status, dict(reply.headers), msgspec.json.decode(reply.body)["error"]


def test_table_covers_every_reason_of_the_contract() -> None:
    prefix = "ERROR_REASON_"
    reasons = {name.removeprefix(prefix) for name in error_reason_pb2.ErrorReason.keys()} - {"UNSPECIFIED"}
    assert set(TABLE) == reasons


def test_table_names_real_codes() -> None:
    for row in TABLE.values():
        assert code_pb2.Code.Value(row.grpc)


def test_malformed_body_speaks_both_dialects() -> None:
    error = MalformedBodyError("body must be valid JSON")
    status, _, body = google(error)
    assert (status, body["code"], body["message"], body["status"]) == (
        400,
        400,
        "body must be valid JSON",
        "INVALID_ARGUMENT",
    )
    assert openai(error) == (
        400,
        {},
        {
            "message": "body must be valid JSON",
            "type": "invalid_request_error",
            "param": None,
            "code": "invalid_json",
        },
    )


def test_unknown_model_is_404_for_google_and_400_for_openai() -> None:
    error = ModelNotFoundError("gemini-9")
    status, _, body = google(error)
    assert (status, body["status"]) == (404, "NOT_FOUND")
    assert body["message"].startswith("models/gemini-9 is not found for API version v1beta")
    assert openai(error) == (
        400,
        {},
        {
            "message": "Invalid value for 'model'",
            "type": "invalid_request_error",
            "param": "model",
            "code": "invalid_model",
        },
    )
    assert grpc_status(error, "gemini").code == code_pb2.NOT_FOUND
    assert grpc_status(error, "openai").code == code_pb2.INVALID_ARGUMENT


def test_violations_are_all_named() -> None:
    error = InvalidRequestError(
        [
            Violation("n", "too many", code="integer_above_max_value"),
            Violation("", "Unknown parameter: 'x'.", reason="UNKNOWN_FIELD", code="unknown_parameter"),
        ]
    )
    _, _, body = google(error)
    bad = next(detail for detail in body["details"] if detail["@type"].endswith("BadRequest"))
    assert [violation["description"] for violation in bad["fieldViolations"]] == [
        "too many",
        "Unknown parameter: 'x'.",
    ]
    _, _, body = openai(error)
    assert (body["param"], body["code"]) == ("n", "integer_above_max_value")
    assert body["message"] == "too many\nUnknown parameter: 'x'."


def test_status_stays_within_what_metadata_carries() -> None:
    error = InvalidRequestError([Violation(f"field_{i}", "x" * 300) for i in range(64)])
    status = grpc_status(error, "gemini")
    assert status.ByteSize() <= STATUS_BYTES
    assert status.details[0].TypeName() == "google.rpc.ErrorInfo"


def test_retry_info_and_header_agree() -> None:
    error = RateLimitedError("slow down", retry_after=2.5)
    status, headers, body = google(error)
    assert (status, headers["retry-after"]) == (429, "3")
    assert body["details"][1]["retryDelay"] == "2.500s"
    assert json_format.MessageToDict(grpc_status(error, "gemini"))["details"][1]["retryDelay"] == "2.500s"


def test_exhausted_budget_never_invites_a_retry() -> None:
    status, headers, body = openai(BudgetExhaustedError("spent"))
    assert (status, headers, body["type"]) == (429, {"x-should-retry": "false"}, "insufficient_quota")


def test_overload_is_503_with_retry_after() -> None:
    headers = {"retry-after": "1", "x-should-retry": "true"}
    assert openai(OverloadedError("full"))[:2] == (503, headers)


def test_possible_charge_is_not_retried_by_sdks() -> None:
    error = UpstreamTimeoutError("late", spent="possible")
    assert openai(error)[:2] == (504, {"x-should-retry": "false"})


def test_body_too_large_differs_by_door() -> None:
    error = BodyTooLargeError(1000)
    assert google(error)[0] == 400
    assert openai(error)[0] == 413
    assert google(error)[2]["message"] == "Request payload size exceeds the limit: 1000 bytes."


def test_provider_refusal_keeps_the_providers_words() -> None:
    provider = ProviderError(400, "No.", type="image_generation_user_error", param="size", code="odd")
    assert openai(UpstreamRejectedError(provider)) == (
        400,
        {"x-should-retry": "false"},
        {"message": "No.", "type": "image_generation_user_error", "param": "size", "code": "odd"},
    )
    provider = ProviderError(
        404, "Gone.", google_status="NOT_FOUND", details=[{"@type": "type.googleapis.com/google.rpc.Help"}]
    )
    status, _, body = google(UpstreamRejectedError(provider))
    assert (status, body["code"], body["status"], body["message"]) == (404, 404, "NOT_FOUND", "Gone.")
    assert body["details"][0] == {"@type": "type.googleapis.com/google.rpc.Help"}


def test_moderation_details_reach_the_openai_caller() -> None:
    provider = ProviderError(
        400,
        "Rejected.",
        type="image_generation_user_error",
        code="moderation_blocked",
        extra={"moderation_details": {"moderation_stage": "input"}},
    )
    _, _, body = openai(ContentBlockedError("Rejected.", provider=provider))
    assert body["moderation_details"] == {"moderation_stage": "input"}


def test_wrong_method_says_which_is_right() -> None:
    assert google(MethodNotAllowedError("no", allow="POST"))[:2] == (405, {"allow": "POST"})


@pytest.mark.parametrize("interface", ["gemini", "openai"])
def test_internal_error_tells_nothing(interface: Any) -> None:
    assert http_error(InternalError(), interface).status == 500
    assert b"An internal error occurred." in http_error(InternalError(), interface).body


def test_expired_key_is_a_401() -> None:
    error = UnauthenticatedError("expired", reason="KEY_EXPIRED")
    assert google(error)[0] == openai(error)[0] == 401
    assert openai(error)[2]["code"] == "invalid_api_key"
