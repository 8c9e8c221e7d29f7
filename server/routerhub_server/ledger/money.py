"""The counters: money of an account in a day, a month, and for ever."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Insert, Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from routerhub_server.accounts import Budget
from routerhub_server.errors import BudgetExhaustedError, Quota
from routerhub_server.state import tables

counters = tables.counters


@dataclass(frozen=True, slots=True)
class Money:
    """In 1e-9 of the currency's unit."""

    spent: int = 0
    possible: int = 0
    """Nobody knows whether it was charged; counts as if it was."""
    reserved: int = 0

    @property
    def total(self) -> int:
        return self.spent + self.possible + self.reserved

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.spent - other.spent, self.possible - other.possible, self.reserved - other.reserved)


def upsert(connection: AsyncConnection, table: Table, rows: list[dict[str, Any]], *added: str) -> Insert:
    """Insert the rows; where one is there already, add to these columns of it."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(table).values(rows)
    sums: Mapping[str, Any] = {name: table.c[name] + insert.excluded[name] for name in added}
    statement: Insert = insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=sums)
    return statement


async def book(connection: AsyncConnection, account_id: str, day: str, change: Money) -> None:
    """Change the counters of the day (`2026-11-22`), its month, and the total.

    Always in this order: two transactions that lock the same rows in another one would wait for each other.
    """
    if change == Money():
        return
    rows = [
        {
            "account_id": account_id,
            "period": period,
            "spent": change.spent,
            "possible": change.possible,
            "reserved": change.reserved,
        }
        for period in (day, day[:7], "total")
    ]
    await connection.execute(upsert(connection, counters, rows, "spent", "possible", "reserved"))


async def read_counter(connection: AsyncConnection, account_id: str, period: str) -> Money:
    query = select(counters.c.spent, counters.c.possible, counters.c.reserved).where(
        counters.c.account_id == account_id, counters.c.period == period
    )
    row = (await connection.execute(query)).one_or_none()
    return Money() if row is None else Money(row.spent, row.possible, row.reserved)


def check_budget(budget: Budget, used: Money, estimate: int | None) -> Quota:
    """Where the account stands once the estimate is reserved. Raises BudgetExhaustedError.

    Waiting does not help within a period, so that the refusal names no time.
    """
    left = Quota("budget", budget.nano, max(budget.nano - used.total, 0), 0)
    if estimate is None:
        raise BudgetExhaustedError(
            "The price of this model is not known, so that it cannot be charged to a budget.", quotas=[left]
        )
    if used.total + estimate > budget.nano:
        period = "" if budget.period == "total" else f" of this {budget.period}"
        raise BudgetExhaustedError(
            f"The budget{period} does not cover what the request may cost.", quotas=[left]
        )
    return Quota("budget", budget.nano, budget.nano - used.total - estimate, 0)
