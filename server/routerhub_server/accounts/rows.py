"""The queries on the tables of accounts and secrets."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from routerhub_server.accounts.account import Account
from routerhub_server.accounts.limits import Allowance, Budget, Limits
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


async def find_account(
    connection: AsyncConnection, id_or_name: str, *, lock: bool = False, deleted: bool = False
) -> Account | None:
    """The account with this id; else the one with this name that is not disabled; else the latest such.

    Deleted ones are found last, and only when asked for. With `lock`, nobody else changes it until the
    transaction ends.
    """
    table = tables.accounts
    query = (
        select(table)
        .where(or_(table.c.id == id_or_name, table.c.name == id_or_name))
        .order_by(
            table.c.id != id_or_name,
            table.c.deleted_at.is_not(None),
            table.c.disabled_at.is_not(None),
            table.c.created_at.desc(),
        )
        .limit(1)
    )
    if not deleted:
        query = query.where(table.c.deleted_at.is_(None))
    row = (await connection.execute(query.with_for_update() if lock else query)).one_or_none()
    return None if row is None else to_account(row)


async def insert(connection: AsyncConnection, account: Account, secret: Secret) -> None:
    await connection.execute(
        tables.accounts.insert().values(
            id=account.id, created_at=account.created_at, **account_values(account)
        )
    )
    await insert_secret(connection, account.id, secret, account.created_at)


async def insert_secret(connection: AsyncConnection, account_id: str, secret: Secret, now: datetime) -> None:
    await connection.execute(
        tables.secrets.insert().values(id=secret.id, account_id=account_id, hash=secret.hash, created_at=now)
    )


def account_values(account: Account) -> dict[str, Any]:
    """The columns of the accounts table that an operator can change."""
    return {
        "name": account.name,
        "expires_at": account.expires_at,
        "models": " ".join(account.models) or None,
        "provider_ids_allowed": account.provider_ids_allowed,
        "on_disconnect": account.on_disconnect,
        "recover": account.recover,
        "store": account.store,
        **allowance_values(account.allowance),
    }


def to_account(row: Row[Any]) -> Account:
    return Account(
        id=row.id,
        name=row.name,
        created_at=row.created_at,
        expires_at=row.expires_at,
        disabled_at=row.disabled_at,
        models=tuple((row.models or "").split()),
        allowance=to_allowance(row),
        provider_ids_allowed=row.provider_ids_allowed,
        on_disconnect=row.on_disconnect,
        recover=row.recover,
        store=row.store,
    )


def to_allowance(row: Row[Any]) -> Allowance:
    """What a row of the accounts table limits."""
    patterns = json.loads(row.model_limits) if row.model_limits else {}
    return Allowance(
        limits=Limits(row.rpm, row.images_per_minute, row.concurrent),
        models={pattern: Limits.of(values) for pattern, values in patterns.items()},
        budget=None if row.budget is None else Budget(row.budget, row.budget_period),
        body_bytes=row.body_bytes,
    )


def allowance_values(allowance: Allowance) -> dict[str, Any]:
    """The columns of the accounts table that hold it."""
    patterns = {pattern: limits.values() for pattern, limits in allowance.models.items()}
    return {
        "rpm": allowance.limits.rpm,
        "images_per_minute": allowance.limits.images_per_minute,
        "concurrent": allowance.limits.concurrent,
        "model_limits": json.dumps(patterns) if patterns else None,
        "budget": allowance.budget and allowance.budget.nano,
        "budget_period": allowance.budget and allowance.budget.period,
        "body_bytes": allowance.body_bytes,
    }
