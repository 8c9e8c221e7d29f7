"""Keys while the database is away, where the gateway is told to fail open."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from routerhub_server.accounts import Accounts
from routerhub_server.errors import OverloadedError, UnauthenticatedError
from routerhub_server.state import Database

START = datetime(2026, 1, 1, tzinfo=UTC)


class HandClock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def accounts(database: Database, clock: HandClock) -> Accounts:
    return Accounts(database, clock, outlast=timedelta(minutes=10))


@asynccontextmanager
async def away(database: Database) -> AsyncIterator[None]:
    """No key can be looked up."""
    async with database.write() as connection:
        await connection.execute(text("ALTER TABLE secrets RENAME TO away"))
    yield
    async with database.write() as connection:
        await connection.execute(text("ALTER TABLE away RENAME TO secrets"))


async def test_key_that_was_seen_works_for_a_while(
    database: Database, accounts: Accounts, clock: HandClock
) -> None:
    account, key = await accounts.create("a")
    await accounts.authenticate(key)
    async with away(database):
        clock.move(599)
        assert await accounts.authenticate(key) == account
        clock.move(1)
        with pytest.raises(OverloadedError):
            await accounts.authenticate(key)


async def test_key_that_was_never_seen_does_not_work(database: Database, accounts: Accounts) -> None:
    _, key = await accounts.create("a")
    async with away(database):
        with pytest.raises(OverloadedError):
            await accounts.authenticate(key)


async def test_key_that_was_seen_still_expires(
    database: Database, accounts: Accounts, clock: HandClock
) -> None:
    _, key = await accounts.create("a", expires_at=START + timedelta(seconds=60))
    await accounts.authenticate(key)
    clock.move(60)
    async with away(database):
        with pytest.raises(UnauthenticatedError):
            await accounts.authenticate(key)


async def test_disabled_key_is_forgotten(database: Database, accounts: Accounts) -> None:
    _, key = await accounts.create("a")
    await accounts.authenticate(key)
    await accounts.disable("a")
    async with away(database):
        with pytest.raises(OverloadedError):
            await accounts.authenticate(key)


async def test_key_is_not_remembered_unless_told_to(database: Database, clock: HandClock) -> None:
    accounts = Accounts(database, clock)
    _, key = await accounts.create("a")
    await accounts.authenticate(key)
    clock.move(1)
    async with away(database):
        with pytest.raises(OverloadedError):
            await accounts.authenticate(key)
