"""Counting, without a database."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerhub_server.accounts import Limits
from routerhub_server.errors import Quota, RateLimitedError
from routerhub_server.ledger.clock import second_of
from routerhub_server.ledger.limits import Bucket, Usage, check

START = datetime(2026, 11, 22, 12, tzinfo=UTC)


def bucket(seconds: float, requests: int = 0, images: int = 0) -> Bucket:
    """What was admitted so many seconds after the start."""
    return Bucket(second_of(START + timedelta(seconds=seconds)), requests, images)


def refusal(limits: Limits, used: Usage, images: int = 1, at: float = 0) -> RateLimitedError:
    with pytest.raises(RateLimitedError) as caught:
        check({"": limits}, {"": used}, images, START + timedelta(seconds=at))
    return caught.value


def test_account_without_limits_is_told_nothing() -> None:
    assert check({"": Limits()}, {"": Usage()}, 4, START) == []


def test_admitted_request_is_told_what_is_left_after_it() -> None:
    used = Usage([bucket(-10, requests=3, images=6)], live=1)
    assert check({"": Limits(5, 10, 3)}, {"": used}, 2, START) == [
        Quota("requests", 5, 1, 61),
        Quota("images", 10, 2, 61),
        Quota("concurrent", 3, 1, 0),
    ]


def test_refused_request_is_told_when_enough_have_left_the_window() -> None:
    used = Usage([bucket(-50, images=1), bucket(-30.5, images=2), bucket(-10, images=3)])
    error = refusal(Limits(images_per_minute=6), used, images=2, at=0.25)
    # One image of second -50 and two of -31 must go: that second, its minute, and itself.
    assert error.retry_after == -31 + 60 + 1 - 0.25
    assert error.quotas == (Quota("images", 6, 0, 50.75),)
    assert error.message == "The limit of 6 images per minute is reached."


def test_request_for_more_than_the_limit_is_never_told_to_wait() -> None:
    error = refusal(Limits(images_per_minute=3), Usage(), images=4)
    assert error.retry_after is None
    assert error.message == "4 images are more than the limit of 3 per minute."


def test_breach_that_takes_longest_comes_first() -> None:
    used = Usage([bucket(-40, requests=1), bucket(-5, images=4)], live=1)
    error = refusal(Limits(1, 4, 1), used)
    assert [quota.subject for quota in error.quotas] == ["images", "requests", "concurrent"]
    assert error.retry_after == -5 + 61


def test_limit_of_a_pattern_names_it() -> None:
    limits = {"": Limits(rpm=10), "google/*": Limits(rpm=1)}
    with pytest.raises(RateLimitedError, match="1 requests per minute of google/") as caught:
        check(limits, {"": Usage(), "google/*": Usage([bucket(0, requests=1)])}, 1, START)
    assert caught.value.quotas[0].models == "google/*"


@given(st.lists(st.tuples(st.floats(0, 40), st.integers(1, 4)), min_size=1, max_size=60), st.integers(4, 9))
def test_no_sixty_seconds_ever_hold_more_than_the_limit(steps: list[tuple[float, int]], limit: int) -> None:
    at = START
    admitted: list[tuple[datetime, int]] = []
    for pause, images in steps:
        at += timedelta(seconds=pause)
        used = [Bucket(second_of(when), 1, count) for when, count in admitted]
        used = [each for each in used if each.second >= second_of(at) - 60]
        try:
            check({"": Limits(images_per_minute=limit)}, {"": Usage(used)}, images, at)
        except RateLimitedError as error:
            later = at + timedelta(seconds=error.retry_after or 0)
            used = [each for each in used if each.second >= second_of(later) - 60]
            check({"": Limits(images_per_minute=limit)}, {"": Usage(used)}, images, later)
        else:
            admitted.append((at, images))
    for first, _ in admitted:
        within = [n for when, n in admitted if first <= when < first + timedelta(seconds=60)]
        assert sum(within) <= limit
