"""Several `routerhub serve` on one database, callers of their typed service, and a provider that counts."""

import asyncio
import contextlib
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc.aio
import yaml
from sqlalchemy import Connection, select

from routerhub.images.v1.image_generation_service_pb2_grpc import ImageGenerationServiceStub
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest
from routerhub_server.ledger import Receipt, database_clock
from routerhub_server.state import tables
from tests.cli.programs import Running, serving
from tests.fakes.openai import FakeOpenAI
from tests.fakes.pictures import picture
from tests.fakes.server import Fault, Received
from tests.fakes.threads import in_thread
from tests.ledger.house import House, Place, open_house

if TYPE_CHECKING:
    from routerhub.images.v1.image_generation_service_pb2_grpc import ImageGenerationServiceAsyncStub

MODEL = "gpt-image-2"
COST = 12 * 5_000 + 4160 * 30_000
"""Of one reply of the provider's, which always counts 12 and 4160 tokens; in 1e-9 USD."""
ESTIMATE = 211_020_000
"""What is reserved for one image, rounded up: its quality is left open."""
NANO = 10**9
LONG_AGO = timedelta(seconds=30)
"""Beyond the lease of a process."""


class Provider(FakeOpenAI):
    """Counts what it is asked for. The prompt of a call is its name."""

    def __init__(self) -> None:
        super().__init__()
        self.image = picture(64, 64)
        self.running = 0
        self.most = 0
        """Renders at once, at their most."""

    async def _act(self, request: Received, fault: Fault, *streams: Any) -> bool:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            return await super()._act(request, fault, *streams)
        finally:
            self.running -= 1

    def asked(self, prefix: str) -> list[str]:
        """The names of the calls that it was asked to render."""
        return [name for name in self._names() if name.startswith(prefix)]

    def images(self, prefix: str) -> int:
        """How many images it was asked for."""
        return sum(each.json.get("n", 1) for each in self._whole() if each.json["prompt"].startswith(prefix))

    def _names(self) -> Iterator[str]:
        return (each.json["prompt"] for each in self._whole())

    def _whole(self) -> list[Received]:
        return [each for each in list(self.requests) if each.body]


@dataclass
class Server:
    """One of them, which can be killed and started again."""

    state_dir: Path
    config: Path
    running: Running
    _stack: contextlib.ExitStack

    def kill(self) -> None:
        self.running.process.kill()
        self.running.process.wait()

    def restart(self) -> None:
        self.running = self._stack.enter_context(serve(self.state_dir, self.config))

    @property
    def grpc(self) -> str:
        return self.running.addresses["grpc"]


def serve(state_dir: Path, config: Path) -> contextlib.AbstractContextManager[Running]:
    log = state_dir.with_suffix(".log")
    return serving("serve", state_dir, log, "--config", str(config))


@dataclass(frozen=True)
class Fleet:
    servers: list[Server]
    provider: Provider
    place: Place


@contextlib.contextmanager
def running_fleet(directory: Path, size: int, url: str | None, **settings: Any) -> Iterator[Fleet]:
    """Servers with a state directory each; the first one's holds the database where there is no URL."""
    with contextlib.ExitStack() as stack:
        provider = stack.enter_context(in_thread(Provider()))
        upstream = {"kind": "openai", "base_url": provider.base_url, "api_key": provider.key}
        config = {"upstreams": {"openai": {**upstream, "retries": 0, "breaker_failures": 10_000}}, **settings}
        if url:
            config["database_url"] = url
        (directory / "config.yaml").write_text(yaml.safe_dump(config))
        places = [directory / f"server{number}" for number in range(size)]
        servers = [
            Server(each, config_file, stack.enter_context(serve(each, config_file)), stack)
            for each in places
            for config_file in [directory / "config.yaml"]
        ]
        yield Fleet(servers, provider, Place(places[0], url))


@contextlib.asynccontextmanager
async def books(fleet: Fleet) -> AsyncIterator[House]:
    """The database, beside the servers."""
    async with open_house(fleet.place) as house:
        yield house


@dataclass
class Told:
    """What the callers of one crowd heard."""

    codes: Counter[str] = field(default_factory=Counter)
    images: int = 0
    costs: int = 0
    """In 1e-9 of the unit, as the replies say."""
    receipts: set[str] = field(default_factory=set)
    """Of successful calls."""
    seconds: float = 0

    def hear(self, reply: Any, trailer: dict[str, Any]) -> None:
        self.codes["OK"] += 1
        self.images += len(reply.data)
        self.costs += int(Decimal(trailer["x-routerhub-cost"].split()[0]) * NANO)
        self.receipts.add(trailer["x-routerhub-request-id"])


_crowds = itertools.count(1)


