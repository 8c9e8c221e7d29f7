"""Changing, rotating and deleting accounts."""

from datetime import UTC, datetime, timedelta

import pytest

from routerhub_server.accounts import AccountError, Accounts, Allowance, Limits
from routerhub_server.errors import UnauthenticatedError
from routerhub_server.state import Database

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
GRACE = timedelta(hours=24)


class HandClock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


async def test_update_changes_what_is_given_and_nothing_else(database: Database) -> None:
    accounts = Accounts(database)
    account, key = await accounts.create("a", models=["google/*"], allowance=Allowance(Limits(rpm=1)))
    await accounts.authenticate(key)
    await accounts.update("a", name="b", models=("openai/*",))
    found = await accounts.authenticate(key)
    assert (found.id, found.name, found.models) == (account.id, "b", ("openai/*",))
    assert found.allowance.limits.rpm == 1


async def test_name_of_another_account_cannot_be_taken(database: Database) -> None:
    accounts = Accounts(database)
    await accounts.create("a")
    await accounts.create("b")
    with pytest.raises(AccountError, match="the name 'a' is taken"):
        await accounts.update("b", name="a")
    with pytest.raises(AccountError, match="printable"):
        await accounts.update("b", name="")
    with pytest.raises(AccountError, match="no account"):
        await accounts.update("c", models=())


async def test_rotated_key_works_for_its_grace_period(database: Database) -> None:
    clock = HandClock()
    accounts = Accounts(database, clock)
    account, old = await accounts.create("a")
    _, new = await accounts.rotate("a", GRACE)
    for key in (old, new):
        assert (await accounts.authenticate(key)).id == account.id
    clock.now += GRACE
    assert (await accounts.authenticate(new)).id == account.id
    with pytest.raises(UnauthenticatedError) as caught:
        await accounts.authenticate(old)
    assert caught.value.reason == "KEY_EXPIRED"


async def test_rotating_again_does_not_prolong_the_oldest_key(database: Database) -> None:
    clock = HandClock()
    accounts = Accounts(database, clock)
    _, first = await accounts.create("a")
    _, second = await accounts.rotate("a", GRACE)
    await accounts.rotate("a", 10 * GRACE)
    clock.now += GRACE
    await accounts.authenticate(second)
    with pytest.raises(UnauthenticatedError):
        await accounts.authenticate(first)


async def test_rotating_without_grace_ends_the_older_keys_at_once(database: Database) -> None:
    accounts = Accounts(database, HandClock())
    _, old = await accounts.create("a")
    await accounts.authenticate(old)
    await accounts.rotate("a", timedelta())
    with pytest.raises(UnauthenticatedError):
        await accounts.authenticate(old)


async def test_deleted_account_is_gone_and_its_name_free(database: Database) -> None:
    accounts = Accounts(database)
    deleted, key = await accounts.create("a")
    await accounts.delete("a")
    with pytest.raises(UnauthenticatedError, match="not known"):
        await accounts.authenticate(key)
    assert await accounts.list() == []
    with pytest.raises(AccountError):
        await accounts.get(deleted.id)
    account, _ = await accounts.create("a")
    assert account.id != deleted.id


async def test_first_key_is_not_made_again_when_the_last_account_was_deleted(database: Database) -> None:
    accounts = Accounts(database)
    await accounts.ensure_first()
    await accounts.delete("default")
    assert await accounts.ensure_first() is None
