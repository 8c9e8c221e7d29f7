"""The classes of the tree that stands in the package's own documentation."""

from collections.abc import Mapping, Sequence

from routerhub_server.errors.parts import ProviderError, Quota, Spent, Violation


class RouterHubError(Exception):
    """Base of every error that a caller may see. `message` is safe to show."""

    reason = "INTERNAL"

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        retry_after: float | None = None,
        metadata: Mapping[str, str] | None = None,
        spent: Spent = "no",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or type(self).reason
        self.retry_after = retry_after
        """Seconds after which trying again makes sense; None where it never does or nobody knows."""
        self.metadata = dict(metadata or {})
        self.spent: Spent = spent
        """Whether a provider may have charged for the call: then a repeat may pay again."""


class RequestError(RouterHubError):
    """The request is at fault; no provider was asked."""


class MalformedBodyError(RequestError):
    reason = "MALFORMED_BODY"


class InvalidRequestError(RequestError):
    """The request breaks the contract; `violations` holds every breach, in the order found."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("\n".join(v.description for v in violations), reason=violations[0].reason)
        self.violations = tuple(violations)


class ModelNotFoundError(RequestError):
    """The model is unknown, or answers another interface than the one called."""

    reason = "INVALID_MODEL"

    def __init__(self, model: str, *, method: str = "generateContent") -> None:
        super().__init__(f"Model {model!r} was not found", metadata={"model": model})
        self.model = model
        self.method = method


class RouteNotFoundError(RequestError):
    reason = "ROUTE_NOT_FOUND"


class MethodNotAllowedError(RequestError):
    reason = "METHOD_NOT_ALLOWED"

    def __init__(self, message: str, *, allow: str) -> None:
        super().__init__(message)
        self.allow = allow


class BodyTooLargeError(RequestError):
    reason = "BODY_TOO_LARGE"

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"Request payload size exceeds the limit: {limit} bytes.", metadata={"limit_bytes": str(limit)}
        )
        self.limit = limit


class AccountNotFoundError(RequestError):
    reason = "ACCOUNT_NOT_FOUND"


class AccountExistsError(RequestError):
    reason = "ACCOUNT_EXISTS"


class ReceiptNotFoundError(RequestError):
    reason = "RECEIPT_NOT_FOUND"

    def __init__(self, request_id: str) -> None:
        super().__init__(f"There is no receipt of the request {request_id!r}.")


class AccessError(RouterHubError):
    """The caller is unknown or not entitled."""


class UnauthenticatedError(AccessError):
    reason = "UNAUTHENTICATED"


class KeyDisabledError(AccessError):
    reason = "KEY_DISABLED"


class ModelNotAllowedError(AccessError):
    reason = "MODEL_NOT_ALLOWED"


class ProviderIdNotAllowedError(AccessError):
    """The request names something that the operator has at the provider, such as an uploaded file."""

    reason = "PROVIDER_ID_NOT_ALLOWED"

    def __init__(self, field: str) -> None:
        super().__init__(
            f"{field} names something at the provider that belongs to the operator; "
            "this API key may not use it.",
            metadata={"field": field},
        )


class CapacityError(RouterHubError):
    """Not now: a limit, a budget or the gateway's own capacity."""

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        metadata: Mapping[str, str] | None = None,
        spent: Spent = "no",
        quotas: Sequence[Quota] = (),
    ) -> None:
        super().__init__(message, retry_after=retry_after, metadata=metadata, spent=spent)
        self.quotas = tuple(quotas)
        """The account's limits; the first is the one that refused. Empty where none of them did."""


class RateLimitedError(CapacityError):
    reason = "RATE_LIMITED"


class BudgetExhaustedError(CapacityError):
    reason = "BUDGET_EXHAUSTED"


class OverloadedError(CapacityError):
    reason = "OVERLOADED"


class ContentError(RouterHubError):
    """The provider answered properly, without an image to give."""

    def __init__(
        self,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        provider: ProviderError | None = None,
    ) -> None:
        super().__init__(message, metadata=metadata)
        self.provider = provider
        """The provider's own words, where it answered with an error; None where it answered with a reply."""


class ContentBlockedError(ContentError):
    reason = "CONTENT_BLOCKED"


class NoImageError(ContentError):
    reason = "NO_IMAGE"


class UpstreamError(RouterHubError):
    """The provider's side is at fault."""

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        metadata: Mapping[str, str] | None = None,
        provider: ProviderError | None = None,
        spent: Spent = "no",
    ) -> None:
        super().__init__(message, retry_after=retry_after, metadata=metadata, spent=spent)
        self.provider = provider
        """What the provider said; for logs and decisions, and shown only by UpstreamRejectedError."""


class UpstreamRejectedError(UpstreamError):
    """The provider refused the request itself (400, 404, 413, 422); its words are passed on."""

    reason = "UPSTREAM_REJECTED"

    def __init__(self, provider: ProviderError) -> None:
        super().__init__(provider.message, provider=provider)
        self.provider: ProviderError = provider


class UpstreamRateLimitedError(UpstreamError):
    """The provider's own limit, on the operator's account; `retry_after` where it said so."""

    reason = "UPSTREAM_RATE_LIMITED"


class UpstreamUnavailableError(UpstreamError):
    reason = "UPSTREAM_UNAVAILABLE"


class UpstreamMisconfiguredError(UpstreamUnavailableError):
    """Only the operator can mend it; asking the same upstream again does not help, another one may."""


class UpstreamTimeoutError(UpstreamError):
    reason = "UPSTREAM_TIMEOUT"


class UpstreamBadReplyError(UpstreamError):
    reason = "UPSTREAM_BAD_REPLY"


class DeadlineError(RouterHubError):
    """The caller's own time ran out."""

    reason = "DEADLINE_EXCEEDED"


class InternalError(RouterHubError):
    """Ours. Its cause goes to the log; the caller is told nothing of it."""

    reason = "INTERNAL"

    def __init__(self) -> None:
        super().__init__("An internal error occurred.")
