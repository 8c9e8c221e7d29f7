"""What errors are made of: breaches, quotas, a provider's words, what was spent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Spent = Literal["no", "possible", "yes"]
"""Whether an attempt was charged for: `possible` once the whole request was sent and nobody knows."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing wrong with a request, in the words of the interface that was called."""

    field: str
    """Path in proto names, e.g. `generation_config.image_config.aspect_ratio`; empty at the root."""
    description: str
    reason: str = "INVALID_VALUE"
    """UNKNOWN_FIELD, INVALID_VALUE or MISSING_FIELD."""
    code: str = "invalid_value"
    """OpenAI's `code` for it, e.g. `unknown_parameter`, `invalid_type`, `integer_above_max_value`."""


@dataclass(frozen=True, slots=True)
class Quota:
    """One limit of an account, and where the account stands with it."""

    subject: Literal["requests", "images", "concurrent", "budget"]
    """Requests and images in any 60 seconds, renders at once, or money."""
    limit: int
    """Money in 1e-9 of the currency's unit."""
    remaining: int
    """What is left after this call, or was left when it was refused; never below 0."""
    reset: float
    """Seconds until the limit is whole again, if nothing else is asked for; 0 where nobody can say."""
    models: str = ""
    """The pattern of model ids that it is for; empty: every model."""


@dataclass(frozen=True, slots=True)
class ProviderError:
    """What a provider said of its refusal, in its own words."""

    status: int
    """HTTP status, e.g. 400."""
    message: str
    google_status: str = ""
    """`google.rpc.Code` name, from Gemini-shaped providers."""
    details: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    """Google's `error.details`, JSON objects with `@type`."""
    type: str | None = None
    """OpenAI's `error.type`."""
    param: str | None = None
    code: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """OpenAI's further keys, e.g. `moderation_details`."""
