"""One table: domain error -> gRPC status, Google body, OpenAI body. No other place words an error."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from google.protobuf import any_pb2, duration_pb2, json_format
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from routerhub_server.errors import (
    BudgetExhaustedError,
    CapacityError,
    ContentError,
    InternalError,
    InvalidRequestError,
    MethodNotAllowedError,
    ModelNotFoundError,
    ProviderError,
    RateLimitedError,
    RouterHubError,
    UpstreamError,
    UpstreamMisconfiguredError,
    UpstreamRejectedError,
)
from routerhub_server.quotas import quota_headers
from routerhub_server.upstreams.base import Interface

DOMAIN = "routerhub"
STATUS_BYTES = 6 * 1024
"""gRPC statuses travel as metadata, which peers bound to 8 KiB."""

OpenAIType = Literal[
    "invalid_request_error",
    "rate_limit_error",
    "insufficient_quota",
    "image_generation_user_error",
    "server_error",
]


@dataclass(frozen=True, slots=True)
class Row:
    grpc: str
    """`google.rpc.Code` name; also the Google body's `status`."""
    http: int
    type: OpenAIType
    code: str | None
    openai_http: int | None = None
    """Where the OpenAI door differs."""
    gemini_http: int | None = None
    """Where the Gemini door differs."""
    gemini_grpc: str | None = None
    """Where the Gemini interface differs."""


TABLE: dict[str, Row] = {
    "MALFORMED_BODY": Row("INVALID_ARGUMENT", 400, "invalid_request_error", "invalid_json"),
    "UNKNOWN_FIELD": Row("INVALID_ARGUMENT", 400, "invalid_request_error", "unknown_parameter"),
    "INVALID_VALUE": Row("INVALID_ARGUMENT", 400, "invalid_request_error", "invalid_value"),
    "MISSING_FIELD": Row("INVALID_ARGUMENT", 400, "invalid_request_error", "missing_required_parameter"),
    "INVALID_MODEL": Row(
        "INVALID_ARGUMENT",
        400,
        "invalid_request_error",
        "invalid_model",
        gemini_http=404,
        gemini_grpc="NOT_FOUND",
    ),
    "ROUTE_NOT_FOUND": Row("NOT_FOUND", 404, "invalid_request_error", "unknown_url"),
    "METHOD_NOT_ALLOWED": Row("UNIMPLEMENTED", 405, "invalid_request_error", "method_not_allowed"),
    "BODY_TOO_LARGE": Row(
        "INVALID_ARGUMENT", 400, "invalid_request_error", "request_too_large", openai_http=413
    ),
    "UNAUTHENTICATED": Row("UNAUTHENTICATED", 401, "invalid_request_error", "invalid_api_key"),
    "KEY_EXPIRED": Row("UNAUTHENTICATED", 401, "invalid_request_error", "invalid_api_key"),
    "KEY_DISABLED": Row("PERMISSION_DENIED", 403, "invalid_request_error", "key_disabled"),
    "MODEL_NOT_ALLOWED": Row("PERMISSION_DENIED", 403, "invalid_request_error", "model_not_allowed"),
    "PROVIDER_ID_NOT_ALLOWED": Row(
        "PERMISSION_DENIED", 403, "invalid_request_error", "provider_id_not_allowed"
    ),
    "ACCOUNT_NOT_FOUND": Row("NOT_FOUND", 404, "invalid_request_error", "account_not_found"),
    "ACCOUNT_EXISTS": Row("ALREADY_EXISTS", 409, "invalid_request_error", "account_exists"),
    "RECEIPT_NOT_FOUND": Row("NOT_FOUND", 404, "invalid_request_error", "receipt_not_found"),
    "RATE_LIMITED": Row("RESOURCE_EXHAUSTED", 429, "rate_limit_error", "rate_limit_exceeded"),
    "BUDGET_EXHAUSTED": Row("RESOURCE_EXHAUSTED", 429, "insufficient_quota", "insufficient_quota"),
    "OVERLOADED": Row("UNAVAILABLE", 503, "server_error", "overloaded"),
    "CONTENT_BLOCKED": Row("FAILED_PRECONDITION", 400, "image_generation_user_error", "moderation_blocked"),
    "NO_IMAGE": Row("FAILED_PRECONDITION", 400, "image_generation_user_error", "no_image"),
    "UPSTREAM_REJECTED": Row("INVALID_ARGUMENT", 400, "invalid_request_error", None),
    "UPSTREAM_RATE_LIMITED": Row("RESOURCE_EXHAUSTED", 429, "rate_limit_error", "rate_limit_exceeded"),
    "UPSTREAM_UNAVAILABLE": Row("UNAVAILABLE", 503, "server_error", "upstream_unavailable"),
    "UPSTREAM_TIMEOUT": Row("DEADLINE_EXCEEDED", 504, "server_error", "upstream_timeout"),
    "UPSTREAM_BAD_REPLY": Row("INTERNAL", 502, "server_error", "upstream_bad_reply"),
    "DEADLINE_EXCEEDED": Row("DEADLINE_EXCEEDED", 504, "server_error", "deadline_exceeded"),
    "INTERNAL": Row("INTERNAL", 500, "server_error", None),
}

