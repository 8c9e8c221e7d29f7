"""Domain errors: what went wrong, never how it is worded on a wire.

RouterHubError
├── RequestError                      the request is at fault; nothing was sent
│   ├── MalformedBodyError            MALFORMED_BODY
│   ├── InvalidRequestError           UNKNOWN_FIELD | INVALID_VALUE | MISSING_FIELD, with violations
│   ├── ModelNotFoundError            INVALID_MODEL
│   ├── RouteNotFoundError            ROUTE_NOT_FOUND
│   ├── MethodNotAllowedError         METHOD_NOT_ALLOWED
│   ├── BodyTooLargeError             BODY_TOO_LARGE
│   ├── AccountNotFoundError          ACCOUNT_NOT_FOUND, to operators
│   ├── AccountExistsError            ACCOUNT_EXISTS, to operators
│   └── ReceiptNotFoundError          RECEIPT_NOT_FOUND, to operators
├── AccessError                       the caller may not
│   ├── UnauthenticatedError          UNAUTHENTICATED | KEY_EXPIRED
│   ├── KeyDisabledError              KEY_DISABLED
│   ├── ModelNotAllowedError          MODEL_NOT_ALLOWED
│   └── ProviderIdNotAllowedError     PROVIDER_ID_NOT_ALLOWED
├── CapacityError                     not now
│   ├── RateLimitedError              RATE_LIMITED
│   ├── BudgetExhaustedError          BUDGET_EXHAUSTED
│   └── OverloadedError               OVERLOADED
├── ContentError                      the provider answered, without an image to give
│   ├── ContentBlockedError           CONTENT_BLOCKED
│   └── NoImageError                  NO_IMAGE
├── UpstreamError                     the provider's side is at fault
│   ├── UpstreamRejectedError         UPSTREAM_REJECTED, with the provider's own words
│   ├── UpstreamRateLimitedError      UPSTREAM_RATE_LIMITED: the provider's limit, not one of ours
│   ├── UpstreamUnavailableError      UPSTREAM_UNAVAILABLE
│   │   └── UpstreamMisconfiguredError    the operator's credentials, billing, route or model id
│   ├── UpstreamTimeoutError          UPSTREAM_TIMEOUT
│   └── UpstreamBadReplyError         UPSTREAM_BAD_REPLY
├── DeadlineError                     DEADLINE_EXCEEDED: the caller's own time ran out
└── InternalError                     INTERNAL: ours; its cause goes to the log, never to the caller

Reasons are the value names of routerhub.images.v1.ErrorReason; doors/dialects.py is the one table that
turns an error into a gRPC status, a Google body or an OpenAI body.
"""

from routerhub_server.errors.parts import ProviderError, Quota, Spent, Violation
from routerhub_server.errors.tree import (
    AccessError,
    AccountExistsError,
    AccountNotFoundError,
    BodyTooLargeError,
    BudgetExhaustedError,
    CapacityError,
    ContentBlockedError,
    ContentError,
    DeadlineError,
    InternalError,
    InvalidRequestError,
    KeyDisabledError,
    MalformedBodyError,
    MethodNotAllowedError,
    ModelNotAllowedError,
    ModelNotFoundError,
    NoImageError,
    OverloadedError,
    ProviderIdNotAllowedError,
    RateLimitedError,
    ReceiptNotFoundError,
    RequestError,
    RouteNotFoundError,
    RouterHubError,
    UnauthenticatedError,
    UpstreamBadReplyError,
    UpstreamError,
    UpstreamMisconfiguredError,
    UpstreamRateLimitedError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)

__all__ = [
    "AccessError",
    "AccountExistsError",
    "AccountNotFoundError",
    "BodyTooLargeError",
    "BudgetExhaustedError",
    "CapacityError",
    "ContentBlockedError",
    "ContentError",
    "DeadlineError",
    "InternalError",
    "InvalidRequestError",
    "KeyDisabledError",
    "MalformedBodyError",
    "MethodNotAllowedError",
    "ModelNotAllowedError",
    "ModelNotFoundError",
    "NoImageError",
    "OverloadedError",
    "ProviderError",
    "ProviderIdNotAllowedError",
    "Quota",
    "RateLimitedError",
    "ReceiptNotFoundError",
    "RequestError",
    "RouteNotFoundError",
    "RouterHubError",
    "Spent",
    "UnauthenticatedError",
    "UpstreamBadReplyError",
    "UpstreamError",
    "UpstreamMisconfiguredError",
    "UpstreamRateLimitedError",
    "UpstreamRejectedError",
    "UpstreamTimeoutError",
    "UpstreamUnavailableError",
    "Violation",
]
