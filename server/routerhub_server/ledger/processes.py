"""Which processes live, and what becomes of the requests of those that do not.

Every process says each few seconds that it lives, by the database's clock. Every process also sweeps, but
only what belongs to one that has not been seen for longer than the lease. A process that was merely frozen
finds, before it sends anything, that its request is no longer its own.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from routerhub_server.ledger import limits
from routerhub_server.ledger.admission import alive
from routerhub_server.ledger.clock import Clock
from routerhub_server.ledger.transitions import discard, lose
from routerhub_server.ledger.words import LIVE
from routerhub_server.state import Database, tables

requests, processes, windows = tables.requests, tables.processes, tables.windows

PAGE = 100
FORGOTTEN = timedelta(days=1)
"""After which the row of a dead process is removed."""

Rescue = Callable[[str], Awaitable[bool]]
"""Given the id of a request whose process died: whether its reply was found, and the request settled."""


async def no_rescue(request_id: str) -> bool:
    """Where no replies are kept."""
    return False


async def beat(connection: AsyncConnection, clock: Clock, process: str, name: str) -> None:
    """Say that the process lives."""
    now = await clock(connection)
    seen = await connection.execute(processes.update().where(processes.c.id == process).values(seen_at=now))
    if not seen.rowcount:
        row = {"id": process, "name": name, "started_at": now, "seen_at": now}
        await connection.execute(processes.insert().values(row))


async def leave(connection: AsyncConnection, process: str) -> None:
    """Say that the process ends: whatever it still owns can be swept at once."""
    await connection.execute(processes.delete().where(processes.c.id == process))


async def sweep(database: Database, clock: Clock, rescue: Rescue = no_rescue) -> int:
    """Settle what dead processes have left behind: how many requests. Raises StateError."""
    async with database.write() as connection:
        now = await clock(connection)
        await _tidy(connection, now)
    orphans = await _orphans(database, now)
    return sum([await _sweep_one(database, clock, now, rescue, *orphan) for orphan in orphans])


async def _tidy(connection: AsyncConnection, now: datetime) -> None:
    """Results that nobody waits for any more, and what no longer counts."""
    await connection.execute(
        requests.update()
        .where(requests.c.delivery == "attached", requests.c.holder.not_in(alive(now)))
        .values(delivery="detached")
    )
    await connection.execute(windows.delete().where(windows.c.second < limits.oldest_second(now)))
    await connection.execute(processes.delete().where(processes.c.seen_at < now - FORGOTTEN))


async def _orphans(database: Database, now: datetime) -> list[tuple[str, str]]:
    """Requests, by id and state, that dead processes own; the rest of many waits for the next sweep."""
    query = (
        select(requests.c.id, requests.c.state)
        .where(requests.c.state.in_(LIVE), requests.c.owner.not_in(alive(now)))
        .limit(PAGE)
    )
    async with database.read() as connection:
        return [(row.id, row.state) for row in await connection.execute(query)]


async def _sweep_one(
    database: Database, clock: Clock, now: datetime, rescue: Rescue, request_id: str, state: str
) -> bool:
    dead: Any = requests.c.owner.not_in(alive(now))
    if state == "rendering" and await rescue(request_id):
        return True
    async with database.write() as connection:
        if state == "queued":
            return await discard(connection, request_id, dead)
        return await lose(connection, clock, request_id, dead)
