"""`routerhub check`: is this configuration valid, and do the providers accept it?"""

import asyncio
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from routerhub_server.catalogue import Catalogue, Model
from routerhub_server.cli.options import load, state_options
from routerhub_server.cli.running import start_up_errors
from routerhub_server.errors import RouterHubError
from routerhub_server.settings import Settings
from routerhub_server.upstreams.base import Upstream
from routerhub_server.upstreams.registry import build_upstreams, check_routes


@click.command()
@state_options
@click.option("--probe", is_flag=True, help="Ask the providers, too; buys no image.")
def check(state_dir: Path | None, config: Path | None, probe: bool) -> None:
    """Validate a configuration without starting anything.

    Exit status 2: it is not valid. 1: it is, but a probe failed.
    """
    settings = load(config, state_dir)
    with start_up_errors():
        healthy = asyncio.run(_check(settings, probe))
    if not healthy:
        sys.exit(1)


async def _check(settings: Settings, probe: bool) -> bool:
    async with build_upstreams(settings) as upstreams:
        catalogue = Catalogue.load(
            settings.models, upstreams=frozenset(upstreams), sandbox_only=settings.sandbox_only
        )
        models = catalogue.visible()
        check_routes(models, upstreams)
        for name, section in sorted(settings.resolved_upstreams.items()):
            click.echo(f"upstream {name}: {section.kind}{', with a key' if section.api_key else ''}")
        for model in models:
            click.echo(f"model {model.id}: {' -> '.join(f'{r.upstream}/{r.model}' for r in model.routes)}")
        click.echo("configuration is valid")
        return await _probe_all(models, upstreams) if probe else True


async def _probe_all(models: tuple[Model, ...], upstreams: Mapping[str, Upstream]) -> bool:
    """Each upstream with each model that is routed to it; one line for each, and whether all went well."""
    healthy = True
    for name, asked in _questions(models, upstreams):
        try:
            await upstreams[name].probe(asked)
        except RouterHubError as error:
            healthy = False
            click.echo(f"probe {'/'.join([name, *asked])}: {_told(error)}")
        else:
            click.echo(f"probe {'/'.join([name, *asked])}: ok")
    return healthy


def _questions(
    models: tuple[Model, ...], upstreams: Mapping[str, Upstream]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for name in sorted(upstreams):
        routed = {route.model: None for model in models for route in model.routes if route.upstream == name}
        yield from ((name, (id_,)) for id_ in routed)
        if not routed:
            yield name, ()


def _told(error: RouterHubError) -> str:
    """For the operator: our words, and the provider's, which callers never see."""
    said = getattr(error, "provider", None)
    words = said.message if said else repr(error.__cause__) if error.__cause__ else ""
    return f"{error.message} ({words})" if words and words not in error.message else error.message
