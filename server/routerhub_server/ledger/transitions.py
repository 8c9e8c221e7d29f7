"""The durable writes after admission. Each is a conditional update whose row count is looked at.

Rows are locked in the order account, request, counters.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from routerhub_server.ledger.admission import check_money, lock_account
from routerhub_server.ledger.clock import Clock, second_of
from routerhub_server.ledger.journal import Settlement
from routerhub_server.ledger.money import Money, book
from routerhub_server.ledger.words import LIVE, LOST, AttemptEnd, Body, Delivery, Failure, State, SweptError
from routerhub_server.state import tables

requests, attempts, windows = tables.requests, tables.attempts, tables.windows

OPEN: tuple[State, ...] = (*LIVE, "lost")
"""States that may still change."""


async def start_attempt(
    connection: AsyncConnection,
    clock: Clock,
    process: str,
    request_id: str,
    number: int,
    upstream: str,
    model: str,
) -> None:
    """The write before anything is sent: from here on nobody knows whether money was spent.

    Raises SweptError, then nothing may be sent. A further attempt after a possible charge reserves again
    first: raises BudgetExhaustedError where the budget does not cover a second one.
    """
    if number > 1:
        await _reserve_again(connection, clock, request_id)
    now = await clock(connection)
    started = await connection.execute(
        requests.update()
        .where(requests.c.id == request_id, requests.c.state.in_(LIVE), requests.c.owner == process)
        .values(state="rendering", started_at=func.coalesce(requests.c.started_at, now))
    )
    if started.rowcount != 1:
        raise SweptError("the request was given up while this process was away")
    await connection.execute(
        attempts.insert().values(
            request_id=request_id,
            number=number,
            upstream=upstream,
            model=model,
            started_at=now,
            spent="possible",
        )
    )


async def _reserve_again(connection: AsyncConnection, clock: Clock, request_id: str) -> None:
    query = select(requests).where(requests.c.id == request_id)
    row = (await connection.execute(query)).one_or_none()
    if row is None or row.reserved or not row.estimate:
        return
    account = await lock_account(connection, clock, row.account_id)
    await check_money(connection, account, row.day, row.estimate)
    reserved = await connection.execute(
        requests.update()
        .where(requests.c.id == request_id, requests.c.reserved == 0)
        .values(reserved=row.estimate)
    )
    if reserved.rowcount == 1:
        await book(connection, row.account_id, row.day, Money(reserved=row.estimate))


async def end_attempt(connection: AsyncConnection, clock: Clock, request_id: str, end: AttemptEnd) -> bool:
    """Another attempt may follow. Its reservation is kept where nothing was spent."""
    row = await lock_request(connection, request_id)
    if row is None or row.state not in OPEN:
        return False
    now = await clock(connection)
    await _write_end(connection, row, end, now)
    keep = row.reserved if end.spent == "no" else 0
    await _settle_money(connection, row, reserved=keep)
    return True


async def settle(
    connection: AsyncConnection, clock: Clock, settlement: Settlement, flags: Sequence[str] = ()
) -> State | None:
    """The end of a render, with a result or without; None where it was settled before.

    A request that was given up as lost becomes what it truly was.
    """
    row = await lock_request(connection, settlement.request_id)
    if row is None or row.state not in OPEN:
        return None
    now = await clock(connection)
    if settlement.end is not None:
        await _write_end(connection, row, settlement.end, now)
    late = ["late"] if row.state == "lost" else []
    values: dict[str, Any] = {
        "finished_at": now,
        "flags": _flags(*row.flags.split(), *late, *flags),
        **_body_values(settlement.body),
    }
    state: State = "succeeded"
    if settlement.failure is not None:
        state = await _failed_state(connection, row)
        values |= _failure_values(settlement.failure, None if state == "failed_free" else row.key_hash)
    await _settle_money(connection, row, state=state, **values)
    return state


async def _failed_state(connection: AsyncConnection, row: Row[Any]) -> State:
    """A failure is free where no attempt may have cost anything; where none began, its images are given back."""
    spent = select(attempts.c.spent).where(attempts.c.request_id == row.id)
    found = set(await connection.scalars(spent))
    if not found:
        await _give_images_back(connection, row)
    return "failed_free" if found <= {"no"} else "failed_spent"


def _failure_values(failure: Failure, key_hash: bytes | None) -> dict[str, Any]:
    return {
        "reason": failure.reason,
        "error": json.dumps(failure.error) if failure.error else None,
        "key_hash": key_hash,
    }


async def lose(connection: AsyncConnection, clock: Clock, request_id: str, dead: Any) -> bool:
    """Give up a request whose process is `dead` (a condition): its open attempt may have been charged."""
    row = await lock_request(connection, request_id, requests.c.state == "rendering", dead)
    if row is None:
        return False
    now = await clock(connection)
    await connection.execute(
        attempts.update()
        .where(attempts.c.request_id == request_id, attempts.c.outcome.is_(None))
        .values(outcome=LOST, cost=row.estimate, flags=_flags("estimated" if row.estimate else "unpriced"))
    )
    await _settle_money(connection, row, state="lost", finished_at=now)
    return True


async def discard(connection: AsyncConnection, request_id: str, *conditions: Any) -> bool:
    """Undo the admission of a request for which nothing was sent."""
    row = await lock_request(connection, request_id, requests.c.state == "queued", *conditions)
    if row is None:
        return False
    await connection.execute(requests.delete().where(requests.c.id == request_id))
    await book(connection, row.account_id, row.day, Money() - _money(row))
    await _give_images_back(connection, row)
    return True


async def deliver(connection: AsyncConnection, process: str, request_id: str, delivery: Delivery) -> bool:
    """How the handling of the calls ended; False where another process holds the request by now."""
    done = await connection.execute(
        requests.update()
        .where(requests.c.id == request_id, requests.c.delivery == "attached", requests.c.holder == process)
        .values(delivery=delivery)
    )
    return done.rowcount == 1


async def lock_request(connection: AsyncConnection, request_id: str, *conditions: Any) -> Row[Any] | None:
    """Its row, which nobody else changes until the transaction ends."""
    query = select(requests).where(requests.c.id == request_id, *conditions).with_for_update()
    return (await connection.execute(query)).one_or_none()


async def _write_end(connection: AsyncConnection, row: Row[Any], end: AttemptEnd, now: datetime) -> None:
    """Append what became of an attempt; one that ended is never changed, save one that was called lost."""
    await connection.execute(
        attempts.update()
        .where(
            attempts.c.request_id == row.id,
            attempts.c.number == end.number,
            or_(attempts.c.outcome.is_(None), attempts.c.outcome == LOST),
        )
        .values(
            ended_at=now, outcome=end.outcome, spent=end.spent, images=end.images, **_cost_values(row, end)
        )
    )


def _cost_values(row: Row[Any], end: AttemptEnd) -> dict[str, Any]:
    if end.spent == "no":
        return {"cost": None, "flags": ""}
    if end.cost is None:
        return {"cost": row.estimate, "flags": _flags("unpriced" if row.estimate is None else "estimated")}
    cost = end.cost
    return {
        "cost": cost.nano,
        "tier": cost.tier,
        "lines": json.dumps([asdict(line) for line in cost.lines]) if cost.lines else None,
        "flags": _flags(*cost.flags),
        **(cost.tokens.counts() if cost.tokens else {}),
    }


def _flags(*flags: str) -> str:
    return " ".join(flags)


async def _settle_money(
    connection: AsyncConnection, row: Row[Any], *, reserved: int = 0, **values: Any
) -> None:
    """Make the request's money the sum of its attempts, the counters follow it, and set `values`."""
    sums = await connection.execute(
        select(
            func.coalesce(func.sum(_cost_where("yes")), 0).label("spent"),
            func.coalesce(func.sum(_cost_where("possible")), 0).label("possible"),
        ).where(attempts.c.request_id == row.id)
    )
    spent, possible = (int(amount) for amount in sums.one())
    money = Money(spent, possible, reserved)
    settled = await connection.execute(
        requests.update()
        .where(requests.c.id == row.id, requests.c.state == row.state)
        .values(spent=money.spent, possible=money.possible, reserved=money.reserved, **values)
    )
    assert settled.rowcount == 1, "the row is locked"
    await book(connection, row.account_id, row.day, money - _money(row))


def _cost_where(spent: str) -> Any:
    """The cost of an attempt that ended so, else nothing. One under way is covered by the reservation."""
    ended = attempts.c.outcome.is_not(None)
    return case((ended & (attempts.c.spent == spent), attempts.c.cost), else_=0)


def _money(row: Row[Any]) -> Money:
    return Money(row.spent, row.possible, row.reserved)


def _body_values(body: Body | None) -> dict[str, Any]:
    if body is None:
        return {}
    return {
        "body_state": body.state,
        "body_reference": body.reference,
        "body_bytes": body.size,
        "body_sha256": body.sha256,
        "body_expires_at": body.expires_at,
    }


async def _give_images_back(connection: AsyncConnection, row: Row[Any]) -> None:
    """To the limits per minute that counted them; the request itself stays counted."""
    await connection.execute(
        windows.update()
        .where(
            windows.c.account_id == row.account_id,
            windows.c.second == second_of(row.created_at),
            windows.c.models.in_(json.loads(row.counted)),
        )
        .values(images=windows.c.images - row.images)
    )
