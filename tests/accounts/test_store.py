"""What an operator does with accounts."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from routerhub_server.accounts import Account, AccountError, Accounts, Allowance, Limits
from routerhub_server.errors import KeyDisabledError
from routerhub_server.state import Database, open_database, tables

BROUGHT = "rh_test_0123456789abcdefghijklmnopqrstuv"
GENERATED = "rh_sLF35Rbt8E1a_0skbff32BrBXunbuiCpqIqoGvSdMcwXiQMHFUEWtRTh_1epl7r"


@pytest.fixture
def accounts(database: Database) -> Accounts:
    return Accounts(database)


async def test_created_account_is_listed_as_it_was_returned(accounts: Accounts) -> None:
    end = datetime.now(UTC) + timedelta(days=90)
    web, _ = await accounts.create("web", expires_at=end, models=("google/*",))
    ci, _ = await accounts.create("ci")
    assert await accounts.list() == [web, ci]
    assert web.expires_at == end
    assert len(web.id) == 32


@pytest.mark.parametrize("database_url", [None])  # it looks into the state directory
async def test_key_is_stored_only_as_its_hash(accounts: Accounts, database: Database, tmp_path: Path) -> None:
    _, key = await accounts.create("web")
    async with database.read() as connection:
        row = (await connection.execute(select(tables.secrets))).one()
    assert len(row.hash) == 32
    stored = b"".join(path.read_bytes() for path in (tmp_path / "state").iterdir())
    assert row.hash in stored
    assert key.split("_")[2].encode() not in stored


@pytest.mark.parametrize("name", ["", " web", "web\n", "a" * 101, "we\x1bb", "we\tb"])
async def test_name_that_cannot_be_shown_is_refused(accounts: Accounts, name: str) -> None:
    with pytest.raises(AccountError, match="printable"):
        await accounts.create(name)
    assert not await accounts.list()


async def test_expiry_in_the_past_is_refused(accounts: Accounts) -> None:
    with pytest.raises(AccountError, match="past"):
        await accounts.create("web", expires_at=datetime.now(UTC))


async def test_name_is_taken_until_its_account_is_disabled(accounts: Accounts) -> None:
    first, _ = await accounts.create("web")
    with pytest.raises(AccountError, match="'web' is taken"):
        await accounts.create("web")
    await accounts.disable("web")
    second, _ = await accounts.create("web")
    assert (await accounts.get("web")).id == second.id
    assert (await accounts.get(first.id)).disabled_at


async def test_disable_keeps_the_first_time(accounts: Accounts) -> None:
    account, _ = await accounts.create("web")
    first = await accounts.disable(account.id)
    assert first.disabled_at
    assert await accounts.disable("web") == first


@pytest.mark.parametrize("verb", ["get", "disable"])
async def test_unknown_account_is_named(accounts: Accounts, verb: str) -> None:
    with pytest.raises(AccountError, match="'nobody'"):
        await getattr(accounts, verb)("nobody")


async def test_first_key_is_made_once(accounts: Accounts) -> None:
    key = await accounts.ensure_first()
    assert (await accounts.authenticate(key)).name == "default"
    assert await accounts.ensure_first() is None
    await accounts.disable("default")
    assert await accounts.ensure_first() is None


async def test_processes_that_start_together_make_one_first_key(tmp_path: Path) -> None:
    async def start() -> str | None:
        async with open_database(tmp_path / "state") as database:
            return await Accounts(database).ensure_first()

    keys = await asyncio.gather(*[start() for _ in range(8)])
    assert len([key for key in keys if key]) == 1


@pytest.mark.parametrize("key", [BROUGHT, GENERATED, "rh_" + "~!{}/" * 6])
async def test_bootstrap_key_is_the_same_account_at_every_start(accounts: Accounts, key: str) -> None:
    account = await accounts.bootstrap(key)
    assert account.name == "bootstrap"
    assert await accounts.bootstrap(key) == account
    assert await accounts.authenticate(key) == account
    assert await accounts.ensure_first() is None


async def test_another_bootstrap_key_is_added_beside_the_first(accounts: Accounts) -> None:
    await accounts.create("web")
    first = await accounts.bootstrap(BROUGHT)
    second = await accounts.bootstrap(BROUGHT + "2")
    assert second.id != first.id
    assert second.name.startswith("bootstrap-")
    assert await accounts.authenticate(BROUGHT) == first
    assert await accounts.authenticate(BROUGHT + "2") == second


async def test_disabled_bootstrap_key_stays_disabled_at_the_next_start(accounts: Accounts) -> None:
    await accounts.bootstrap(BROUGHT)
    await accounts.disable("bootstrap")
    assert (await accounts.bootstrap(BROUGHT)).disabled_at
    with pytest.raises(KeyDisabledError):
        await accounts.authenticate(BROUGHT)


@pytest.mark.parametrize("key", ["", "short", "rh_" + "a" * 28, GENERATED[:-1] + "k", f" {BROUGHT}"])
async def test_malformed_bootstrap_key_is_refused_unrepeated(accounts: Accounts, key: str) -> None:
    with pytest.raises(AccountError, match="malformed") as caught:
        await accounts.bootstrap(key)
    assert not key or key not in str(caught.value)
    assert not await accounts.list()


async def test_provider_ids_are_open_to_the_only_account_that_can_call(accounts: Accounts) -> None:
    web, _ = await accounts.create("web")
    assert await accounts.may_name_provider_ids(web)
    await accounts.create("ci")
    assert not await accounts.may_name_provider_ids(web)
    await accounts.disable("ci")
    assert await accounts.may_name_provider_ids(web)
    await accounts.create("guest", expires_at=datetime.now(UTC) + timedelta(milliseconds=200))
    assert not await accounts.may_name_provider_ids(web)
    await asyncio.sleep(0.25)
    assert await accounts.may_name_provider_ids(web)
    assert not await accounts.may_name_provider_ids(replace(web, provider_ids_allowed=False))


async def test_provider_ids_are_open_to_those_told_so(accounts: Accounts) -> None:
    web, _ = await accounts.create("web", provider_ids_allowed=True)
    await accounts.create("ci")
    assert await accounts.may_name_provider_ids(web)


async def test_keys_are_listed_without_their_secrets(accounts: Accounts) -> None:
    web, first = await accounts.create("web")
    _, second = await accounts.rotate("web", timedelta(hours=1))
    old, new = await accounts.keys(web)
    assert [old.id, new.id] == [key.split("_")[1] for key in (first, second)]
    assert (old.expires_at is None, new.expires_at is None) == (False, True)


async def test_deleted_account_is_identified_after_all_others_of_its_name(accounts: Accounts) -> None:
    first, _ = await accounts.create("web")
    await accounts.delete("web")
    assert await accounts.identify("web") == first.id
    second, _ = await accounts.create("web")
    assert await accounts.identify("web") == second.id
    assert await accounts.identify(first.id) == first.id


async def test_disabled_account_cannot_be_rotated(accounts: Accounts) -> None:
    await accounts.create("web")
    await accounts.disable("web")
    with pytest.raises(AccountError, match="'web' is disabled, for good"):
        await accounts.rotate("web", timedelta(0))


async def test_edits_at_once_lose_nothing(accounts: Accounts) -> None:
    """Each adds one to what is there."""
    web, _ = await accounts.create("web", allowance=Allowance(Limits(rpm=1)))

    def more(account: Account) -> Account:
        limits = Limits(rpm=(account.allowance.limits.rpm or 0) + 1)
        return replace(account, allowance=replace(account.allowance, limits=limits))

    await asyncio.gather(*(accounts.edit(web.id, more) for _ in range(20)))
    assert (await accounts.get("web")).allowance.limits.rpm == 21
