"""The service of operators."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from routerhub.admin.v1 import admin_service_pb2 as pb
from routerhub.admin.v1.admin_service_pb2_grpc import AdminServiceServicer
from routerhub_server.accounts import Account, Accounts
from routerhub_server.doors.admin.accounts import New, read_change, write_account
from routerhub_server.doors.admin.receipts import GROUPINGS, write_receipt, write_sum
from routerhub_server.doors.admin.values import invalid, read_duration, read_time
from routerhub_server.errors import ReceiptNotFoundError
from routerhub_server.ledger import Ledger

GRACE = timedelta(hours=24)
PAGE, LARGEST_PAGE = 100, 1000


class AdminService(AdminServiceServicer):
    def __init__(self, accounts: Accounts, ledger: Ledger, currency: str) -> None:
        self._accounts = accounts
        self._ledger = ledger
        self._currency = currency

    async def CreateAccount(self, request: pb.CreateAccountRequest, context: Any) -> pb.CreateAccountResponse:
        new = New(request, self._currency)
        account, secret = await self._accounts.create(
            new.name,
            expires_at=new.expires_at,
            models=new.models,
            allowance=new.allowance,
            provider_ids_allowed=new.provider_ids_allowed,
        )
        return pb.CreateAccountResponse(account=await self._whole(account), secret=secret)

    async def ListAccounts(self, request: pb.ListAccountsRequest, context: Any) -> pb.ListAccountsResponse:
        if request.page_size < 0:
            raise invalid("page_size", "page_size must not be negative.")
        size = min(request.page_size or PAGE, LARGEST_PAGE)
        accounts = _after(await self._accounts.list(), request.page_token)
        now = datetime.now(UTC)
        return pb.ListAccountsResponse(
            accounts=[write_account(account, (), now, self._currency) for account in accounts[:size]],
            next_page_token=_token(accounts[size - 1]) if len(accounts) > size else "",
        )

    async def GetAccount(self, request: pb.GetAccountRequest, context: Any) -> pb.Account:
        return await self._whole(await self._accounts.get(request.account))

    async def UpdateAccount(self, request: pb.UpdateAccountRequest, context: Any) -> pb.Account:
        change = read_change(request, self._currency)
        return await self._whole(await self._accounts.edit(request.account, change))

    async def RotateKey(self, request: pb.RotateKeyRequest, context: Any) -> pb.RotateKeyResponse:
        grace = read_duration(request, "grace", GRACE)
        account, secret = await self._accounts.rotate(request.account, grace)
        return pb.RotateKeyResponse(account=await self._whole(account), secret=secret)

    async def DisableAccount(self, request: pb.DisableAccountRequest, context: Any) -> pb.Account:
        return await self._whole(await self._accounts.disable(request.account))

    async def DeleteAccount(self, request: pb.DeleteAccountRequest, context: Any) -> pb.DeleteAccountResponse:
        await self._accounts.delete(request.account)
        return pb.DeleteAccountResponse()

    async def GetReceipt(self, request: pb.GetReceiptRequest, context: Any) -> pb.Receipt:
        receipt = await self._ledger.receipt(request.request_id)
        if receipt is None:
            raise ReceiptNotFoundError(request.request_id[:100])
        return write_receipt(receipt, self._currency)

    async def ExportReceipts(
        self, request: pb.ExportReceiptsRequest, context: Any
    ) -> AsyncIterator[pb.Receipt]:
        since, until = read_time(request, "since"), read_time(request, "until")
        async for receipt in self._ledger.receipts(since, until, await self._id(request.account)):
            yield write_receipt(receipt, self._currency)

    async def ReportUsage(self, request: pb.ReportUsageRequest, context: Any) -> AsyncIterator[pb.UsageRow]:
        if request.by not in GROUPINGS:
            raise invalid("by", "by must be set.", "MISSING_FIELD")
        since, until = read_time(request, "since"), read_time(request, "until")
        by = GROUPINGS[request.by]
        for each in await self._ledger.usage(by, since, until, await self._id(request.account)):
            yield write_sum(each, self._currency)

    async def _whole(self, account: Account) -> pb.Account:
        keys = await self._accounts.keys(account)
        return write_account(account, keys, datetime.now(UTC), self._currency)

    async def _id(self, id_or_name: str) -> str | None:
        return await self._accounts.identify(id_or_name) if id_or_name else None


def _token(account: Account) -> str:
    return f"{account.created_at.isoformat()} {account.id}"


def _after(accounts: Sequence[Account], token: str) -> Sequence[Account]:
    """Those after the one that the token names, which may be gone by now. Raises InvalidRequestError."""
    if not token:
        return accounts
    text, _, account_id = token.partition(" ")
    try:
        last = (datetime.fromisoformat(text), account_id)
        return [account for account in accounts if (account.created_at, account.id) > last]
    except (ValueError, TypeError) as error:
        raise invalid("page_token", "page_token is not one that was given.") from error
