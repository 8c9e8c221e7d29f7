"""Requests that are served while the database is away, and what the ledger learns of them afterwards."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from routerhub_server.accounts import Account
from routerhub_server.ledger import AttemptEnd, Failure, Journal, Ledger
from routerhub_server.state import StateError, tables
from tests.ledger.house import CENT, House, Place, arrival, open_house, paid

ESTIMATE = 10 * CENT


@pytest.fixture
async def cut_off(place: Place) -> AsyncIterator[House]:
    """A house with a journal; what its tests buy, they buy without the database."""
    async with open_house(place) as house:
        ledger = Ledger(house.database, journal=Journal(place.state_dir))
        await ledger.beat()
        yield replace(house, ledger=ledger)


async def buy(house: House, account: Account, cost: int = 4 * CENT) -> str:
    ledger = house.ledger
    admission = ledger.admit_unrecorded(account, arrival(account))
    await ledger.start_attempt(admission.request_id, 1, "gemini", "m")
    await ledger.succeed(admission.request_id, paid(cost))
    await ledger.deliver(admission.request_id, "handed_over")
    return admission.request_id


async def test_request_that_was_served_without_the_database_is_recorded_once(
    place: Place, cut_off: House
) -> None:
    account = await cut_off.account(budget=100, rpm=5)
    before = datetime.now(UTC)
    request_id = await buy(cut_off, account)
    assert await cut_off.count(tables.requests) == 0
    written = (place.state_dir / "settlements.jsonl").read_bytes()
    assert await cut_off.ledger.make_up() == 3
    for _ in range(2):  # as if it had been killed before it could clear the journal
        (place.state_dir / "settlements.jsonl").write_bytes(written)
        assert await cut_off.ledger.make_up() == 3
    receipt = await cut_off.ledger.receipt(request_id)
    assert receipt is not None
    assert (receipt.state, receipt.delivery, receipt.spent) == ("succeeded", "handed_over", 4 * CENT)
    assert receipt.flags == ("fail_open", "journaled")
    assert len(receipt.attempts) == 1
    assert receipt.finished_at is not None
    assert before <= receipt.created_at <= receipt.finished_at <= datetime.now(UTC)
    assert await cut_off.money(account, "total") == (4 * CENT, 0, 0)
    assert await cut_off.count(tables.windows) == 1
    await cut_off.check_books()
    assert await cut_off.ledger.make_up() == 0


async def test_request_under_way_when_the_database_returns_is_settled_too(cut_off: House) -> None:
    account = await cut_off.account(budget=100)
    admission = cut_off.ledger.admit_unrecorded(account, arrival(account))
    await cut_off.ledger.start_attempt(admission.request_id, 1, "gemini", "m")
    await cut_off.ledger.make_up()
    assert await cut_off.money(account, "total") == (0, 0, ESTIMATE)
    assert await cut_off.ledger.sweep() == 0
    await cut_off.ledger.succeed(admission.request_id, paid(4 * CENT))
    await cut_off.ledger.make_up()
    assert await cut_off.money(account, "total") == (4 * CENT, 0, 0)
    await cut_off.check_books()


async def test_second_attempt_after_a_possible_charge_is_recorded_with_the_first(cut_off: House) -> None:
    account = await cut_off.account(budget=100)
    ledger = cut_off.ledger
    admission = ledger.admit_unrecorded(account, arrival(account))
    await ledger.start_attempt(admission.request_id, 1, "gemini", "m")
    await ledger.end_attempt(admission.request_id, AttemptEnd(1, "UPSTREAM_TIMEOUT", "possible"))
    await ledger.start_attempt(admission.request_id, 2, "vertex", "m")
    await ledger.succeed(admission.request_id, paid(4 * CENT, number=2))
    await ledger.make_up()
    assert await cut_off.money(account, "total") == (4 * CENT, ESTIMATE, 0)
    await cut_off.check_books()


async def test_killed_without_the_database_leaves_a_request_that_is_lost(
    place: Place, cut_off: House
) -> None:
    """Its successor reads the journal, and whoever sweeps finds that its owner is dead."""
    account = await cut_off.account(budget=100)
    dead = Ledger(cut_off.database, journal=Journal(place.state_dir))
    admission = dead.admit_unrecorded(account, arrival(account))
    await dead.start_attempt(admission.request_id, 1, "gemini", "m")
    await cut_off.ledger.make_up()
    assert await cut_off.ledger.sweep() == 1
    receipt = await cut_off.ledger.receipt(admission.request_id)
    assert receipt is not None
    assert (receipt.state, receipt.possible, receipt.delivery) == ("lost", ESTIMATE, "detached")
    await cut_off.check_books()


async def test_swept_between_two_replays_is_settled_late(place: Place, cut_off: House) -> None:
    account = await cut_off.account(budget=100)
    dead = Ledger(cut_off.database, journal=Journal(place.state_dir))
    admission = dead.admit_unrecorded(account, arrival(account))
    await dead.start_attempt(admission.request_id, 1, "gemini", "m")
    await cut_off.ledger.make_up()
    await cut_off.ledger.sweep()
    await dead.end_attempt(admission.request_id, AttemptEnd(1, "UPSTREAM_TIMEOUT", "possible"))
    await dead.start_attempt(admission.request_id, 2, "vertex", "m")
    await dead.succeed(admission.request_id, paid(4 * CENT, number=2))
    await cut_off.ledger.make_up()
    receipt = await cut_off.ledger.receipt(admission.request_id)
    assert receipt is not None
    assert (receipt.state, receipt.spent, receipt.possible) == ("succeeded", 4 * CENT, ESTIMATE)
    await cut_off.check_books()


async def test_failed_for_free_without_the_database_costs_nothing(cut_off: House) -> None:
    account = await cut_off.account(budget=100)
    admission = cut_off.ledger.admit_unrecorded(account, arrival(account))
    await cut_off.ledger.fail(admission.request_id, Failure("OVERLOADED"))
    await cut_off.ledger.deliver(admission.request_id, "detached")
    await cut_off.ledger.make_up()
    receipt = await cut_off.ledger.receipt(admission.request_id)
    assert receipt is not None
    assert (receipt.state, receipt.reason, receipt.cost) == ("failed_free", "OVERLOADED", 0)
    await cut_off.check_books()


async def test_account_that_ended_meanwhile_pays_all_the_same(cut_off: House) -> None:
    account = await cut_off.account()
    await buy(cut_off, account)
    await cut_off.accounts.delete(account.id)
    await cut_off.ledger.make_up()
    assert await cut_off.money(account, "total") == (4 * CENT, 0, 0)


async def test_journal_that_cannot_be_written_lets_nothing_be_sent(place: Place, cut_off: House) -> None:
    account = await cut_off.account()
    (place.state_dir / "settlements.jsonl").mkdir()
    admission = cut_off.ledger.admit_unrecorded(account, arrival(account))
    with pytest.raises(StateError, match="cannot write down"):
        await cut_off.ledger.start_attempt(admission.request_id, 1, "gemini", "m")


async def test_many_at_once_are_all_recorded_while_the_journal_is_read(cut_off: House) -> None:
    account = await cut_off.account()

    async def read() -> None:
        while True:
            await cut_off.ledger.make_up()
            await asyncio.sleep(0)

    reader = asyncio.create_task(read())
    bought = await asyncio.gather(*(buy(cut_off, account) for _ in range(40)))
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    while await cut_off.ledger.make_up():
        pass
    found = {receipt.request_id: receipt.state async for receipt in cut_off.ledger.receipts()}
    assert found == dict.fromkeys(bought, "succeeded")
    assert await cut_off.money(account, "total") == (40 * 4 * CENT, 0, 0)
    await cut_off.check_books()
