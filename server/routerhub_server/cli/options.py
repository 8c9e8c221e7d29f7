"""Options that several commands share, and how they become settings."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from routerhub_server import settings as configuration
from routerhub_server.settings import Settings, SettingsError

F = TypeVar("F", bound=Callable[..., Any])


def state_options(command: F) -> F:
    """`--state-dir` and `--config`, for every command that touches state."""
    command = click.option(
        "--config", type=click.Path(path_type=Path, dir_okay=False), help="Configuration file (YAML)."
    )(command)
    return click.option(
        "--state-dir",
        type=click.Path(path_type=Path, file_okay=False),
        help="Where keys and records live.  [default: .routerhub]",
    )(command)


def load(config: Path | None, state_dir: Path | None, **overrides: Any) -> Settings:
    """The settings, or a clean exit with status 2 that says what is wrong."""
    try:
        return configuration.load(config, state_dir=state_dir, **overrides)
    except SettingsError as error:
        raise Refusal(str(error)) from error


class Refusal(click.ClickException):
    """The command cannot run as asked; shown as one message, exit status 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        click.echo(f"routerhub: {self.message}", err=True)


def address(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Check an `H:P` option."""
    if value is not None:
        try:
            configuration.split_address(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
    return value


def listen(**addresses: str | None) -> dict[str, str]:
    return {name: value for name, value in addresses.items() if value is not None}
