"""Which account a presented key belongs to, and what its holder is told otherwise."""

import asyncio
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from routerhub_server.accounts import Accounts
from routerhub_server.accounts.secrets import generate
from routerhub_server.errors import AccessError, KeyDisabledError, OverloadedError, UnauthenticatedError
from routerhub_server.state import Database, tables

START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(database: Database, clock: Clock) -> Accounts:
    return Accounts(database, clock)


async def test_key_finds_its_account(accounts: Accounts) -> None:
    await accounts.create("other")
    account, key = await accounts.create("web", models=("google/*", "openai/*"))
    assert await accounts.authenticate(key) == account
    assert account.models == ("google/*", "openai/*")


@pytest.mark.parametrize("missing", [None, ""])
async def test_missing_key_is_told_how_to_send_one(accounts: Accounts, missing: str | None) -> None:
    with pytest.raises(
        UnauthenticatedError, match=r"missing.*`Authorization: Bearer rh_.*`x-goog-api-key"
    ) as caught:
        await accounts.authenticate(missing)
    assert caught.value.reason == "UNAUTHENTICATED"


def _mistype(key: str) -> str:
    return key[:-1] + ("a" if key[-1] != "a" else "b")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(_mistype, "malformed: its checksum", id="mistyped"),
        pytest.param(lambda key: key[:20], "malformed: keys start with `rh_`", id="cut short"),
        pytest.param(lambda _: "sk-" + "a" * 40, "malformed: keys start with `rh_`", id="provider's"),
        pytest.param(lambda _: generate().text, "not known", id="well-formed"),
        pytest.param(lambda _: "rh_" + "a" * 40, "not known", id="free-form"),
        pytest.param(lambda key: key + "a", "not known", id="one letter more"),
    ],
)
async def test_wrong_key_is_refused_without_being_repeated(
    accounts: Accounts, change: Callable[[str], str], said: str
) -> None:
    _, key = await accounts.create("web")
    wrong = change(key)
    with pytest.raises(UnauthenticatedError, match=said) as caught:
        await accounts.authenticate(wrong)
    assert caught.value.reason == "UNAUTHENTICATED"
    assert wrong not in caught.value.message
    assert wrong[3:15] not in caught.value.message


async def test_known_id_with_another_secret_is_not_known(accounts: Accounts, database: Database) -> None:
    """The id alone opens nothing: the row's hash is that of another key."""
    _, key = await accounts.create("web")
    async with database.write() as connection:
        await connection.execute(tables.secrets.update().values(hash=generate().hash))
    with pytest.raises(UnauthenticatedError, match="not known"):
        await accounts.authenticate(key)


async def test_key_expires_on_time_though_it_was_just_looked_up(accounts: Accounts, clock: Clock) -> None:
    _, key = await accounts.create("web", expires_at=START + timedelta(seconds=0.5))
    clock.advance(0.4)
    await accounts.authenticate(key)
    clock.advance(0.1)
    with pytest.raises(UnauthenticatedError, match="expired at 2026-01-01 00:00:00 UTC") as caught:
        await accounts.authenticate(key)
    assert caught.value.reason == "KEY_EXPIRED"


async def test_one_secret_expires_while_its_account_goes_on(
    accounts: Accounts, clock: Clock, database: Database
) -> None:
    account, old = await accounts.create("web")
    new = generate()
    async with database.write() as connection:
        await connection.execute(tables.secrets.update().values(expires_at=START + timedelta(days=1)))
        await connection.execute(
            tables.secrets.insert().values(id=new.id, account_id=account.id, hash=new.hash, created_at=START)
        )
    clock.advance(86400)
    assert (await accounts.authenticate(new.text)).id == account.id
    with pytest.raises(UnauthenticatedError, match="expired"):
        await accounts.authenticate(old)


async def test_disabled_account_ends_at_once_in_this_process(accounts: Accounts) -> None:
    _, key = await accounts.create("web", expires_at=START + timedelta(days=1))
    await accounts.authenticate(key)
    await accounts.disable("web")
    with pytest.raises(KeyDisabledError, match="disabled") as caught:
        await accounts.authenticate(key)
    assert caught.value.reason == "KEY_DISABLED"


async def test_disabled_account_is_not_told_to_be_expired(accounts: Accounts, clock: Clock) -> None:
    _, key = await accounts.create("web", expires_at=START + timedelta(seconds=1))
    await accounts.disable("web")
    clock.advance(2)
    with pytest.raises(KeyDisabledError):
        await accounts.authenticate(key)


async def test_look_up_is_believed_for_one_second(
    accounts: Accounts, clock: Clock, database: Database
) -> None:
    _, key = await accounts.create("web")
    await accounts.authenticate(key)
    await Accounts(database, clock).disable("web")
    clock.advance(0.9)
    await accounts.authenticate(key)
    clock.advance(0.1)
    with pytest.raises(KeyDisabledError):
        await accounts.authenticate(key)


async def test_unknown_key_is_believed_unknown_for_one_second(
    accounts: Accounts, clock: Clock, database: Database
) -> None:
    key = "rh_" + "0123456789" * 4
    with pytest.raises(UnauthenticatedError):
        await accounts.authenticate(key)
    bootstrapped = await Accounts(database, clock).bootstrap(key)
    with pytest.raises(UnauthenticatedError):
        await accounts.authenticate(key)
    clock.advance(1)
    assert await accounts.authenticate(key) == bootstrapped


async def test_database_failure_is_an_overload_that_shows_nothing(
    accounts: Accounts, database: Database
) -> None:
    _, key = await accounts.create("web")
    async with database.write() as connection:
        await connection.execute(text("ALTER TABLE secrets RENAME TO lost"))
    with pytest.raises(OverloadedError) as caught:
        await accounts.authenticate(key)
    assert caught.value.message == "API keys cannot be checked at the moment."
    assert caught.value.retry_after == 1


async def test_callers_that_hang_up_leave_no_connection_behind(database: Database) -> None:
    accounts = Accounts(database)
    _, key = await accounts.create("web")
    for _ in range(20):
        unknown = [f"rh_{number:040}" for number in range(20)]
        calls = [asyncio.create_task(accounts.authenticate(secret)) for secret in unknown]
        await asyncio.sleep(0.001)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
    async with asyncio.timeout(5):
        assert (await accounts.authenticate(key)).name == "web"
        await accounts.disable("web")


@pytest.mark.parametrize("database_url", [None])  # it looks into the state directory
async def test_disable_by_another_process_bites_within_two_seconds(
    database: Database, tmp_path: Path
) -> None:
    accounts = Accounts(database)
    _, key = await accounts.create("web")

    async def call_until_refused() -> tuple[AccessError, float]:
        while True:
            try:
                await accounts.authenticate(key)
            except AccessError as error:
                return error, time.monotonic()
            await asyncio.sleep(0.01)

    callers = [asyncio.create_task(call_until_refused()) for _ in range(20)]
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", DISABLE, tmp_path / "state")
    assert await other.wait() == 0
    disabled_at = time.monotonic()
    async with asyncio.timeout(10):
        refusals = await asyncio.gather(*callers)
    assert all(isinstance(error, KeyDisabledError) for error, _ in refusals)
    assert max(refused_at for _, refused_at in refusals) - disabled_at < 2


DISABLE = """
import asyncio, pathlib, sys
from routerhub_server.accounts import Accounts
from routerhub_server.state import open_database

async def main() -> None:
    async with open_database(pathlib.Path(sys.argv[1])) as database:
        await Accounts(database).disable("web")

asyncio.run(main())
"""
