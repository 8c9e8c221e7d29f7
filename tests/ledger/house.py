"""A database, an account and a ledger, and what tests ask of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from routerhub_server.accounts import Account, Accounts, Allowance, Budget, Limits, periods
from routerhub_server.ledger import Admission, Arrival, AttemptEnd, Clock, Ledger, database_clock
from routerhub_server.prices import Cost, Tokens
from routerhub_server.state import Database, open_database, tables

MODEL = "google/gemini-3-pro-image"
CENT = 10_000_000
"""In 1e-9 of the unit."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database is."""

    state_dir: Path
    url: str | None


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = datetime(2026, 11, 30, 23, 58, 30, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self, connection: Connection) -> datetime:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class House:
    database: Database
    accounts: Accounts
    ledger: Ledger

    async def account(
        self, name: str = "a", models: dict[str, Limits] | None = None, **limits: Any
    ) -> Account:
        """A new account; `budget` in cents of this month, other limits by their names."""
        cents = limits.pop("budget", None)
        period = limits.pop("period", "month")
        budget = None if cents is None else Budget(cents * CENT, period)
        allowance = Allowance(Limits(**limits), models or {}, budget)
        account, _ = await self.accounts.create(name, allowance=allowance)
        return account

    async def admit(self, account: Account, **changes: Any) -> Admission:
        return await self.ledger.admit(arrival(account, **changes))

    async def render(self, account: Account, cost: int, *, upstream: str = "gemini", **changes: Any) -> str:
        """A request from admission to delivery; its id."""
        admission = await self.admit(account, **changes)
        await self.ledger.start_attempt(admission.request_id, 1, upstream, "m")
        assert await self.ledger.succeed(admission.request_id, paid(cost))
        assert await self.ledger.deliver(admission.request_id, "handed_over")
        return admission.request_id

    async def money(self, account: Account, period: str) -> tuple[int, int, int]:
        """Spent, possible and reserved, as the counter of the period has them."""
        counters = tables.counters
        query = select(counters.c.spent, counters.c.possible, counters.c.reserved).where(
            counters.c.account_id == account.id, counters.c.period == period
        )
        async with self.database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        return (0, 0, 0) if row is None else (row.spent, row.possible, row.reserved)

    async def count(self, table: Any, *conditions: Any) -> int:
        async with self.database.read() as connection:
            found = await connection.scalar(select(func.count()).select_from(table).where(*conditions))
        return int(found or 0)

    async def until(self, condition: Any) -> None:
        """Wait for a request that is so."""
        for _ in range(1000):
            if await self.count(tables.requests, condition):
                return
            await asyncio.sleep(0.01)
        raise TimeoutError

    async def check_books(self) -> None:
        """Every counter is the sum of its requests, and every request that of its attempts."""
        sums: dict[tuple[str, str], list[int]] = {}
        async for receipt in self.ledger.receipts():
            ended = [attempt for attempt in receipt.attempts if attempt.outcome is not None]
            for spent, amount in (("yes", receipt.spent), ("possible", receipt.possible)):
                assert amount == sum(attempt.cost or 0 for attempt in ended if attempt.spent == spent)
            for period in periods(receipt.created_at).values():
                found = sums.setdefault((receipt.account_id, period), [0, 0, 0])
                for position, amount in enumerate((receipt.spent, receipt.possible, receipt.reserved)):
                    found[position] += amount
        counters = tables.counters
        async with self.database.read() as connection:
            rows = (await connection.execute(select(counters))).all()
        kept = {(row.account_id, row.period): [row.spent, row.possible, row.reserved] for row in rows}
        nothing = [0, 0, 0]
        assert {key: value for key, value in kept.items() if value != nothing} == {
            key: value for key, value in sums.items() if value != nothing
        }


def arrival(account: Account, **changes: Any) -> Arrival:
    values: dict[str, Any] = {
        "account_id": account.id,
        "model": MODEL,
        "interface": "gemini",
        "door": "rest",
        "images": 1,
        "tier": "1K",
        "estimate": 10 * CENT,
        **changes,
    }
    return Arrival(**values)


def paid(nano: int | None, *, number: int = 1, images: int = 1, **changes: Any) -> AttemptEnd:
    tokens = Tokens(text_in=10, image_out=1120)
    cost = Cost(nano, "1K", tokens, flags=("unpriced",)) if nano is None else Cost(nano, "1K", tokens)
    return AttemptEnd(number, "OK", "yes", images, cost, **changes)


@asynccontextmanager
async def open_house(place: Place, clock: Clock = database_clock) -> AsyncIterator[House]:
    async with open_database(place.state_dir, place.url) as database:
        ledger = Ledger(database, clock=clock)
        await ledger.beat()
        yield House(database, Accounts(database), ledger)
