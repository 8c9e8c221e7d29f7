"""Composition root: everything that lives as long as the process is built and closed here."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import grpc
import grpc.aio
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from routerhub.images.v1 import image_generation_service_pb2, rest_service_pb2
from routerhub.images.v1.image_generation_service_pb2_grpc import add_ImageGenerationServiceServicer_to_server
from routerhub.images.v1.rest_service_pb2_grpc import add_RestServiceServicer_to_server
from routerhub_server.accounts import Accounts
from routerhub_server.admin import AdminServer
from routerhub_server.catalogue import Catalogue
from routerhub_server.doors import interceptors
from routerhub_server.doors.rest import RestService
from routerhub_server.doors.typed import ImageGenerationService
from routerhub_server.doors.uploads import Uploads
from routerhub_server.pipeline import Pipeline
from routerhub_server.renders import Renders
from routerhub_server.settings import Settings
from routerhub_server.state import open_database
from routerhub_server.upstreams.registry import build_upstreams

log = structlog.get_logger("routerhub.serve")

TYPED = image_generation_service_pb2.DESCRIPTOR.services_by_name["ImageGenerationService"].full_name
HEALTH = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
REST = rest_service_pb2.DESCRIPTOR.services_by_name["RestService"].full_name


class AddressError(Exception):
    """An address cannot be bound."""


@dataclass(slots=True)
class Server:
    """A running server and what it listens on, as `host:port`."""

    grpc: str
    rest: str
    admin: str
    first_key: str | None
    """The API key made for a new state directory; shown once."""


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Server]:
    """Serve until the context ends, then drain: calls in flight get `limits.drain_seconds` to finish.

    Raises AccountError, AddressError, CatalogueError or StateError when it cannot start.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(settings.state_dir, settings.database_url))
        accounts = Accounts(database)
        first_key = await _first_key(accounts, settings)
        upstreams = await stack.enter_async_context(build_upstreams(settings))
        renders = Renders()
        catalogue = Catalogue.load(
            settings.models, upstreams=frozenset(upstreams), sandbox_only=settings.sandbox_only
        )
        pipeline = Pipeline(catalogue, upstreams, renders, settings.limits.render_seconds)
        admin = AdminServer(settings.listen.admin, _registry())
        stack.callback(admin.stop)
        admin.start()
        health = HealthServicer()
        typed, typed_address = _server(
            settings.listen.grpc, settings, interceptors.typed(accounts, settings.limits)
        )
        add_ImageGenerationServiceServicer_to_server(ImageGenerationService(pipeline), typed)
        health_pb2_grpc.add_HealthServicer_to_server(health, typed)
        reflection.enable_server_reflection(
            (TYPED, HEALTH, reflection.SERVICE_NAME),
            typed,
        )
        rest, rest_address = _server(
            settings.listen.rest, settings, interceptors.rest(accounts, settings.limits)
        )
        add_RestServiceServicer_to_server(RestService(pipeline, Uploads(settings.limits)), rest)
        health_pb2_grpc.add_HealthServicer_to_server(health, rest)
        await _announce(health, health_pb2.HealthCheckResponse.NOT_SERVING)
        await typed.start()
        await rest.start()
        await _announce(health, health_pb2.HealthCheckResponse.SERVING)
        admin.ready.set()
        log.info("serving", grpc=typed_address, rest=rest_address, upstreams=sorted(upstreams))
        try:
            yield Server(typed_address, rest_address, admin.address, first_key)
        finally:
            admin.ready.clear()
            await _announce(health, health_pb2.HealthCheckResponse.NOT_SERVING)
            await _drain((typed, rest), renders, settings.limits.drain_seconds)


def _server(
    address: str, settings: Settings, around: Sequence[grpc.aio.ServerInterceptor]
) -> tuple[grpc.aio.Server, str]:
    limit = settings.limits.body_bytes
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


def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


async def _announce(health: HealthServicer, status: int) -> None:
    for service in ("", TYPED, REST):
        await health.set(service, status)


async def _drain(servers: Sequence[grpc.aio.Server], renders: Renders, seconds: float) -> None:
    """Stop admitting; calls in flight finish within `seconds`, the rest are cancelled."""
    log.info("draining", in_flight=len(renders), seconds=seconds)
    await asyncio.gather(*(server.stop(grace=seconds) for server in servers))
    cancelled = await renders.drain(0)
    log.info("stopped", cancelled=cancelled)
