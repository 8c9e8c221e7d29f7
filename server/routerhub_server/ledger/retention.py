"""Old rows go; what they have cost stays in the counters."""

from datetime import datetime

from sqlalchemy import select

from routerhub_server.ledger.words import LIVE
from routerhub_server.state import Database, tables

requests, attempts = tables.requests, tables.attempts

PAGE = 500


async def forget(database: Database, before: datetime) -> int:
    """Remove the requests that ended before then, with their attempts: how many. Raises StateError."""
    forgotten = 0
    query = (
        select(requests.c.id)
        .where(requests.c.created_at < before, requests.c.finished_at < before, requests.c.state.not_in(LIVE))
        .limit(PAGE)
    )
    while True:
        async with database.write() as connection:
            ids = (await connection.scalars(query)).all()
            await connection.execute(attempts.delete().where(attempts.c.request_id.in_(ids)))
            await connection.execute(requests.delete().where(requests.c.id.in_(ids)))
        forgotten += len(ids)
        if len(ids) < PAGE:
            return forgotten
