"""`routerhub keys`: make, limit, replace and end API keys, also beside a running server."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from routerhub_server.accounts import Account, Accounts, Key, periods
from routerhub_server.cli.allowances import (
    Given,
    allowance_options,
    budget_in_words,
    changed,
    described,
    in_words,
)
from routerhub_server.cli.options import load, state_options
from routerhub_server.cli.records import ask, currency_of, print_table, require_state
from routerhub_server.cli.times import duration, expiry, iso, minute
from routerhub_server.ledger.money import Money, read_counter
from routerhub_server.prices import format_money
from routerhub_server.settings import Settings
from routerhub_server.state import Database

T = TypeVar("T")

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
name_argument = click.argument("name_or_id")
EXPIRES = "90d, 12h, 30m or 2030-12-31 (0:00 UTC)."


@click.group()
def keys() -> None:
    """Make, limit, replace and end API keys.

    A key belongs to an account, which has the name, the limits and the budget. Limits bite at the next call,
    everything else within two seconds.
    """


@keys.command()
@click.option("--name", required=True, help="Whose key it is, e.g. web-shop.")
@click.option("--expires", callback=expiry, help=f"{EXPIRES}  [default: never]")
@allowance_options
@json_option
@state_options
def create(
    name: str,
    expires: datetime | None,
    as_json: bool,
    state_dir: Path | None,
    config: Path | None,
    **options: Any,
) -> None:
    """Make a key; standard output gets one line, `api-key rh_...`. It cannot be shown again."""
    settings = load(config, state_dir)
    wanted = changed(Account("", name, datetime.now(UTC)), options)
    account, key = _ask(
        settings,
        lambda accounts: accounts.create(
            name,
            expires_at=expires,
            models=wanted.models,
            allowance=wanted.allowance,
            provider_ids_allowed=wanted.provider_ids_allowed,
        ),
    )
    _show_key(account, key, as_json)


@keys.command(name="list")
@json_option
@state_options
def list_keys(as_json: bool, state_dir: Path | None, config: Path | None) -> None:
    """List whose keys there are, and until when; never the keys themselves."""
    settings = load(config, state_dir)
    require_state(settings)
    accounts = _ask(settings, lambda accounts: accounts.list())
    now = datetime.now(UTC)
    if as_json:
        click.echo(json.dumps([_describe(account, now) for account in accounts], indent=2))
    else:
        rows = [(a.id, a.name, minute(a.created_at), minute(a.expires_at), a.state(now)) for a in accounts]
        print_table(("ID", "NAME", "CREATED", "EXPIRES", "STATE"), rows)


@keys.command()
@name_argument
@json_option
@state_options
def show(name_or_id: str, as_json: bool, state_dir: Path | None, config: Path | None) -> None:
    """Show an account: its limits, what is left of its budget, and its keys without their secrets."""
    settings = load(config, state_dir)
    require_state(settings)
    currency, now = currency_of(settings), datetime.now(UTC)
    account, of_account, used = ask(settings, lambda database: _look_up(database, name_or_id, now))
    if as_json:
        budget = _describe_budget(account, used, currency)
        more = {"keys": [_describe_key(key) for key in of_account], "budget": budget}
        click.echo(json.dumps(_describe(account, now) | more, indent=2))
        return
    for title, text in _lines(account, of_account, used, currency, now):
        click.echo(f"{title:<9} {text}".rstrip())


def _new_expiry(context: click.Context, option: click.Parameter, value: str | None) -> Given | None:
    return None if value is None else Given(None if value == "none" else expiry(context, option, value))


@keys.command()
@name_argument
@click.option("--name", help="Another name.")
@click.option("--expires", callback=_new_expiry, help=f"{EXPIRES} Or none.")
@allowance_options
@state_options
def update(
    name_or_id: str,
    name: str | None,
    expires: Given | None,
    state_dir: Path | None,
    config: Path | None,
    **options: Any,
) -> None:
    """Change what an account may do; what is not named stays. `none` removes a limit."""
    settings = load(config, state_dir)
    require_state(settings)
    fields: dict[str, Any] = {} if name is None else {"name": name}
    if expires is not None:
        fields["expires_at"] = expires.value
    account = _ask(settings, lambda accounts: accounts.edit(name_or_id, _change(fields, options)))
    click.echo(f"updated {account.name!r} (id {account.id})")


@keys.command()
@name_argument
@click.option(
    "--grace", callback=duration, default="24h", show_default=True, help="How long the older keys go on."
)
@json_option
@state_options
def rotate(
    name_or_id: str, grace: timedelta, as_json: bool, state_dir: Path | None, config: Path | None
) -> None:
    """Give an account another key; standard output gets one line, `api-key rh_...`."""
    settings = load(config, state_dir)
    require_state(settings)
    account, key = _ask(settings, lambda accounts: accounts.rotate(name_or_id, grace))
    click.echo(f"The older keys of {account.name!r} end at {minute(datetime.now(UTC) + grace)}.", err=True)
    _show_key(account, key, as_json)


@keys.command()
@name_argument
@state_options
def disable(name_or_id: str, state_dir: Path | None, config: Path | None) -> None:
    """End all keys of an account for good; a running server refuses them within two seconds."""
    settings = load(config, state_dir)
    require_state(settings)
    account = _ask(settings, lambda accounts: accounts.disable(name_or_id))
    click.echo(f"disabled {account.name!r} (id {account.id}) at {minute(account.disabled_at)}")


@keys.command()
@name_argument
@state_options
def delete(name_or_id: str, state_dir: Path | None, config: Path | None) -> None:
    """Disable an account and remove it from lists; its receipts stay."""
    settings = load(config, state_dir)
    require_state(settings)
    account = _ask(settings, lambda accounts: accounts.delete(name_or_id))
    click.echo(f"deleted {account.name!r} (id {account.id})")


def _ask(settings: Settings, question: Callable[[Accounts], Awaitable[T]]) -> T:
    return ask(settings, lambda database: question(Accounts(database)))


def _change(fields: dict[str, Any], options: dict[str, Any]) -> Callable[[Account], Account]:
    return lambda account: replace(changed(account, options), **fields)


async def _look_up(
    database: Database, name_or_id: str, now: datetime
) -> tuple[Account, Sequence[Key], Money]:
    """The account, its keys, and what counts against its budget."""
    accounts = Accounts(database)
    account = await accounts.get(name_or_id)
    used, budget = Money(), account.allowance.budget
    if budget is not None:
        async with database.read() as connection:
            used = await connection.run_sync(read_counter, account.id, periods(now)[budget.period])
    return account, await accounts.keys(account), used


def _show_key(account: Account, key: str, as_json: bool) -> None:
    if as_json:
        made = {"id": account.id, "name": account.name, "key": key, "expires_at": iso(account.expires_at)}
        click.echo(json.dumps(made))
        return
    ends = f"expires {minute(account.expires_at)}" if account.expires_at else "never expires"
    click.echo(f"Key of {account.name!r} (id {account.id}), {ends}. It is shown only now:", err=True)
    click.echo(f"api-key {key}")


def _lines(
    account: Account, of_account: Sequence[Key], used: Money, currency: str, now: datetime
) -> list[tuple[str, str]]:
    limits = list(in_words(account.allowance)) or ["none"]
    lines = [
        ("id", account.id),
        ("name", account.name),
        ("state", account.state(now)),
        ("created", minute(account.created_at)),
        ("expires", minute(account.expires_at)),
        ("models", ", ".join(account.models) or "all"),
        *zip(("limits", *[""] * len(limits)), limits, strict=False),
        ("budget", _budget_line(account, used, currency)),
    ]
    words = [_key_line(key) for key in of_account]
    return lines + list(zip(("keys", *[""] * len(words)), words, strict=False))


def _key_line(key: Key) -> str:
    made = f"{key.id}, made {minute(key.created_at)}"
    return f"{made}, ends {minute(key.expires_at)}" if key.expires_at else made


def _budget_line(account: Account, used: Money, currency: str) -> str:
    budget = account.allowance.budget
    if budget is None:
        return "none"
    left = format_money(max(budget.nano - used.total, 0), currency)
    return f"{budget_in_words(budget, currency)}, {left} left"


def _describe_budget(account: Account, used: Money, currency: str) -> dict[str, str] | None:
    budget = account.allowance.budget
    if budget is None:
        return None
    amounts = {
        "amount": budget.nano,
        "spent": used.spent,
        "possible": used.possible,
        "reserved": used.reserved,
    }
    exact = {name: format_money(nano, currency).partition(" ")[0] for name, nano in amounts.items()}
    return {"period": budget.period, "currency": currency, **exact}


def _describe(account: Account, now: datetime) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "created_at": iso(account.created_at),
        "expires_at": iso(account.expires_at),
        "disabled_at": iso(account.disabled_at),
        "state": account.state(now),
        "models": list(account.models),
        "provider_ids_allowed": account.provider_ids_allowed,
        **described(account.allowance),
    }


def _describe_key(key: Key) -> dict[str, str | None]:
    return {"id": key.id, "created_at": iso(key.created_at), "expires_at": iso(key.expires_at)}
