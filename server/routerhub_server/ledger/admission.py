"""Admission, the first durable write: lock the account, read the clock, check, write, commit.

The account's row is locked first, so that two admissions never see the same remainder. What is read after it,
each in a statement of its own, is therefore what the last one left (PostgreSQL: READ COMMITTED).
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, or_, select

from routerhub_server.accounts import Allowance, Limits, periods, to_allowance
from routerhub_server.errors import KeyDisabledError, Quota
from routerhub_server.ledger import limits
from routerhub_server.ledger.clock import Clock, at_second, second_of
from routerhub_server.ledger.limits import Bucket, Usage, check
from routerhub_server.ledger.money import Money, book, check_budget, read_counter, upsert
from routerhub_server.ledger.words import Admission, Arrival
from routerhub_server.state import tables

LEASE = timedelta(seconds=20)
"""How long a process counts as alive after it was last seen."""

accounts, requests, windows, processes = tables.accounts, tables.requests, tables.windows, tables.processes


def alive(seen_since: Any) -> Any:
    """The ids of the processes that were seen since then, as a subquery."""
    return select(processes.c.id).where(processes.c.seen_at >= seen_since).scalar_subquery()


# Made once: making a statement costs more than running it.
LOCK = (
    select(
        accounts.c.last_seen,
        accounts.c.disabled_at,
        accounts.c.deleted_at,
        accounts.c.rpm,
        accounts.c.images_per_minute,
        accounts.c.concurrent,
        accounts.c.model_limits,
        accounts.c.budget,
        accounts.c.budget_period,
        accounts.c.body_bytes,
    )
    .where(accounts.c.id == bindparam("account"))
    .with_for_update()
)
SEEN = accounts.update().where(accounts.c.id == bindparam("account"))
BUCKETS = (
    select(windows)
    .where(
        windows.c.account_id == bindparam("account"),
        windows.c.models.in_(bindparam("patterns", expanding=True)),
        windows.c.second >= bindparam("since"),
    )
    .order_by(windows.c.second)
)
LIVE_MODELS = (
    select(requests.c.model, func.count().label("number"))
    .where(
        requests.c.account_id == bindparam("account"),
        tables.LIVE,  # written out as in its index, so that SQLite finds that
        or_(
            requests.c.owner == bindparam("process"),
            requests.c.owner.in_(alive(bindparam("seen_since"))),
        ),
    )
    .group_by(requests.c.model)
)


@dataclass(frozen=True, slots=True)
class Locked:
    """An account whose row this transaction holds."""

    id: str
    allowance: Allowance
    now: datetime
    """Never before an earlier admission of the account, in seconds, whatever the clock does."""


def admit(connection: Connection, clock: Clock, process: str, request_id: str, arrival: Arrival) -> Admission:
    """Admit the request, inside a transaction that writes.

    Raises RateLimitedError, BudgetExhaustedError and KeyDisabledError, and leaves nothing behind then.
    """
    account = lock_account(connection, clock, arrival.account_id)
    quotas = _check(connection, account, process, arrival)
    enter(connection, account, process, request_id, arrival)
    return Admission(request_id, account.id, arrival.model, account.now, arrival.estimate, tuple(quotas))


def enter(
    connection: Connection, account: Locked, process: str, request_id: str, arrival: Arrival, flags: str = ""
) -> None:
    """Reserve the request's estimate and count it, whatever the limits."""
    _insert(connection, account, process, request_id, arrival, flags)
    _count(connection, account, arrival)
    day = periods(account.now)["day"]
    book(connection, account.id, day, Money(reserved=arrival.estimate or 0))


def read_account(connection: Connection, account_id: str, now: datetime) -> Locked:
    """Also where it is disabled or gone: what it bought before is its own."""
    row: Any = connection.execute(LOCK, {"account": account_id}).one()
    return Locked(account_id, to_allowance(row), now)


def lock_account(connection: Connection, clock: Clock, account_id: str) -> Locked:
    """Raises KeyDisabledError where the account is disabled or gone."""
    row: Any = connection.execute(LOCK, {"account": account_id}).one_or_none()
    if row is None or row.disabled_at or row.deleted_at:
        raise KeyDisabledError("The API key has been disabled.")
    now = clock(connection)
    if second_of(now) < row.last_seen:
        now = at_second(row.last_seen)
    elif second_of(now) > row.last_seen:
        connection.execute(SEEN, {"account": account_id, "last_seen": second_of(now)})
    return Locked(account_id, to_allowance(row), now)


