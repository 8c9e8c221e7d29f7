"""Receipts, sums over them, and what retention leaves."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from routerhub_server.ledger import AttemptEnd, Failure, receipts, retention
from routerhub_server.prices import Cost, Line, Tokens
from routerhub_server.state import tables
from tests.ledger.house import CENT, HandClock, House, arrival, paid

DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


async def test_receipt_tells_everything_that_was_bought(still_house: House, clock: HandClock) -> None:
    account = await still_house.account("team-a")
    ledger = still_house.ledger
    admission = await ledger.admit(replace(arrival(account, images=2, tier="2K"), call_id="from-envoy"))
    clock.move(1)
    await ledger.start_attempt(admission.request_id, 1, "gemini", "gemini-3-pro-image")
    clock.move(30)
    await ledger.end_attempt(admission.request_id, AttemptEnd(1, "UPSTREAM_TIMEOUT", "possible"))
    await ledger.start_attempt(admission.request_id, 2, "vertex", "gemini-3-pro-image")
    clock.move(10)
    line = Line("image_out", 1120, 120_000_000_000, 134_400_000)
    tokens = Tokens(text_in=7, image_out=1120, thinking=90)
    end = AttemptEnd(2, "OK", "yes", 1, Cost(134_400_000, "2K", tokens, (line,), ("assumed",)))
    await ledger.succeed(admission.request_id, end)
    receipt = await ledger.receipt(admission.request_id)
    assert receipt is not None
    assert (receipt.account, receipt.call_id, receipt.images, receipt.tier) == (
        "team-a",
        "from-envoy",
        2,
        "2K",
    )
    assert (receipt.spent, receipt.possible, receipt.estimate) == (134_400_000, 10 * CENT, 10 * CENT)
    first, second = receipt.attempts
    assert (first.upstream, first.outcome, first.spent, first.cost) == (
        "gemini", "UPSTREAM_TIMEOUT", "possible", 10 * CENT,
    )  # fmt: skip
    assert (second.upstream, second.images, second.tier, second.tokens) == ("vertex", 1, "2K", tokens)
    assert (second.lines, second.flags) == ((line,), ("assumed",))
    assert second.ended_at == receipt.finished_at == admission.at + timedelta(seconds=41)


async def test_receipt_of_another_account_is_not_shown(house: House) -> None:
    mine, other = await house.account("a"), await house.account("b")
    request_id = await house.render(mine, CENT)
    assert await house.ledger.receipt(request_id, mine.id)
    assert await house.ledger.receipt(request_id, other.id) is None
    assert await house.ledger.receipt("nonsense") is None


async def fill(house: House, clock: HandClock) -> None:
    """Two accounts, models, upstreams and days; one request that failed, one that never began."""
    a, b = await house.account("a"), await house.account("b")
    await house.render(a, 3 * CENT)
    await house.render(b, 4 * CENT, model="openai/gpt-image-2", upstream="openai")
    failed = await house.admit(a)
    await house.ledger.start_attempt(failed.request_id, 1, "gemini", "m")
    await house.ledger.fail(
        failed.request_id, Failure("UPSTREAM_TIMEOUT"), AttemptEnd(1, "UPSTREAM_TIMEOUT", "possible")
    )
    clock.move(120)
    await house.ledger.fail((await house.admit(b)).request_id, Failure("OVERLOADED"))
    await house.render(a, 5 * CENT)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("key", {"a": (3, 2, 8, 10), "b": (2, 1, 4, 0)}),
        ("model", {"google/gemini-3-pro-image": (4, 2, 8, 10), "openai/gpt-image-2": (1, 1, 4, 0)}),
        ("day", {"2026-11-30": (3, 2, 7, 10), "2026-12-01": (2, 1, 5, 0)}),
        ("upstream", {"": (1, 0, 0, 0), "gemini": (3, 2, 8, 10), "openai": (1, 1, 4, 0)}),
    ],
)
async def test_sums_by_group_are_those_of_the_attempts(
    still_house: House,
    clock: HandClock,
    by: receipts.Grouping,
    expected: dict[str, tuple[int, int, int, int]],
) -> None:
    await fill(still_house, clock)
    sums = await still_house.ledger.usage(by)
    assert {
        each.name or each.key: (each.requests, each.images, each.spent // CENT, each.possible // CENT)
        for each in sums
    } == expected
    assert sum(each.tokens["image_out"] for each in sums) == 3 * 1120
    await still_house.check_books()


async def test_sums_keep_to_the_times_and_the_account_asked_for(still_house: House, clock: HandClock) -> None:
    await fill(still_house, clock)
    account = await still_house.accounts.get("a")
    before = await still_house.ledger.usage("key", until=DECEMBER, account_id=account.id)
    assert [(each.key, each.name, each.spent) for each in before] == [(account.id, "a", 3 * CENT)]
    assert [each.key for each in await still_house.ledger.usage("day", since=DECEMBER)] == ["2026-12-01"]


async def test_every_receipt_comes_once_over_many_pages(
    still_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All were admitted in the same instant."""
    monkeypatch.setattr(receipts, "PAGE", 2)
    account = await still_house.account()
    ids = {await still_house.render(account, CENT) for _ in range(7)}
    found = [receipt.request_id async for receipt in still_house.ledger.receipts()]
    assert len(found) == 7
    assert set(found) == ids


async def test_unpriced_attempts_are_told_apart_from_free_ones(house: House) -> None:
    account = await house.account()
    admission = await house.admit(account, estimate=None)
    await house.ledger.start_attempt(admission.request_id, 1, "gemini", "m")
    await house.ledger.succeed(admission.request_id, paid(None))
    (found,) = await house.ledger.usage("key")
    assert (found.spent, found.unpriced) == (0, 1)


async def test_retention_removes_what_ended_and_no_money(
    still_house: House, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PAGE", 2)
    account = await still_house.account(budget=100, period="total")
    for _ in range(5):
        await still_house.render(account, 10 * CENT)
    running = await still_house.admit(account)
    clock.move(120)
    kept = await still_house.render(account, 10 * CENT)
    assert await still_house.ledger.forget(DECEMBER) == 5
    left = {receipt.request_id async for receipt in still_house.ledger.receipts()}
    assert left == {running.request_id, kept}
    assert await still_house.money(account, "total") == (60 * CENT, 0, 10 * CENT)
    assert await still_house.count(tables.attempts) == 1
