"""Whether one more request is within the limits, and when it would be: counting, without a database."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from routerhub_server.accounts import Limits
from routerhub_server.errors import Quota, RateLimitedError
from routerhub_server.ledger.clock import at_second, second_of

WINDOW = 60
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """What was admitted in one second."""

    second: int
    """Since 1970."""
    requests: int
    images: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What counts against the limits of one pattern of models."""

    buckets: Sequence[Bucket] = ()
    """In the order of time."""
    live: int = 0
    """Renders under way."""


@dataclass(frozen=True, slots=True)
class _Breach:
    quota: Quota
    retry_after: float | None
    asked: int


def check(limits: Mapping[str, Limits], used: Mapping[str, Usage], images: int, now: datetime) -> list[Quota]:
    """Where the account stands when one more request for `images` images is admitted now.

    Both mappings are by pattern of models. Raises RateLimitedError for the limit that takes longest to clear.
    """
    standing: list[Quota] = []
    breaches: list[_Breach] = []
    for pattern, of_pattern in limits.items():
        for quota, asked, retry_after in _measure(pattern, of_pattern, used[pattern], images, now):
            if quota.remaining < asked:
                breaches.append(_Breach(quota, retry_after, asked))
            standing.append(_less(quota, asked))
    if breaches:
        raise _refusal(breaches, [breach.quota for breach in breaches])
    return standing


def oldest_second(now: datetime) -> int:
    """The first second that still counts: a request late in it is less than a minute old."""
    return second_of(now) - WINDOW


def _measure(
    pattern: str, limits: Limits, used: Usage, images: int, now: datetime
) -> Iterator[tuple[Quota, int, float | None]]:
    """Each limit that there is, before the request: (where it stands, what is asked, when to try again)."""
    if limits.rpm is not None:
        counts = [(bucket.second, bucket.requests) for bucket in used.buckets]
        yield _window(Quota("requests", limits.rpm, 0, 0, pattern), counts, 1, now)
    if limits.images_per_minute is not None:
        counts = [(bucket.second, bucket.images) for bucket in used.buckets]
        yield _window(Quota("images", limits.images_per_minute, 0, 0, pattern), counts, images, now)
    if limits.concurrent is not None:
        left = max(limits.concurrent - used.live, 0)
        yield Quota("concurrent", limits.concurrent, left, 0, pattern), 1, 1.0


def _window(
    quota: Quota, counts: Iterable[tuple[int, int]], asked: int, now: datetime
) -> tuple[Quota, int, float | None]:
    counted = [(second, count) for second, count in counts if count]
    total = sum(count for _, count in counted)
    reset = _leaves(counted[-1][0], now) if counted else 0.0
    standing = Quota(quota.subject, quota.limit, max(quota.limit - total, 0), reset, quota.models)
    return standing, asked, _fits_in(counted, total + asked - quota.limit, now)


def _fits_in(counted: Sequence[tuple[int, int]], excess: int, now: datetime) -> float | None:
    """Seconds until so much has left the window; None when even an empty one is too small."""
    for second, count in counted:
        if excess <= 0:
            break
        excess -= count
        if excess <= 0:
            return _leaves(second, now)
    return None if excess > 0 else 0.0


def _leaves(second: int, now: datetime) -> float:
    """Seconds until what was admitted in that second no longer counts."""
    return max((at_second(second + WINDOW + 1) - now).total_seconds(), 0.0)


def _less(quota: Quota, asked: int) -> Quota:
    reset = quota.reset if quota.subject == "concurrent" else float(WINDOW + 1)
    return Quota(quota.subject, quota.limit, max(quota.remaining - asked, 0), reset, quota.models)


WORDS = {"requests": "requests per minute", "images": "images per minute", "concurrent": "renders at once"}


def _refusal(breaches: Sequence[_Breach], quotas: Sequence[Quota]) -> RateLimitedError:
    never = [breach for breach in breaches if breach.retry_after is None]
    worst = never[0] if never else max(breaches, key=lambda breach: breach.retry_after or 0)
    quota = worst.quota
    whose = f" of {quota.models}" if quota.models else ""
    message = f"The limit of {quota.limit} {WORDS[quota.subject]}{whose} is reached."
    if worst.retry_after is None:
        message = f"{worst.asked} images are more than the limit of {quota.limit} per minute{whose}."
    ordered = [quota, *(other for other in quotas if other is not quota)]
    return RateLimitedError(message, retry_after=worst.retry_after, quotas=ordered)
