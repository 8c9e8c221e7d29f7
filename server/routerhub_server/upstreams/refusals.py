"""Refusals: what a provider's 4xx or 5xx means, as far as all providers agree."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from routerhub_server.errors import (
    ProviderError,
    UpstreamError,
    UpstreamMisconfiguredError,
    UpstreamRateLimitedError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
)

_MISCONFIGURED = {
    401: "The upstream does not accept the gateway's credentials.",
    402: "The upstream's account of the gateway is not paid.",
    403: "The upstream does not permit this to the gateway.",
    404: "The upstream does not offer this call.",
    405: "The upstream does not offer this call.",
    407: "The way to the upstream asks for credentials.",
    410: "The upstream no longer offers this call.",
}
"""What only the operator can mend. The provider's words, about the operator's account, go to the log."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reply with an error status."""

    status: int
    headers: Mapping[str, str]
    """Looked up in lower case."""
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """The provider's error object: `{"error": {...}}`, alone or as an array's first element.

        Empty for anything else, HTML of a proxy for example.
        """
        try:
            data = msgspec.json.decode(self.body)
        except (ValueError, RecursionError):
            return {}
        if isinstance(data, list) and data:
            data = data[0]
        error = data.get("error", data) if isinstance(data, dict) else None
        return error if isinstance(error, dict) else {"message": error}

    @property
    def message(self) -> str:
        """The provider's words, in full; empty when it had none that a caller could use."""
        message = self.error.get("message")
        if isinstance(message, str):
            return message
        if self.headers.get("content-type", "").startswith("text/plain"):
            return short(self.body.decode(errors="replace"))
        return ""

    @property
    def retry_after(self) -> float | None:
        """Seconds, from `retry-after-ms` (OpenAI) or `retry-after` (seconds or a date); None if not said."""
        milliseconds = _seconds(self.headers.get("retry-after-ms", ""))
        if milliseconds is not None:
            return milliseconds / 1000
        value = self.headers.get("retry-after", "")
        return _seconds(value) if _seconds(value) is not None else _seconds_until(value)


def from_status(refusal: Refusal, provider: ProviderError, retry_after: float | None) -> UpstreamError:
    """The error for a refusal that its provider's adapter has nothing special to say about."""
    status = refusal.status
    words = f"The upstream answered {status}: {short(refusal.message)}".removesuffix(": ")
    if status == 429:
        return UpstreamRateLimitedError(words, retry_after=retry_after, provider=provider)
    if status in (503, 529):
        return UpstreamUnavailableError(words, retry_after=retry_after, provider=provider)
    if status in (408, 504, 524):
        return UpstreamTimeoutError(words, provider=provider, spent="possible")
    if status >= 500 or status == 499:  # Google's CANCELLED, at its own end
        return UpstreamUnavailableError(words, provider=provider, spent="possible")
    if status in _MISCONFIGURED:
        return UpstreamMisconfiguredError(_MISCONFIGURED[status], provider=provider)
    return UpstreamRejectedError(provider)


def unknown_model(model: str, provider: ProviderError) -> UpstreamMisconfiguredError:
    """The route names a model that the provider does not have, or has no more."""
    return UpstreamMisconfiguredError(f"The upstream does not know the model {model!r}.", provider=provider)


def words_of(refusal: Refusal) -> str:
    """The provider's words, or ours where it said nothing."""
    return refusal.message or f"The upstream answered {refusal.status} and did not say why."


def short(text: str, limit: int = 300) -> str:
    """One line, without control characters, of at most `limit` characters."""
    line = "".join(c if c.isprintable() else " " for c in text[: 4 * limit])
    line = " ".join(line.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _seconds(value: str) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _seconds_until(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    if moment.tzinfo is None:  # "-0000": UTC, says RFC 5322
        moment = moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)
