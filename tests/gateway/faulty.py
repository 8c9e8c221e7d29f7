"""The gateway with an upstream that has a bug, as a program of its own.

`python -m tests.gateway.faulty STATE_DIR` prints {"http", "grpc"} as JSON and serves until its input ends.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from routerhub_server import logs, settings
from routerhub_server.envoy import EnvoyProcess
from routerhub_server.serve import running
from routerhub_server.settings import Settings
from routerhub_server.upstreams.base import Order, Reply, Upstream
from routerhub_server.upstreams.sandbox.upstream import SandboxSettings, SandboxUpstream

ANY_PORT = "127.0.0.1:0"
BUG = "the text of an exception"


class FaultyUpstream(SandboxUpstream):
    async def render(self, order: Order) -> Reply:
        raise RuntimeError(BUG)


@asynccontextmanager
async def faulty(_settings: Settings) -> AsyncIterator[Mapping[str, Upstream]]:
    yield {"sandbox": FaultyUpstream("sandbox", SandboxSettings())}


async def main(state_dir: Path) -> None:
    listen = dict.fromkeys(("grpc", "rest", "admin", "admin_grpc"), ANY_PORT)
    loaded = settings.load(state_dir=state_dir, listen=listen)
    logs.configure(loaded.log)
    async with running(loaded, faulty) as server:
        envoy = EnvoyProcess(http=ANY_PORT, rest=server.rest, grpc=server.grpc, state_dir=state_dir)
        await envoy.start()
        try:
            print(json.dumps({"http": envoy.http, "grpc": server.grpc}), flush=True)
            await asyncio.to_thread(sys.stdin.read)
        finally:
            await envoy.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