class Crowd:
    """Clients that each call again and again, in turn at every server."""

    def __init__(self, fleet: Fleet, key: str) -> None:
        self.fleet = fleet
        self._key = key
        self.name = f"crowd-{next(_crowds)}-"
        """How the names of its calls begin."""
        self.told = Told()
        self._numbers = itertools.count()

    async def call(self, *, clients: int = 64, each: int = 2, n: int = 1) -> Told:
        """So many calls of so many clients."""
        return await self._all(clients, n, lambda done: done < each)

    async def call_until(self, end: asyncio.Event, *, clients: int = 64) -> Told:
        return await self._all(clients, 1, lambda done: not end.is_set())

    async def _all(self, clients: int, n: int, more: Any) -> Told:
        started = time.monotonic()
        options = [("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1)]
        # A server that comes back is met at once.
        options += [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 200)]
        async with contextlib.AsyncExitStack() as stack:
            stubs: list[ImageGenerationServiceAsyncStub] = []
            for server in self.fleet.servers:
                channel = grpc.aio.insecure_channel(server.grpc, options=options)
                stub: Any = ImageGenerationServiceStub(await stack.enter_async_context(channel))
                stubs.append(stub)
            await asyncio.gather(*(self._client(stubs, number, n, more) for number in range(clients)))
        self.told.seconds = time.monotonic() - started
        return self.told

    async def _client(
        self, stubs: "list[ImageGenerationServiceAsyncStub]", first: int, n: int, more: Any
    ) -> None:
        done = 0
        while more(done):
            await self._one(stubs[(first + done) % len(stubs)], n)
            done += 1

    async def _one(self, stub: "ImageGenerationServiceAsyncStub", n: int) -> None:
        name = f"{self.name}{next(self._numbers)}"
        request = GenerateImagesRequest(model=MODEL, prompt=name, n=n)
        metadata = (("authorization", f"Bearer {self._key}"), ("x-request-id", name))
        call = stub.GenerateImages(request, metadata=metadata, timeout=60)
        try:
            reply = await call
            self.told.hear(reply, dict(await call.trailing_metadata()))
        except grpc.aio.AioRpcError as error:
            self.told.codes[error.code().name] += 1
            await asyncio.sleep(0.05)  # a real client would wait longer


async def receipts_of(house: House, crowd: Crowd) -> list[Receipt]:
    found = [receipt async for receipt in house.ledger.receipts()]
    return [receipt for receipt in found if (receipt.call_id or "").startswith(crowd.name)]


async def until_settled(house: House, seconds: float = 15) -> None:
    """Wait until no request is under way, and every call has ended. Raises TimeoutError."""
    open_ones = (tables.LIVE, tables.requests.c.delivery == "attached")
    for _ in range(round(seconds * 10)):
        if not sum([await house.count(tables.requests, condition) for condition in open_ones]):
            return
        await asyncio.sleep(0.1)
    raise TimeoutError


async def until_rendering(house: House, server: Server, renders: int = 3) -> None:
    """Until so many renders are under way in this server, however slow the machine is."""
    processes, requests = tables.processes, tables.requests
    mine = select(processes.c.id).where(processes.c.name.like(f"% {server.running.process.pid}"))
    under_way = (requests.c.state == "rendering") & requests.c.owner.in_(mine)
    async with asyncio.timeout(30):
        while await house.count(requests, under_way) < renders:  # noqa: ASYNC110  # databases have no events
            await asyncio.sleep(0.01)


async def age(house: House, server: Server) -> None:
    """A killed server was last seen half a minute ago: its lease need not be waited for."""
    name = f"% {server.running.process.pid}"

    def make_old(connection: Connection) -> int:
        of_server = tables.processes.update().where(tables.processes.c.name.like(name))
        values = {"seen_at": database_clock(connection) - LONG_AGO}
        return connection.execute(of_server.values(values)).rowcount

    assert await house.database.transact(make_old) == 1


async def check_sums(house: House, crowd: Crowd, account_id: str) -> None:
    """Replies, receipts, usage, counters and the provider tell the same, where every call was answered."""
    told, provider = crowd.told, crowd.fleet.provider
    receipts = await receipts_of(house, crowd)
    asked = provider.asked(crowd.name)
    assert len(asked) == len(set(asked)) == told.codes["OK"]
    assert sorted(receipt.call_id or "" for receipt in receipts) == sorted(asked)
    assert {receipt.request_id for receipt in receipts} == told.receipts
    assert {(receipt.state, receipt.delivery) for receipt in receipts} == {("succeeded", "handed_over")}
    assert sum(receipt.images_arrived for receipt in receipts) == told.images == provider.images(crowd.name)
    (usage,) = await house.ledger.usage("key", account_id=account_id)
    assert usage.attempts == len(asked)
    assert usage.images == told.images
    assert usage.spent == told.costs == len(asked) * COST == sum(receipt.spent for receipt in receipts)
    await house.check_books()
