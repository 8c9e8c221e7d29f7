"""`routerhub check`: is this configuration valid?"""

from pathlib import Path

import click

from routerhub_server.catalogue import Catalogue, CatalogueError
from routerhub_server.cli.options import Refusal, load, state_options


@click.command()
@state_options
def check(state_dir: Path | None, config: Path | None) -> None:
    """Validate a configuration without starting anything."""
    settings = load(config, state_dir)
    upstreams = settings.resolved_upstreams
    try:
        catalogue = Catalogue.load(
            settings.models, upstreams=frozenset(upstreams), sandbox_only=settings.sandbox_only
        )
    except CatalogueError as error:
        raise Refusal(str(error)) from error
    for name, upstream in sorted(upstreams.items()):
        click.echo(f"upstream {name}: {upstream.kind}{', with a key' if upstream.api_key else ''}")
    for model in catalogue.visible():
        click.echo(f"model {model.id}: {' -> '.join(f'{r.upstream}/{r.model}' for r in model.routes)}")
    click.echo("configuration is valid")
