"""A PostgreSQL that is killed under load: fail closed, and fail open."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from routerhub_server.accounts import Allowance, Limits
from routerhub_server.ledger import Receipt
from routerhub_server.state import StateError, tables
from tests.fakes.server import Fault
from tests.gateway.fleet import COST, Crowd, Fleet, age, books, receipts_of, running_fleet, until_settled
from tests.ledger.house import House
from tests.postgres import Postgres, running_postgres


@dataclass(frozen=True)
class Site:
    postgres: Postgres
    fleet: Fleet

    async def back(self, house: House) -> None:
        await asyncio.to_thread(self.postgres.restart)
        with contextlib.suppress(StateError):  # of a connection that was open when it was killed
            await house.count(tables.requests)


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """Servers, so many as the test says, and a database that it may kill."""
    settings, size = request.param
    with running_postgres() as postgres:
        url = postgres.create_database()
        with running_fleet(tmp_path, size, url, **settings) as fleet:
            fleet.provider.otherwise = Fault(delay=0.3)
            try:
                yield Site(postgres, fleet)
            finally:
                postgres.restart()


fail_closed = pytest.mark.parametrize("site", [({}, 2)], indirect=True)
fail_open = pytest.mark.parametrize("site", [({"database_down": "fail_open"}, 1)], indirect=True)


async def crowd_of(house: House, site: Site, **limits: int) -> tuple[str, Crowd]:
    account, key = await house.accounts.create("a", allowance=Allowance(Limits(**limits)))
    return account.id, Crowd(site.fleet, key)


async def until_made_up(site: Site) -> None:
    """Wait until no server has anything written down."""
    for _ in range(150):
        if not any([*server.state_dir.glob("settlements*")] for server in site.fleet.servers):
            return
        await asyncio.sleep(0.1)
    raise TimeoutError


async def settled_receipts(house: House, site: Site, crowd: Crowd) -> list[Receipt]:
    await until_made_up(site)
    await until_settled(house)
    return await receipts_of(house, crowd)


def by_call(receipts: list[Receipt], state: str) -> list[str]:
    return sorted(receipt.call_id or "" for receipt in receipts if receipt.state == state)


@fail_closed
async def test_killed_database_refuses_new_calls_and_settles_accepted_ones(site: Site) -> None:
    end = asyncio.Event()
    async with books(site.fleet) as house:
        account_id, crowd = await crowd_of(house, site)
        calling = asyncio.create_task(crowd.call_until(end))
        await asyncio.sleep(1)
        site.postgres.kill()
        await asyncio.sleep(1)
        before = crowd.told.codes["UNAVAILABLE"]
        assert before
        await site.back(house)
        served = crowd.told.codes["OK"]
        await asyncio.sleep(1)
        end.set()
        told = await calling
        assert told.codes["OK"] > served
        receipts = await settled_receipts(house, site, crowd)
        asked = site.fleet.provider.asked(crowd.name)
        assert set(told.codes) == {"OK", "UNAVAILABLE"}
        assert len(asked) == len(set(asked)) == told.codes["OK"]
        assert by_call(receipts, "succeeded") == sorted(asked)
        assert {receipt.state for receipt in receipts} <= {"succeeded", "failed_free"}
        assert any("journaled" in receipt.flags for receipt in receipts)
        (usage,) = await house.ledger.usage("key", account_id=account_id)
        assert usage.spent == told.costs == len(asked) * COST
        await house.check_books()


@fail_open
async def test_fail_open_serves_known_keys_within_their_limits_and_records_them_later(site: Site) -> None:
    async with books(site.fleet) as house:
        account_id, crowd = await crowd_of(house, site, rpm=40)
        _, stranger_key = await house.accounts.create("stranger")
        await crowd.call(clients=1, each=1)
        site.postgres.kill()
        await asyncio.sleep(0.3)  # until the last of its processes has noticed
        told = await crowd.call()
        assert told.codes == {"OK": 41, "RESOURCE_EXHAUSTED": 88}
        stranger = Crowd(site.fleet, stranger_key)
        assert (await stranger.call(clients=2, each=1)).codes == {"UNAVAILABLE": 2}
        await site.back(house)
        receipts = await settled_receipts(house, site, crowd)
        asked = site.fleet.provider.asked(crowd.name)
        assert len(asked) == len(set(asked)) == 41
        assert by_call(receipts, "succeeded") == sorted(asked)
        assert {receipt.request_id for receipt in receipts} == told.receipts
        assert sum("fail_open" in receipt.flags for receipt in receipts) == 40
        assert {receipt.delivery for receipt in receipts} == {"handed_over"}
        (usage,) = await house.ledger.usage("key", account_id=account_id)
        assert (usage.attempts, usage.images, usage.spent) == (41, 41, 41 * COST)
        assert told.costs == 41 * COST
        await house.check_books()
        refused = await crowd.call(clients=1, each=1)
        assert refused.codes["RESOURCE_EXHAUSTED"] == 89


@fail_open
async def test_fail_open_loses_and_doubles_nothing_when_the_database_goes_and_returns(site: Site) -> None:
    end = asyncio.Event()
    async with books(site.fleet) as house:
        account_id, crowd = await crowd_of(house, site)
        calling = asyncio.create_task(crowd.call_until(end, clients=16))
        await asyncio.sleep(1)
        site.postgres.kill()
        await asyncio.sleep(1)
        await site.back(house)
        await asyncio.sleep(1)
        end.set()
        told = await calling
        receipts = await settled_receipts(house, site, crowd)
        asked = site.fleet.provider.asked(crowd.name)
        assert len(asked) == len(set(asked)) == told.codes["OK"]
        assert by_call(receipts, "succeeded") == sorted(asked)
        assert any("fail_open" in receipt.flags for receipt in receipts)
        (usage,) = await house.ledger.usage("key", account_id=account_id)
        assert usage.spent == told.costs == len(asked) * COST
        await house.check_books()


@fail_open
async def test_server_that_is_killed_without_its_database_leaves_possible_charges(site: Site) -> None:
    """It was told of them by its own journal, when it comes back."""
    (server,), end = site.fleet.servers, asyncio.Event()
    async with books(site.fleet) as house:
        _, crowd = await crowd_of(house, site)
        await crowd.call(clients=1, each=1)
        site.postgres.kill()
        calling = asyncio.create_task(crowd.call_until(end, clients=8))
        await asyncio.sleep(1)
        server.kill()
        end.set()
        told = await calling
        await site.back(house)
        await age(house, server)
        await asyncio.to_thread(server.restart)
        receipts = await settled_receipts(house, site, crowd)
        lost, paid = by_call(receipts, "lost"), by_call(receipts, "succeeded")
        asked = set(site.fleet.provider.asked(crowd.name))
        assert set(paid) <= asked <= {*paid, *lost}
        assert lost
        assert told.receipts <= {receipt.request_id for receipt in receipts if receipt.state == "succeeded"}
        assert {receipt.charged for receipt in receipts if receipt.state == "lost"} == {"possible"}
        await house.check_books()
