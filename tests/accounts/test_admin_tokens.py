"""The tokens of operators."""

from pathlib import Path

import pytest
from sqlalchemy import select

from routerhub_server.accounts import Accounts, AdminTokens
from routerhub_server.errors import UnauthenticatedError
from routerhub_server.state import Database, StateError, tables


async def test_token_opens_and_only_its_hash_is_stored(database: Database) -> None:
    tokens = AdminTokens(database)
    token = await tokens.create("billing")
    (listed,) = await tokens.list()
    assert await tokens.authenticate(token) == listed.id == token.split("_")[1]
    async with database.read() as connection:
        row = (await connection.execute(select(tables.admin_tokens))).one()
    assert len(row.hash) == 32
    assert token.split("_")[2] not in str(row)


async def test_token_opens_no_account_and_a_key_no_desk(database: Database) -> None:
    tokens, accounts = AdminTokens(database), Accounts(database)
    _, key = await accounts.create("web")
    token = await tokens.create("billing")
    with pytest.raises(UnauthenticatedError, match="start with `rh_`"):
        await accounts.authenticate(token)
    with pytest.raises(UnauthenticatedError, match="has not the form `rha_"):
        await tokens.authenticate(key)


async def test_altered_token_is_refused(database: Database) -> None:
    tokens = AdminTokens(database)
    token = await tokens.create("billing")
    with pytest.raises(UnauthenticatedError, match="mistyped or cut"):
        await tokens.authenticate(token[:-1] + ("a" if token[-1] != "a" else "b"))


async def test_first_token_is_written_once_for_its_owner_alone(database: Database, tmp_path: Path) -> None:
    tokens = AdminTokens(database)
    path = tmp_path / "admin-token"
    path.write_text("of an earlier database")
    path.chmod(0o644)
    assert await tokens.ensure_first(tmp_path)
    written = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert await tokens.authenticate(written.strip())
    assert not await tokens.ensure_first(tmp_path)
    assert path.read_text() == written


async def test_token_that_cannot_be_written_is_none(database: Database, tmp_path: Path) -> None:
    tokens = AdminTokens(database)
    with pytest.raises(StateError, match="cannot write"):
        await tokens.ensure_first(tmp_path / "missing")
    assert await tokens.list() == []
