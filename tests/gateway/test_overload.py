"""The bytes that the process holds at once are bounded, at both doors."""

import contextlib
import threading
from collections.abc import Iterator

import pytest

from tests.conftest import Gateway, running_gateway
from tests.fakes.server import Fault
from tests.gateway.callers import DOORS, SHAPES, Caller, Door, Shape, Told
from tests.gateway.providers import Providers, beside, providers, wait_until

LIMIT = 200_000
MODELS = {"gemini": "gemini-3-pro-image", "openai": "gpt-image-2"}
LONG = "a lighthouse " * 1_500
"""20 KB of prompt."""


@pytest.fixture(scope="module")
def behind() -> Iterator[Providers]:
    with providers() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(behind: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    config = {"upstreams": behind.upstreams, "limits": {"bytes_in_flight": LIMIT}}
    with running_gateway(tmp_path_factory.mktemp("overload"), config) as running:
        yield running


@pytest.fixture(scope="module")
def caller(gateway: Gateway) -> Iterator[Caller]:
    with contextlib.closing(Caller(gateway)) as calling:
        yield calling


def check_overloaded(told: Told, door: Door, shape: Shape) -> None:
    assert told.status == (503 if door == "rest" else "UNAVAILABLE")
    assert told.headers["retry-after"] == "1"
    assert told.ours == {}
    if door == "rest" and shape == "openai":
        assert told.body["error"]["type"] == "server_error"
        assert (told.body["error"]["code"], told.headers["x-should-retry"]) == ("overloaded", "true")
    else:
        assert (told.reason, told.retry_delay) == ("OVERLOADED", 1)
    assert "grpc-retry-pushback-ms" not in told.headers


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("shape", SHAPES)
def test_too_much_at_once_is_overloaded_and_buys_nothing(
    behind: Providers, caller: Caller, door: Door, shape: Shape
) -> None:
    before = behind.asked
    check_overloaded(caller.ask(door, shape, MODELS[shape], prompt=LONG * 12), door, shape)
    assert behind.asked == before
    assert caller.ask(door, shape, MODELS[shape], prompt=LONG).ok


@pytest.mark.parametrize("door", DOORS)
def test_what_others_hold_counts_until_they_are_done(behind: Providers, caller: Caller, door: Door) -> None:
    answer = threading.Event()
    behind.openai.otherwise = Fault(hold=answer)
    before = behind.asked
    with beside() as run:
        held = [run(caller.ask, door, "openai", "gpt-image-2", prompt=LONG) for _ in range(8)]
        wait_until(lambda: behind.asked == before + 8)
        check_overloaded(caller.ask(door, "openai", "gpt-image-2", prompt=LONG * 3), door, "openai")
        answer.set()
        assert [future.result(20).ok for future in held] == [True] * 8
    behind.openai.otherwise = Fault()
    assert behind.asked == before + 8
    assert caller.ask(door, "openai", "gpt-image-2", prompt=LONG * 1).ok


@pytest.mark.parametrize("door", DOORS)
def test_reply_that_is_paid_is_delivered_however_much_is_held(
    behind: Providers, caller: Caller, door: Door
) -> None:
    behind.openai.next(body={"created": 1, "data": [{"url": "https://images.example/" + "x" * 3 * LIMIT}]})
    assert caller.ask(door, "openai", "gpt-image-2").ok
    assert caller.ask(door, "openai", "gpt-image-2", prompt=LONG).ok  # it is given back
