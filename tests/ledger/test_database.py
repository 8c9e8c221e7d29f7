"""The database beneath: its schema on both kinds, upgrades, and its absence."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text

from routerhub_server.state import StateError, open_database, tables
from tests.ledger.house import CENT, House, Place, open_house


def _differences(connection: Connection) -> Any:
    return compare_metadata(MigrationContext.configure(connection), tables.metadata)


async def test_migrations_lead_to_the_tables(house: House) -> None:
    async with house.database.read() as connection:
        assert await connection.run_sync(_differences) == []


async def test_many_processes_may_open_an_empty_database_at_once(place: Place) -> None:
    async def open_and_count() -> int:
        async with open_database(place.state_dir, place.url) as database, database.read() as connection:
            return int(await connection.scalar(text("SELECT count(*) FROM requests")) or 0)

    assert await asyncio.gather(*(open_and_count() for _ in range(5))) == [0] * 5


def _first_schema(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", "routerhub_server.state:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "0001")


async def test_state_directory_of_the_first_schema_goes_on_working(tmp_path: Path) -> None:
    path = tmp_path / "routerhub.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        _first_schema(connection)
        connection.execute(
            text(
                "INSERT INTO accounts (id, name, created_at, models) "
                "VALUES ('a1', 'old', '2026-01-01 00:00:00', 'google/*')"
            )
        )
    engine.dispose()
    async with open_house(Place(tmp_path, None)) as house:
        account = await house.accounts.get("old")
        assert (account.id, account.models, account.allowance.budget) == ("a1", ("google/*",), None)
        await house.render(account, CENT)
        assert await house.money(account, "total") == (CENT, 0, 0)


async def test_database_that_is_gone_is_a_state_error(tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"nothing answers there|No such file"):
        async with open_database(tmp_path, f"postgresql://postgres@/x?host={tmp_path}"):
            pytest.fail("a database was opened")
    with pytest.raises(StateError, match="nothing answers there"):
        async with open_database(tmp_path, "postgresql://postgres@127.0.0.1:1/x"):
            pytest.fail("a database was opened")
