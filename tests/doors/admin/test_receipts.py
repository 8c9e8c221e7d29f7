"""Receipts and sums, as operators read them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc.aio
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

from routerhub.admin.v1 import admin_service_pb2 as pb
from routerhub_server.accounts import Account
from routerhub_server.ledger import AttemptEnd, Failure
from tests.doors.admin.conftest import Desk, refused
from tests.ledger.house import arrival, paid

CENT = Money(currency_code="EUR", nanos=10_000_000)


async def render(desk: Desk, account: Account) -> str:
    """A cent's worth."""
    admission = await desk.ledger.admit(arrival(account))
    await desk.ledger.start_attempt(admission.request_id, 1, "gemini", "m")
    await desk.ledger.succeed(admission.request_id, paid(CENT.nanos))
    return admission.request_id


async def fail(desk: Desk, account: Account) -> str:
    """Perhaps ten cents' worth."""
    admission = await desk.ledger.admit(arrival(account))
    await desk.ledger.start_attempt(admission.request_id, 1, "gemini", "m")
    end = AttemptEnd(1, "UPSTREAM_TIMEOUT", "possible")
    await desk.ledger.fail(admission.request_id, Failure("UPSTREAM_TIMEOUT"), end)
    return admission.request_id


async def test_running_request_has_a_receipt_already(desk: Desk) -> None:
    account, _ = await desk.accounts.create("team-a")
    admission = await desk.ledger.admit(arrival(account))
    await desk.ledger.start_attempt(admission.request_id, 1, "gemini", "m")
    receipt = await desk.ask("GetReceipt", pb.GetReceiptRequest(request_id=admission.request_id))
    assert (receipt.state, receipt.spent) == ("rendering", pb.SPENT_POSSIBLE)
    assert not receipt.HasField("finished_at")
    (attempt,) = receipt.attempts
    assert (attempt.outcome, attempt.spent) == ("", pb.SPENT_POSSIBLE)
    assert not attempt.HasField("ended_at")


async def test_failed_request_says_why_and_what_it_may_have_cost(desk: Desk) -> None:
    account, _ = await desk.accounts.create("team-a")
    request_id = await fail(desk, account)
    receipt = await desk.ask("GetReceipt", pb.GetReceiptRequest(request_id=request_id))
    assert (receipt.state, receipt.reason) == ("failed_spent", "UPSTREAM_TIMEOUT")
    assert (receipt.spent, receipt.cost.nanos) == (pb.SPENT_POSSIBLE, 10 * CENT.nanos)
    assert list(receipt.flags) == ["estimated"]
    assert not receipt.attempts[0].HasField("tokens")


@pytest.mark.parametrize("request_id", ["", "nobody", "0" * 32])
async def test_unknown_request_has_no_receipt(desk: Desk, request_id: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await desk.ask("GetReceipt", pb.GetReceiptRequest(request_id=request_id))
    told = refused(raised.value)
    assert (told.code, told.reason) == ("NOT_FOUND", "RECEIPT_NOT_FOUND")


async def test_usage_tells_sure_money_from_possible(desk: Desk) -> None:
    first, _ = await desk.accounts.create("team-a")
    other, _ = await desk.accounts.create("team-b")
    for account in (first, first, other):
        await render(desk, account)
    await fail(desk, first)
    rows = await desk.ask("ReportUsage", pb.ReportUsageRequest(by=pb.ReportUsageRequest.BY_KEY))
    assert [
        (row.key, row.name, row.requests, row.images, row.spent.nanos, row.possible.nanos) for row in rows
    ] == [
        (first.id, "team-a", 3, 2, 2 * CENT.nanos, 10 * CENT.nanos),
        (other.id, "team-b", 1, 1, CENT.nanos, 0),
    ]
    assert {row.spent.currency_code for row in rows} == {"EUR"}


async def test_usage_and_export_keep_to_the_times_asked_for(desk: Desk) -> None:
    account, _ = await desk.accounts.create("team-a")
    request_id = await render(desk, account)
    hour = timedelta(hours=1)
    now = datetime.now(UTC)

    async def found(**bounds: datetime) -> tuple[int, list[str]]:
        stamps = {name: stamp_of(bound) for name, bound in bounds.items()}
        usage = pb.ReportUsageRequest(by=pb.ReportUsageRequest.BY_DAY, **stamps)
        receipts = await desk.ask("ExportReceipts", pb.ExportReceiptsRequest(**stamps))
        rows = await desk.ask("ReportUsage", usage)
        return sum(row.requests for row in rows), [receipt.request_id for receipt in receipts]

    assert await found() == (1, [request_id])
    assert await found(since=now - hour, until=now + hour) == (1, [request_id])
    assert await found(since=now + hour) == (0, [])
    assert await found(until=now - hour) == (0, [])


def stamp_of(moment: datetime) -> Any:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


async def test_usage_must_say_by_what(desk: Desk) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await desk.ask("ReportUsage", pb.ReportUsageRequest())
    assert refused(raised.value).fields == ("by",)