NEVER_AGAIN = (
    BudgetExhaustedError,
    ContentError,
    InternalError,
    UpstreamMisconfiguredError,
    UpstreamRejectedError,  # some SDKs would repeat a provider's 409 by themselves
)
"""Errors that the same call would meet again, or after which nobody knows what it cost."""

# google.rpc.Code of a provider's HTTP status, for providers that do not say it themselves.
HTTP_TO_CODE = {400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 409: "ABORTED", 413: "INVALID_ARGUMENT"}


@dataclass(frozen=True, slots=True)
class HttpError:
    """An error as an HTTP reply: status, headers of its own, JSON body."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def http_error(error: RouterHubError, interface: Interface) -> HttpError:
    """The error in the dialect of the door that was called."""
    return _google_error(error) if interface == "gemini" else _openai_error(error)


def grpc_status(error: RouterHubError, interface: Interface) -> status_pb2.Status:
    """The error for typed callers, with ErrorInfo, BadRequest, QuotaFailure and RetryInfo; under 6 KiB."""
    status = status_pb2.Status(
        code=code_pb2.Code.Value(_code_name(error, interface)), message=_message(error, interface)[:1024]
    )
    kept = 64
    while True:
        del status.details[:]
        status.details.extend(_packed(detail) for detail in _details(error, kept))
        if status.ByteSize() <= STATUS_BYTES or kept == 0:
            return status
        kept //= 2


def retry_headers(error: RouterHubError, http_status: int) -> list[tuple[str, str]]:
    """`retry-after` in whole seconds on 429 and 503, unless trying again cannot help or may pay twice."""
    if retry_advice(error) is False or http_status not in (429, 503):
        return []
    return [("retry-after", str(max(1, math.ceil(error.retry_after or 1))))]


def retry_advice(error: RouterHubError) -> bool | None:
    """Whether the caller should try again, never where it may pay twice; None where its own rules do."""
    if error.spent != "no" or isinstance(error, NEVER_AGAIN) or _never_fits(error):
        return False
    return True if isinstance(error, UpstreamError | CapacityError) else None


def standing_headers(error: RouterHubError) -> list[tuple[str, str]]:
    """Where the account stands with the limits that refused it."""
    return [*quota_headers(error.quotas).items()] if isinstance(error, CapacityError) else []


def _never_fits(error: RouterHubError) -> bool:
    """Whether the request asks for more than its limit will ever allow."""
    return isinstance(error, RateLimitedError) and bool(error.quotas) and error.retry_after is None


def _google_error(error: RouterHubError) -> HttpError:
    row = TABLE[error.reason]
    status = row.gemini_http or row.http
    if isinstance(error, UpstreamRejectedError):
        status = error.provider.status
    body: dict[str, Any] = {
        "code": status,
        "message": _message(error, "gemini"),
        "status": _code_name(error, "gemini"),
    }
    provider = _provider(error)
    theirs = list(provider.details) if provider else []
    body["details"] = theirs + [_detail_json(detail) for detail in _details(error, 64)]
    return HttpError(status, _headers(error, status), msgspec.json.encode({"error": body}))


def _openai_error(error: RouterHubError) -> HttpError:
    row = TABLE[error.reason]
    status = row.openai_http or row.http
    body: dict[str, Any] = {
        "message": _message(error, "openai"),
        "type": row.type,
        "param": None,
        "code": row.code,
    }
    if isinstance(error, InvalidRequestError):
        first = error.violations[0]
        body.update(param=first.field or None, code=first.code)
    elif isinstance(error, ModelNotFoundError):
        body["param"] = "model"
        if error.method == "getModel":  # the vendor knows the resource's 404 beside the parameter's 400
            status, body["code"] = 404, "model_not_found"
    provider = _provider(error)
    if provider is not None:
        status = provider.status
        body.update(
            type=provider.type or row.type,
            param=provider.param,
            code=provider.code or row.code,
            **provider.extra,
        )
    return HttpError(status, _headers(error, status), msgspec.json.encode({"error": body}))


def _headers(error: RouterHubError, status: int) -> tuple[tuple[str, str], ...]:
    """`x-should-retry` is read by OpenAI's SDKs alone, and by a RouterHub in front of this one."""
    headers = retry_headers(error, status)
    advice = retry_advice(error)
    if advice is not None:
        headers.append(("x-should-retry", "true" if advice else "false"))
    headers += standing_headers(error)
    if isinstance(error, MethodNotAllowedError):
        headers.append(("allow", error.allow))
    return tuple(headers)


