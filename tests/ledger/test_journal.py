"""Entrys while the database is away."""

import asyncio
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from routerhub_server.ledger import AttemptEnd, Body, Failure, Journal, Ledger
from routerhub_server.ledger.journal import Entry
from routerhub_server.prices import Cost, Line, Tokens
from routerhub_server.state import StateError
from tests.ledger.house import CENT, Place, arrival, open_house, paid
from tests.postgres import Postgres, running_postgres


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """One that a test may kill."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def own_place(own_postgres: Postgres, tmp_path: Path) -> Place:
    return Place(tmp_path, own_postgres.create_database())


def test_journal_gives_back_what_was_written_until_it_is_cleared(tmp_path: Path) -> None:
    line = Line("image_out", 1120, 120_000_000_000, 134_400_000)
    end = AttemptEnd(
        2, "OK", "yes", 1, Cost(134_400_000, "2K", Tokens(image_out=1120), (line,), ("assumed",))
    )
    written = [
        Entry("succeed", "r1", end, body=Body("stored", "place", 7, b"\x00\xff")),
        Entry("fail", "r2", failure=Failure("UPSTREAM_TIMEOUT", {"message": "ü"})),
        Entry("deliver", "r3", delivery="handed_over"),
    ]
    for each in written:
        Journal(tmp_path).append(each)
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    journal = Journal(tmp_path)
    assert list(journal.entries()) == written
    late = Entry("deliver", "r4", delivery="detached")
    journal.append(late)
    assert list(journal.entries()) == written
    journal.clear()
    assert list(journal.entries()) == [late]
    journal.clear()
    assert list(journal.entries()) == []


def test_line_that_a_crash_has_cut_is_left_out(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(Entry("deliver", "r1", delivery="detached"))
    with (tmp_path / "settlements.jsonl").open("ab") as file:
        file.write(b'{"what":"succeed","request_')
    assert [each.request_id for each in journal.entries()] == ["r1"]


async def test_without_a_journal_a_failed_settlement_is_told(
    own_postgres: Postgres, own_place: Place
) -> None:
    async with open_house(own_place) as house:
        own_postgres.kill()
        with pytest.raises(StateError):
            await house.ledger.succeed("any", paid(CENT))


async def test_killed_database_loses_and_doubles_nothing(own_postgres: Postgres, own_place: Place) -> None:
    """Clients render while it is killed and started again. The provider's own list is the truth."""
    bought: list[str] = []
    refused = 0

    async def render(ledger: Ledger, account_id: str) -> None:
        nonlocal refused
        try:
            admission = await ledger.admit(arrival(account, account_id=account_id))
        except StateError:
            refused += 1
            return
        try:
            await ledger.start_attempt(admission.request_id, 1, "gemini", "m")
        except StateError:
            end = AttemptEnd(1, "INTERNAL", "no")
            await ledger.fail(admission.request_id, Failure("INTERNAL"), end)
            return
        bought.append(admission.request_id)
        await asyncio.sleep(0.05)
        await ledger.succeed(admission.request_id, paid(CENT))
        await ledger.deliver(admission.request_id, "handed_over")

    async def client(ledger: Ledger, account_id: str) -> None:
        while not done.is_set():
            await render(ledger, account_id)
            await asyncio.sleep(0.01)

    done = asyncio.Event()
    async with open_house(own_place) as house:
        account = await house.account()
        ledger = Ledger(house.database, journal=Journal(own_place.state_dir))
        await ledger.beat()
        clients = [asyncio.create_task(client(ledger, account.id)) for _ in range(16)]
        await asyncio.sleep(0.5)
        own_postgres.kill()
        await asyncio.sleep(0.5)
        await asyncio.to_thread(own_postgres.restart)
        await asyncio.sleep(1)
        done.set()
        await asyncio.gather(*clients)
        assert refused
        assert await ledger.make_up()
        await ledger.sweep()
        states = {receipt.request_id: receipt.state async for receipt in ledger.receipts()}
        paid_for = {request_id for request_id, state in states.items() if state == "succeeded"}
        assert paid_for == set(bought)
        assert len(bought) == len(set(bought))
        assert set(states.values()) <= {"succeeded", "failed_free"}
        assert await house.money(account, "total") == (len(bought) * CENT, 0, 0)
        await house.check_books()
