"""Limits per minute and at once, as callers of every door meet them."""

import threading
from typing import Any

import pytest

from routerhub.admin.v1 import admin_service_pb2 as pb
from tests.gateway.accounts.conftest import GEMINI, GPT, World
from tests.gateway.callers import DOORS, SHAPES, Caller, Door, Shape, Told
from tests.gateway.providers import beside, wait_until

MODELS = {"gemini": GEMINI, "openai": GPT}


def ask(caller: Caller, door: Door, shape: Shape, **fields: Any) -> Told:
    return caller.ask(door, shape, MODELS[shape], **fields)


def standing(told: Told, of: str) -> tuple[str, str, float]:
    """Limit, remainder, and the seconds until it is whole again."""
    limit, remaining, reset = (
        told.headers[f"x-ratelimit-{what}-{of}"] for what in ("limit", "remaining", "reset")
    )
    return limit, remaining, float(reset.removesuffix("s"))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("door", DOORS)
def test_requests_beyond_the_limit_are_told_when_to_come_back(world: World, door: Door, shape: Shape) -> None:
    with world.operator.create(requests_per_minute=2).calling() as caller:
        good = [ask(caller, door, shape) for _ in range(2)]
        asked = world.behind.asked
        refused = ask(caller, door, shape)
    assert [told.ok for told in good] == [True, True]
    assert [standing(told, "requests") for told in good] == [("2", "1", 61), ("2", "0", 61)]
    assert world.behind.asked == asked
    assert refused.status == (429 if door == "rest" else "RESOURCE_EXHAUSTED")
    assert refused.message == "The limit of 2 requests per minute is reached."
    limit, remaining, reset = standing(refused, "requests")
    assert (limit, remaining) == ("2", "0")
    assert 30 < reset <= 61
    assert 30 < int(refused.headers["retry-after"]) <= 61
    assert refused.headers.get("x-should-retry") == ("true" if door == "rest" else None)
    assert "grpc-retry-pushback-ms" not in refused.headers
    if (door, shape) != ("rest", "openai"):
        assert refused.reason == "RATE_LIMITED"
        assert refused.quota == ("requests", refused.message)
        assert refused.retry_delay is not None
        assert 30 < refused.retry_delay <= 61


def test_refusal_has_the_shape_of_the_vendors(world: World) -> None:
    with world.operator.create(requests_per_minute=1).calling() as caller:
        ask(caller, "rest", "openai")
        openai, google = ask(caller, "rest", "openai"), ask(caller, "rest", "gemini")
    message = "The limit of 1 requests per minute is reached."
    assert openai.body == {
        "error": {
            "message": message,
            "type": "rate_limit_error",
            "param": None,
            "code": "rate_limit_exceeded",
        }
    }
    *details, retry = google.body["error"].pop("details")
    assert google.body == {"error": {"code": 429, "message": message, "status": "RESOURCE_EXHAUSTED"}}
    types = "type.googleapis.com/google.rpc."
    assert details == [
        {"@type": f"{types}ErrorInfo", "reason": "RATE_LIMITED", "domain": "routerhub"},
        {
            "@type": f"{types}QuotaFailure",
            "violations": [{"subject": "requests", "description": message}],
        },
    ]
    assert set(retry) == {"@type", "retryDelay"}


def test_images_count_as_many_as_are_asked_for(world: World) -> None:
    with world.operator.create(images_per_minute=4).calling() as caller:
        three = ask(caller, "rest", "openai", n=3)
        two = ask(caller, "grpc", "openai", n=2)
        one = ask(caller, "rest", "gemini")
    assert standing(three, "images")[:2] == ("4", "1")
    assert (two.status, two.message) == (
        "RESOURCE_EXHAUSTED",
        "The limit of 4 images per minute is reached.",
    )
    assert standing(two, "images")[:2] == ("4", "1")
    assert standing(one, "images")[:2] == ("4", "0")


@pytest.mark.parametrize("door", DOORS)
def test_more_images_than_the_limit_can_ever_allow_are_not_to_be_asked_again(
    world: World, door: Door
) -> None:
    with world.operator.create(images_per_minute=4).calling() as caller:
        refused = ask(caller, door, "openai", n=5)
    assert refused.message == "5 images are more than the limit of 4 per minute."
    assert "retry-after" not in refused.headers
    assert refused.retry_delay is None
    name, value = ("x-should-retry", "false") if door == "rest" else ("grpc-retry-pushback-ms", "-1")
    assert refused.headers[name] == value


def test_renders_at_once_are_limited_until_one_ends(world: World) -> None:
    hold = threading.Event()
    asked = len(world.openai.requests)
    with world.operator.create(concurrent=1).calling() as caller, beside() as run:
        world.openai.next(hold=hold)
        first = run(ask, caller, "rest", "openai")
        wait_until(lambda: len(world.openai.requests) > asked)
        refused = [ask(caller, door, shape) for door in DOORS for shape in SHAPES]
        hold.set()
        assert first.result().ok
        assert ask(caller, "grpc", "openai").ok
    assert {told.message for told in refused} == {"The limit of 1 renders at once is reached."}
    assert {told.headers["retry-after"] for told in refused} == {"1"}


def test_limits_of_some_models_leave_the_others_alone(world: World) -> None:
    limits = {"openai/*": pb.ModelLimits(requests_per_minute=1)}
    with world.operator.create(model_limits=limits, requests_per_minute=10).calling() as caller:
        told = [ask(caller, "rest", shape) for shape in ("openai", "openai", "gemini")]
    assert [each.status for each in told] == [200, 429, 200]
    assert told[1].message == "The limit of 1 requests per minute of openai/* is reached."
    assert standing(told[0], "requests")[:2] == ("1", "0")
    assert standing(told[2], "requests")[:2] == ("10", "8")


def test_refused_requests_count_nothing_and_leave_no_receipt(world: World) -> None:
    team = world.operator.create(requests_per_minute=1)
    with team.calling() as caller:
        told = [ask(caller, "rest", "openai") for _ in range(3)]
    assert [each.ok for each in told] == [True, False, False]
    assert world.operator.usage("key", team.account.id)[team.account.name].requests == 1
