"""Accounts, as operators make and change them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import grpc.aio
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

from routerhub.admin.v1 import admin_service_pb2 as pb
from routerhub_server.accounts import Account, Limits
from tests.doors.admin.conftest import Desk, Refused, refused

BUDGET = pb.Budget(amount=Money(currency_code="EUR", units=50, nanos=5), period=pb.Budget.PERIOD_MONTH)
LIMITS = pb.Limits(
    requests_per_minute=60, images_per_minute=20, concurrent=5, body_bytes=10**6, budget=BUDGET
)
MODEL_LIMITS = {"openai/*": pb.ModelLimits(requests_per_minute=5)}
FOREVER = Timestamp(seconds=4_000_000_000)


def wish(**changes: Any) -> pb.CreateAccountRequest:
    values: dict[str, Any] = {
        "name": "team-a",
        "expires_at": FOREVER,
        "models": ["google/*"],
        "limits": LIMITS,
        "model_limits": MODEL_LIMITS,
        "provider_ids_allowed": True,
    }
    return pb.CreateAccountRequest(**values | changes)


async def refusal(desk: Desk, method: str, request: Any) -> Refused:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await desk.ask(method, request)
    return refused(raised.value)


async def test_account_comes_back_as_it_was_wished_for(desk: Desk) -> None:
    made = await desk.ask("CreateAccount", wish())
    account = made.account
    assert (account.name, account.state, account.expires_at) == ("team-a", pb.Account.STATE_ACTIVE, FOREVER)
    assert (list(account.models), account.limits) == (["google/*"], LIMITS)
    assert dict(account.model_limits) == MODEL_LIMITS
    assert account.provider_ids_allowed
    assert [key.id for key in account.keys] == [made.secret.split("_")[1]]
    assert await desk.ask("GetAccount", pb.GetAccountRequest(account="team-a")) == account
    assert await desk.ask("GetAccount", pb.GetAccountRequest(account=account.id)) == account
    assert (await desk.accounts.authenticate(made.secret)).id == account.id


async def test_plain_account_has_no_bounds(desk: Desk) -> None:
    made = await desk.ask("CreateAccount", pb.CreateAccountRequest(name="plain"))
    account = made.account
    assert account.limits == pb.Limits()
    assert not account.models
    assert not account.HasField("expires_at")
    assert not account.HasField("provider_ids_allowed")


async def test_secret_is_in_no_other_reply(desk: Desk) -> None:
    made = await desk.ask("CreateAccount", wish())
    replies = [
        await desk.ask("GetAccount", pb.GetAccountRequest(account="team-a")),
        await desk.ask("ListAccounts", pb.ListAccountsRequest()),
        made.account,
    ]
    assert not any(made.secret.split("_")[2] in str(reply) for reply in replies)


@pytest.mark.parametrize(
    ("wished", "field", "message"),
    [
        (wish(name=""), "", "A name is 1 to 100 printable characters without blanks around it."),
        (wish(expires_at=Timestamp(seconds=1)), "", "The expiry is in the past."),
        (wish(models=["google/* openai/*"]), "", "'google/* openai/*' is not a pattern of model ids"),
        (wish(limits=pb.Limits(requests_per_minute=0)), "limits", "limits: rpm must be a positive number."),
        (wish(limits=pb.Limits(body_bytes=-1)), "limits.body_bytes", "limits.body_bytes must be a positive"),
        (
            wish(model_limits={"a": pb.ModelLimits(concurrent=-1)}),
            "model_limits['a']",
            "model_limits['a']: concurrent must be a positive number.",
        ),
        (
            wish(limits=pb.Limits(budget=pb.Budget(amount=Money(units=1)))),
            "limits.budget.period",
            "limits.budget.period must be set.",
        ),
        (
            wish(
                limits=pb.Limits(
                    budget=pb.Budget(amount=Money(currency_code="USD"), period=pb.Budget.PERIOD_DAY)
                )
            ),
            "limits.budget.amount.currency_code",
            "limits.budget.amount must be in EUR, the gateway's currency.",
        ),
        (
            wish(limits=pb.Limits(budget=pb.Budget(amount=Money(units=-1), period=pb.Budget.PERIOD_DAY))),
            "limits.budget.amount",
            "limits.budget.amount is not an amount of money.",
        ),
    ],
)
async def test_wish_that_cannot_be_is_refused_by_its_field(
    desk: Desk, wished: pb.CreateAccountRequest, field: str, message: str
) -> None:
    told = await refusal(desk, "CreateAccount", wished)
    assert (told.code, told.fields) == ("INVALID_ARGUMENT", (field,))
    assert told.message.startswith(message)
    assert await desk.accounts.list() == []


async def test_taken_name_is_refused_until_its_account_is_disabled(desk: Desk) -> None:
    await desk.ask("CreateAccount", wish())
    told = await refusal(desk, "CreateAccount", wish())
    assert (told.code, told.reason) == ("ALREADY_EXISTS", "ACCOUNT_EXISTS")
    assert told.message == "The name 'team-a' is taken; disable its account first."
    await desk.ask("DisableAccount", pb.DisableAccountRequest(account="team-a"))
    assert (await desk.ask("CreateAccount", wish())).secret


NOBODY = [
    ("GetAccount", pb.GetAccountRequest(account="nobody")),
    (
        "UpdateAccount",
        pb.UpdateAccountRequest(account="nobody", update_mask=FieldMask(paths=["models"])),
    ),
    ("RotateKey", pb.RotateKeyRequest(account="nobody")),
    ("DisableAccount", pb.DisableAccountRequest(account="nobody")),
    ("DeleteAccount", pb.DeleteAccountRequest(account="nobody")),
    ("ReportUsage", pb.ReportUsageRequest(by=pb.ReportUsageRequest.BY_KEY, account="nobody")),
    ("ExportReceipts", pb.ExportReceiptsRequest(account="nobody")),
]


@pytest.mark.parametrize(("method", "request_"), NOBODY, ids=[method for method, _ in NOBODY])
async def test_unknown_account_is_not_found(desk: Desk, method: str, request_: Any) -> None:
    told = await refusal(desk, method, request_)
    assert (told.code, told.reason) == ("NOT_FOUND", "ACCOUNT_NOT_FOUND")
    assert told.message == "There is no account with the id or name 'nobody'."


async def update(desk: Desk, *paths: str, **values: Any) -> Account:
    request = pb.UpdateAccountRequest(
        account="team-a", values=pb.Account(**values), update_mask=FieldMask(paths=paths)
    )
    account = await desk.ask("UpdateAccount", request)
    return await desk.accounts.get(account.id)


async def test_update_changes_what_its_mask_names_alone(desk: Desk) -> None:
    await desk.ask("CreateAccount", wish())
    before = await desk.accounts.get("team-a")
    more = pb.Limits(concurrent=9, requests_per_minute=7)
    after = await update(desk, "limits.concurrent", limits=more, name="other", models=["x"])
    assert after.allowance.limits == Limits(60, 20, 9)
    assert (after.name, after.models, after.allowance.budget) == (
        before.name,
        before.models,
        before.allowance.budget,
    )


async def test_update_removes_what_is_absent(desk: Desk) -> None:
    await desk.ask("CreateAccount", wish())
    paths = ("expires_at", "models", "limits.budget", "limits.body_bytes", "limits.requests_per_minute")
    after = await update(desk, *paths, "model_limits", "provider_ids_allowed")
    assert (after.expires_at, after.models, after.provider_ids_allowed) == (None, (), None)
    allowance = after.allowance
    assert (allowance.budget, allowance.body_bytes, dict(allowance.models)) == (None, None, {})
    assert allowance.limits == Limits(None, 20, 5)


async def test_update_of_all_limits_leaves_those_of_models(desk: Desk) -> None:
    await desk.ask("CreateAccount", wish())
    after = await update(desk, "limits", limits=pb.Limits(images_per_minute=3))
    assert after.allowance.limits == Limits(None, 3, None)
    assert dict(after.allowance.models) == {"openai/*": Limits(5)}


async def test_account_can_be_renamed(desk: Desk) -> None:
    await desk.ask("CreateAccount", wish())
    assert (await update(desk, "name", name="team-b")).name == "team-b"


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ((), "update_mask must name what to change."),
        (("id",), "update_mask names 'id', which cannot be changed."),
        (("limits.rpm",), "update_mask names 'limits.rpm', which cannot be changed."),
    ],
)
async def test_mask_that_names_nothing_to_change_is_refused(
    desk: Desk, paths: tuple[str, ...], message: str
) -> None:
    await desk.ask("CreateAccount", wish())
    request = pb.UpdateAccountRequest(account="team-a", update_mask=FieldMask(paths=paths))
    told = await refusal(desk, "UpdateAccount", request)
    assert (told.code, told.fields, told.message) == ("INVALID_ARGUMENT", ("update_mask",), message)


async def test_rotation_gives_a_day_unless_told_otherwise(desk: Desk) -> None:
    made = await desk.ask("CreateAccount", wish(expires_at=None))
    rotated = await desk.ask("RotateKey", pb.RotateKeyRequest(account="team-a"))
    old, new = rotated.account.keys
    left = old.expires_at.ToDatetime(tzinfo=UTC) - datetime.now(UTC)
    assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)
    assert new.id == rotated.secret.split("_")[1]
    for secret in (made.secret, rotated.secret):
        assert (await desk.accounts.authenticate(secret)).id == made.account.id


async def test_rotation_cannot_reach_into_the_past(desk: Desk) -> None:
    await desk.ask("CreateAccount", wish())
    request = pb.RotateKeyRequest(account="team-a", grace=Duration(seconds=-1))
    assert (await refusal(desk, "RotateKey", request)).message == "grace must not be negative."


async def test_disabled_account_gets_no_key(desk: Desk) -> None:
    await desk.ask("CreateAccount", wish())
    disabled = await desk.ask("DisableAccount", pb.DisableAccountRequest(account="team-a"))
    assert disabled.state == pb.Account.STATE_DISABLED
    told = await refusal(desk, "RotateKey", pb.RotateKeyRequest(account=disabled.id))
    assert told.message == "The account 'team-a' is disabled, for good."


async def test_pages_hold_every_account_once(desk: Desk) -> None:
    for number in range(5):
        await desk.accounts.create(f"team-{number}")
    names, token = [], ""
    while True:
        page = await desk.ask("ListAccounts", pb.ListAccountsRequest(page_size=2, page_token=token))
        names.append([account.name for account in page.accounts])
        token = page.next_page_token
        if not token:
            break
        # What is deleted meanwhile is not what the next page starts from.
        await desk.accounts.delete(names[-1][-1])
    assert names == [["team-0", "team-1"], ["team-2", "team-3"], ["team-4"]]


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.ListAccountsRequest(page_size=-1), "page_size"),
        (pb.ListAccountsRequest(page_token="x"), "page_token"),
        (pb.ListAccountsRequest(page_token="2026-11-22 x"), "page_token"),
    ],
)
async def test_page_that_cannot_be_is_refused(
    desk: Desk, request_: pb.ListAccountsRequest, field: str
) -> None:
    await desk.accounts.create("team-a")
    assert (await refusal(desk, "ListAccounts", request_)).fields == (field,)
