"""Limits of one process by itself."""

from datetime import UTC, datetime, timedelta

import pytest

from routerhub_server.accounts import Account, Allowance, Budget, Limits
from routerhub_server.errors import BudgetExhaustedError, RateLimitedError
from routerhub_server.ledger.local import LocalLimits
from tests.ledger.house import CENT, MODEL, arrival

NOW = datetime(2026, 11, 30, 23, 58, 30, tzinfo=UTC)


def account(models: dict[str, Limits] | None = None, budget: Budget | None = None, **limits: int) -> Account:
    return Account("a", "a", NOW, allowance=Allowance(Limits(**limits), models or {}, budget))


def test_requests_per_minute_hold_and_come_back() -> None:
    local, caller = LocalLimits(), account(rpm=2)
    standing = [local.admit(caller, str(number), arrival(caller), NOW) for number in range(2)]
    assert [quotas[0].remaining for quotas in standing] == [1, 0]
    with pytest.raises(RateLimitedError) as caught:
        local.admit(caller, "r", arrival(caller), NOW + timedelta(seconds=30))
    assert caught.value.retry_after == 31
    local.admit(caller, "r", arrival(caller), NOW + timedelta(seconds=61))


def test_images_per_minute_hold() -> None:
    local, caller = LocalLimits(), account(images_per_minute=7)
    local.admit(caller, "r1", arrival(caller, images=4), NOW)
    with pytest.raises(RateLimitedError):
        local.admit(caller, "r2", arrival(caller, images=4), NOW)
    local.admit(caller, "r3", arrival(caller, images=3), NOW)


def test_renders_at_once_hold_until_one_ends() -> None:
    local, caller = LocalLimits(), account(concurrent=1)
    local.admit(caller, "r1", arrival(caller), NOW)
    with pytest.raises(RateLimitedError):
        local.admit(caller, "r2", arrival(caller), NOW)
    local.end("a", "r1")
    local.admit(caller, "r3", arrival(caller), NOW)


def test_limits_of_a_pattern_count_its_models_alone() -> None:
    local, caller = LocalLimits(), account({"google/*": Limits(rpm=1)})
    other = arrival(caller, model="openai/gpt-image-2")
    local.admit(caller, "r1", other, NOW)
    local.admit(caller, "r2", arrival(caller, model=MODEL), NOW)
    with pytest.raises(RateLimitedError):
        local.admit(caller, "r3", arrival(caller, model=MODEL), NOW)
    local.admit(caller, "r4", other, NOW)


@pytest.mark.parametrize("estimate", [None, 6 * CENT])
def test_request_that_no_budget_covers_is_refused(estimate: int | None) -> None:
    """What is left of the budget, nobody knows."""
    local, caller = LocalLimits(), account(budget=Budget(5 * CENT, "month"))
    with pytest.raises(BudgetExhaustedError):
        local.admit(caller, "r1", arrival(caller, estimate=estimate), NOW)
    local.admit(caller, "r2", arrival(caller, estimate=5 * CENT), NOW)
