"""Which processes live, and what becomes of the requests of those that do not.

Every process says each few seconds that it lives, by the database's clock. Every process also sweeps, but
only what belongs to one that has not been seen for longer than the lease. A process that was merely frozen
finds, before it sends anything, that its request is no longer its own.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, select

from routerhub_server.ledger import limits
from routerhub_server.ledger.admission import LEASE, alive
from routerhub_server.ledger.clock import Clock
from routerhub_server.ledger.transitions import discard, lose
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


def beat(connection: Connection, clock: Clock, process: str, name: str) -> None:
    """Say that the process lives."""
    now = clock(connection)
    seen = connection.execute(processes.update().where(processes.c.id == process).values(seen_at=now))
    if not seen.rowcount:
        row = {"id": process, "name": name, "started_at": now, "seen_at": now}
        connection.execute(processes.insert(), row)


def leave(connection: Connection, process: str) -> None:
    """Say that the process ends: whatever it still owns can be swept at once."""
    connection.execute(processes.delete().where(processes.c.id == process))


async def sweep(database: Database, clock: Clock, rescue: Rescue = no_rescue) -> int:
    """Settle what dead processes have left behind: how many requests. Raises StateError."""
    orphans = await database.transact(_tidy, clock)
    return sum([await _sweep_one(database, clock, rescue, orphan) for orphan in orphans])


@dataclass(frozen=True, slots=True)
class _Orphan:
    request_id: str
    state: str
    dead: Any
    """The condition that its owner is still dead."""


def _tidy(connection: Connection, clock: Clock) -> list[_Orphan]:
    """Let go of what nobody waits for and what no longer counts: the requests of dead processes.

    Of very many the rest waits for the next time.
    """
    now = clock(connection)
    living = alive(now - LEASE)
    connection.execute(
        requests.update()
        .where(requests.c.delivery == "attached", requests.c.holder.not_in(living))
        .values(delivery="detached")
    )
    connection.execute(windows.delete().where(windows.c.second < limits.oldest_second(now)))
    connection.execute(processes.delete().where(processes.c.seen_at < now - FORGOTTEN))
    dead = requests.c.owner.not_in(living)
    query = select(requests.c.id, requests.c.state).where(tables.LIVE, dead).limit(PAGE)
    return [_Orphan(row.id, row.state, dead) for row in connection.execute(query)]


async def _sweep_one(database: Database, clock: Clock, rescue: Rescue, orphan: _Orphan) -> bool:
    if orphan.state == "queued":
        return await database.transact(discard, orphan.request_id, orphan.dead)
    if await rescue(orphan.request_id):
        return True
    return await database.transact(lose, clock, orphan.request_id, orphan.dead)
