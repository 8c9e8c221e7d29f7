"""Transactions, and what an operator is told when the state cannot be used."""

import asyncio
import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from routerhub_server.state import Database, StateError, open_database, tables

ROW = "INSERT INTO accounts (id, name, created_at) VALUES ('a', 'a', 0)"
COUNT = "SELECT count(*) FROM accounts"
NOBODY = 65534


async def test_connections_are_durable_and_patient(tmp_path: Path) -> None:
    async with open_database(tmp_path) as database, database.read() as connection:
        found = {
            pragma: await connection.scalar(text(f"PRAGMA {pragma}"))
            for pragma in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 5000, "foreign_keys": 1}


async def test_files_belong_to_their_owner_alone(tmp_path: Path) -> None:
    state_dir = tmp_path / "made" / "state"
    umask = os.umask(0)
    try:
        async with open_database(state_dir) as database:
            async with database.write() as connection:
                await connection.execute(text("CREATE TABLE extra (x)"))
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in state_dir.iterdir()}
    finally:
        os.umask(umask)
    assert stat.S_IMODE(state_dir.stat().st_mode) == 0o700
    assert {"routerhub.db", "routerhub.db-wal", "routerhub.db-shm"} <= modes.keys()
    assert set(modes.values()) == {0o600}


async def test_writers_never_act_on_what_another_has_changed(tmp_path: Path) -> None:
    """40 writers, on two connections pools, count and then insert while they see fewer than 20 rows."""

    async def insert_below_20(database: Database, number: int) -> None:
        async with database.write() as connection:
            count = await connection.scalar(select(func.count()).select_from(tables.accounts))
            await asyncio.sleep(0)
            if count is not None and count < 20:
                row = {"id": str(number), "name": str(number), "created_at": datetime.now(UTC)}
                await connection.execute(tables.accounts.insert().values(row))

    async with open_database(tmp_path) as one, open_database(tmp_path) as other:
        await asyncio.gather(*[insert_below_20(one if n % 2 else other, n) for n in range(40)])
        async with one.read() as connection:
            assert await connection.scalar(text(COUNT)) == 20


async def test_reader_sees_one_state_while_a_writer_commits(tmp_path: Path) -> None:
    async with open_database(tmp_path) as database:
        async with database.read() as reader:
            before = await reader.scalar(text(COUNT))
            async with database.write() as writer:
                await writer.execute(text(ROW))
            assert await reader.scalar(text(COUNT)) == before == 0
        async with database.read() as reader:
            assert await reader.scalar(text(COUNT)) == 1


async def test_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    async def insert_twice(database: Database) -> None:
        async with database.write() as connection:
            await connection.execute(text(ROW))
            await connection.execute(text(ROW))

    async with open_database(tmp_path) as database:
        with pytest.raises(IntegrityError):
            await insert_twice(database)
        async with database.read() as connection:
            assert await connection.scalar(text(COUNT)) == 0


async def test_broken_constraint_does_not_show_the_row(tmp_path: Path) -> None:
    row = {"id": "a", "name": "shown nowhere", "created_at": datetime.now(UTC)}
    async with open_database(tmp_path) as database:
        with pytest.raises(IntegrityError) as caught:
            async with database.write() as connection:
                await connection.execute(tables.accounts.insert(), [row, row])
    assert "shown nowhere" not in str(caught.value)


async def test_bad_statement_is_a_state_error(tmp_path: Path) -> None:
    async with open_database(tmp_path) as database:
        with pytest.raises(StateError, match=r"routerhub\.db: no such table: elsewhere"):
            async with database.read() as connection:
                await connection.execute(text("SELECT * FROM elsewhere"))


async def test_state_survives_reopening(tmp_path: Path) -> None:
    async with open_database(tmp_path) as database, database.write() as connection:
        await connection.execute(text(ROW))
    async with open_database(tmp_path) as database, database.read() as connection:
        assert await connection.scalar(text(COUNT)) == 1


async def refusal(state_dir: Path, url: str | None = None) -> str:
    """What is said when the state there cannot be used."""
    with pytest.raises(StateError) as caught:
        async with open_database(state_dir, url):
            pytest.fail("the state was usable")
    return str(caught.value)


async def test_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "routerhub.db"
    content = b"not a database, whatever its name says " * 100
    path.write_bytes(content)
    assert await refusal(tmp_path) == (
        f"{path}: it is not a SQLite database; move it away or restore a backup"
    )
    assert path.read_bytes() == content


async def test_damaged_database_is_named(tmp_path: Path) -> None:
    async with open_database(tmp_path):
        pass
    path = tmp_path / "routerhub.db"
    content = path.read_bytes()
    path.write_bytes(content[:100] + b"\xff" * 3996 + content[4096:])
    assert await refusal(tmp_path) == f"{path}: it is damaged; restore a backup"


async def test_state_dir_that_is_a_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.touch()
    assert await refusal(path) == f"cannot create the state directory {path}: File exists"


@pytest.fixture
def own_dir() -> Iterator[Path]:
    """A directory of this process, which is not root meanwhile: permissions do not stop root."""
    with tempfile.TemporaryDirectory() as name:  # others may not enter pytest's own
        directory = Path(name) / "state"
        directory.mkdir()
        Path(name).chmod(0o755)
        user = os.geteuid()
        if user == 0:
            os.chown(directory, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        try:
            yield directory
        finally:
            os.seteuid(user)
            directory.chmod(0o700)


async def test_directory_that_cannot_be_written_is_named(own_dir: Path) -> None:
    os.chmod(own_dir, 0o500)
    assert await refusal(own_dir) == f"cannot write to the state directory {own_dir}: Permission denied"


async def test_directory_that_became_read_only_is_named(own_dir: Path) -> None:
    async with open_database(own_dir):
        pass
    os.chmod(own_dir, 0o500)
    said = await refusal(own_dir)
    assert said.startswith(str(own_dir))
    assert "check owner, permissions" in said


async def test_database_that_became_read_only_is_named(own_dir: Path) -> None:
    async with open_database(own_dir):
        pass
    os.chmod(own_dir / "routerhub.db", 0o400)
    assert "routerhub.db: it cannot be written; check owner, permissions" in await refusal(own_dir)


async def test_database_that_another_process_keeps_locked_is_named(tmp_path: Path) -> None:
    async with open_database(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / "routerhub.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "another process keeps it locked" in await refusal(tmp_path)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense:hidden", "database_url is not a URL such as postgresql://user@host/name"),
        (
            "mysql+nope://u:hidden@h/d",
            "mysql+nope://u:***@h/d: no driver for it is installed",
        ),
    ],
)
async def test_unusable_url_is_explained_without_its_password(tmp_path: Path, url: str, said: str) -> None:
    assert await refusal(tmp_path, url) == said
