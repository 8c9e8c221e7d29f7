import asyncio
import contextlib
import random

import pytest

from routerhub_server.errors import OverloadedError
from routerhub_server.routing import Pool
from tests.routing.warp import now, run


async def hold(pool: Pool, seconds: float, until: float, order: list[int], number: int) -> None:
    async with pool.slot(until):
        order.append(number)
        await asyncio.sleep(seconds)


def test_no_more_than_its_size_at_once_and_first_come_first_served() -> None:
    async def main() -> None:
        pool, order = Pool(3), list[int]()
        tasks = [asyncio.create_task(hold(pool, 10, 1000, order, number)) for number in range(9)]
        await asyncio.sleep(1)
        assert (pool.in_use, pool.waiting, pool.full, order) == (3, 6, True, [0, 1, 2])
        await asyncio.gather(*tasks)
        assert (now(), order) == (30, list(range(9)))
        assert (pool.in_use, pool.waiting, pool.full) == (0, 0, False)

    run(main())


def test_waiting_too_long_is_overloaded() -> None:
    async def main() -> None:
        pool = Pool(1)
        async with pool.slot(1000):
            with pytest.raises(OverloadedError) as caught:
                async with pool.slot(7):
                    pytest.fail("there was no slot")
            assert now() == 7
            assert (caught.value.retry_after, caught.value.spent) == (1, "no")
            assert (pool.in_use, pool.waiting) == (1, 0)
        async with pool.slot(1000):
            assert now() == 7

    run(main())


def test_free_slot_is_given_however_late_it_is() -> None:
    async def main() -> None:
        await asyncio.sleep(5)
        async with Pool(1).slot(until=3):
            pass

    run(main())


def test_end_of_waiting_does_not_end_the_render() -> None:
    async def main() -> None:
        async with Pool(1).slot(until=3):
            await asyncio.sleep(100)

    run(main())


def test_failing_render_gives_its_slot_back() -> None:
    async def main() -> None:
        pool = Pool(1)
        with pytest.raises(ZeroDivisionError):
            async with pool.slot(10):
                raise ZeroDivisionError
        assert (pool.in_use, pool.full) == (0, False)

    run(main())


def test_cancelled_callers_leak_no_slot() -> None:
    """5,000 that wait, hold or time out, ended at random moments."""

    async def main() -> None:
        pool, order = Pool(20), list[int]()
        rng = random.Random(1)  # noqa: S311  # repeatable, not secret
        tasks = []
        for number in range(5000):
            tasks.append(asyncio.create_task(hold(pool, rng.random(), now() + rng.random(), order, number)))
            if rng.random() < 0.1:
                await asyncio.sleep(rng.random() / 10)
            for task in rng.sample(tasks[-50:], min(len(tasks), 5)):
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert 100 < len(order) < 4900
        assert (pool.in_use, pool.waiting, pool.full) == (0, 0, False)
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(20):
                await stack.enter_async_context(pool.slot(now()))
            assert pool.full

    run(main())
