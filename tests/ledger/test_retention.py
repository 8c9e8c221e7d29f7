"""Old requests are forgotten while the gateway runs; what they have cost is not."""

import asyncio
from datetime import timedelta

from routerhub_server.ledger import Ledger
from routerhub_server.state import tables
from tests.ledger.house import CENT, House


async def test_finished_requests_are_forgotten_after_their_time(house: House) -> None:
    account = await house.account()
    await house.render(account, 10 * CENT)
    running = await house.admit(account)
    async with Ledger(house.database, keep=timedelta(0)).present():
        async with asyncio.timeout(10):
            while await house.count(tables.requests) > 1:  # noqa: ASYNC110  # the database has no events
                await asyncio.sleep(0.02)
    receipt = await house.ledger.receipt(running.request_id)
    assert receipt is not None
    assert await house.money(account, "total") == (10 * CENT, 0, running.estimate)


async def test_nothing_is_forgotten_where_nobody_says_when(house: House) -> None:
    await house.render(await house.account(), 10 * CENT)
    async with Ledger(house.database).present():
        await asyncio.sleep(0.1)
    assert await house.count(tables.requests) == 1
