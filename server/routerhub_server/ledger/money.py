"""The counters: money of an account in a day, a month, and for ever."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, Table, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

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


@cache
def upsert(dialect: str, table: Table, *added: str) -> Insert:
    """Inserts a row; where it is there already, adds to these columns of it."""
    insert = (sqlite if dialect == "sqlite" else postgresql).insert(table)
    sums: Mapping[str, Any] = {name: table.c[name] + insert.excluded[name] for name in added}
    statement: Insert = insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=sums)
    return statement


def book(connection: Connection, account_id: str, day: str, change: Money) -> None:
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
    connection.execute(upsert(connection.dialect.name, counters, "spent", "possible", "reserved"), rows)


COUNTER = select(counters.c.spent, counters.c.possible, counters.c.reserved).where(
    counters.c.account_id == bindparam("account"), counters.c.period == bindparam("in_period")
)


def read_counter(connection: Connection, account_id: str, period: str) -> Money:
    row = connection.execute(COUNTER, {"account": account_id, "in_period": period}).one_or_none()
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
