"""What was bought: a receipt for each request, and sums over many."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from routerhub_server.errors import Spent
from routerhub_server.ledger.words import Delivery, State
from routerhub_server.prices import Line, Tokens
from routerhub_server.state import Database, tables

requests, attempts, accounts = tables.requests, tables.attempts, tables.accounts

PAGE = 500
"""Requests read at once: a long read would keep SQLite from reclaiming its log."""

Grouping = Literal["key", "model", "day", "upstream"]


@dataclass(frozen=True, slots=True)
class Attempt:
    number: int
    upstream: str
    model: str
    """The id that the upstream was asked for."""
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    """`OK`, an error's reason, or `LOST`; None while it runs."""
    spent: Spent
    images: int
    """That arrived."""
    tier: str | None
    tokens: Tokens | None
    """None: the provider did not say."""
    cost: int | None
    """In 1e-9 of the unit; None: nothing was spent, or the price is not known (then `flags` says so)."""
    lines: tuple[Line, ...]
    flags: tuple[str, ...]
    """estimated, unpriced, assumed."""


@dataclass(frozen=True, slots=True)
class Receipt:
    request_id: str
    account_id: str
    account: str
    """Its name."""
    call_id: str | None
    door: str
    interface: str
    model: str
    """The catalogue's id."""
    images: int
    """Asked for."""
    tier: str
    """As asked for."""
    state: State
    reason: str | None
    delivery: Delivery
    flags: tuple[str, ...]
    """`late`: settled after it had been given up."""
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    estimate: int | None
    """Money is in 1e-9 of the unit; None: the price is not known."""
    reserved: int
    spent: int
    possible: int
    rerun_of: str | None
    attempts: tuple[Attempt, ...]

    @property
    def cost(self) -> int:
        """What all attempts cost or may have cost, as far as their prices are known."""
        return self.spent + self.possible

    @property
    def charged(self) -> Spent:
        """The worst of what its attempts may have been charged."""
        found = {attempt.spent for attempt in self.attempts}
        return "yes" if "yes" in found else "possible" if "possible" in found else "no"

    @property
    def images_arrived(self) -> int:
        return sum(attempt.images for attempt in self.attempts)

    @property
    def all_flags(self) -> tuple[str, ...]:
        """Its own and those of its attempts."""
        found = [*self.flags, *(flag for attempt in self.attempts for flag in attempt.flags)]
        return tuple(dict.fromkeys(found))


@dataclass(slots=True)
class Sum:
    """Of all attempts of one group."""

    key: str
    """The account's id, the catalogue's model id, the UTC day of admission (`2026-11-22`), the upstream."""
    name: str = ""
    """The account's."""
    requests: int = 0
    """Of which an attempt, or the want of any, is in the group."""
    attempts: int = 0
    images: int = 0
    tokens: dict[str, int] = field(default_factory=lambda: Tokens().counts())
    spent: int = 0
    """In 1e-9 of the unit."""
    possible: int = 0
    unpriced: int = 0
    """Attempts that were, or may have been, charged at a price that is not known."""

    def add(self, attempt: Attempt) -> None:
        self.attempts += 1
        self.images += attempt.images
        self.unpriced += "unpriced" in attempt.flags
        for kind, count in (attempt.tokens.counts() if attempt.tokens else {}).items():
            self.tokens[kind] += count
        if attempt.outcome is None or attempt.cost is None:
            return
        if attempt.spent == "yes":
            self.spent += attempt.cost
        elif attempt.spent == "possible":
            self.possible += attempt.cost


async def find(database: Database, request_id: str, account_id: str | None = None) -> Receipt | None:
    """The receipt; None where there is none, or not of this account. Raises StateError."""
    whose = [requests.c.account_id == account_id] if account_id is not None else []
    async with database.read() as connection:
        found = await _read(connection, requests.c.id == request_id, *whose)
    return found[0] if found else None


