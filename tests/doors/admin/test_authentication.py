"""Who may use the operators' service."""

import grpc.aio
import pytest

from routerhub.admin.v1 import admin_service_pb2 as pb
from tests.doors.admin.conftest import Desk, refused

MISSING = "The admin token is missing. Send it as `authorization: Bearer rha_...`."


async def told(desk: Desk, metadata: tuple[tuple[str, str], ...]) -> tuple[str, str, str]:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await desk.stub.ListAccounts(pb.ListAccountsRequest(), metadata=metadata, timeout=10)
    refusal = refused(raised.value)
    return refusal.code, refusal.reason, refusal.message


@pytest.mark.parametrize("metadata", [(), (("authorization", "Basic x"),), (("x-goog-api-key", "rha_x"),)])
async def test_call_without_a_token_is_refused(desk: Desk, metadata: tuple[tuple[str, str], ...]) -> None:
    assert await told(desk, metadata) == ("UNAUTHENTICATED", "UNAUTHENTICATED", MISSING)


async def test_key_of_an_account_is_no_token(desk: Desk) -> None:
    _, key = await desk.accounts.create("team-a")
    code, reason, message = await told(desk, (("authorization", f"Bearer {key}"),))
    assert (code, reason) == ("UNAUTHENTICATED", "UNAUTHENTICATED")
    assert message == "The admin token is malformed: it has not the form `rha_...`."


async def test_deleted_token_ends_at_once(desk: Desk) -> None:
    await desk.ask("ListAccounts", pb.ListAccountsRequest())
    (token,) = await desk.tokens.list()
    assert await desk.tokens.delete(token.id)
    code, _, message = await told(desk, desk.metadata)
    assert (code, message) == ("UNAUTHENTICATED", "The admin token is not known.")


async def test_token_with_anothers_secret_is_refused(desk: Desk) -> None:
    other = await desk.tokens.create("other")
    await desk.tokens.delete(other.split("_")[1])
    assert (await told(desk, (("authorization", f"Bearer {other}"),)))[2] == "The admin token is not known."


async def test_reply_has_its_request_id(desk: Desk) -> None:
    call = desk.stub.ListAccounts(pb.ListAccountsRequest(), metadata=desk.metadata, timeout=10)
    assert dict(await call.initial_metadata())["x-request-id"]
    await call
