"""What one request writes into the ledger, by a real ledger."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from routerhub.images.v1.gemini_pb2 import GenerateContentResponse
from routerhub_server.accounts import Account
from routerhub_server.errors import (
    BudgetExhaustedError,
    NoImageError,
    OverloadedError,
    RateLimitedError,
    Spent,
)
from routerhub_server.ledger import Journal, Ledger, Receipt
from routerhub_server.purchases import Purchase, Purchases, settled
from routerhub_server.routing import Answer, Attempt
from routerhub_server.state import tables
from routerhub_server.upstreams.base import Order, Reply
from tests.ledger.house import House, Place, open_house
from tests.prices.orders import book, content_request, facts, gemini_model

PRICE: dict[str, Any] = {
    "model": "gemini-3-pro-image",
    "tokens": {"text_in": 2, "image_out": 120},
    "image_tokens": {"1K": 1000, "4K": 2000},
}
USAGE = {
    "promptTokenCount": 10,
    "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 10}],
    "candidatesTokenCount": 1000,
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1000}],
}
COST = 10 * 2_000 + 1000 * 120_000
MODEL = gemini_model(("gemini", "gemini-3-pro-image"), ("vertex", "gemini-3-pro-image"))


@dataclass(frozen=True)
class Shop:
    house: House
    purchases: Purchases

    async def buy(self, account: Account) -> Purchase:
        order = Order(content_request(size="1K"), "gemini-3-pro-image", "call-1")
        return await self.purchases.admit(account, MODEL, order, "rest")

    async def receipt(self, purchase: Purchase) -> Receipt:
        receipt = await self.house.ledger.receipt(purchase.id)
        assert receipt is not None
        await self.house.check_books()
        return receipt

    @asynccontextmanager
    async def without(self, table: str) -> AsyncIterator[None]:
        """The database cannot write to that table."""
        await self._execute(f"ALTER TABLE {table} RENAME TO away")
        yield
        await self._execute(f"ALTER TABLE away RENAME TO {table}")

    async def _execute(self, statement: str) -> None:
        async with self.house.database.write() as connection:
            await connection.execute(text(statement))


@asynccontextmanager
async def open_shop(directory: Path, *, fail_open: bool = False, **price: Any) -> AsyncIterator[Shop]:
    async with open_house(Place(directory, None)) as house:
        ledger = Ledger(house.database, journal=Journal(directory))
        await ledger.beat()
        prices = book({**PRICE, **price})
        shop = House(house.database, house.accounts, ledger)
        yield Shop(shop, Purchases(ledger, prices, fail_open=fail_open))


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as shop:
        yield shop


def reply() -> Reply:
    return Reply(facts(USAGE), message=GenerateContentResponse(), encode=lambda message: b"{}")


def attempt(upstream: str = "gemini") -> Attempt:
    return Attempt(upstream, "gemini-3-pro-image")


def end(
    purchase: Purchase, number: int, tried: Attempt, outcome: str, spent: Spent, answer: Answer | None = None
) -> None:
    tried.outcome, tried.spent = outcome, spent
    purchase.ended(number, tried, answer)


async def render(purchase: Purchase) -> None:
    """One attempt that gives an image."""
    tried = attempt()
    await purchase.begin(1, tried)
    end(purchase, 1, tried, "OK", "yes", reply())


async def fail(purchase: Purchase, error: Exception) -> None:
    """The render ends in this error."""
    with pytest.raises(type(error)):
        async with settled(purchase):
            raise error


async def test_render_is_settled_at_what_it_has_cost(shop: Shop) -> None:
    account = await shop.house.account(budget=100)
    purchase = await shop.buy(account)
    assert (await shop.receipt(purchase)).reserved == purchase.admission.estimate
    async with settled(purchase):
        await render(purchase)
    receipt = await shop.receipt(purchase)
    assert (receipt.state, receipt.spent, receipt.reserved) == ("succeeded", COST, 0)
    assert (receipt.call_id, receipt.door, receipt.tier) == ("call-1", "rest", "1K")
    assert purchase.price == "0.12002 USD"


@pytest.mark.parametrize(("handed_over", "delivery"), [(True, "handed_over"), (False, "detached")])
async def test_receipt_says_whether_the_reply_was_handed_over(
    shop: Shop, handed_over: bool, delivery: str
) -> None:
    purchase = await shop.buy(await shop.house.account())
    async with settled(purchase):
        await render(purchase)
    assert (await shop.receipt(purchase)).delivery == "attached"
    await purchase.delivered(handed_over=handed_over)
    assert (await shop.receipt(purchase)).delivery == delivery


async def test_attempt_that_cannot_be_recorded_sends_and_costs_nothing(shop: Shop) -> None:
    account = await shop.house.account(budget=100)
    purchase = await shop.buy(account)
    async with shop.without("attempts"):
        with pytest.raises(OverloadedError) as caught:
            await purchase.begin(1, attempt())
    await fail(purchase, caught.value)
    receipt = await shop.receipt(purchase)
    assert (receipt.state, receipt.reason, receipt.cost) == ("failed_free", "OVERLOADED", 0)
    assert purchase.price == "0 USD"
    assert await shop.house.money(account, "total") == (0, 0, 0)


async def test_request_that_cannot_be_recorded_is_refused(shop: Shop) -> None:
    account = await shop.house.account()
    async with shop.without("requests"):
        with pytest.raises(OverloadedError, match="cannot be written") as caught:
            await shop.buy(account)
    assert caught.value.retry_after == 1
    assert await shop.house.count(tables.requests) == 0


async def cancelled(work: Any) -> None:
    task = asyncio.create_task(work)
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_cancelled_before_its_attempt_costs_nothing(shop: Shop) -> None:
    account = await shop.house.account(images_per_minute=1)
    purchase = await shop.buy(account)

    async def wait_for_a_slot() -> None:
        async with settled(purchase):
            await asyncio.Event().wait()

    await cancelled(wait_for_a_slot())
    receipt = await shop.receipt(purchase)
    assert (receipt.state, receipt.reason, receipt.attempts) == ("failed_free", "CANCELLED", ())
    await shop.buy(account)  # its image was given back


async def test_cancelled_after_its_attempt_began_may_have_cost_the_estimate(shop: Shop) -> None:
    account = await shop.house.account(budget=100)
    purchase = await shop.buy(account)

    async def hang() -> None:
        async with settled(purchase):
            tried = attempt()
            await purchase.begin(1, tried)
            try:
                await asyncio.Event().wait()
            finally:
                purchase.ended(1, tried, None)

    await cancelled(hang())
    receipt = await shop.receipt(purchase)
    assert (receipt.state, receipt.charged) == ("failed_spent", "possible")
    assert receipt.attempts[0].outcome == "CANCELLED"
    assert receipt.possible == purchase.admission.estimate
    assert purchase.price.startswith("possibly 0.12")


async def test_answer_without_an_image_is_a_failure_that_cost_nothing(shop: Shop) -> None:
    purchase = await shop.buy(await shop.house.account())
    tried, answer = attempt(), NoImageError("It would not draw this.")
    await purchase.begin(1, tried)
    end(purchase, 1, tried, "NO_IMAGE", "no", answer)
    await fail(purchase, answer)
    receipt = await shop.receipt(purchase)
    assert (receipt.state, receipt.reason, receipt.cost) == ("failed_free", "NO_IMAGE", 0)


async def test_reply_that_is_refused_after_all_stays_paid(shop: Shop) -> None:
    """Whatever happens in the gateway after the provider has answered."""
    purchase = await shop.buy(await shop.house.account())
    await render(purchase)
    await fail(purchase, RuntimeError())
    receipt = await shop.receipt(purchase)
    assert (receipt.state, receipt.reason, receipt.spent) == ("failed_spent", "INTERNAL", COST)


async def time_out(purchase: Purchase) -> None:
    """A first attempt that may have been charged."""
    tried = attempt()
    await purchase.begin(1, tried)
    end(purchase, 1, tried, "UPSTREAM_TIMEOUT", "possible")


async def test_second_attempt_adds_to_a_first_that_may_have_been_charged(shop: Shop) -> None:
    account = await shop.house.account(budget=100)
    purchase = await shop.buy(account)
    estimate = purchase.admission.estimate
    assert estimate is not None
    async with settled(purchase):
        await time_out(purchase)
        tried = attempt("vertex")
        await purchase.begin(2, tried)
        assert await shop.house.money(account, "total") == (0, estimate, estimate)
        end(purchase, 2, tried, "OK", "yes", reply())
    receipt = await shop.receipt(purchase)
    assert [(each.upstream, each.spent) for each in receipt.attempts] == [
        ("gemini", "possible"),
        ("vertex", "yes"),
    ]
    assert (receipt.state, receipt.spent, receipt.possible) == ("succeeded", COST, estimate)
    assert purchase.price.startswith("possibly 0.24")


async def test_second_attempt_beyond_the_budget_is_not_made(shop: Shop) -> None:
    purchase = await shop.buy(await shop.house.account(budget=20))
    await time_out(purchase)
    with pytest.raises(BudgetExhaustedError) as caught:
        await purchase.begin(2, attempt("vertex"))
    await fail(purchase, caught.value)
    receipt = await shop.receipt(purchase)
    assert (receipt.state, receipt.reason) == ("failed_spent", "BUDGET_EXHAUSTED")
    assert len(receipt.attempts) == 1


async def test_free_failure_is_followed_by_an_attempt_on_the_same_reservation(shop: Shop) -> None:
    purchase = await shop.buy(await shop.house.account(budget=13))
    async with settled(purchase):
        refused = attempt()
        await purchase.begin(1, refused)
        end(purchase, 1, refused, "UPSTREAM_RATE_LIMITED", "no")
        tried = attempt("vertex")
        await purchase.begin(2, tried)
        end(purchase, 2, tried, "OK", "yes", reply())
    assert (await shop.receipt(purchase)).cost == COST
    assert purchase.price == "0.12002 USD"


async def test_price_that_nobody_knows_is_told_as_unknown(tmp_path: Path) -> None:
    async with open_shop(tmp_path, model="another-model") as shop:
        purchase = await shop.buy(await shop.house.account())
        async with settled(purchase):
            await render(purchase)
        assert purchase.price == "unknown"
        assert "unpriced" in (await shop.receipt(purchase)).all_flags


async def test_settlement_that_cannot_be_written_does_not_cost_the_caller_its_image(shop: Shop) -> None:
    purchase = await shop.buy(await shop.house.account())
    tried = attempt()
    await purchase.begin(1, tried)
    async with shop.without("requests"), settled(purchase):
        end(purchase, 1, tried, "OK", "yes", reply())
    assert purchase.price == "0.12002 USD"
    await shop.house.ledger.make_up()
    receipt = await shop.receipt(purchase)
    assert (receipt.state, receipt.spent, receipt.flags) == ("succeeded", COST, ("journaled",))


async def test_fail_open_buys_without_the_database_and_records_it_later(tmp_path: Path) -> None:
    async with open_shop(tmp_path, fail_open=True) as shop:
        account = await shop.house.account(budget=100, rpm=1)
        async with shop.without("requests"):
            purchase = await shop.buy(account)
            async with settled(purchase):
                await render(purchase)
            await purchase.delivered(handed_over=True)
            with pytest.raises(RateLimitedError):
                await shop.buy(account)
        await shop.house.ledger.make_up()
        receipt = await shop.receipt(purchase)
        assert (receipt.state, receipt.delivery, receipt.spent) == ("succeeded", "handed_over", COST)
        assert receipt.flags == ("fail_open", "journaled")
        assert purchase.price == "0.12002 USD"


async def test_fail_open_still_refuses_what_a_limit_refuses(tmp_path: Path) -> None:
    async with open_shop(tmp_path, fail_open=True) as shop:
        account = await shop.house.account(rpm=1)
        await shop.buy(account)
        with pytest.raises(RateLimitedError):
            await shop.buy(account)


async def test_fail_open_without_a_journal_to_write_sends_nothing(tmp_path: Path) -> None:
    async with open_shop(tmp_path, fail_open=True) as shop:
        account = await shop.house.account()
        (tmp_path / "settlements.jsonl").mkdir()
        async with shop.without("requests"):
            purchase = await shop.buy(account)
            with pytest.raises(OverloadedError):
                await purchase.begin(1, attempt())
