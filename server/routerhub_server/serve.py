"""Composition root: everything that lives as long as the process is built and closed here."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

import grpc
import grpc.aio
import structlog
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from routerhub.admin.v1 import admin_service_pb2
from routerhub.admin.v1.admin_service_pb2_grpc import add_AdminServiceServicer_to_server
from routerhub.images.v1 import error_reason_pb2, image_generation_service_pb2, rest_service_pb2
from routerhub.images.v1.image_generation_service_pb2_grpc import add_ImageGenerationServiceServicer_to_server
from routerhub.images.v1.rest_service_pb2_grpc import add_RestServiceServicer_to_server
from routerhub_server.accounts import Accounts, AdminTokens
from routerhub_server.accounts.admin_tokens import FILE_NAME as ADMIN_TOKEN_FILE
from routerhub_server.addresses import AddressError, bindable
from routerhub_server.admin import AdminServer
from routerhub_server.capacity import ByteBudget
from routerhub_server.catalogue import Catalogue
from routerhub_server.doors import interceptors
from routerhub_server.doors.admin import AdminService, around_calls
from routerhub_server.doors.health import HealthService
from routerhub_server.doors.reflection import public_pool
from routerhub_server.doors.rest import RestService
from routerhub_server.doors.typed import ImageGenerationService
from routerhub_server.doors.uploads import Uploads
from routerhub_server.ledger import Journal, Ledger
from routerhub_server.metrics import Metrics
from routerhub_server.pipeline import Pipeline
from routerhub_server.prices import load_prices
from routerhub_server.purchases import Purchases
from routerhub_server.renders import Renders
from routerhub_server.routing import Chain, Link
from routerhub_server.settings import MIB, Settings
from routerhub_server.state import claimed, open_database
from routerhub_server.upstreams.base import Upstream
from routerhub_server.upstreams.registry import build_upstreams, check_routes

Building: TypeAlias = AbstractAsyncContextManager[Mapping[str, Upstream]]

log = structlog.get_logger("routerhub.serve")

PUBLIC = (
    image_generation_service_pb2.DESCRIPTOR,
    error_reason_pb2.DESCRIPTOR,
    error_details_pb2.DESCRIPTOR,  # what errors carry
    health_pb2.DESCRIPTOR,
    reflection_pb2.DESCRIPTOR,
)
OPERATORS = (admin_service_pb2.DESCRIPTOR, *PUBLIC[1:])
ADMIN = admin_service_pb2.DESCRIPTOR.services_by_name["AdminService"].full_name
TYPED = image_generation_service_pb2.DESCRIPTOR.services_by_name["ImageGenerationService"].full_name
HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
REST = rest_service_pb2.DESCRIPTOR.services_by_name["RestService"].full_name


OUTAGE = timedelta(minutes=10)
"""How long a key that was seen goes on working without the database, where it is told to fail open."""
FLUSH_SECONDS = 2
"""How long callers have to read the error of a call that was cancelled at the end of a drain."""


@dataclass(slots=True)
class Server:
    """A running server and what it listens on, as `host:port`."""

    grpc: str
    rest: str
    admin: str
    admin_grpc: str
    first_key: str | None
    """The API key made for a new state directory; shown once."""


@asynccontextmanager
async def running(
    settings: Settings, build: Callable[[Settings], Building] = build_upstreams
) -> AsyncIterator[Server]:
    """Serve until the context ends, then drain: calls in flight get `limits.drain_seconds` to finish.

    `build` makes the upstreams by name, for as long as its context lasts.
    Raises AccountError, AddressError, CatalogueError or StateError when it cannot start.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(claimed(settings.state_dir))
        database = await stack.enter_async_context(open_database(settings.state_dir, settings.database_url))
        fail_open = settings.database_down == "fail_open"
        accounts = Accounts(database, outlast=OUTAGE if fail_open else timedelta(0))
        keep = timedelta(days=settings.ledger_days)
        ledger = Ledger(database, journal=Journal(settings.state_dir), keep=keep)
        await stack.enter_async_context(ledger.present())
        first_key = await _first_key(accounts, settings)
        tokens = AdminTokens(database)
        if await tokens.ensure_first(settings.state_dir):
            log.info("admin_token_written", file=str(settings.state_dir / ADMIN_TOKEN_FILE))
        upstreams = await stack.enter_async_context(build(settings))
        renders, metrics, budget = Renders(), Metrics(), ByteBudget(settings.limits.bytes_in_flight)
        links = {
            name: Link.of(upstream, settings.resolved_upstreams[name], time.monotonic)
            for name, upstream in upstreams.items()
        }
        metrics.watch(links)
        catalogue = Catalogue.load(
            settings.models, upstreams=frozenset(upstreams), sandbox_only=settings.sandbox_only
        )
        check_routes(catalogue.visible(), upstreams)
        prices = load_prices(settings.prices, settings.currency)
        pipeline = Pipeline(
            settings,
            catalogue,
            accounts,
            Purchases(ledger, prices, fail_open=fail_open),
            Chain(links, observe=metrics.attempt),
            renders,
            metrics,
        )
        admin = AdminServer(bindable(settings.listen.admin), metrics.registry)
        stack.callback(admin.stop)
        admin.start()
        health = HealthService((TYPED, REST))
        typed, typed_address = _server(
            settings.listen.grpc, settings, interceptors.typed(accounts, settings.limits, budget)
        )
        add_ImageGenerationServiceServicer_to_server(ImageGenerationService(pipeline, settings.limits), typed)
        health_pb2_grpc.add_HealthServicer_to_server(health, typed)
        reflection.enable_server_reflection(
            (TYPED, HEALTH, reflection.SERVICE_NAME), typed, public_pool(PUBLIC)
        )
        rest, rest_address = _server(
            settings.listen.rest, settings, interceptors.rest(accounts, settings.limits, budget)
        )
        add_RestServiceServicer_to_server(RestService(pipeline, Uploads(settings.limits)), rest)
        health_pb2_grpc.add_HealthServicer_to_server(health, rest)
        operators, operators_address = _server(
            settings.listen.admin_grpc, settings, around_calls(tokens, settings.limits, budget)
        )
        operators_health = HealthService((ADMIN,))
        add_AdminServiceServicer_to_server(AdminService(accounts, ledger, prices.currency), operators)
        health_pb2_grpc.add_HealthServicer_to_server(operators_health, operators)
        reflection.enable_server_reflection(
            (ADMIN, HEALTH, reflection.SERVICE_NAME), operators, public_pool(OPERATORS)
        )
        servers = (typed, rest, operators)
        for server in servers:
            await server.start()
        health.serve()
        operators_health.serve()
        admin.ready.set()
        log.info(
            "serving",
            grpc=typed_address,
            rest=rest_address,
            admin_grpc=operators_address,
            upstreams=sorted(upstreams),
        )
        try:
            yield Server(typed_address, rest_address, admin.address, operators_address, first_key)
        finally:
            admin.ready.clear()
            health.drain()
            operators_health.drain()
            await _drain(servers, renders, settings.limits.drain_seconds)


