"""What commands on the database share: opening it beside a running server, and printing what is in it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import click

from routerhub_server.accounts import AccountError
from routerhub_server.cli.options import Refusal
from routerhub_server.prices import PriceError, load_prices
from routerhub_server.settings import Settings
from routerhub_server.state import Database, StateError, open_database

T = TypeVar("T")


def ask(settings: Settings, question: Callable[[Database], Awaitable[T]]) -> T:
    """Open the database, put the question, close it. Raises Refusal."""

    async def opened() -> T:
        async with open_database(settings.state_dir, settings.database_url) as database:
            return await question(database)

    try:
        return asyncio.run(opened())
    except (AccountError, StateError) as error:
        raise Refusal(str(error)) from error


def require_state(settings: Settings) -> None:
    # A mistyped directory is to be noticed, not made.
    if settings.database_url is None and not settings.state_dir.is_dir():
        raise Refusal(f"there is no state directory {settings.state_dir}; --state-dir names another")


def currency_of(settings: Settings) -> str:
    """The one currency of the installation. Raises Refusal."""
    try:
        return load_prices(settings.prices, settings.currency).currency
    except PriceError as error:
        raise Refusal(str(error)) from error


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
