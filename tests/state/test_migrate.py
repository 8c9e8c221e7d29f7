from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from routerhub_server.state import StateError, open_database, tables


def _differences(connection: Connection) -> Any:
    return compare_metadata(MigrationContext.configure(connection), tables.metadata)


async def test_migrations_lead_to_the_tables(tmp_path: Path) -> None:
    async with open_database(tmp_path) as database, database.read() as connection:
        assert await connection.run_sync(_differences) == []
        made = await connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
        assert set(made) == {"alembic_version", *tables.metadata.tables}


async def test_second_start_changes_nothing(tmp_path: Path) -> None:
    schema = text("SELECT sql FROM sqlite_master ORDER BY name")
    found = []
    for _ in range(2):
        async with open_database(tmp_path) as database, database.read() as connection:
            found.append((await connection.scalars(schema)).all())
    assert found[0] == found[1]


async def test_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    async with open_database(tmp_path) as database, database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StateError, match=r"routerhub\.db: its schema '9999' .* a newer RouterHub"):
        async with open_database(tmp_path):
            pytest.fail("a newer schema was used")
