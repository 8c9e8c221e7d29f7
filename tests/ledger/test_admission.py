"""Admission on one process: limits, budgets, and what a refusal leaves behind."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from routerhub_server.accounts import Budget, Limits
from routerhub_server.errors import BudgetExhaustedError, KeyDisabledError, RateLimitedError
from routerhub_server.ledger import AttemptEnd, Failure
from routerhub_server.state import tables
from tests.ledger.house import CENT, HandClock, House
from tests.ledger.worker import many

CLIENTS = 64


@pytest.mark.parametrize(
    ("limits", "changes", "admitted"),
    [
        ({"rpm": 20}, {}, 20),
        ({"images_per_minute": 30}, {"images": 4}, 7),
        ({"concurrent": 5}, {}, 5),
        ({"budget": 105}, {}, 10),
        ({"models": {"google/*": Limits(rpm=3)}}, {}, 3),
        ({"models": {"openai/*": Limits(rpm=3)}}, {}, CLIENTS),
    ],
)
async def test_clients_at_once_never_exceed_a_limit(
    house: House, limits: dict[str, Any], changes: dict[str, Any], admitted: int
) -> None:
    account = await house.account(**limits)
    ids = await many(house, account, tries=CLIENTS, clients=CLIENTS, **changes)
    assert len(ids) == admitted
    assert await house.count(tables.requests) == admitted
    await house.check_books()


async def test_accounts_do_not_share_limits(house: House) -> None:
    accounts = [await house.account(name, rpm=3, budget=30) for name in "abc"]
    found = await asyncio.gather(*(many(house, account, tries=16, clients=8) for account in accounts))
    assert [len(ids) for ids in found] == [3, 3, 3]


async def test_last_cent_is_spent_once(house: House) -> None:
    account = await house.account(budget=1)
    ids = await many(house, account, tries=CLIENTS, clients=CLIENTS, estimate=CENT)
    assert len(ids) == 1
    with pytest.raises(BudgetExhaustedError):
        await house.admit(account, estimate=1)
    await house.admit(account, estimate=0)


async def test_refused_request_leaves_nothing_behind(still_house: House) -> None:
    account = await still_house.account(rpm=5, concurrent=1, budget=100)
    await still_house.admit(account)
    before = await still_house.money(account, "2026-11")
    for _ in range(3):
        with pytest.raises(RateLimitedError):
            await still_house.admit(account)
    assert await still_house.money(account, "2026-11") == before
    assert await still_house.count(tables.requests) == 1
    assert await still_house.count(tables.windows, tables.windows.c.requests != 1) == 0


async def test_minute_passes_and_the_window_opens(still_house: House, clock: HandClock) -> None:
    account = await still_house.account(rpm=2)
    clock.move(0.9)
    await still_house.admit(account)
    clock.move(10)
    await still_house.admit(account)
    with pytest.raises(RateLimitedError) as caught:
        await still_house.admit(account)
    assert caught.value.retry_after == pytest.approx(50.1)
    clock.move(50)
    with pytest.raises(RateLimitedError):
        await still_house.admit(account)
    clock.move(0.1)
    assert (await still_house.admit(account)).quotas[0].remaining == 0


async def test_clock_that_steps_back_opens_no_window(still_house: House, clock: HandClock) -> None:
    account = await still_house.account(rpm=1)
    clock.move(30)
    first = await still_house.admit(account)
    clock.move(-3600)
    with pytest.raises(RateLimitedError):
        await still_house.admit(account)
    await still_house.accounts.update(account.id, allowance=(await still_house.account("b")).allowance)
    assert (await still_house.admit(account)).at >= first.at.replace(microsecond=0)


async def test_month_of_the_admission_pays(still_house: House, clock: HandClock) -> None:
    """The render is admitted in November and settled in December."""
    account = await still_house.account(budget=10)
    admission = await still_house.admit(account)
    clock.move(120)
    await still_house.ledger.start_attempt(admission.request_id, 1, "gemini", "m")
    assert await still_house.money(account, "2026-12") == (0, 0, 0)
    december = await still_house.render(account, 10 * CENT)
    await still_house.ledger.succeed(admission.request_id, AttemptEnd(1, "UPSTREAM_TIMEOUT", "possible"))
    assert await still_house.money(account, "2026-11") == (0, 10 * CENT, 0)
    assert await still_house.money(account, "2026-12") == (10 * CENT, 0, 0)
    assert await still_house.money(account, "total") == (10 * CENT, 10 * CENT, 0)
    receipt = await still_house.ledger.receipt(december)
    assert receipt is not None
    assert f"{receipt.created_at:%Y-%m-%d}" == "2026-12-01"
    await still_house.check_books()


@pytest.mark.parametrize(("period", "after"), [("day", 1), ("month", 1), ("total", 0)])
async def test_budget_begins_anew_with_its_period(
    still_house: House, clock: HandClock, period: str, after: int
) -> None:
    account = await still_house.account(budget=10, period=period)
    await still_house.render(account, 10 * CENT)
    clock.move(120)
    assert len(await many(still_house, account, tries=4, clients=2)) == after


async def test_budget_can_change_its_period_and_counts_what_was(still_house: House) -> None:
    account = await still_house.account()
    await still_house.render(account, 30 * CENT)
    allowance = type(account.allowance)(budget=Budget(35 * CENT, "total"))
    await still_house.accounts.update(account.id, allowance=allowance)
    with pytest.raises(BudgetExhaustedError):
        await still_house.admit(account)


async def test_unknown_price_is_refused_for_a_budget_and_recorded_without_one(house: House) -> None:
    with pytest.raises(BudgetExhaustedError, match="price of this model is not known") as caught:
        await house.admit(await house.account(budget=100), estimate=None)
    assert caught.value.retry_after is None
    free = await house.account("b")
    admission = await house.admit(free, estimate=None)
    await house.ledger.start_attempt(admission.request_id, 1, "gemini", "m")
    await house.ledger.succeed(admission.request_id, AttemptEnd(1, "OK", "yes", 1))
    receipt = await house.ledger.receipt(admission.request_id)
    assert receipt is not None
    assert (receipt.attempts[0].cost, receipt.attempts[0].flags) == (None, ("unpriced",))


async def test_exhausted_budget_says_what_is_left_and_no_time(house: House) -> None:
    account = await house.account(budget=15)
    assert (await house.admit(account)).quotas[0].remaining == 5 * CENT
    with pytest.raises(BudgetExhaustedError) as caught:
        await house.admit(account)
    quota = caught.value.quotas[0]
    assert (quota.subject, quota.limit, quota.remaining) == ("budget", 15 * CENT, 5 * CENT)
    assert caught.value.retry_after is None


async def test_disabled_and_deleted_accounts_are_refused_at_once(house: House) -> None:
    disabled, deleted = await house.account("a"), await house.account("b")
    await house.accounts.disable("a")
    await house.accounts.delete("b")
    for account in (disabled, deleted):
        with pytest.raises(KeyDisabledError):
            await house.admit(account)


async def test_new_limit_bites_at_the_next_admission(house: House) -> None:
    account = await house.account()
    await house.admit(account)
    await house.accounts.update(account.id, allowance=(await house.account("b", concurrent=1)).allowance)
    with pytest.raises(RateLimitedError):
        await house.admit(account)


async def test_settled_render_makes_room_for_another(house: House) -> None:
    account = await house.account(concurrent=1)
    for _ in range(3):
        await house.render(account, CENT)
    first = await house.admit(account)
    await house.ledger.fail(first.request_id, Failure("OVERLOADED"))
    await house.admit(account)


async def test_images_are_given_back_only_where_nothing_was_sent(still_house: House) -> None:
    account = await still_house.account(images_per_minute=4, rpm=9)
    ledger = still_house.ledger
    unsent = await still_house.admit(account, images=4)
    assert await ledger.fail(unsent.request_id, Failure("OVERLOADED")) == "failed_free"
    sent = await still_house.admit(account, images=4)
    await ledger.start_attempt(sent.request_id, 1, "gemini", "m")
    end = AttemptEnd(1, "UPSTREAM_REJECTED", "no")
    assert await ledger.fail(sent.request_id, Failure("UPSTREAM_REJECTED"), end) == "failed_free"
    with pytest.raises(RateLimitedError) as caught:
        await still_house.admit(account)
    assert caught.value.quotas[0].subject == "images"
    assert await still_house.count(tables.windows, tables.windows.c.requests == 2) == 1


async def test_cancelled_admission_is_undone(house: House) -> None:
    account = await house.account(concurrent=1, budget=10)
    admitting = asyncio.create_task(house.admit(account))
    await asyncio.sleep(0)
    admitting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await admitting
    await house.until(tables.requests.c.state == "queued")
    await house.ledger.sweep()
    await house.admit(account)
    await house.check_books()


def test_a_minute_is_what_the_clock_of_these_tests_leaves_of_november(clock: HandClock) -> None:
    assert (clock.now + timedelta(seconds=90)).month == 12
