"""`routerhub usage`: what was used, summed up."""

import csv
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import click

from routerhub_server.accounts import Accounts
from routerhub_server.cli.options import load, state_options
from routerhub_server.cli.records import ask, currency_of, print_table, require_state
from routerhub_server.cli.times import past
from routerhub_server.ledger import Grouping, Ledger, Sum
from routerhub_server.prices import Tokens, format_money
from routerhub_server.state import Database

HEADS = {"key": "NAME", "model": "MODEL", "day": "DAY", "upstream": "UPSTREAM"}


@click.command()
@click.option("--by", type=click.Choice(get_args(Grouping)), default="key", show_default=True)
@click.option("--since", callback=past, help="7d, 12h (ago) or 2026-11-01 (0:00 UTC).  [default: ever]")
@click.option("--until", callback=past, help="The same; exclusive.  [default: now]")
@click.option("--account", help="One account alone, by id or name.")
@click.option(
    "--format", "shape", type=click.Choice(("table", "json", "csv")), default="table", show_default=True
)
@state_options
def usage(
    by: Grouping,
    since: datetime | None,
    until: datetime | None,
    account: str | None,
    shape: str,
    state_dir: Path | None,
    config: Path | None,
) -> None:
    """Sum up requests, images, tokens and money, by when requests were admitted.

    SPENT is what providers charged for sure, POSSIBLE what they may have charged beside that, as estimated.
    """
    settings = load(config, state_dir)
    require_state(settings)
    currency = currency_of(settings)
    sums = ask(settings, lambda database: _sums(database, by, since, until, account))
    if shape == "table":
        print_table(*_table(sums, by, currency))
        return
    rows = [_row(each, by, currency) for each in sums]
    if shape == "json":
        click.echo(json.dumps(rows, indent=2))
    else:
        names = [by, "name", "requests", "attempts", "images", *Tokens().counts()]
        writer = csv.DictWriter(sys.stdout, [*names, "spent", "possible", "currency", "unpriced"])
        writer.writeheader()
        writer.writerows(rows)


async def _sums(
    database: Database, by: Grouping, since: datetime | None, until: datetime | None, account: str | None
) -> Sequence[Sum]:
    account_id = await Accounts(database).identify(account) if account else None
    return await Ledger(database).usage(by, since, until, account_id)


def _table(sums: Sequence[Sum], by: Grouping, currency: str) -> tuple[Sequence[str], list[Sequence[str]]]:
    heads = (HEADS[by], "REQUESTS", "ATTEMPTS", "IMAGES", "SPENT", "POSSIBLE", "UNPRICED")
    rows = [
        (
            each.name or each.key or "(none)",
            *(f"{count:,}" for count in (each.requests, each.attempts, each.images)),
            format_money(each.spent, currency),
            format_money(each.possible, currency),
            f"{each.unpriced:,}",
        )
        for each in sums
    ]
    return heads, [*rows]


def _row(each: Sum, by: Grouping, currency: str) -> dict[str, Any]:
    """Money is in exact decimals, as text."""
    return {
        by: each.key,
        "name": each.name,
        "requests": each.requests,
        "attempts": each.attempts,
        "images": each.images,
        **each.tokens,
        "spent": format_money(each.spent, currency).partition(" ")[0],
        "possible": format_money(each.possible, currency).partition(" ")[0],
        "currency": currency,
        "unpriced": each.unpriced,
    }