async def stream(
    database: Database,
    since: datetime | None = None,
    until: datetime | None = None,
    account_id: str | None = None,
) -> AsyncIterator[Receipt]:
    """Receipts of requests admitted in [since, until), oldest first, a page at a time. Raises StateError."""
    bounds: list[Any] = []
    bounds += [requests.c.created_at >= since] if since else []
    bounds += [requests.c.created_at < until] if until else []
    bounds += [requests.c.account_id == account_id] if account_id is not None else []
    after: list[Any] = []
    while True:
        async with database.read() as connection:
            page = await _read(connection, *bounds, *after)
        for receipt in page:
            yield receipt
        if len(page) < PAGE:
            return
        last = page[-1]
        after = [
            or_(
                requests.c.created_at > last.created_at,
                and_(requests.c.created_at == last.created_at, requests.c.id > last.request_id),
            )
        ]


async def add_up(
    database: Database,
    by: Grouping,
    since: datetime | None = None,
    until: datetime | None = None,
    account_id: str | None = None,
) -> list[Sum]:
    """Sums by group, in the order of their names and keys. Raises StateError."""
    sums: dict[str, Sum] = {}
    async for receipt in stream(database, since, until, account_id):
        groups = {attempt.upstream for attempt in receipt.attempts} or {""}
        name = receipt.account if by == "key" else ""
        for group in groups if by == "upstream" else {_key(receipt, by)}:
            sums.setdefault(group, Sum(group, name)).requests += 1
        for attempt in receipt.attempts:
            sums[attempt.upstream if by == "upstream" else _key(receipt, by)].add(attempt)
    return sorted(sums.values(), key=lambda each: (each.name, each.key))


def _key(receipt: Receipt, by: Grouping) -> str:
    if by == "day":
        return f"{receipt.created_at:%Y-%m-%d}"
    return receipt.account_id if by == "key" else receipt.model


async def _read(connection: AsyncConnection, *conditions: Any) -> list[Receipt]:
    """At most a page of receipts, oldest first: two statements."""
    query = (
        select(requests, accounts.c.name.label("account"))
        .join_from(requests, accounts)
        .where(*conditions)
        .order_by(requests.c.created_at, requests.c.id)
        .limit(PAGE)
    )
    rows = (await connection.execute(query)).all()
    of_request: dict[str, list[Attempt]] = {row.id: [] for row in rows}
    query_attempts = (
        select(attempts)
        .where(attempts.c.request_id.in_(of_request))
        .order_by(attempts.c.request_id, attempts.c.number)
    )
    for row in await connection.execute(query_attempts) if rows else ():
        of_request[row.request_id].append(_attempt(row))
    return [_receipt(row, of_request[row.id]) for row in rows]


def _attempt(row: Row[Any]) -> Attempt:
    counts = {kind: getattr(row, kind) for kind in Tokens().counts()}
    return Attempt(
        number=row.number,
        upstream=row.upstream,
        model=row.model,
        started_at=row.started_at,
        ended_at=row.ended_at,
        outcome=row.outcome,
        spent=row.spent,
        images=row.images,
        tier=row.tier,
        tokens=None if None in counts.values() else Tokens(**counts),
        cost=row.cost,
        lines=tuple(Line(**line) for line in json.loads(row.lines or "[]")),
        flags=tuple(row.flags.split()),
    )


def _receipt(row: Row[Any], of_request: Sequence[Attempt]) -> Receipt:
    return Receipt(
        request_id=row.id,
        account_id=row.account_id,
        account=row.account,
        call_id=row.call_id,
        door=row.door,
        interface=row.interface,
        model=row.model,
        images=row.images,
        tier=row.tier,
        state=row.state,
        reason=row.reason,
        delivery=row.delivery,
        flags=tuple(row.flags.split()),
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        estimate=row.estimate,
        reserved=row.reserved,
        spent=row.spent,
        possible=row.possible,
        rerun_of=row.rerun_of,
        attempts=tuple(of_request),
    )
