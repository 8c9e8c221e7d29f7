"""Another RouterHub behind this one."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from routerhub_server.doors.dialects import http_error
from routerhub_server.errors import (
    BudgetExhaustedError,
    ContentBlockedError,
    InternalError,
    InvalidRequestError,
    ModelNotFoundError,
    NoImageError,
    OverloadedError,
    ProviderError,
    RateLimitedError,
    RouterHubError,
    UnauthenticatedError,
    UpstreamBadReplyError,
    UpstreamError,
    UpstreamMisconfiguredError,
    UpstreamRateLimitedError,
    UpstreamRejectedError,
    UpstreamTimeoutError,
    UpstreamUnavailableError,
    Violation,
)
from routerhub_server.upstreams.base import Interface, Order
from routerhub_server.upstreams.http import HttpUpstream
from routerhub_server.upstreams.routerhub import RouterHubAdapter
from tests.fakes.server import Answer, FakeServer, Received, json_answer
from tests.upstreams.orders import gemini_order, openai_order, upstream_of

PNG = "iVBORw0KGgo="
GEMINI_REPLY = {
    "candidates": [{"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": PNG}}]}}]
}


class FakeRouterHub(FakeServer):
    """Answers on both doors; `failure` is what it answers instead, rendered by our own doors."""

    def __init__(self) -> None:
        super().__init__("rh_test_key")
        self.failure: RouterHubError | None = None

    def respond(self, request: Received) -> Answer:
        interface: Interface = "gemini" if request.path.startswith("/v1beta/") else "openai"
        failure = self.failure
        if request.headers.get("authorization") != f"Bearer {self.key}":
            failure = UnauthenticatedError("No.")
        if failure is not None:
            refusal = http_error(failure, interface)
            return Answer(refusal.status, refusal.body, dict(refusal.headers))
        reply: Any = {"created": 1, "data": [{"b64_json": PNG}]} if interface == "openai" else GEMINI_REPLY
        return json_answer(200, reply)


@pytest.fixture
async def fake() -> AsyncIterator[FakeRouterHub]:
    async with FakeRouterHub() as server:
        yield server


@pytest.fixture
async def hub(fake: FakeRouterHub) -> AsyncIterator[HttpUpstream]:
    upstream = upstream_of(RouterHubAdapter(fake.key, fake.url))
    yield upstream
    await upstream.close()


ORDERS = [pytest.param(gemini_order(), id="gemini"), pytest.param(openai_order(), id="openai")]


async def test_gemini_order_goes_to_the_gemini_door(hub: HttpUpstream, fake: FakeRouterHub) -> None:
    order = Order(gemini_order("a cat").request, "google/gemini-3-pro-image", "request-1")
    reply = await hub.render(order)
    (received,) = fake.requests
    assert received.path == "/v1beta/models/google/gemini-3-pro-image:generateContent"
    assert received.body == b'{"contents":[{"parts":[{"text":"a cat"}]}]}'
    assert received.headers["x-request-id"] == "request-1"
    assert reply.facts.images == 1


async def test_openai_order_goes_to_the_openai_door(hub: HttpUpstream, fake: FakeRouterHub) -> None:
    reply = await hub.render(openai_order("a cat"))
    (received,) = fake.requests
    assert received.path == "/v1/images/generations"
    assert received.body == b'{"model":"gpt-image-2","prompt":"a cat"}'
    assert reply.facts.images == 1


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    ("failure", "kind", "spent"),
    [
        (ModelNotFoundError("x"), UpstreamMisconfiguredError, "no"),
        (BudgetExhaustedError("No more."), UpstreamMisconfiguredError, "no"),
        (RateLimitedError("Slow down.", retry_after=7), UpstreamRateLimitedError, "no"),
        (OverloadedError("Full.", retry_after=7), UpstreamUnavailableError, "no"),
        (UpstreamRateLimitedError("Theirs.", retry_after=7), UpstreamRateLimitedError, "no"),
        (UpstreamUnavailableError("Broken.", spent="possible"), UpstreamUnavailableError, "possible"),
        (UpstreamTimeoutError("Late.", spent="possible"), UpstreamTimeoutError, "possible"),
        (UpstreamBadReplyError("Torn.", spent="yes"), UpstreamBadReplyError, "possible"),
        (InternalError(), UpstreamUnavailableError, "possible"),
        (NoImageError("Words."), NoImageError, "no"),
        (ContentBlockedError("No."), ContentBlockedError, "no"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, RouterHubError) else "",
)
async def test_failure_keeps_its_meaning_across_the_hop(
    hub: HttpUpstream,
    fake: FakeRouterHub,
    order: Order,
    failure: RouterHubError,
    kind: type[RouterHubError],
    spent: str,
) -> None:
    fake.failure = failure
    with pytest.raises(RouterHubError) as caught:
        await hub.render(order)
    assert type(caught.value) is kind
    assert caught.value.spent == spent
    if failure.retry_after is not None:
        assert caught.value.retry_after == failure.retry_after


async def test_failure_that_cost_nothing_is_said_so_on_the_openai_door(
    hub: HttpUpstream, fake: FakeRouterHub
) -> None:
    fake.failure = UpstreamUnavailableError("Nobody there.")
    with pytest.raises(UpstreamUnavailableError) as caught:
        await hub.render(openai_order())
    assert caught.value.spent == "no"


@pytest.mark.parametrize("order", ORDERS)
async def test_callers_fault_is_told_in_the_same_words(
    hub: HttpUpstream, fake: FakeRouterHub, order: Order
) -> None:
    fake.failure = InvalidRequestError([Violation("size", "Invalid size.", code="invalid_value")])
    with pytest.raises(UpstreamRejectedError) as caught:
        await hub.render(order)
    assert caught.value.message == "Invalid size."
    again = http_error(caught.value, order.interface)
    first = http_error(fake.failure, order.interface)
    assert again.status == first.status
    if order.interface == "openai":
        assert again.body == first.body
    else:
        assert again.body.count(b"ErrorInfo") == 1
        assert b"fieldViolations" in again.body


async def test_providers_own_words_pass_two_hops(hub: HttpUpstream, fake: FakeRouterHub) -> None:
    provider = ProviderError(
        400, "Bad size.", type="invalid_request_error", param="size", code="invalid_value"
    )
    fake.failure = UpstreamRejectedError(provider)
    with pytest.raises(UpstreamRejectedError) as caught:
        await hub.render(openai_order())
    assert caught.value.provider == provider


@pytest.mark.parametrize("order", ORDERS)
async def test_wrong_key_is_the_operators_fault(fake: FakeRouterHub, order: Order) -> None:
    upstream = upstream_of(RouterHubAdapter("rh_wrong", fake.url))
    with pytest.raises(UpstreamMisconfiguredError, match="does not accept the gateway's credentials"):
        await upstream.render(order)
    await upstream.close()


@pytest.mark.parametrize(("advice", "spent"), [("false", "possible"), ("true", "no"), ("", "no")])
async def test_proxys_own_503_says_whether_it_may_have_been_sent(
    hub: HttpUpstream, fake: FakeRouterHub, advice: str, spent: str
) -> None:
    body = b"upstream connect error or disconnect/reset before headers"
    fake.next(status=503, body=body, headers={"x-should-retry": advice})
    with pytest.raises(UpstreamError) as caught:
        await hub.render(gemini_order())
    assert type(caught.value) is UpstreamUnavailableError
    assert caught.value.spent == spent
