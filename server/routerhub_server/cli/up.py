"""`routerhub up`: server and Envoy together, in the foreground."""

import asyncio
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import click

from routerhub_server.addresses import bindable
from routerhub_server.cli.options import Refusal, address, listen, load, state_options
from routerhub_server.cli.running import run, say, stop_signal
from routerhub_server.envoy import EnvoyProcess
from routerhub_server.serve import Server, running
from routerhub_server.settings import Settings

FLUSH_SECONDS = 5
"""How long a slow caller may go on reading a reply after the server has stopped."""

FIRST_IMAGE = """
Your first image:

  curl -s http://{http}/v1/images/generations \\
    -H "Authorization: Bearer {key}" -H 'Content-Type: application/json' \\
    -d '{{"model": "openai/gpt-image-2", "prompt": "a lighthouse at dusk", "size": "1024x1024"}}' \\
    | grep -o '"b64_json": *"[^"]*' | cut -d'"' -f4 | base64 -d > lighthouse.png
"""
FIRST_GEMINI_IMAGE = """
Your first image:

  curl -s http://{http}/v1beta/models/gemini-3-pro-image:generateContent \\
    -H "x-goog-api-key: {key}" -H 'Content-Type: application/json' \\
    -d '{{"contents": [{{"parts": [{{"text": "a lighthouse at dusk"}}]}}]}}' \\
    | grep -o '"data": *"[^"]*' | cut -d'"' -f4 | base64 -d > lighthouse.png
"""


@click.command()
@state_options
@click.option("--http", callback=address, help="Both REST APIs and gRPC, H:P.  [default: 127.0.0.1:8080]")
@click.option("--grpc", callback=address, help="Typed gRPC, past Envoy, H:P.  [default: 127.0.0.1:50051]")
@click.option("--admin", callback=address, help="Health and metrics, H:P.  [default: 127.0.0.1:9090]")
def up(
    state_dir: Path | None, config: Path | None, http: str | None, grpc: str | None, admin: str | None
) -> None:
    """Serve both APIs: the gRPC server, and Envoy in front of it."""
    # The REST door's address is between Envoy and the server alone: any free port does.
    addresses = listen(http=http, grpc=grpc, admin=admin, rest="127.0.0.1:0")
    settings = load(config, state_dir, listen=addresses)
    if "admin_grpc" not in settings.listen.model_fields_set:
        # Nor is the operators' service needed to try things out; the log says where it is.
        settings = load(config, state_dir, listen=addresses | {"admin_grpc": "127.0.0.1:0"})
    run(settings, _up(settings))


async def _up(settings: Settings) -> None:
    stop = stop_signal()
    http = bindable(settings.listen.http)
    async with AsyncExitStack() as envoys:  # Envoy outlives the server, to tell callers how their calls ended
        async with running(settings) as server:
            envoy = EnvoyProcess(http=http, rest=server.rest, grpc=server.grpc, state_dir=settings.state_dir)
            await envoy.start()
            envoys.push_async_callback(envoy.stop)
            try:
                _announce(settings, server, envoy.http)
                await _either(stop, envoy)
            finally:
                await envoy.stop_accepting()
        # The calls are over; their last bytes are on the way to the callers.
        await envoy.drain(FLUSH_SECONDS)


async def _either(stop: asyncio.Event, envoy: EnvoyProcess) -> None:
    """Wait until we are told to stop. Raises Refusal when Envoy dies before."""
    waiting = {asyncio.create_task(stop.wait()), asyncio.create_task(envoy.wait())}
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    if not stop.is_set():
        raise Refusal("Envoy ended unexpectedly; its own messages stand above")


def _announce(settings: Settings, server: Server, http: str) -> None:
    if server.first_key:
        say(f"api-key {server.first_key}")
    say(f"ready http=http://{http} grpc={server.grpc} admin=http://{server.admin}")
    # A key that the operator chose is not repeated where logs go.
    key = "$ROUTERHUB_BOOTSTRAP_KEY" if settings.bootstrap_key else server.first_key or "$ROUTERHUB_API_KEY"
    kinds = {section.kind for section in settings.resolved_upstreams.values()}
    example = FIRST_GEMINI_IMAGE if kinds <= {"gemini", "vertex"} else FIRST_IMAGE
    print(example.format(http=http, key=key), file=sys.stderr, flush=True)
