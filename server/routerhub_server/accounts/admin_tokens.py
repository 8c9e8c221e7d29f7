"""The tokens of operators: `rha_...`, of which only hashes are stored."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select

from routerhub_server.accounts.secrets import MalformedSecretError, generate, parse
from routerhub_server.errors import OverloadedError, UnauthenticatedError
from routerhub_server.state import Database, StateError, tables
from routerhub_server.state.errors import map_file_errors

FILE_NAME = "admin-token"
FIRST_NAME = "first"

table = tables.admin_tokens


@dataclass(frozen=True, slots=True)
class AdminToken:
    id: str
    """The part between the first two underscores; it may be shown."""
    name: str
    created_at: datetime


class AdminTokens:
    """The tokens in one database. Methods raise StateError when it fails, unless they say otherwise."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def authenticate(self, token: str) -> str:
        """The id of the presented token. It is looked up each time: a deleted one ends at once.

        Raises UnauthenticatedError, and OverloadedError when the database fails.
        """
        try:
            presented = parse(token, "rha")
        except MalformedSecretError as error:
            raise UnauthenticatedError(f"The admin token is malformed: {error}.") from error
        try:
            async with self._database.read() as connection:
                stored = await connection.scalar(select(table.c.hash).where(table.c.id == presented.id))
        except StateError as error:
            raise OverloadedError("Admin tokens cannot be checked at the moment.", retry_after=1) from error
        if stored is None or not presented.matches(stored):
            raise UnauthenticatedError("The admin token is not known.")
        return presented.id

    async def create(self, name: str) -> str:
        """A new token, which cannot be read again."""
        token = generate("rha")
        row = {"id": token.id, "name": name, "hash": token.hash, "created_at": datetime.now(UTC)}
        async with self._database.write() as connection:
            await connection.execute(table.insert().values(row))
        return token.text

    async def list(self) -> Sequence[AdminToken]:
        """Oldest first."""
        async with self._database.read() as connection:
            rows = await connection.execute(select(table).order_by(table.c.created_at, table.c.id))
            return [AdminToken(row.id, row.name, row.created_at) for row in rows]

    async def delete(self, token_id: str) -> bool:
        """End a token; False where there is none."""
        async with self._database.write() as connection:
            return bool((await connection.execute(table.delete().where(table.c.id == token_id))).rowcount)

    async def ensure_first(self, state_dir: Path) -> bool:
        """Where there is no token at all, make one and write it to `admin-token` in the directory.

        Only its owner can read the file. Whether one was made.
        """
        token = generate("rha")
        row = {"id": token.id, "name": FIRST_NAME, "hash": token.hash, "created_at": datetime.now(UTC)}
        async with self._database.write() as connection:
            if await connection.scalar(select(func.count()).select_from(table)):
                return False
            await connection.execute(table.insert().values(row))
            _write(state_dir / FILE_NAME, token.text)  # not written: nothing is committed
        return True


def _write(path: Path, token: str) -> None:
    """Replace the file, which was never readable by others. Raises StateError."""
    new = path.with_suffix(".new")
    with map_file_errors(f"cannot write {path}"):
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(f"{token}\n")
        new.replace(path)
