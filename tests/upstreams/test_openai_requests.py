"""What OpenAI receives, to the byte."""

from typing import Any

import pytest
from google.protobuf import json_format

from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest
from routerhub_server.upstreams.base import Order
from routerhub_server.upstreams.http import HttpUpstream
from routerhub_server.upstreams.openai import BASE_URL, OpenAIAdapter
from tests.fakes.openai import FakeOpenAI
from tests.upstreams.orders import openai_order, upstream_of

EVERY_OPTION: dict[str, Any] = {
    "model": "dall-e-3",
    "prompt": "Ein Käsekuchen ☃",
    "n": 1,
    "size": "1536x1024",
    "quality": "high",
    "background": "opaque",
    "moderation": "low",
    "output_format": "jpeg",
    "output_compression": 0,
    "partial_images": 0,
    "response_format": "b64_json",
    "style": "vivid",
    "user": "",
    "safety_identifier": "s",
    "complexity": "low",
    "frame_count": 2,
    "frame_duration_ms": 200,
    "svg": {"model": "m", "reasoning": {"effort": "none"}},
}


async def test_minimal_request_arrives_as_written(openai: HttpUpstream, fake_openai: FakeOpenAI) -> None:
    await openai.render(openai_order("a cat"))
    (received,) = fake_openai.requests
    assert received.method == "POST"
    assert received.path == "/v1/images/generations"
    assert received.body == b'{"model":"gpt-image-2","prompt":"a cat"}'


async def test_headers_are_these_and_no_others(openai: HttpUpstream, fake_openai: FakeOpenAI) -> None:
    await openai.render(openai_order())
    (received,) = fake_openai.requests
    assert received.headers == {
        "host": fake_openai.url.removeprefix("http://"),
        "connection": "keep-alive",
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": "routerhub-images",
        "content-type": "application/json",
        "content-length": str(len(received.body)),
        "authorization": f"Bearer {fake_openai.key}",
    }


async def test_organization_and_project_are_sent_when_set(fake_openai: FakeOpenAI) -> None:
    adapter = OpenAIAdapter(fake_openai.key, fake_openai.base_url, organization="org-1", project="proj-1")
    upstream = upstream_of(adapter)
    await upstream.render(openai_order())
    await upstream.close()
    assert fake_openai.requests[0].headers["openai-organization"] == "org-1"
    assert fake_openai.requests[0].headers["openai-project"] == "proj-1"


async def test_every_option_arrives_and_nothing_else(openai: HttpUpstream, fake_openai: FakeOpenAI) -> None:
    """The fake has its own list of OpenAI's fields and refuses what is not on it."""
    request = json_format.ParseDict(EVERY_OPTION, GenerateImagesRequest())
    fake_openai.image = b"picture"
    await openai.render(Order(request, "dall-e-3", "request-1"))
    assert fake_openai.requests[0].json == EVERY_OPTION
    assert list(fake_openai.requests[0].json) == list(EVERY_OPTION)


@pytest.mark.parametrize("stream", [True, False])
async def test_stream_is_never_asked_for(openai: HttpUpstream, fake_openai: FakeOpenAI, stream: bool) -> None:
    await openai.render(openai_order(stream=stream))
    assert "stream" not in fake_openai.requests[0].json


async def test_order_is_untouched_by_rendering(openai: HttpUpstream) -> None:
    order = openai_order(stream=True)
    await openai.render(order)
    assert order.request == GenerateImagesRequest(model="openai/gpt-image-1", prompt="a cat", stream=True)


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        (BASE_URL, "https://api.openai.com/v1/images/generations"),
        ("http://gw/openai/v1/", "http://gw/openai/v1/images/generations"),
    ],
)
def test_base_url_may_have_a_path_and_a_slash(base_url: str, url: str) -> None:
    assert OpenAIAdapter("key", base_url).encode_request(openai_order()).url == url


def test_no_key_means_no_authorization() -> None:
    """Servers of one's own often have none."""
    assert "authorization" not in OpenAIAdapter("").encode_request(openai_order()).headers
