"""`routerhub admin-tokens`: who may use the operators' service."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click

from routerhub_server.accounts import AdminTokens
from routerhub_server.cli.options import Refusal, load, state_options
from routerhub_server.cli.records import ask, print_table, require_state
from routerhub_server.cli.times import minute
from routerhub_server.settings import Settings

T = TypeVar("T")


@click.group(name="admin-tokens")
def admin_tokens() -> None:
    """Make, list and delete tokens for the operators' gRPC service."""


@admin_tokens.command()
@click.option("--name", required=True, help="Whose token it is, e.g. billing.")
@state_options
def create(name: str, state_dir: Path | None, config: Path | None) -> None:
    """Make a token; standard output gets one line, `admin-token rha_...`. It cannot be shown again."""
    token = _ask(load(config, state_dir), lambda tokens: tokens.create(name))
    click.echo(f"admin-token {token}")


@admin_tokens.command(name="list")
@state_options
def list_tokens(state_dir: Path | None, config: Path | None) -> None:
    """List whose tokens there are; never the tokens themselves."""
    settings = load(config, state_dir)
    require_state(settings)
    tokens = _ask(settings, lambda tokens: tokens.list())
    rows = [(token.id, token.name, minute(token.created_at)) for token in tokens]
    print_table(("ID", "NAME", "CREATED"), rows)


@admin_tokens.command()
@click.argument("token_id")
@state_options
def delete(token_id: str, state_dir: Path | None, config: Path | None) -> None:
    """End a token, at once. When the last one is gone, the next start of the server makes one."""
    settings = load(config, state_dir)
    require_state(settings)
    if not _ask(settings, lambda tokens: tokens.delete(token_id)):
        raise Refusal(f"there is no admin token with the id {token_id!r}")
    click.echo(f"deleted {token_id}")


def _ask(settings: Settings, question: Callable[[AdminTokens], Awaitable[T]]) -> T:
    return ask(settings, lambda database: question(AdminTokens(database)))
