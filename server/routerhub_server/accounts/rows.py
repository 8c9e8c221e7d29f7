"""The queries on the tables of accounts and secrets."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from routerhub_server.accounts.account import Account
from routerhub_server.accounts.secrets import Secret
from routerhub_server.state import tables


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A row of the secrets table with its account."""

    hash: bytes
    expires_at: datetime | None
    account: Account

    def expired_at(self, now: datetime) -> datetime | None:
        """When the secret or its account expired, whichever was first; None while neither has."""
        ends = [at for at in (self.expires_at, self.account.expires_at) if at and at <= now]
        return min(ends, default=None)


async def find_secret(connection: AsyncConnection, secret_id: str) -> StoredSecret | None:
    query = (
        select(tables.accounts, tables.secrets.c.hash, tables.secrets.c.expires_at.label("secret_expires_at"))
        .join_from(tables.secrets, tables.accounts)
        .where(tables.secrets.c.id == secret_id)
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else StoredSecret(row.hash, row.secret_expires_at, to_account(row))


async def find_account(connection: AsyncConnection, id_or_name: str) -> Account | None:
    """The account with this id; else the one with this name that is not disabled; else the latest such."""
    table = tables.accounts
    query = (
        select(table)
        .where(or_(table.c.id == id_or_name, table.c.name == id_or_name))
        .order_by(table.c.id != id_or_name, table.c.disabled_at.is_not(None), table.c.created_at.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).one_or_none()
    return None if row is None else to_account(row)


async def insert(connection: AsyncConnection, account: Account, secret: Secret) -> None:
    await connection.execute(
        tables.accounts.insert().values(
            id=account.id,
            name=account.name,
            created_at=account.created_at,
            expires_at=account.expires_at,
            models=" ".join(account.models) or None,
        )
    )
    await connection.execute(
        tables.secrets.insert().values(
            id=secret.id, account_id=account.id, hash=secret.hash, created_at=account.created_at
        )
    )


def to_account(row: Row[Any]) -> Account:
    return Account(
        id=row.id,
        name=row.name,
        created_at=row.created_at,
        expires_at=row.expires_at,
        disabled_at=row.disabled_at,
        models=tuple((row.models or "").split()),
    )
