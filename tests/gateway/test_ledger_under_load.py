"""64 clients at once against every limit: one process with SQLite, and three that share PostgreSQL."""

import asyncio
from collections.abc import Iterator
from secrets import token_hex
from typing import Any

import pytest

from routerhub_server.accounts import Allowance, Budget, Limits
from tests.fakes.server import Fault
from tests.gateway.fleet import (
    COST,
    ESTIMATE,
    Crowd,
    Fleet,
    age,
    books,
    check_sums,
    receipts_of,
    running_fleet,
    until_rendering,
    until_settled,
)
from tests.ledger.house import House

SIZES = {"sqlite": 1, "postgres": 3}


@pytest.fixture(params=SIZES, scope="module")
def fleet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    kind: str = request.param
    url = request.getfixturevalue("postgres").create_database() if kind == "postgres" else None
    with running_fleet(tmp_path_factory.mktemp(kind), SIZES[kind], url) as running:
        yield running


async def crowd_of(house: House, fleet: Fleet, seconds: float = 0.05, **changes: Any) -> tuple[str, Crowd]:
    """A new account, its id, and its clients, whose renders take so long."""
    fleet.provider.otherwise = Fault(delay=seconds)
    account, key = await house.accounts.create(token_hex(8), allowance=Allowance(**changes))
    return account.id, Crowd(fleet, key)


@pytest.mark.parametrize(
    ("limits", "n", "admitted"),
    [
        pytest.param({"limits": Limits(rpm=40)}, 1, 40, id="rpm"),
        pytest.param({"limits": Limits(images_per_minute=40)}, 3, 13, id="images per minute"),
        pytest.param({"models": {"openai/*": Limits(rpm=15)}}, 1, 15, id="rpm of a model"),
    ],
)
async def test_limit_per_minute_admits_exactly_what_it_says(
    fleet: Fleet, limits: dict[str, Any], n: int, admitted: int
) -> None:
    async with books(fleet) as house:
        account_id, crowd = await crowd_of(house, fleet, **limits)
        told = await crowd.call(n=n)
        await until_settled(house)
        assert told.codes == {"OK": admitted, "RESOURCE_EXHAUSTED": 128 - admitted}
        assert fleet.provider.images(crowd.name) == admitted * n
        await check_sums(house, crowd, account_id)


async def test_no_more_renders_at_once_than_the_limit(fleet: Fleet) -> None:
    fleet.provider.most = 0
    async with books(fleet) as house:
        account_id, crowd = await crowd_of(house, fleet, 0.5, limits=Limits(concurrent=5))
        told = await crowd.call()
        await until_settled(house)
        assert fleet.provider.most == 5
        assert 5 <= told.codes["OK"] < 128
        await check_sums(house, crowd, account_id)


async def test_budget_is_never_overdrawn_by_an_admission(fleet: Fleet) -> None:
    """Renders come out cheaper than reserved, so that what is left over is bought from again."""
    nano = 10 * ESTIMATE
    async with books(fleet) as house:
        account_id, crowd = await crowd_of(house, fleet, budget=Budget(nano, "total"))
        told = await crowd.call(each=4)
        await until_settled(house)
        assert 10 <= told.codes["OK"] <= nano // COST
        assert told.codes["OK"] + told.codes["RESOURCE_EXHAUSTED"] == 256
        assert told.costs <= nano
        await check_sums(house, crowd, account_id)


async def test_calls_without_limits_are_all_recorded(fleet: Fleet) -> None:
    async with books(fleet) as house:
        account_id, crowd = await crowd_of(house, fleet)
        told = await crowd.call(each=3)
        await until_settled(house)
        assert told.codes == {"OK": 192}
        await check_sums(house, crowd, account_id)


async def test_killed_server_loses_and_doubles_nothing(fleet: Fleet) -> None:
    """What it was rendering may have been charged; the provider's own list is the truth."""
    end, victim = asyncio.Event(), fleet.servers[-1]
    async with books(fleet) as house:
        account_id, crowd = await crowd_of(house, fleet, 0.3, limits=Limits(concurrent=40))
        calling = asyncio.create_task(crowd.call_until(end))
        await asyncio.sleep(1)  # some succeed before
        await until_rendering(house, victim)
        victim.kill()
        await age(house, victim)
        await asyncio.to_thread(victim.restart)
        await asyncio.sleep(1)
        end.set()
        told = await calling
        await until_settled(house)
        receipts = await receipts_of(house, crowd)
        lost = [receipt for receipt in receipts if receipt.state == "lost"]
        assert lost
        assert {(receipt.charged, receipt.possible > COST) for receipt in lost} == {("possible", True)}
        paid = [receipt.call_id for receipt in receipts if receipt.state == "succeeded"]
        asked = fleet.provider.asked(crowd.name)
        assert len(asked) == len(set(asked))
        assert set(paid) <= set(asked) <= {*paid, *(receipt.call_id for receipt in lost)}
        assert told.receipts <= {receipt.request_id for receipt in receipts}
        assert {receipt.state for receipt in receipts} == {"succeeded", "lost"}
        (usage,) = await house.ledger.usage("key", account_id=account_id)
        assert usage.spent == len(paid) * COST
        assert usage.possible == sum(receipt.possible for receipt in lost)
        await house.check_books()
