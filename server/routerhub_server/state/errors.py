"""What the operator has to mend; callers of the gateway never see it as such."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import IntegrityError, SQLAlchemyError


class StateError(Exception):
    """The state directory or database cannot be used; the message says what is wrong, and where."""


HINTS = {
    "file is not a database": "it is not a SQLite database; move it away or restore a backup",
    "malformed": "it is damaged; restore a backup",
    "readonly database": "it cannot be written; check owner, permissions and the file system",
    "unable to open database file": "it cannot be opened; check owner, permissions and the file system",
    "disk is full": "the disk is full",
    "disk I/O error": "the disk fails to read or write",
    "locked": "another process keeps it locked",
    "Connect call failed": "nothing answers there",
}
"""What a driver says, and what to tell the operator. The first match counts."""


@contextmanager
def map_database_errors(place: str) -> Iterator[None]:
    """Turn what a driver raises into StateError; a broken constraint passes: its writer explains it."""
    try:
        yield
    except IntegrityError:
        raise
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:  # asyncpg lets OSError and TimeoutError out
        said = str(getattr(error, "orig", None) or error) or type(error).__name__
        hint = next((hint for words, hint in HINTS.items() if words in said), said)
        raise StateError(f"{place}: {hint}") from error


@contextmanager
def map_file_errors(failure: str) -> Iterator[None]:
    """Turn OSError into StateError; `failure` says what could not be done, and where."""
    try:
        yield
    except OSError as error:
        raise StateError(f"{failure}: {error.strerror}") from error