def check_money(connection: Connection, account: Locked, day: str, estimate: int | None) -> list[Quota]:
    """Raises BudgetExhaustedError. `day` is that of the request's admission."""
    budget = account.allowance.budget
    if budget is None:
        return []
    period = {"day": day, "month": day[:7], "total": "total"}[budget.period]
    return [check_budget(budget, read_counter(connection, account.id, period), estimate)]


def _check(connection: Connection, account: Locked, process: str, arrival: Arrival) -> list[Quota]:
    # Money first: a refusal for it says not to try again, one for a limit says when.
    money = check_money(connection, account, periods(account.now)["day"], arrival.estimate)
    concerning = {
        pattern: of_pattern
        for pattern, of_pattern in account.allowance.concerning(arrival.model).items()
        if of_pattern.values()
    }
    used = _used(connection, account, process, concerning)
    return check(concerning, used, arrival.images, account.now) + money


def _used(
    connection: Connection, account: Locked, process: str, concerning: Mapping[str, Limits]
) -> dict[str, Usage]:
    by_minute = {pattern for pattern, of_pattern in concerning.items() if _has_window(of_pattern)}
    at_once = {pattern for pattern, of_pattern in concerning.items() if of_pattern.concurrent is not None}
    buckets = _read_buckets(connection, account, by_minute) if by_minute else {}
    models = _live_models(connection, account, process) if at_once else {}
    return {
        pattern: Usage(
            buckets.get(pattern, ()),
            sum(count for model, count in models.items() if _within(account.allowance, pattern, model)),
        )
        for pattern in concerning
    }


def _has_window(of_pattern: Limits) -> bool:
    return of_pattern.rpm is not None or of_pattern.images_per_minute is not None


def _within(allowance: Allowance, pattern: str, model: str) -> bool:
    return pattern in allowance.concerning(model)


def _read_buckets(
    connection: Connection, account: Locked, patterns: Collection[str]
) -> dict[str, list[Bucket]]:
    asked = {
        "account": account.id,
        "patterns": list(patterns),
        "since": limits.oldest_second(account.now),
    }
    found: dict[str, list[Bucket]] = {}
    for row in connection.execute(BUCKETS, asked):
        found.setdefault(row.models, []).append(Bucket(row.second, row.requests, row.images))
    return found


def _live_models(connection: Connection, account: Locked, process: str) -> dict[str, int]:
    """Renders under way by model: those whose process is alive."""
    asked = {"account": account.id, "process": process, "seen_since": account.now - LEASE}
    return {row.model: row.number for row in connection.execute(LIVE_MODELS, asked)}


def _insert(
    connection: Connection, account: Locked, process: str, request_id: str, arrival: Arrival, flags: str
) -> None:
    connection.execute(
        requests.insert(),
        {
            "id": request_id,
            "account_id": account.id,
            "call_id": arrival.call_id,
            "door": arrival.door,
            "interface": arrival.interface,
            "model": arrival.model,
            "images": arrival.images,
            "counted": json.dumps(_counting(account, arrival.model)),
            "tier": arrival.tier,
            "state": "queued",
            "flags": flags,
            "owner": process,
            "created_at": account.now,
            "day": periods(account.now)["day"],
            "estimate": arrival.estimate,
            "reserved": arrival.estimate or 0,
            "delivery": "attached",
            "holder": process,
        },
    )


def _counting(account: Locked, model: str) -> list[str]:
    """The patterns whose limits per minute count a request for the model."""
    concerning = account.allowance.concerning(model).items()
    return [pattern for pattern, of_pattern in concerning if _has_window(of_pattern)]


def _count(connection: Connection, account: Locked, arrival: Arrival) -> None:
    rows = [
        {
            "account_id": account.id,
            "models": pattern,
            "second": second_of(account.now),
            "requests": 1,
            "images": arrival.images,
        }
        for pattern in _counting(account, arrival.model)
    ]
    if rows:
        connection.execute(upsert(connection.dialect.name, windows, "requests", "images"), rows)