def _provider(error: RouterHubError) -> ProviderError | None:
    if isinstance(error, UpstreamRejectedError | ContentError):
        return error.provider
    return None


def _code_name(error: RouterHubError, interface: Interface) -> str:
    row = TABLE[error.reason]
    if isinstance(error, UpstreamRejectedError):
        return error.provider.google_status or HTTP_TO_CODE.get(error.provider.status, row.grpc)
    if interface == "gemini" and row.gemini_grpc:
        return row.gemini_grpc
    return row.grpc


def _message(error: RouterHubError, interface: Interface) -> str:
    if not isinstance(error, ModelNotFoundError):
        return error.message
    if interface == "openai" and error.method == "getModel":
        return f"The model '{error.model}' does not exist or you do not have access to it."
    if interface == "openai":
        return "Invalid value for 'model'"
    if error.method == "getModel":
        return f"Model is not found: models/{error.model} for api version v1beta"
    return (
        f"models/{error.model} is not found for API version v1beta, or is not supported for {error.method}. "
        "Call ListModels to see the list of available models and their supported methods."
    )


def _details(error: RouterHubError, violations: int) -> list[Message]:
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)
    ]
    if isinstance(error, InvalidRequestError) and violations:
        bad = error_details_pb2.BadRequest()
        for violation in error.violations[:violations]:
            bad.field_violations.add(
                field=violation.field, description=violation.description, reason=violation.reason
            )
        details.append(bad)
    if isinstance(error, CapacityError) and error.quotas:
        refused, failure = error.quotas[0], error_details_pb2.QuotaFailure()
        subject = " of ".join(filter(None, (refused.subject, refused.models)))
        failure.violations.add(subject=subject, description=error.message)
        details.append(failure)
    if error.retry_after is not None and retry_advice(error) is not False:
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(round(error.retry_after * 1e9))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    return details


def _detail_json(detail: Message) -> dict[str, Any]:
    return {
        "@type": f"type.googleapis.com/{detail.DESCRIPTOR.full_name}",
        **json_format.MessageToDict(detail),
    }


def _packed(detail: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed
