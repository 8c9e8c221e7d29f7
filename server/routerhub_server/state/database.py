"""The database of one process: SQLite in the state directory, or the one that a URL names."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from routerhub_server.state import sqlite
from routerhub_server.state.errors import StateError, map_database_errors
from routerhub_server.state.migrate import upgrade

POSTGRES = {"timeout": 5, "command_timeout": 10}
"""Seconds until a connection, and until a statement, counts as failed."""


class Database:
    """Transactions. Every failure leaves as StateError, save a broken constraint (IntegrityError)."""

    def __init__(self, engine: AsyncEngine, place: str) -> None:
        self._engine = engine
        self._place = place
        self._writers = asyncio.Lock()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees one state of the database and changes nothing."""
        with map_database_errors(self._place):
            async with self._engine.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that commits at its end. On SQLite it holds the write lock from its beginning."""
        with map_database_errors(self._place):
            async with self._turn(), self._engine.connect() as connection:
                await connection.execution_options(begin="BEGIN IMMEDIATE")
                async with connection.begin():
                    yield connection

    def _turn(self) -> AbstractAsyncContextManager[None]:
        # SQLite's own way to wait, sleep and try again, is slow and lets the unlucky starve.
        return self._writers if self._engine.dialect.name == "sqlite" else nullcontext()


@asynccontextmanager
async def open_database(state_dir: Path, url: str | None = None) -> AsyncIterator[Database]:
    """The database in `state_dir`, or at `url`, brought to the newest schema; closed at exit.

    Several processes may open the same one at once. Raises StateError.
    """
    address, place = _locate(state_dir, url)
    engine = _create_engine(address, place)
    try:
        database = Database(engine, place)
        async with database.write() as connection:
            await connection.run_sync(upgrade, place)
        yield database
    finally:
        await engine.dispose()


def _locate(state_dir: Path, url: str | None) -> tuple[URL, str]:
    """The database's address, and how to name it to the operator."""
    if url is None:
        path = sqlite.prepare(state_dir)
        return URL.create("sqlite+aiosqlite", database=str(path)), str(path)
    try:
        address = make_url(url)
    except SQLAlchemyError as error:
        raise StateError("database_url is not a URL such as postgresql://user@host/name") from error
    if address.drivername == "postgresql":
        address = address.set(drivername="postgresql+asyncpg")
    return address, address.render_as_string(hide_password=True)


def _create_engine(address: URL, place: str) -> AsyncEngine:
    postgres = address.drivername == "postgresql+asyncpg"
    try:
        engine = create_async_engine(
            address,
            hide_parameters=True,  # no row values in error texts
            pool_pre_ping=postgres,  # a restarted server must not fail a call for each old connection
            connect_args=POSTGRES if postgres else {},
        )
    except (SQLAlchemyError, ImportError) as error:
        raise StateError(f"{place}: no driver for it is installed") from error
    if engine.dialect.name == "sqlite":
        sqlite.configure(engine.sync_engine)
    return engine
