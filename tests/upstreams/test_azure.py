"""What Azure receives on its two surfaces, and what its refusals mean."""

from typing import Any

import pytest

from routerhub_server.errors import (
    ContentBlockedError,
    RouterHubError,
    UpstreamMisconfiguredError,
    UpstreamRateLimitedError,
)
from routerhub_server.settings import Settings, UpstreamSettings
from routerhub_server.upstreams.azure import azure_upstream
from routerhub_server.upstreams.base import Order
from tests.fakes.azure import API_VERSION, FakeAzure, content_filtered
from tests.upstreams.orders import openai_order

DEPLOYMENT_PATH = f"/openai/deployments/gpt-image-2-eu/images/generations?api-version={API_VERSION}"


def order(model: str = "gpt-image-2-eu") -> Order:
    return Order(openai_order("a cat", size="1024x1024").request, model, "request-1")


def section(fake: FakeAzure, **more: Any) -> UpstreamSettings:
    return UpstreamSettings(kind="azure", base_url=fake.base_url, api_key=more.pop("key", fake.key), **more)


async def failed(fake: FakeAzure, asked: Order, **more: Any) -> RouterHubError:
    upstream = azure_upstream("azure", section(fake, **more), Settings())
    with pytest.raises(RouterHubError) as caught:
        await upstream.render(asked)
    await upstream.close()
    return caught.value


@pytest.mark.parametrize(
    ("api_version", "path"),
    [
        (API_VERSION, DEPLOYMENT_PATH),
        (None, "/openai/v1/images/generations"),
        ("preview", "/openai/v1/images/generations?api-version=preview"),
    ],
)
async def test_request_arrives_on_the_surface_that_the_version_names(
    fake_azure: FakeAzure, api_version: str | None, path: str
) -> None:
    upstream = azure_upstream("azure", section(fake_azure, api_version=api_version), Settings())
    reply = await upstream.render(order())
    await upstream.close()
    (received,) = fake_azure.requests
    assert (received.method, received.path) == ("POST", path)
    assert received.body == b'{"model":"gpt-image-2-eu","prompt":"a cat","size":"1024x1024"}'
    assert received.headers == {
        "host": fake_azure.url.removeprefix("http://"),
        "connection": "keep-alive",
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": "routerhub-images",
        "content-type": "application/json",
        "content-length": str(len(received.body)),
        "api-key": fake_azure.key,
    }
    assert reply.facts.images == 1


@pytest.mark.parametrize("api_version", [API_VERSION, None])
async def test_unknown_deployment_is_a_model_that_is_gone(
    fake_azure: FakeAzure, api_version: str | None
) -> None:
    error = await failed(fake_azure, order("gone"), api_version=api_version)
    assert isinstance(error, UpstreamMisconfiguredError)
    assert error.message == "The upstream does not know the model 'gone'."
    assert error.provider is not None
    assert error.provider.code == "DeploymentNotFound"


async def test_wrong_key_is_the_operators_fault(fake_azure: FakeAzure) -> None:
    error = await failed(fake_azure, order(), key="wrong")
    assert isinstance(error, UpstreamMisconfiguredError)
    assert error.message == "The upstream does not accept the gateway's credentials."


async def test_wrong_version_is_the_operators_fault(fake_azure: FakeAzure) -> None:
    error = await failed(fake_azure, order(), api_version="1999-01-01")
    assert isinstance(error, UpstreamMisconfiguredError)
    assert error.message == "The upstream does not offer this call."


async def test_content_filter_is_blocked_content_with_its_details(fake_azure: FakeAzure) -> None:
    fake_azure.next(status=400, body=content_filtered())
    error = await failed(fake_azure, order())
    assert isinstance(error, ContentBlockedError)
    assert error.provider is not None
    assert error.provider.extra["inner_error"]["code"] == "ResponsibleAIPolicyViolation"


async def test_429_is_the_providers_rate_limit(fake_azure: FakeAzure) -> None:
    body = {"error": {"code": "429", "message": "Requests have exceeded call rate limit."}}
    fake_azure.next(status=429, body=body, headers={"retry-after": "6"})
    error = await failed(fake_azure, order())
    assert isinstance(error, UpstreamRateLimitedError)
    assert error.retry_after == 6
