"""What time it is: the database's, where replicas share one, for their own clocks are never compared."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, select

Clock = Callable[[Connection], datetime]
"""Tests hand over another one."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOW = select(func.clock_timestamp())


def database_clock(connection: Connection) -> datetime:
    """UTC. PostgreSQL is asked in a statement of its own: inside one that waits, time stands still.

    SQLite has no clock but that of the host that its processes share.
    """
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)
    now: datetime = connection.execute(NOW).scalar_one()
    return now.astimezone(UTC)


def second_of(at: datetime) -> int:
    """Whole seconds since 1970."""
    return (at - EPOCH) // timedelta(seconds=1)


def at_second(second: int) -> datetime:
    return EPOCH + timedelta(seconds=second)
