"""From admission to settlement: states, money, and what may not happen twice."""

import asyncio

import pytest
from sqlalchemy import text

from routerhub_server.errors import BudgetExhaustedError
from routerhub_server.ledger import AttemptEnd, Failure, Receipt, SweptError
from routerhub_server.state import tables
from tests.ledger.house import CENT, House, paid

TIMEOUT = Failure("UPSTREAM_TIMEOUT", {"message": "The upstream did not answer in time."})
ESTIMATE = 10 * CENT


async def receipt_of(house: House, request_id: str) -> Receipt:
    receipt = await house.ledger.receipt(request_id)
    assert receipt is not None
    return receipt


@pytest.mark.parametrize("cost", [0, 3 * CENT, ESTIMATE, 12 * CENT])
async def test_actual_cost_replaces_the_estimate(house: House, cost: int) -> None:
    """Also where it is above what was reserved."""
    account = await house.account(budget=12)
    request_id = await house.render(account, cost)
    receipt = await receipt_of(house, request_id)
    assert (receipt.state, receipt.spent, receipt.reserved) == ("succeeded", cost, 0)
    assert await house.money(account, "total") == (cost, 0, 0)
    with pytest.raises(BudgetExhaustedError):
        await house.admit(account, estimate=12 * CENT - cost + 1)


async def test_render_that_cost_more_than_the_budget_ends_it(house: House) -> None:
    """What was admitted may overshoot by what its estimate fell short of, and no more follows."""
    account = await house.account(budget=12)
    await house.render(account, 25 * CENT)
    assert await house.money(account, "total") == (25 * CENT, 0, 0)
    with pytest.raises(BudgetExhaustedError) as caught:
        await house.admit(account, estimate=0)
    assert caught.value.quotas[0].remaining == 0


async def test_fewer_images_than_asked_for_are_paid_by_usage_and_counted_as_asked(house: House) -> None:
    account = await house.account(images_per_minute=4)
    admission = await house.admit(account, images=4)
    await house.ledger.start_attempt(admission.request_id, 1, "gemini", "m")
    await house.ledger.succeed(admission.request_id, paid(6 * CENT, images=3))
    receipt = await receipt_of(house, admission.request_id)
    assert (receipt.images, receipt.attempts[0].images, receipt.spent) == (4, 3, 6 * CENT)


async def test_reply_without_a_cost_is_settled_at_the_estimate_and_flagged(house: House) -> None:
    account = await house.account(budget=100)
    admission = await house.admit(account)
    await house.ledger.start_attempt(admission.request_id, 1, "gemini", "m")
    await house.ledger.succeed(admission.request_id, AttemptEnd(1, "OK", "yes", 1))
    attempt = (await receipt_of(house, admission.request_id)).attempts[0]
    assert (attempt.cost, attempt.flags, attempt.tokens) == (ESTIMATE, ("estimated",), None)


async def test_possible_charge_counts_against_the_budget(house: House) -> None:
    account = await house.account(budget=15)
    admission = await house.admit(account)
    await house.ledger.start_attempt(admission.request_id, 1, "gemini", "m")
    end = AttemptEnd(1, "UPSTREAM_TIMEOUT", "possible")
    assert await house.ledger.fail(admission.request_id, TIMEOUT, end) == "failed_spent"
    assert await house.money(account, "total") == (0, ESTIMATE, 0)
    with pytest.raises(BudgetExhaustedError):
        await house.admit(account)


async def test_free_failure_costs_nothing(house: House) -> None:
    account = await house.account(budget=10)
    admission = await house.admit(account)
    await house.ledger.start_attempt(admission.request_id, 1, "gemini", "m")
    assert await house.money(account, "total") == (0, 0, ESTIMATE)
    end = AttemptEnd(1, "UPSTREAM_UNAVAILABLE", "no")
    state = await house.ledger.fail(admission.request_id, Failure("UPSTREAM_UNAVAILABLE"), end)
    assert state == "failed_free"
    assert await house.money(account, "total") == (0, 0, 0)
    await house.admit(account)


async def test_failover_after_a_free_attempt_keeps_the_reservation(house: House) -> None:
    account = await house.account(budget=10)
    admission = await house.admit(account)
    await house.ledger.start_attempt(admission.request_id, 1, "gemini", "m")
    await house.ledger.end_attempt(admission.request_id, AttemptEnd(1, "UPSTREAM_UNAVAILABLE", "no"))
    assert await house.money(account, "total") == (0, 0, ESTIMATE)
    await house.ledger.start_attempt(admission.request_id, 2, "vertex", "m")
    await house.ledger.succeed(admission.request_id, paid(4 * CENT, number=2))
    assert await house.money(account, "total") == (4 * CENT, 0, 0)
    await house.check_books()


