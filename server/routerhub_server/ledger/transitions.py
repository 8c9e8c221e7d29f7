"""The durable writes after admission. Each is a conditional update whose row count is looked at.

Rows are locked in the order account, request, counters.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, CursorResult, Row, bindparam, case, func, or_, select

from routerhub_server.ledger.admission import check_money, lock_account
from routerhub_server.ledger.clock import Clock, second_of
from routerhub_server.ledger.journal import Entry
from routerhub_server.ledger.money import Money, book
from routerhub_server.ledger.words import LIVE, LOST, AttemptEnd, Body, Delivery, Failure, State, SweptError
from routerhub_server.state import tables

requests, attempts, windows = tables.requests, tables.attempts, tables.windows

OPEN: tuple[State, ...] = (*LIVE, "lost")
"""States that may still change."""


def _cost_where(spent: str) -> Any:
    """The cost of an attempt that ended so, else nothing. One under way is covered by the reservation."""
    ended = attempts.c.outcome.is_not(None)
    return case((ended & (attempts.c.spent == spent), attempts.c.cost), else_=0)


# Made once: making a statement costs more than running it.
_OF_REQUEST = requests.c.id == bindparam("request")
LOCK = (
    select(
        requests.c.id,
        requests.c.account_id,
        requests.c.state,
        requests.c.flags,
        requests.c.created_at,
        requests.c.day,
        requests.c.counted,
        requests.c.images,
        requests.c.estimate,
        requests.c.reserved,
        requests.c.spent,
        requests.c.possible,
        requests.c.key_hash,
    )
    .where(_OF_REQUEST)
    .with_for_update()
)
START = (
    requests.update()
    .where(_OF_REQUEST, requests.c.state.in_(LIVE), requests.c.owner == bindparam("process"))
    .values(state="rendering", started_at=func.coalesce(requests.c.started_at, bindparam("now")))
)
END = attempts.update().where(
    attempts.c.request_id == bindparam("request"),
    attempts.c.number == bindparam("attempt"),
    or_(attempts.c.outcome.is_(None), attempts.c.outcome == LOST),
)
SUMS = select(
    func.coalesce(func.sum(_cost_where("yes")), 0).label("spent"),
    func.coalesce(func.sum(_cost_where("possible")), 0).label("possible"),
).where(attempts.c.request_id == bindparam("request"))
SETTLE = requests.update().where(_OF_REQUEST, requests.c.state == bindparam("before"))
DELIVER = requests.update().where(
    _OF_REQUEST, requests.c.delivery == "attached", requests.c.holder == bindparam("process")
)


def start_attempt(
    connection: Connection,
    clock: Clock,
    process: str,
    request_id: str,
    number: int,
    upstream: str,
    model: str,
) -> None:
    """The write before anything is sent: from here on nobody knows whether money was spent.

    Raises SweptError, then nothing may be sent. A further attempt after a charge, or a possible one, reserves
    again first: raises BudgetExhaustedError where the budget does not cover a second one.
    """
    if number > 1:
        _reserve_again(connection, clock, request_id)
    if not insert_attempt(connection, clock, process, request_id, number, upstream, model):
        raise SweptError("the request was given up while this process was away")


def insert_attempt(
    connection: Connection,
    clock: Clock,
    process: str,
    request_id: str,
    number: int,
    upstream: str,
    model: str,
) -> bool:
    """False, and nothing is inserted, where the process does not own the request, or it has ended."""
    now = clock(connection)
    started = connection.execute(START, {"request": request_id, "process": process, "now": now})
    if started.rowcount != 1:
        return False
    values = {
        "request_id": request_id,
        "number": number,
        "upstream": upstream,
        "model": model,
        "started_at": now,
        "spent": "possible",
    }
    connection.execute(attempts.insert(), values)
    return True


def _reserve_again(connection: Connection, clock: Clock, request_id: str) -> None:
    query = select(requests).where(requests.c.id == request_id)
    row = connection.execute(query).one_or_none()
    if row is None or row.reserved or not row.estimate:
        return
    account = lock_account(connection, clock, row.account_id)
    check_money(connection, account, row.day, row.estimate)
    reserved = connection.execute(
        requests.update()
        .where(requests.c.id == request_id, requests.c.reserved == 0)
        .values(reserved=row.estimate)
    )
    if reserved.rowcount == 1:
        book(connection, row.account_id, row.day, Money(reserved=row.estimate))


def end_attempt(connection: Connection, clock: Clock, request_id: str, end: AttemptEnd) -> bool:
    """Another attempt may follow. Its reservation is kept where nothing was spent."""
    row = lock_request(connection, request_id)
    if row is None or row.state not in OPEN:
        return False
    _write_end(connection, row, end, clock(connection))
    _settle_money(connection, row, reserved=row.reserved if end.spent == "no" else 0)
    return True


def settle(
    connection: Connection, clock: Clock, settlement: Entry, flags: Sequence[str] = ()
) -> State | None:
    """The end of a render, with a result or without; None where it was settled before.

    A request that was given up as lost becomes what it truly was.
    """
    row = lock_request(connection, settlement.request_id)
    if row is None or row.state not in OPEN:
        return None
    now = clock(connection)
    if settlement.end is not None:
        _write_end(connection, row, settlement.end, now)
    late = ["late"] if row.state == "lost" else []
    values: dict[str, Any] = {
        "finished_at": now,
        "flags": _flags(*row.flags.split(), *late, *flags),
        **_body_values(settlement.body),
    }
    state: State = "succeeded"
    if settlement.failure is not None:
        _give_up_open_attempts(connection, row)
        state = _failed_state(connection, row)
        values |= _failure_values(settlement.failure, None if state == "failed_free" else row.key_hash)
    _settle_money(connection, row, state=state, **values)
    return state


def _failed_state(connection: Connection, row: Row[Any]) -> State:
    """Free where no attempt may have cost anything; where none was even begun, its images are given back."""
    spent = select(attempts.c.spent).where(attempts.c.request_id == row.id)
    found = set(connection.scalars(spent))
    if not found:
        _give_images_back(connection, row)
    return "failed_free" if found <= {"no"} else "failed_spent"


def _failure_values(failure: Failure, key_hash: bytes | None) -> dict[str, Any]:
    return {
        "reason": failure.reason,
        "error": json.dumps(failure.error) if failure.error else None,
        "key_hash": key_hash,
    }


def lose(connection: Connection, clock: Clock, request_id: str, dead: Any) -> bool:
    """Give up a request whose process is `dead` (a condition): its open attempt may have been charged."""
    row = lock_request(connection, request_id, requests.c.state == "rendering", dead)
    if row is None:
        return False
    _give_up_open_attempts(connection, row)
    _settle_money(connection, row, state="lost", finished_at=clock(connection))
    return True


def _give_up_open_attempts(connection: Connection, row: Row[Any]) -> None:
    """Nobody told what became of them: they may have been charged."""
    flags = _flags("unpriced" if row.estimate is None else "estimated")
    connection.execute(
        attempts.update()
        .where(attempts.c.request_id == row.id, attempts.c.outcome.is_(None))
        .values(outcome=LOST, cost=row.estimate, flags=flags)
    )


def discard(connection: Connection, request_id: str, *conditions: Any) -> bool:
    """Undo the admission of a request for which nothing was sent."""
    row = lock_request(connection, request_id, requests.c.state == "queued", *conditions)
    if row is None:
        return False
    connection.execute(requests.delete().where(requests.c.id == request_id))
    book(connection, row.account_id, row.day, Money() - _money(row))
    _give_images_back(connection, row)
    return True


def deliver(connection: Connection, process: str, request_id: str, delivery: Delivery) -> bool:
    """How the handling of the calls ended; False where another process holds the request by now."""
    values = {"request": request_id, "process": process, "delivery": delivery}
    return connection.execute(DELIVER, values).rowcount == 1


def lock_request(connection: Connection, request_id: str, *conditions: Any) -> Row[Any] | None:
    """Its row, which nobody else changes until the transaction ends."""
    query = LOCK.where(*conditions) if conditions else LOCK
    found = cast("CursorResult[Any]", connection.execute(query, {"request": request_id}))
    return found.one_or_none()


def _write_end(connection: Connection, row: Row[Any], end: AttemptEnd, now: datetime) -> None:
    """Append what became of an attempt; one that ended is never changed, save one that was called lost."""
    values = {
        "ended_at": now,
        "outcome": end.outcome,
        "spent": end.spent,
        "images": end.images,
        **_cost_values(row, end),
    }
    connection.execute(END, {"request": row.id, "attempt": end.number, **values})


def _cost_values(row: Row[Any], end: AttemptEnd) -> dict[str, Any]:
    if end.spent == "no":
        return {"cost": None, "flags": ""}
    if end.cost is None:
        return {
            "cost": row.estimate,
            "flags": _flags("unpriced" if row.estimate is None else "estimated"),
        }
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


def _settle_money(connection: Connection, row: Row[Any], *, reserved: int = 0, **values: Any) -> None:
    """Make the request's money the sum of its attempts, the counters follow it, and set `values`."""
    sums = connection.execute(SUMS, {"request": row.id}).one()
    money = Money(int(sums.spent), int(sums.possible), reserved)
    values |= {"spent": money.spent, "possible": money.possible, "reserved": money.reserved}
    settled = connection.execute(SETTLE, {"request": row.id, "before": row.state, **values})
    assert settled.rowcount == 1, "the row is locked"
    book(connection, row.account_id, row.day, money - _money(row))


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


def _give_images_back(connection: Connection, row: Row[Any]) -> None:
    """To the limits per minute that counted them; the request itself stays counted."""
    connection.execute(
        windows.update()
        .where(
            windows.c.account_id == row.account_id,
            windows.c.second == second_of(row.created_at),
            windows.c.models.in_(json.loads(row.counted)),
        )
        .values(images=windows.c.images - row.images)
    )
