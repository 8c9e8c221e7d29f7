"""The command line: one file a command, imported when it is asked for, so that none waits for the others."""

from importlib import import_module

import click

from routerhub_server import __version__

COMMANDS = ("up", "serve", "check", "keys", "usage", "receipt", "receipts", "admin-tokens", "generate")


class Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"routerhub_server.cli.{module}"), module)
        return command


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="routerhub-images")
def routerhub() -> None:
    """A self-hosted image-generation gateway."""
