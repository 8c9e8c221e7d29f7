"""`routerhub keys`: make, list and disable API keys, also beside a running server."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from routerhub_server.accounts import Account, AccountError, Accounts
from routerhub_server.cli.options import Refusal, load, state_options
from routerhub_server.settings import Settings
from routerhub_server.state import StateError, open_database

T = TypeVar("T")

UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def expiry(_: click.Context, __: click.Parameter, value: str | None) -> datetime | None:
    """Read `90d`, `12h`, `30m`, or an ISO 8601 date or time, in UTC unless it says otherwise."""
    if value is None:
        return None
    try:
        if match := re.fullmatch(r"(\d+)([dhm])", value):
            return datetime.now(UTC) + timedelta(**{UNITS[match[2]]: int(match[1])})
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(f"{value!r} is not a time like 90d, 12h, 30m or 2030-12-31") from error


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def keys() -> None:
    """Make, list and disable API keys."""


@keys.command()
@click.option("--name", required=True, help="Whose key it is, e.g. web-shop.")
@click.option("--expires", callback=expiry, help="90d, 12h, 30m or 2030-12-31 (0:00 UTC).  [default: never]")
@json_option
@state_options
def create(
    name: str, expires: datetime | None, as_json: bool, state_dir: Path | None, config: Path | None
) -> None:
    """Make a key; standard output gets one line, `api-key rh_...`. It cannot be shown again."""
    settings = load(config, state_dir)
    account, key = _ask(settings, lambda accounts: accounts.create(name, expires_at=expires))
    if as_json:
        described = {"id": account.id, "name": account.name, "key": key, "expires_at": account.expires_at}
        click.echo(json.dumps(described, default=_iso))
        return
    ends = f"expires {_minute(account.expires_at)}" if account.expires_at else "never expires"
    click.echo(f"Key of {account.name!r} (id {account.id}), {ends}. It is shown only now:", err=True)
    click.echo(f"api-key {key}")


@keys.command(name="list")
@json_option
@state_options
def list_keys(as_json: bool, state_dir: Path | None, config: Path | None) -> None:
    """List whose keys there are, and until when; never the keys themselves."""
    settings = load(config, state_dir)
    _require_state(settings)
    accounts = _ask(settings, lambda accounts: accounts.list())
    now = datetime.now(UTC)
    if as_json:
        click.echo(json.dumps([_describe(account, now) for account in accounts], default=_iso, indent=2))
    else:
        rows = [(a.id, a.name, _minute(a.created_at), _minute(a.expires_at), a.state(now)) for a in accounts]
        _table(("ID", "NAME", "CREATED", "EXPIRES", "STATE"), rows)


@keys.command()
@click.argument("name_or_id")
@state_options
def disable(name_or_id: str, state_dir: Path | None, config: Path | None) -> None:
    """Disable a key for good; a running server refuses it within a second."""
    settings = load(config, state_dir)
    _require_state(settings)
    account = _ask(settings, lambda accounts: accounts.disable(name_or_id))
    click.echo(f"disabled {account.name!r} (id {account.id}) at {_minute(account.disabled_at)}")


def _ask(settings: Settings, question: Callable[[Accounts], Awaitable[T]]) -> T:
    """Open the state, put the question, close it. Raises Refusal."""

    async def ask() -> T:
        async with open_database(settings.state_dir, settings.database_url) as database:
            return await question(Accounts(database))

    try:
        return asyncio.run(ask())
    except (AccountError, StateError) as error:
        raise Refusal(str(error)) from error


def _require_state(settings: Settings) -> None:
    # A mistyped directory is to be noticed, not made.
    if settings.database_url is None and not settings.state_dir.is_dir():
        raise Refusal(f"there is no state directory {settings.state_dir}; --state-dir names another")


def _describe(account: Account, now: datetime) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "created_at": account.created_at,
        "expires_at": account.expires_at,
        "disabled_at": account.disabled_at,
        "state": account.state(now),
    }


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "never"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
