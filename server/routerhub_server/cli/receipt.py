"""`routerhub receipt`: what one request cost, attempt by attempt."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from routerhub_server.cli.options import Refusal, load, state_options
from routerhub_server.cli.records import ask, currency_of, require_state
from routerhub_server.cli.times import iso
from routerhub_server.ledger import Attempt, Ledger, Receipt
from routerhub_server.prices import Line, format_money


@click.command()
@click.argument("request_id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@state_options
def receipt(request_id: str, as_json: bool, state_dir: Path | None, config: Path | None) -> None:
    """Show what a request cost: its id is in the reply header x-routerhub-request-id."""
    settings = load(config, state_dir)
    require_state(settings)
    currency = currency_of(settings)
    found = ask(settings, lambda database: Ledger(database).receipt(request_id))
    if found is None:
        raise Refusal(f"there is no receipt of the request {request_id!r}")
    if as_json:
        click.echo(json.dumps(describe(found, currency), indent=2))
    else:
        for title, text in _lines(found, currency):
            click.echo(f"{title:<10} {text}".rstrip())


def describe(found: Receipt, currency: str) -> dict[str, Any]:
    """As JSON has it; money is in exact decimals, as text."""
    return {
        "request_id": found.request_id,
        "call_id": found.call_id,
        "account_id": found.account_id,
        "account": found.account,
        "door": found.door,
        "model": found.model,
        "tier": found.tier,
        "state": found.state,
        "reason": found.reason,
        "admitted_at": iso(found.created_at, "milliseconds"),
        "finished_at": iso(found.finished_at, "milliseconds"),
        "images_asked": found.images,
        "images": found.images_arrived,
        "spent": found.charged,
        "cost": exact(found.cost, currency),
        "currency": currency,
        "estimate": exact(found.estimate, currency),
        "flags": list(found.all_flags),
        "attempts": [describe_attempt(attempt, currency) for attempt in found.attempts],
    }


def describe_attempt(attempt: Attempt, currency: str) -> dict[str, Any]:
    return {
        "number": attempt.number,
        "upstream": attempt.upstream,
        "model": attempt.model,
        "started_at": iso(attempt.started_at, "milliseconds"),
        "ended_at": iso(attempt.ended_at, "milliseconds"),
        "outcome": attempt.outcome,
        "spent": attempt.spent,
        "images": attempt.images,
        "tier": attempt.tier,
        "tokens": attempt.tokens.counts() if attempt.tokens else None,
        "cost": exact(attempt.cost, currency),
        "lines": [_describe_line(line, currency) for line in attempt.lines],
        "flags": list(attempt.flags),
    }


def exact(nano: int | None, currency: str) -> str | None:
    """The amount without its currency, e.g. `0.039`."""
    return None if nano is None else format_money(nano, currency).partition(" ")[0]


def _describe_line(line: Line, currency: str) -> dict[str, Any]:
    return {
        "kind": line.kind,
        "quantity": line.quantity,
        "price": exact(line.price, currency),
        "cost": exact(line.nano, currency),
    }


def _lines(found: Receipt, currency: str) -> Iterator[tuple[str, str]]:
    yield "request", found.request_id
    yield "call", f"{found.call_id or '-'}, through {found.door}"
    yield "account", f"{found.account} ({found.account_id})"
    yield "model", f"{found.model}, {found.tier}"
    yield "images", f"{found.images_arrived} of {found.images}"
    yield "state", " ".join(filter(None, (found.state, found.reason, *found.flags)))
    yield "admitted", iso(found.created_at, "milliseconds") or ""
    yield "finished", iso(found.finished_at, "milliseconds") or "-"
    yield "cost", _cost(found.cost if "unpriced" not in found.all_flags else None, found.charged, currency)
    for attempt in found.attempts:
        yield f"attempt {attempt.number}", _attempt(attempt)
        yield "", _cost(attempt.cost, attempt.spent, currency, *attempt.flags)
        for line in attempt.lines:
            yield "", f"  {_line(line, currency)}"


def _attempt(attempt: Attempt) -> str:
    seconds = ""
    if attempt.ended_at is not None:
        seconds = f" in {(attempt.ended_at - attempt.started_at).total_seconds():.1f} s"
    return f"{attempt.upstream}/{attempt.model}: {attempt.outcome or 'running'}{seconds}"


def _cost(nano: int | None, spent: str, currency: str, *flags: str) -> str:
    if spent == "no":
        return "nothing was charged"
    amount = "at a price that is not known" if nano is None else format_money(nano, currency)
    sure = "" if spent == "yes" else "possible"
    return ", ".join(filter(None, (amount, sure, *flags)))


def _line(line: Line, currency: str) -> str:
    unit = "each" if line.kind == "images" else "a million"
    price, cost = format_money(line.price, currency), format_money(line.nano, currency)
    return f"{line.kind}: {line.quantity:,} at {price} {unit} = {cost}"
