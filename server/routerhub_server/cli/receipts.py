"""`routerhub receipts`: every receipt of a time, as it is read."""

import csv
import json
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from routerhub_server.accounts import Accounts
from routerhub_server.cli.options import load, state_options
from routerhub_server.cli.receipt import describe, describe_attempt
from routerhub_server.cli.records import ask, currency_of, require_state
from routerhub_server.cli.times import past
from routerhub_server.ledger import Ledger, Receipt
from routerhub_server.prices import Tokens
from routerhub_server.state import Database

OF_REQUEST = (
    *("request_id", "call_id", "account_id", "account", "door", "model", "tier", "state", "reason"),
    *("admitted_at", "finished_at", "images_asked"),
)
OF_ATTEMPT = (
    *("number", "upstream", "upstream_model", "started_at", "ended_at", "outcome", "spent", "images"),
    *("delivered_tier", *Tokens().counts(), "cost", "currency", "flags"),
)


@click.command()
@click.option("--since", callback=past, help="7d, 12h (ago) or 2026-11-01 (0:00 UTC).  [default: ever]")
@click.option("--until", callback=past, help="The same; exclusive.  [default: now]")
@click.option("--account", help="One account alone, by id or name.")
@click.option("--format", "shape", type=click.Choice(("csv", "json")), default="csv", show_default=True)
@state_options
def receipts(
    since: datetime | None,
    until: datetime | None,
    account: str | None,
    shape: str,
    state_dir: Path | None,
    config: Path | None,
) -> None:
    """Export receipts, oldest first, by when requests were admitted.

    CSV has a line for each attempt (and one for a request without any), JSON a line for each request.
    """
    settings = load(config, state_dir)
    require_state(settings)
    write = _json_writer(currency_of(settings)) if shape == "json" else _csv_writer(currency_of(settings))
    ask(settings, lambda database: _export(database, since, until, account, write))


async def _export(
    database: Database,
    since: datetime | None,
    until: datetime | None,
    account: str | None,
    write: Callable[[Receipt], None],
) -> None:
    account_id = await Accounts(database).identify(account) if account else None
    async for receipt in Ledger(database).receipts(since, until, account_id):
        write(receipt)


def _json_writer(currency: str) -> Callable[[Receipt], None]:
    return lambda receipt: click.echo(json.dumps(describe(receipt, currency)))


def _csv_writer(currency: str) -> Callable[[Receipt], None]:
    writer = csv.DictWriter(sys.stdout, [*OF_REQUEST, *OF_ATTEMPT])
    writer.writeheader()
    return lambda receipt: writer.writerows(_rows(receipt, currency))


def _rows(receipt: Receipt, currency: str) -> Iterator[dict[str, Any]]:
    whole = describe(receipt, currency)
    of_request = {name: whole[name] for name in OF_REQUEST}
    if not receipt.attempts:
        yield of_request | {"spent": "no", "currency": currency}
    for attempt in receipt.attempts:
        described = describe_attempt(attempt, currency)
        tokens = described["tokens"] or {}
        renamed = {"upstream_model": described["model"], "delivered_tier": described["tier"]}
        values = described | renamed | tokens | {"currency": currency, "flags": " ".join(attempt.flags)}
        yield of_request | {name: values.get(name) for name in OF_ATTEMPT}
