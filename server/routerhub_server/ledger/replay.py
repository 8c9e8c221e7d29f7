"""What was written down while the database was away becomes what it would have been: once, however often.

The rows of an unrecorded request come with the first entry that finds none; no limit is asked.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, select

from routerhub_server.ledger import transitions
from routerhub_server.ledger.admission import enter, read_account
from routerhub_server.ledger.clock import Clock
from routerhub_server.ledger.journal import Entry, Unrecorded
from routerhub_server.state import tables

requests, attempts = tables.requests, tables.attempts

FAIL_OPEN = "fail_open"
"""The flag of a request that was admitted without the database."""
JOURNALED = "journaled"
"""The flag of one whose settlement was written down."""


def replay(connection: Connection, clock: Clock, process: str, entry: Entry) -> None:
    """`process` is who replays."""
    if entry.unrecorded is not None:
        _ensure_request(connection, entry.request_id, entry.unrecorded)
        process = entry.unrecorded.process
    if entry.at is not None:
        clock = _at(entry.at)
    match entry.what:
        case "start":
            _start(connection, clock, process, entry)
        case "end":
            assert entry.end is not None
            transitions.end_attempt(connection, clock, entry.request_id, entry.end)
        case "deliver":
            assert entry.delivery is not None
            transitions.deliver(connection, process, entry.request_id, entry.delivery)
        case "succeed" | "fail":
            transitions.settle(connection, clock, entry, (JOURNALED,))


def _at(time: datetime) -> Callable[[Connection], datetime]:
    return lambda connection: time


def _ensure_request(connection: Connection, request_id: str, unrecorded: Unrecorded) -> None:
    if transitions.lock_request(connection, request_id) is None:
        account = read_account(connection, unrecorded.arrival.account_id, unrecorded.at)
        enter(connection, account, unrecorded.process, request_id, unrecorded.arrival, FAIL_OPEN)


def _start(connection: Connection, clock: Clock, process: str, entry: Entry) -> None:
    assert entry.start is not None
    start = entry.start
    begun = select(attempts.c.number).where(
        attempts.c.request_id == entry.request_id, attempts.c.number == start.number
    )
    if connection.execute(begun).one_or_none() is None:
        _reopen(connection, entry.request_id)
        transitions.insert_attempt(
            connection, clock, process, entry.request_id, start.number, start.upstream, start.model
        )


def _reopen(connection: Connection, request_id: str) -> None:
    """Another process has swept it after an earlier attempt was replayed: it went on, and ends again."""
    lost = requests.update().where(requests.c.id == request_id, requests.c.state == "lost")
    connection.execute(lost.values(state="rendering"))
