"""Budgets, as callers of every door meet them."""

import openai
import pytest

from tests.gateway.accounts.conftest import GEMINI, GPT, GPT_COST, World
from tests.gateway.callers import DOORS, SHAPES, Door, Shape
from tests.gateway.operators import nano_of

MODELS = {"gemini": GEMINI, "openai": GPT}
PERIODS = {"day": " of this day", "month": " of this month", "total": ""}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("period", PERIODS)
def test_exhausted_budget_is_not_to_be_asked_again(
    world: World, door: Door, shape: Shape, period: str
) -> None:
    asked = world.behind.asked
    with world.operator.create(budget=f"0.01/{period}").calling() as caller:
        refused = caller.ask(door, shape, MODELS[shape])
    assert world.behind.asked == asked
    message = f"The budget{PERIODS[period]} does not cover what the request may cost."
    assert (refused.status, refused.message) == (429 if door == "rest" else "RESOURCE_EXHAUSTED", message)
    assert "retry-after" not in refused.headers
    assert refused.retry_delay is None
    if door == "rest":
        assert refused.headers["x-should-retry"] == "false"
    else:
        assert refused.headers["grpc-retry-pushback-ms"] == "-1"
    if (door, shape) == ("rest", "openai"):
        code = "insufficient_quota"
        assert refused.body == {"error": {"message": message, "type": code, "param": None, "code": code}}
    else:
        assert refused.reason == "BUDGET_EXHAUSTED"
        assert refused.quota == ("budget", message)


def test_openais_sdk_asks_once(world: World) -> None:
    """It would repeat a 429 twice by itself."""
    team = world.operator.create(budget="0.01/total")
    calls = world.gateway.log.read_text().count(f'"account": "{team.account.id}"')
    client = openai.OpenAI(
        api_key=team.secret, base_url=f"{world.gateway.http}/v1", max_retries=2, timeout=20
    )
    with client, pytest.raises(openai.RateLimitError) as raised:
        client.images.generate(model=GPT, prompt="a lighthouse")
    assert raised.value.code == "insufficient_quota"
    assert world.gateway.log.read_text().count(f'"account": "{team.account.id}"') == calls + 1


def test_what_was_not_spent_of_the_estimate_can_be_spent(world: World) -> None:
    """0.34 USD hold one estimate of 0.21 beside one image of 0.125, and not beside two."""
    team = world.operator.create(budget="0.34/total")
    with team.calling() as caller:
        told = [caller.ask("rest", "openai", GPT) for _ in range(3)]
    assert [each.status for each in told] == [200, 200, 429]
    row = world.operator.usage("key", team.account.id)[team.account.name]
    assert (row.requests, nano_of(row.spent), nano_of(row.possible)) == (2, 2 * GPT_COST, 0)


def test_failure_that_cost_nothing_leaves_the_budget_whole(world: World) -> None:
    with world.operator.create(budget="0.22/total").calling() as caller:
        world.openai.next(status=429, body={"error": {"message": "Slow down."}})
        assert caller.ask("rest", "openai", GPT).status == 429
        assert caller.ask("rest", "openai", GPT).ok


def test_failure_that_may_have_cost_something_counts_at_its_estimate(world: World) -> None:
    team = world.operator.create(budget="0.25/total")
    with team.calling() as caller:
        world.openai.next(status=500, body={"error": {"message": "Oops."}})
        failed = caller.ask("rest", "openai", GPT)
        refused = caller.ask("rest", "openai", GPT)
    assert failed.headers["x-routerhub-cost"].startswith("possibly 0.21")
    assert refused.body["error"]["code"] == "insufficient_quota"
    row = world.operator.usage("key", team.account.id)[team.account.name]
    receipt = world.operator.receipt(failed.headers["x-routerhub-request-id"])
    assert (nano_of(row.spent), nano_of(row.possible)) == (0, nano_of(receipt.estimate))


@pytest.mark.parametrize("door", DOORS)
def test_unknown_price_is_refused_to_accounts_with_a_budget(world: World, door: Door) -> None:
    with world.operator.create(budget="1000/month").calling() as caller:
        refused = caller.ask(door, "openai", "gpt-mystery")
    assert refused.message == (
        "The price of this model is not known, so that it cannot be charged to a budget."
    )


def test_unknown_price_is_flagged_for_accounts_without_a_budget(world: World) -> None:
    team = world.operator.create()
    with team.calling() as caller:
        told = caller.ask("rest", "openai", "gpt-mystery")
    assert told.headers["x-routerhub-cost"] == "unknown"
    receipt = world.operator.receipt(told.headers["x-routerhub-request-id"])
    assert list(receipt.flags) == ["unpriced"]
    assert not receipt.attempts[0].HasField("cost")
    assert not receipt.HasField("estimate")
    assert world.operator.usage("key", team.account.id)[team.account.name].unpriced == 1
