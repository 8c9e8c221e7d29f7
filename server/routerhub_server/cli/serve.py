"""`routerhub serve`: the gRPC server alone; Envoy runs beside it."""

from pathlib import Path

import click

from routerhub_server.cli.options import address, listen, load, state_options
from routerhub_server.cli.running import run, say, stop_signal
from routerhub_server.serve import running
from routerhub_server.settings import Settings


@click.command()
@state_options
@click.option("--grpc", callback=address, help="Typed gRPC service, H:P.  [default: 127.0.0.1:50051]")
@click.option("--rest", callback=address, help="REST door for Envoy, H:P.  [default: 127.0.0.1:50052]")
@click.option("--admin", callback=address, help="Health and metrics, H:P.  [default: 127.0.0.1:9090]")
def serve(
    state_dir: Path | None, config: Path | None, grpc: str | None, rest: str | None, admin: str | None
) -> None:
    """Serve gRPC, without Envoy (for production, where Envoy runs beside it)."""
    settings = load(config, state_dir, listen=listen(grpc=grpc, rest=rest, admin=admin))
    run(settings, _serve(settings))


async def _serve(settings: Settings) -> None:
    stop = stop_signal()
    async with running(settings) as server:
        if server.first_key:
            say(f"api-key {server.first_key}")
        say(f"ready grpc={server.grpc} rest={server.rest} admin=http://{server.admin}")
        await stop.wait()