async def test_failover_after_a_possible_charge_reserves_again(house: House) -> None:
    account = await house.account(budget=20)
    admission = await house.admit(account)
    await house.ledger.start_attempt(admission.request_id, 1, "gemini", "m")
    await house.ledger.end_attempt(admission.request_id, AttemptEnd(1, "UPSTREAM_TIMEOUT", "possible"))
    assert await house.money(account, "total") == (0, ESTIMATE, 0)
    await house.ledger.start_attempt(admission.request_id, 2, "vertex", "m")
    assert await house.money(account, "total") == (0, ESTIMATE, ESTIMATE)
    await house.ledger.succeed(admission.request_id, paid(4 * CENT, number=2))
    assert await house.money(account, "total") == (4 * CENT, ESTIMATE, 0)
    receipt = await receipt_of(house, admission.request_id)
    assert [attempt.spent for attempt in receipt.attempts] == ["possible", "yes"]
    await house.check_books()


async def test_failover_that_the_budget_does_not_cover_is_not_sent(house: House) -> None:
    account = await house.account(budget=15)
    admission = await house.admit(account)
    await house.ledger.start_attempt(admission.request_id, 1, "gemini", "m")
    await house.ledger.end_attempt(admission.request_id, AttemptEnd(1, "UPSTREAM_TIMEOUT", "possible"))
    with pytest.raises(BudgetExhaustedError):
        await house.ledger.start_attempt(admission.request_id, 2, "vertex", "m")
    assert await house.ledger.fail(admission.request_id, Failure("BUDGET_EXHAUSTED")) == "failed_spent"
    assert len((await receipt_of(house, admission.request_id)).attempts) == 1
    await house.check_books()


async def test_attempt_whose_end_nobody_told_counts_as_possibly_charged(house: House) -> None:
    account = await house.account(budget=100)
    admission = await house.admit(account)
    await house.ledger.start_attempt(admission.request_id, 1, "gemini", "m")
    assert await house.ledger.fail(admission.request_id, Failure("INTERNAL")) == "failed_spent"
    assert await house.money(account, "total") == (0, ESTIMATE, 0)
    await house.check_books()


async def test_end_of_an_attempt_that_was_never_begun_is_no_attempt(house: House) -> None:
    """Where its beginning could not be written, nothing was sent."""
    account = await house.account(budget=10)
    admission = await house.admit(account)
    end = AttemptEnd(1, "OVERLOADED", "no")
    assert await house.ledger.fail(admission.request_id, Failure("OVERLOADED"), end) == "failed_free"
    assert (await receipt_of(house, admission.request_id)).attempts == ()
    await house.check_books()


async def test_settling_twice_changes_nothing(house: House) -> None:
    account = await house.account()
    request_id = await house.render(account, CENT)
    assert not await house.ledger.succeed(request_id, paid(9 * CENT))
    assert await house.ledger.fail(request_id, TIMEOUT) is None
    assert not await house.ledger.end_attempt(request_id, AttemptEnd(1, "UPSTREAM_TIMEOUT", "possible"))
    assert not await house.ledger.deliver(request_id, "detached")
    assert await house.money(account, "total") == (CENT, 0, 0)


async def test_settled_request_starts_no_attempt(house: House) -> None:
    request_id = await house.render(await house.account(), CENT)
    with pytest.raises(SweptError):
        await house.ledger.start_attempt(request_id, 2, "gemini", "m")


async def test_settlement_goes_on_when_its_caller_is_cancelled(house: House) -> None:
    account = await house.account()
    admission = await house.admit(account)
    await house.ledger.start_attempt(admission.request_id, 1, "gemini", "m")
    settling = asyncio.create_task(house.ledger.succeed(admission.request_id, paid(CENT)))
    await asyncio.sleep(0)
    settling.cancel()
    await asyncio.gather(settling, return_exceptions=True)
    await house.until(tables.requests.c.state == "succeeded")
    assert await house.money(account, "total") == (CENT, 0, 0)


async def test_renders_at_once_settle_without_waiting_for_each_other_for_ever(house: House) -> None:
    """Their counters are the same rows: taken in different orders, PostgreSQL would call it a deadlock."""
    account = await house.account(rpm=1000, images_per_minute=1000, concurrent=1000, budget=10_000)
    await asyncio.gather(*(house.render(account, CENT) for _ in range(32)))
    assert await house.money(account, "total") == (32 * CENT, 0, 0)
    await house.check_books()


async def test_ledger_keeps_no_words_of_the_request(house: House) -> None:
    columns = text("SELECT * FROM requests")
    await house.render(await house.account(), CENT)
    async with house.database.read() as connection:
        names = set((await connection.execute(columns)).keys())
    assert not names & {"prompt", "body", "key", "secret"}
