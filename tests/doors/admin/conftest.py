"""The operators' service on a real gRPC server, over a database of the test's own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from google.rpc import error_details_pb2, status_pb2

from routerhub.admin.v1.admin_service_pb2_grpc import AdminServiceStub, add_AdminServiceServicer_to_server
from routerhub_server.accounts import Accounts, AdminTokens
from routerhub_server.capacity import ByteBudget
from routerhub_server.doors.admin import AdminService, around_calls
from routerhub_server.ledger import Ledger
from routerhub_server.settings import LimitSettings
from routerhub_server.state import open_database


class HandClock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(microseconds=1)  # no two accounts are made at once
        return self.now


@dataclass(frozen=True)
class Desk:
    stub: Any
    metadata: tuple[tuple[str, str], ...]
    accounts: Accounts
    ledger: Ledger
    tokens: AdminTokens

    async def ask(self, method: str, request: Any) -> Any:
        """A reply, or the list of a stream of them."""
        call = getattr(self.stub, method)(request, metadata=self.metadata, timeout=10)
        if hasattr(call, "__aiter__"):
            return [reply async for reply in call]
        return await call


@dataclass(frozen=True)
class Refused:
    code: str
    message: str
    reason: str
    fields: tuple[str, ...]
    """Of BadRequest."""


def refused(error: grpc.aio.AioRpcError) -> Refused:
    trailer = dict(error.trailing_metadata() or ())
    assert trailer["x-request-id"]
    status = status_pb2.Status.FromString(trailer["grpc-status-details-bin"])
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for detail in status.details:
        _ = detail.Unpack(info) or detail.Unpack(bad)
    assert info.domain == "routerhub"
    fields = tuple(violation.field for violation in bad.field_violations)
    return Refused(error.code().name, error.details() or "", info.reason, fields)


@pytest.fixture
async def desk(tmp_path: Path, database_url: str | None) -> AsyncIterator[Desk]:
    async with open_database(tmp_path, database_url) as database:
        accounts, ledger, tokens = Accounts(database, HandClock()), Ledger(database), AdminTokens(database)
        await ledger.beat()
        token = await tokens.create("test")
        server = grpc.aio.server(interceptors=around_calls(tokens, LimitSettings(), ByteBudget(10**6)))
        add_AdminServiceServicer_to_server(AdminService(accounts, ledger, "EUR"), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                metadata = (("authorization", f"Bearer {token}"),)
                yield Desk(AdminServiceStub(channel), metadata, accounts, ledger, tokens)
        finally:
            await server.stop(None)
