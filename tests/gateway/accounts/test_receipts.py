"""Receipts: what replies, the operators' service and the commands say of one and the same request."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest

from routerhub.admin.v1 import admin_service_pb2 as pb
from tests.gateway.accounts.conftest import GEMINI, GPT, GPT_COST, World
from tests.gateway.callers import DOORS, Door, Told
from tests.gateway.operators import NANO, Team, nano_of

GROUPS = ("key", "model", "day", "upstream")


def request_id(told: Told) -> str:
    return told.headers["x-routerhub-request-id"]


def decimal(nano: int) -> str:
    return f"{nano // NANO}.{nano % NANO:09}".rstrip("0").rstrip(".")


@pytest.mark.parametrize("door", DOORS)
def test_receipt_says_what_the_reply_and_the_provider_said(world: World, door: Door) -> None:
    team = world.operator.create()
    before = datetime.now(UTC)
    with team.calling() as caller:
        told = caller.ask(door, "openai", GPT, n=2, size="1024x1024", quality="high")
    receipt = world.operator.receipt(request_id(told))
    assert told.headers["x-routerhub-cost"] == f"{decimal(GPT_COST)} USD"
    assert nano_of(receipt.cost) == GPT_COST
    assert (receipt.account_id, receipt.account_name) == (team.account.id, team.account.name)
    assert (receipt.model, receipt.tier, receipt.door) == ("openai/gpt-image-2", "high 1024x1024", door)
    assert (receipt.state, receipt.images_asked, receipt.images) == ("succeeded", 2, 2)
    assert (receipt.spent, receipt.reason, list(receipt.flags)) == (pb.SPENT_YES, "", [])
    (attempt,) = receipt.attempts
    assert (attempt.number, attempt.upstream, attempt.model) == (1, "openai", "gpt-image-2")
    assert (attempt.outcome, attempt.spent, attempt.images) == ("OK", pb.SPENT_YES, 2)
    assert attempt.tokens == pb.Tokens(text_in=12, image_out=4160)
    assert [(line.kind, line.quantity, nano_of(line.cost)) for line in attempt.lines] == [
        ("text_in", 12, 60_000),
        ("image_out", 4160, 124_800_000),
    ]
    moments = [receipt.admitted_at, attempt.started_at, attempt.ended_at, receipt.finished_at]
    times = [moment.ToDatetime(tzinfo=UTC) for moment in moments]
    assert [before, *times] == sorted([before, *times])


def test_call_is_found_by_its_request_id_in_the_log(world: World) -> None:
    with world.operator.create().calling() as caller:
        told = caller.ask("rest", "openai", GPT)
    assert world.operator.receipt(request_id(told)).call_id == told.headers["x-request-id"]


def test_command_shows_the_same_receipt(world: World) -> None:
    with world.operator.create().calling() as caller:
        told = caller.ask("rest", "gemini", GEMINI)
    served = world.operator.receipt(request_id(told))
    shown = json.loads(world.gateway.routerhub("receipt", request_id(told), "--json"))
    assert shown["cost"] == decimal(nano_of(served.cost))
    assert told.headers["x-routerhub-cost"] == f"{shown['cost']} {shown['currency']}"
    assert (shown["account"], shown["state"], shown["spent"]) == (served.account_name, "succeeded", "yes")
    assert [line["cost"] for line in shown["attempts"][0]["lines"]] == [
        decimal(nano_of(line.cost)) for line in served.attempts[0].lines
    ]
    words = world.gateway.routerhub("receipt", request_id(told))
    assert f"cost       {shown['cost']} USD\n" in words
    assert "attempt 1  gemini/gemini-3-pro-image: OK in" in words


def test_unknown_receipt_is_not_found(world: World) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        world.operator.receipt("0" * 32)
    assert raised.value.code() == grpc.StatusCode.NOT_FOUND


def spend(world: World, team: Team) -> list[Told]:
    """A bit of everything: images, failures that cost nothing, and failures that may have cost."""
    told = []
    with team.calling() as caller:
        for door in DOORS:
            told.append(caller.ask(door, "openai", GPT))
            told.append(caller.ask(door, "openai", GPT, n=2))
            told.append(caller.ask(door, "gemini", GEMINI))
            for fault in ({"status": 429}, {"status": 500}, {"cut_after": 500}, {"cut_after": 0}):
                world.openai.next(**fault)
                told.append(caller.ask(door, "openai", GPT))
    return told


def test_receipts_reports_exports_and_the_providers_count_add_up(world: World) -> None:
    team = world.operator.create()
    asked = {"openai": len(world.openai.requests), "gemini": len(world.gemini.requests)}
    told = spend(world, team)
    assert [each.ok for each in told] == 2 * [*3 * [True], *4 * [False]]
    asked = {
        "openai": len(world.openai.requests) - asked["openai"],
        "gemini": len(world.gemini.requests) - asked["gemini"],
    }

    receipts = [world.operator.receipt(request_id(each)) for each in told]
    attempts = [attempt for receipt in receipts for attempt in receipt.attempts]
    assert {
        name: sum(attempt.upstream == name for attempt in attempts) for name in ("openai", "gemini")
    } == asked
    images = [attempt for attempt in attempts if attempt.outcome == "OK"]
    assert sum(attempt.images for attempt in images) == 2 * (1 + 2 + 1)
    openai_images = [attempt for attempt in images if attempt.upstream == "openai"]
    assert [nano_of(attempt.cost) for attempt in openai_images] == 4 * [GPT_COST]

    spent = cost_of(attempts, pb.SPENT_YES)
    possible = cost_of(attempts, pb.SPENT_POSSIBLE)
    assert possible
    for group in GROUPS:
        rows = world.operator.usage(group, team.account.id).values()
        assert sum(row.attempts for row in rows) == len(attempts) == 14
        assert sum(row.requests for row in rows) == len(receipts)
        assert sum(row.images for row in rows) == sum(attempt.images for attempt in attempts)
        assert sum(nano_of(row.spent) for row in rows) == spent
        assert sum(nano_of(row.possible) for row in rows) == possible
        assert sum(row.tokens.image_out for row in rows) == sum(
            attempt.tokens.image_out for attempt in attempts
        )

    exported = world.operator.ask("ExportReceipts", pb.ExportReceiptsRequest(account=team.account.name))
    assert exported == receipts
    lines = read_csv(world.gateway.routerhub("receipts", "--account", team.account.name))
    assert [(row["request_id"], row["outcome"]) for row in lines] == [
        (receipt.request_id, attempt.outcome) for receipt in receipts for attempt in receipt.attempts
    ]
    charged = [row for row in lines if row["spent"] == "yes"]
    assert sum(round(float(row["cost"]) * NANO) for row in charged) == spent
    (line,) = read_csv(world.gateway.routerhub("usage", "--account", team.account.name, "--format", "csv"))
    assert (line["spent"], line["possible"]) == (decimal(spent), decimal(possible))


def cost_of(attempts: Sequence[pb.Attempt], spent: pb.Spent.ValueType) -> int:
    return sum(nano_of(attempt.cost) for attempt in attempts if attempt.spent == spent)


def read_csv(text: str) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_deleted_accounts_receipts_remain(world: World) -> None:
    team = world.operator.create()
    with team.calling() as caller:
        told = caller.ask("rest", "openai", GPT)
        world.operator.ask("DeleteAccount", pb.DeleteAccountRequest(account=team.account.id))
    assert world.operator.receipt(request_id(told)).account_name == team.account.name
    assert world.operator.usage("key", team.account.id)[team.account.name].requests == 1
    assert team.account.name in world.gateway.routerhub("usage")
    with pytest.raises(grpc.RpcError) as raised:
        world.operator.ask("GetAccount", pb.GetAccountRequest(account=team.account.id))
    assert raised.value.code() == grpc.StatusCode.NOT_FOUND
