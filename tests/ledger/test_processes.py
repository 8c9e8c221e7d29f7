"""Several processes on one database: limits hold across them, and what a dead one leaves is settled."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from routerhub_server.ledger import Ledger, Receipt, database_clock
from routerhub_server.ledger import ledger as ledger_module
from routerhub_server.state import tables
from tests.ledger.house import CENT, House, Place, paid
from tests.ledger.worker import Worker, running_worker

ESTIMATE = 10 * CENT


def later(connection: Connection) -> datetime:
    """A clock by which nobody has been seen lately."""
    return database_clock(connection) + timedelta(seconds=30)


@pytest.fixture
async def worker(place: Place, house: House) -> AsyncIterator[Worker]:
    with running_worker(place) as worker:
        yield worker


def make_old(connection: Connection, but: str) -> None:
    """Every process was last seen half a minute ago, but one."""
    others = tables.processes.update().where(tables.processes.c.id != but)
    connection.execute(others.values(seen_at=database_clock(connection) - timedelta(seconds=30)))


async def sweep(house: House, **rescue: Any) -> int:
    """What this house sweeps after the lease of everybody else."""
    sweeper = Ledger(house.database, clock=later, **rescue)
    await sweeper.beat()
    return await sweeper.sweep()


async def receipt_of(house: House, request_id: str) -> Receipt:
    receipt = await house.ledger.receipt(request_id)
    assert receipt is not None
    return receipt


@pytest.mark.parametrize(
    ("limits", "changes", "admitted"),
    [
        ({"rpm": 20}, {}, 20),
        ({"images_per_minute": 30}, {"images": 4}, 7),
        ({"concurrent": 5}, {}, 5),
        ({"budget": 105}, {}, 10),
    ],
)
async def test_three_processes_never_exceed_a_limit(
    place: Place, house: House, limits: dict[str, Any], changes: dict[str, Any], admitted: int
) -> None:
    await house.account("a", **limits)
    with ExitStack() as stack:
        workers = [stack.enter_context(running_worker(place)) for _ in range(3)]
        for each in workers:
            each.tell("many", account="a", tries=64, clients=64, **changes)
        found = [each.hear() for each in workers]
    assert len({request_id for ids in found for request_id in ids}) == admitted
    assert sum(map(len, found)) == admitted
    assert await house.count(tables.requests) == admitted
    await house.check_books()


async def test_killed_while_it_admits_leaves_nothing_and_holds_up_nobody(
    house: House, worker: Worker
) -> None:
    account = await house.account(budget=10)
    worker.tell("hang", account="a")
    assert worker.hear() == "hanging"
    worker.send(signal.SIGKILL)
    await house.admit(account)
    assert await house.count(tables.requests) == 1


async def test_killed_before_its_attempt_leaves_a_free_request_that_is_swept(
    house: House, worker: Worker
) -> None:
    account = await house.account(budget=10, concurrent=1, images_per_minute=1)
    worker.ask("admit", account="a")
    worker.send(signal.SIGKILL)
    assert await sweep(house) == 1
    assert await house.count(tables.requests) == 0
    assert await house.money(account, "total") == (0, 0, 0)
    await house.admit(account)


async def test_killed_while_it_renders_leaves_a_request_that_is_lost_and_may_be_charged(
    house: House, worker: Worker
) -> None:
    account = await house.account(budget=15, concurrent=1)
    request_id = worker.ask("admit", account="a")
    assert worker.ask("start", id=request_id) == "started"
    worker.send(signal.SIGKILL)
    assert await sweep(house) == 1
    receipt = await receipt_of(house, request_id)
    assert (receipt.state, receipt.delivery) == ("lost", "detached")
    assert (receipt.reserved, receipt.possible) == (0, ESTIMATE)
    assert (receipt.attempts[0].outcome, receipt.attempts[0].spent) == ("LOST", "possible")
    assert await house.money(account, "total") == (0, ESTIMATE, 0)
    await house.check_books()
    assert await sweep(house) == 0


async def test_killed_with_its_reply_stored_is_settled_from_it(house: House, worker: Worker) -> None:
    account = await house.account(budget=15)
    request_id = worker.ask("admit", account="a")
    worker.ask("start", id=request_id)
    worker.send(signal.SIGKILL)

    async def rescue(found: str) -> bool:
        return await house.ledger.succeed(found, paid(4 * CENT))

    assert await sweep(house, rescue=rescue) == 1
    assert (await receipt_of(house, request_id)).state == "succeeded"
    assert await house.money(account, "total") == (4 * CENT, 0, 0)


async def test_killed_after_its_settlement_leaves_a_result_that_nobody_holds(
    house: House, worker: Worker
) -> None:
    await house.account(budget=15)
    request_id = worker.ask("admit", account="a")
    worker.ask("start", id=request_id)
    worker.ask("succeed", id=request_id, cost=4 * CENT)
    worker.send(signal.SIGKILL)
    assert (await receipt_of(house, request_id)).delivery == "attached"
    await sweep(house)
    receipt = await receipt_of(house, request_id)
    assert (receipt.state, receipt.delivery, receipt.spent) == ("succeeded", "detached", 4 * CENT)


async def test_living_process_is_not_swept(house: House, worker: Worker) -> None:
    await house.account()
    request_id = worker.ask("admit", account="a")
    assert await house.ledger.sweep() == 0
    assert worker.ask("start", id=request_id) == "started"


async def test_frozen_process_that_was_swept_sends_nothing(house: House, worker: Worker) -> None:
    await house.account(budget=10)
    request_id = worker.ask("admit", account="a")
    worker.send(signal.SIGSTOP)
    assert await sweep(house) == 1
    worker.tell("start", id=request_id)
    worker.send(signal.SIGCONT)
    assert worker.hear() == "swept"
    assert await house.count(tables.attempts) == 0
    await house.check_books()


async def test_frozen_process_that_was_called_lost_settles_late(house: House, worker: Worker) -> None:
    account = await house.account(budget=100)
    request_id = worker.ask("admit", account="a")
    worker.ask("start", id=request_id)
    worker.send(signal.SIGSTOP)
    assert await sweep(house) == 1
    assert await house.money(account, "total") == (0, ESTIMATE, 0)
    worker.tell("succeed", id=request_id, cost=4 * CENT)
    worker.send(signal.SIGCONT)
    assert worker.hear() is True
    receipt = await receipt_of(house, request_id)
    assert (receipt.state, receipt.flags, receipt.possible) == ("succeeded", ("late",), 0)
    assert await house.money(account, "total") == (4 * CENT, 0, 0)
    await house.check_books()


async def test_lost_request_starts_no_further_attempt(house: House, worker: Worker) -> None:
    await house.account(budget=100)
    request_id = worker.ask("admit", account="a")
    worker.ask("start", id=request_id)
    worker.send(signal.SIGSTOP)
    await sweep(house)
    worker.tell("start", id=request_id, number=2)
    worker.send(signal.SIGCONT)
    assert worker.hear() == "swept"
    await house.check_books()


async def test_dead_process_does_not_use_up_renders_at_once(house: House, worker: Worker) -> None:
    """Not even before it is swept."""
    account = await house.account(concurrent=1)
    worker.ask("admit", account="a")
    worker.send(signal.SIGKILL)
    await house.database.transact(make_old, house.ledger.process)
    await house.admit(account)


async def test_process_that_ends_in_order_is_swept_at_once(house: House) -> None:
    account = await house.account(budget=10)
    other = Ledger(house.database)
    async with other.present():
        admission = await House(house.database, house.accounts, other).admit(account)
    assert await house.ledger.sweep() == 1
    assert await house.ledger.receipt(admission.request_id) is None


async def test_two_sweepers_settle_what_is_left_once(house: House, worker: Worker) -> None:
    account = await house.account(budget=100)
    for _ in range(5):
        worker.ask("start", id=worker.ask("admit", account="a"))
    worker.send(signal.SIGKILL)
    assert sum(await asyncio.gather(*(sweep(house) for _ in range(3)))) == 5
    assert await house.money(account, "total") == (0, 5 * ESTIMATE, 0)
    await house.check_books()


async def test_process_beats_and_sweeps_while_it_is_present(
    house: House, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "HEARTBEAT", 0.05)
    await house.account(budget=100)
    worker.ask("start", id=worker.ask("admit", account="a"))
    worker.send(signal.SIGKILL)
    async with Ledger(house.database, clock=later).present():
        await house.until(tables.requests.c.state == "lost")
        seen = tables.processes.c.seen_at > datetime.now(UTC) + timedelta(seconds=20)
        assert await house.count(tables.processes, seen) == 1
    assert await house.count(tables.processes, seen) == 0
