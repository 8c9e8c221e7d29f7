"""The database of one process: SQLite in the state directory, or the one that a URL names."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from routerhub_server.state import sqlite
from routerhub_server.state.errors import StateError, map_database_errors
from routerhub_server.state.migrate import upgrade

P = ParamSpec("P")
T = TypeVar("T")

POSTGRES = {"timeout": 5, "command_timeout": 10}
"""Seconds until a connection, and until a statement, counts as failed."""


class Database:
    """Transactions. Every failure leaves as StateError, save a broken constraint (IntegrityError)."""

    def __init__(self, engine: AsyncEngine, place: str, direct: Engine | None = None) -> None:
        """`direct` reaches the same SQLite database without asyncio."""
        self._engine = engine
        self._place = place
        self._writers = asyncio.Lock()
        self._direct = direct
        self._thread = ThreadPoolExecutor(1, "database")

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

    async def transact(
        self, work: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        """Run `work` on a connection and commit: what it returns. On SQLite it holds the write lock.

        Faster there than `write`: one visit to a thread, instead of several for each statement. Nothing else
        that takes time may happen in `work`.
        """
        with map_database_errors(self._place):
            async with self._turn():
                if self._direct is None:
                    async with self._engine.begin() as connection:
                        return await connection.run_sync(work, *arguments, **named)
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(
                    self._thread, lambda: self._transact_directly(work, *arguments, **named)
                )

    def _transact_directly(
        self, work: Callable[Concatenate[Connection, P], T], *arguments: P.args, **named: P.kwargs
    ) -> T:
        assert self._direct is not None
        with self._direct.connect() as connection:
            connection.execution_options(begin="BEGIN IMMEDIATE")
            with connection.begin():
                return work(connection, *arguments, **named)

    async def close(self) -> None:
        self._thread.shutdown()
        if self._direct is not None:
            self._direct.dispose()
        await self._engine.dispose()

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
    database = Database(engine, place, _create_direct_engine(address))
    try:
        await database.transact(upgrade, place)
        yield database
    finally:
        await database.close()


def _locate(state_dir: Path, url: str | None) -> tuple[URL, str]:
    """The database's address, and how to name it to the operator."""
    if url is None:
        path = sqlite.prepare(state_dir)
        return URL.create("sqlite+aiosqlite", database=str(path)), str(path)
    try:
        address = make_url(url)
    except SQLAlchemyError as error:
        raise StateError("database_url is not a URL such as postgresql://user@host/name") from error
    place = address.render_as_string(hide_password=True)
    if address.drivername == "postgresql":
        address = address.set(drivername="postgresql+asyncpg")
    return address, place


def _create_engine(address: URL, place: str) -> AsyncEngine:
    postgres = address.drivername == "postgresql+asyncpg"
    try:
        engine = create_async_engine(
            address,
            hide_parameters=True,  # no row values in error texts
            connect_args=POSTGRES if postgres else {},
        )
    except (SQLAlchemyError, ImportError) as error:
        raise StateError(f"{place}: no driver for it is installed") from error
    if engine.dialect.name == "sqlite":
        sqlite.configure(engine.sync_engine)
    return engine


def _create_direct_engine(address: URL) -> Engine | None:
    if address.get_backend_name() != "sqlite":
        return None
    engine = create_engine(address.set(drivername="sqlite"), hide_parameters=True)
    sqlite.configure(engine)
    return engine