def _server(
    address: str, settings: Settings, around: Sequence[grpc.aio.ServerInterceptor]
) -> tuple[grpc.aio.Server, str]:
    # On the REST listener a message is a piece of a body, of up to 256 KiB, whatever the body may be.
    limit = max(settings.limits.body_bytes, MIB)
    server = grpc.aio.server(
        interceptors=around,
        options=(
            ("grpc.so_reuseport", 0),  # else a second server silently shares the port
            ("grpc.max_receive_message_length", limit),
            ("grpc.max_send_message_length", -1),  # what a provider may send is bounded where it is received
            ("grpc.max_metadata_size", 64 * 1024),  # above Envoy's 8 KiB of headers, else a random 429
            ("grpc.absolute_max_metadata_size", 64 * 1024),
        ),
    )
    address = bindable(address)  # before gRPC tries: it writes lines of its own about what fails
    try:
        port = server.add_insecure_port(address)
    except RuntimeError as error:
        raise AddressError(f"cannot listen on {address}: is it in use?") from error
    return server, f"{address.rpartition(':')[0]}:{port}"


async def _first_key(accounts: Accounts, settings: Settings) -> str | None:
    """The key of a new state directory: the operator's own, or one made up."""
    if settings.bootstrap_key is None:
        return await accounts.ensure_first()
    empty = not await accounts.list()
    key = settings.bootstrap_key.get_secret_value()
    await accounts.bootstrap(key)
    return key if empty else None


async def _drain(servers: Sequence[grpc.aio.Server], renders: Renders, seconds: float) -> None:
    """Stop admitting; calls in flight finish within `seconds`, the rest get an error instead of an image."""
    log.info("draining", in_flight=len(renders), seconds=seconds)
    stopping = [asyncio.create_task(server.stop(grace=seconds + FLUSH_SECONDS)) for server in servers]
    await asyncio.wait(stopping, timeout=seconds)
    cancelled = renders.close()
    await asyncio.gather(*stopping)
    log.info("stopped", cancelled=cancelled)
