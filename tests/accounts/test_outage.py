"""Keys while the database is away, where the gateway is told to fail open."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import text

from routerhub_server.accounts import Accounts
from routerhub_server.errors import OverloadedError, UnauthenticatedError
from routerhub_server.state import Database
from tests.ledger.house import HandClock

OUTLAST = timedelta(minutes=10)


@asynccontextmanager
async def away(database: Database) -> AsyncIterator[None]:
    """No key can be looked up."""
    async with database.write() as connection:
        await connection.execute(text("ALTER TABLE secrets RENAME TO away"))
    yield
    async with database.write() as connection:
        await connection.execute(text("ALTER TABLE away RENAME TO secrets"))


class Clock(HandClock):
    def __call__(self, connection: object = None) -> "datetime":
        return self.now
