"""SQLite as RouterHub needs it: a private file, durable commits, writers that take turns."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from routerhub_server.state.errors import map_database_errors, map_file_errors

FILE_NAME = "routerhub.db"
LOCK_NAME = "routerhub.lock"
APPLICATION_ID = int.from_bytes(b"RHub")
"""Tells `file` and others whose database it is."""
BUSY_SECONDS = 5
"""How long to wait for another process that writes."""

PRAGMAS = (
    f"busy_timeout = {BUSY_SECONDS * 1000}",
    "synchronous = FULL",  # a committed row survives a power cut
    "foreign_keys = ON",
)


def prepare(state_dir: Path) -> Path:
    """The database file, made if need be: its directory 0700, itself 0600. Raises StateError."""
    with map_file_errors(f"cannot create the state directory {state_dir}"):
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = state_dir / FILE_NAME
    with map_file_errors(f"cannot write to the state directory {state_dir}"), _alone(state_dir):
        # SQLite gives the files that it puts beside a database the database's own mode.
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with map_database_errors(str(path)), closing(sqlite3.connect(path, BUSY_SECONDS)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")  # readers and the writer do not stop each other
            # A write: "BEGIN IMMEDIATE" alone succeeds on a file that is read-only.
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    return path


@contextmanager
def _alone(state_dir: Path) -> Iterator[None]:
    # Two processes that switch a database to WAL at once fail with "locked" instead of waiting.
    descriptor = os.open(state_dir / LOCK_NAME, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def configure(engine: Engine) -> None:
    """Make each connection durable, and let transactions begin as their `begin` option says."""
    event.listen(engine, "connect", _configure_connection)
    event.listen(engine, "begin", _begin)


def _configure_connection(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    # A writer that began as a reader would fail if another one wrote in between.
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))
