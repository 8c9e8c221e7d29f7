"""Makes, lists and disables accounts, and finds the account of a presented key."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from routerhub_server.accounts.account import Account, Key
from routerhub_server.accounts.recent import Recent
from routerhub_server.accounts.rows import (
    StoredSecret,
    account_values,
    find_account,
    find_secret,
    insert,
    insert_secret,
    to_account,
)
from routerhub_server.accounts.rules import (
    AccountError,
    UnknownAccountError,
    check_name,
    check_patterns,
    name_taken,
)
from routerhub_server.accounts.secrets import MalformedSecretError, Secret, generate, parse
from routerhub_server.errors import KeyDisabledError, OverloadedError, UnauthenticatedError
from routerhub_server.state import Database, StateError, tables

FIRST_NAME = "default"
BOOTSTRAP_NAME = "bootstrap"
LOOK_UP_LIFE = timedelta(seconds=1)
"""How long a look-up is believed: a key that another process disables ends within it."""
MISSES = 4096
"""Unknown keys remembered at once; a flood of them pushes out its own kind, never a known key."""
HITS = 65536


def utc_now() -> datetime:
    return datetime.now(UTC)


class Accounts:
    """The accounts in one database. Methods raise StateError when it fails, unless they say otherwise."""

    def __init__(
        self,
        database: Database,
        clock: Callable[[], datetime] = utc_now,
        *,
        outlast: timedelta = timedelta(0),
    ) -> None:
        """A key that was looked up goes on working that long while the database fails."""
        self._database = database
        self._clock = clock
        self._hits = Recent[str, StoredSecret](LOOK_UP_LIFE, HITS)
        self._seen = Recent[str, StoredSecret](outlast, HITS)
        self._misses = Recent[str, bool](LOOK_UP_LIFE, MISSES)

    async def authenticate(self, secret: str | None) -> Account:
        """The account that holds the presented key; None or empty means that none was presented.

        Raises UnauthenticatedError (KEY_EXPIRED when that is why), KeyDisabledError, and OverloadedError
        when the database fails. No message repeats the key.
        """
        presented = _parse_presented(secret)
        stored = await self._find(presented.id)
        if stored is None or not presented.matches(stored.hash):
            raise UnauthenticatedError("The API key is not known to this gateway.")
        if stored.account.disabled_at:
            raise KeyDisabledError("The API key has been disabled.")
        if expired_at := stored.expired_at(self._clock()):
            raise UnauthenticatedError(
                f"The API key expired at {expired_at:%Y-%m-%d %H:%M:%S} UTC.", reason="KEY_EXPIRED"
            )
        return stored.account

    async def create(
        self, name: str, *, expires_at: datetime | None = None, models: Sequence[str] = (), **more: Any
    ) -> tuple[Account, str]:
        """A new account and its key, which cannot be read again; `more` are further fields of Account.

        Raises AccountError.
        """
        account = replace(self._new_account(name, expires_at, models), **more)
        check_patterns(account)
        secret = generate()
        try:
            async with self._database.write() as connection:
                await insert(connection, account, secret)
        except IntegrityError as error:
            raise name_taken(name) from error
        return account, secret.text

    async def update(self, id_or_name: str, **changes: Any) -> Account:
        """Change fields of an account, such as `models` or `allowance`: all that is left out stays.

        Limits bite at the next admission, everything else within a second. Raises AccountError.
        """
        return await self.edit(id_or_name, lambda account: replace(account, **changes))

    async def edit(self, id_or_name: str, change: Callable[[Account], Account]) -> Account:
        """`update`, for changes that start from what there is: no other one comes in between."""
        async with self._database.write() as connection:
            before = await _get(connection, id_or_name, lock=True)
            account = change(before)
            check_name(account.name)
            check_patterns(account)
            if account.expires_at != before.expires_at:
                self._check_expiry(account.expires_at)
            try:
                await connection.execute(
                    tables.accounts.update()
                    .where(tables.accounts.c.id == account.id)
                    .values(account_values(account))
                )
            except IntegrityError as error:
                raise name_taken(account.name) from error
        self._forget()
        return account

    async def rotate(self, id_or_name: str, grace: timedelta) -> tuple[Account, str]:
        """A further key for an account; its older keys end after the grace period. Raises AccountError."""
        secret = generate()
        end = self._clock() + grace
        secrets = tables.secrets
        async with self._database.write() as connection:
            account = await _get(connection, id_or_name)
            if account.disabled_at:
                raise AccountError(f"the account {account.name!r} is disabled, for good")
            await connection.execute(
                secrets.update()
                .where(
                    secrets.c.account_id == account.id,
                    or_(secrets.c.expires_at.is_(None), secrets.c.expires_at > end),
                )
                .values(expires_at=end)
            )
            await insert_secret(connection, account.id, secret, self._clock())
        self._forget()
        return account, secret.text

    async def delete(self, id_or_name: str) -> Account:
        """End an account for good: its keys go, what it bought stays in the ledger. Raises AccountError."""
        now = self._clock()
        async with self._database.write() as connection:
            account = await _get(connection, id_or_name)
            await connection.execute(
                tables.accounts.update()
                .where(tables.accounts.c.id == account.id)
                .values(deleted_at=now, disabled_at=account.disabled_at or now)
            )
            await connection.execute(tables.secrets.delete().where(tables.secrets.c.account_id == account.id))
        self._forget()
        return account

    async def list(self) -> Sequence[Account]:
        """Every account that was not deleted, disabled ones included, oldest first."""
        query = (
            select(tables.accounts)
            .where(tables.accounts.c.deleted_at.is_(None))
            .order_by(tables.accounts.c.created_at, tables.accounts.c.id)
        )
        async with self._database.read() as connection:
            return [to_account(row) for row in await connection.execute(query)]

    async def get(self, id_or_name: str) -> Account:
        """The account with this id, or else the latest with this name. Raises AccountError."""
        async with self._database.read() as connection:
            return await _get(connection, id_or_name)

    async def identify(self, id_or_name: str) -> str:
        """The id of the account, which may have been deleted. Raises AccountError."""
        async with self._database.read() as connection:
            return (await _get(connection, id_or_name, deleted=True)).id

    async def keys(self, account: Account) -> Sequence[Key]:
        """The account's keys without their secrets, oldest first, those that have ended included."""
        secrets = tables.secrets
        query = select(secrets).where(secrets.c.account_id == account.id).order_by(secrets.c.created_at)
        async with self._database.read() as connection:
            return [Key(row.id, row.created_at, row.expires_at) for row in await connection.execute(query)]

    async def may_name_provider_ids(self, account: Account) -> bool:
        """Whether its requests may name what the operator has at a provider.

        Where nobody has decided that: only while no other account can call. Raises OverloadedError.
        """
        if account.provider_ids_allowed is not None:
            return account.provider_ids_allowed
        columns = tables.accounts.c
        others = select(columns.id).where(
            columns.id != account.id,
            columns.disabled_at.is_(None),
            or_(columns.expires_at.is_(None), columns.expires_at > self._clock()),
        )
        try:
            async with self._database.read() as connection:
                return await connection.scalar(others.limit(1)) is None
        except StateError as error:
            raise OverloadedError("API keys cannot be checked at the moment.", retry_after=1) from error

    async def disable(self, id_or_name: str) -> Account:
        """End all keys of an account; renders that run, finish. Raises AccountError when there is none.

        Other processes notice within a second. Disabling twice keeps the first time.
        """
        async with self._database.write() as connection:
            account = await _get(connection, id_or_name)
            await connection.execute(
                tables.accounts.update()
                .where(tables.accounts.c.id == account.id, tables.accounts.c.disabled_at.is_(None))
                .values(disabled_at=self._clock())
            )
            disabled = await _get(connection, account.id)
        self._forget()
        return disabled

    async def ensure_first(self) -> str | None:
        """Make a first account when there is none at all: its key, or None when there was one."""
        async with self._database.write() as connection:
            if await connection.scalar(select(func.count()).select_from(tables.accounts)):
                return None
            secret = generate()
            await insert(connection, self._new_account(FIRST_NAME), secret)
        return secret.text

    async def bootstrap(self, key: str) -> Account:
        """The account of a key that the operator brings, made when the key is new.

        The same key at every start is the same account, also a disabled one: it stays disabled. Another key
        at a later start gets an account of its own, and the earlier key goes on until it is disabled.
        Raises AccountError when the text cannot be a key.
        """
        try:
            secret = parse(key)
        except MalformedSecretError as error:
            raise AccountError(f"the bootstrap key is malformed: {error}") from error
        async with self._database.write() as connection:
            stored = await find_secret(connection, secret.id)
            if stored and secret.matches(stored.hash):
                return stored.account
            taken = await connection.scalar(
                select(tables.accounts.c.id).where(
                    tables.accounts.c.name == BOOTSTRAP_NAME, tables.accounts.c.disabled_at.is_(None)
                )
            )
            account = self._new_account(f"{BOOTSTRAP_NAME}-{secret.id}" if taken else BOOTSTRAP_NAME)
            await insert(connection, account, secret)
        return account

    def _new_account(
        self, name: str, expires_at: datetime | None = None, models: Sequence[str] = ()
    ) -> Account:
        check_name(name)
        self._check_expiry(expires_at)
        return Account(token_hex(16), name, self._clock(), expires_at, models=tuple(models))

    def _check_expiry(self, expires_at: datetime | None) -> None:
        if expires_at and expires_at <= self._clock():
            raise AccountError("the expiry is in the past")

    def _forget(self) -> None:
        """An account has changed."""
        self._hits.clear()
        self._seen.clear()

    async def _find(self, secret_id: str) -> StoredSecret | None:
        now = self._clock()
        if stored := self._hits.get(secret_id, now):
            return stored
        if self._misses.get(secret_id, now):
            return None
        try:
            async with self._database.read() as connection:
                stored = await find_secret(connection, secret_id)
        except StateError as error:
            if seen := self._seen.get(secret_id, now):
                return seen
            raise OverloadedError("API keys cannot be checked at the moment.", retry_after=1) from error
        if stored:
            self._hits.put(secret_id, stored, now)
            self._seen.put(secret_id, stored, now)
        else:
            self._misses.put(secret_id, True, now)
        return stored


def _parse_presented(secret: str | None) -> Secret:
    if not secret:
        raise UnauthenticatedError(
            "The API key is missing. Send it as `Authorization: Bearer rh_...` or `x-goog-api-key: rh_...`."
        )
    try:
        return parse(secret)
    except MalformedSecretError as error:
        raise UnauthenticatedError(f"The API key is malformed: {error}.") from error


async def _get(
    connection: AsyncConnection, id_or_name: str, *, lock: bool = False, deleted: bool = False
) -> Account:
    account = await find_account(connection, id_or_name, lock=lock, deleted=deleted)
    if account is None:
        raise UnknownAccountError(f"there is no account with the id or name {id_or_name!r}")
    return account
