"""The command line: one file a command."""

import click

from routerhub_server import __version__
from routerhub_server.cli.check import check
from routerhub_server.cli.generate import generate
from routerhub_server.cli.keys import keys
from routerhub_server.cli.serve import serve

from routerhub_server.cli.up import up


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="routerhub-images")
def routerhub() -> None:
    """A self-hosted image-generation gateway."""


for command in (up, serve, check, keys, generate):
    routerhub.add_command(command)
