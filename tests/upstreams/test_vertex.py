"""What Vertex AI receives, and how its tokens are come by."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest
from routerhub_server.errors import (
    UpstreamMisconfiguredError,
    UpstreamRateLimitedError,
    UpstreamRejectedError,
    UpstreamUnavailableError,
)
from routerhub_server.settings import Settings, SettingsError, UpstreamSettings
from routerhub_server.upstreams.base import Order, Upstream
from routerhub_server.upstreams.vertex import VertexAdapter, host_of, vertex_upstream
from tests.fakes.gemini import error_body, quota_exceeded
from tests.fakes.vertex import FakeVertex
from tests.upstreams.orders import gemini_order, upstream_of

PATH = "/v1beta1/projects/proj-1/locations/us-central1/publishers/google/models/gemini-3-pro-image"


async def test_request_goes_to_the_projects_path_with_a_token(
    vertex: Upstream, fake_vertex: FakeVertex
) -> None:
    reply = await vertex.render(gemini_order("a cat"))
    token, received = fake_vertex.requests
    assert (token.method, token.path) == ("POST", "/token")
    assert (received.method, received.path) == ("POST", f"{PATH}:generateContent")
    assert received.body == b'{"contents":[{"parts":[{"text":"a cat"}],"role":"user"}]}'
    assert received.headers == {
        "host": fake_vertex.url.removeprefix("http://"),
        "connection": "keep-alive",
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": "routerhub-images",
        "content-type": "application/json",
        "content-length": str(len(received.body)),
        "authorization": f"Bearer {fake_vertex.tokens[0]}",
    }
    assert reply.facts.images == 1


async def test_vertex_fields_arrive_and_response_format_stays_a_list(
    vertex: Upstream, fake_vertex: FakeVertex
) -> None:
    body: dict[str, Any] = {
        "contents": [{"parts": [{"text": "x"}], "role": "user"}],
        "safetySettings": [
            {
                "category": "HARM_CATEGORY_HARASSMENT",
                "threshold": "BLOCK_ONLY_HIGH",
                "method": "SEVERITY",
            }
        ],
        "generationConfig": {
            "imageConfig": {
                "aspectRatio": "16:9",
                "personGeneration": "ALLOW_ADULT",
                "imageOutputOptions": {"mimeType": "image/jpeg", "compressionQuality": 80},
            },
            "responseFormat": [{"image": {"delivery": "INLINE"}}],
            "audioTimestamp": False,
        },
        "labels": {"team": "design"},
        "modelArmorConfig": {"promptTemplateName": "t"},
    }
    request = json_format.ParseDict(body, GenerateContentRequest())
    await vertex.render(Order(request, "gemini-3-pro-image", "r"))
    assert fake_vertex.generations[0].json == body


async def test_one_token_serves_many_calls(vertex: Upstream, fake_vertex: FakeVertex) -> None:
    await asyncio.gather(*(vertex.render(gemini_order()) for _ in range(8)))
    await vertex.render(gemini_order())
    assert len(fake_vertex.tokens) == 1


async def test_token_about_to_expire_is_replaced(vertex: Upstream, fake_vertex: FakeVertex) -> None:
    fake_vertex.lifetime = 30
    await vertex.render(gemini_order())
    fake_vertex.lifetime = 3600
    await vertex.render(gemini_order())
    await vertex.render(gemini_order())
    assert len(fake_vertex.tokens) == 2


async def test_token_that_is_refused_is_replaced_for_the_next_call(
    vertex: Upstream, fake_vertex: FakeVertex
) -> None:
    await vertex.render(gemini_order())
    fake_vertex.tokens.append("revoked all before")
    with pytest.raises(
        UpstreamMisconfiguredError, match="does not accept the gateway's credentials"
    ) as caught:
        await vertex.render(gemini_order())
    assert "token-1-of-the-fake" not in repr((caught.value.args, caught.value.provider))
    assert (await vertex.render(gemini_order())).facts.images == 1


async def test_token_service_that_refuses_is_the_operators_fault(
    vertex: Upstream, fake_vertex: FakeVertex
) -> None:
    fake_vertex.next(status=400, body={"error": "invalid_grant", "error_description": "Invalid JWT"})
    with pytest.raises(UpstreamMisconfiguredError) as caught:
        await vertex.render(gemini_order())
    assert (caught.value.message, caught.value.spent) == ("The upstream's credentials cannot be used.", "no")
    assert fake_vertex.generations == []


async def test_token_service_that_is_away_is_unavailable_and_free(
    vertex: Upstream, fake_vertex: FakeVertex
) -> None:
    fake_vertex.otherwise = type(fake_vertex.otherwise)(cut_after=0)
    with pytest.raises(UpstreamUnavailableError) as caught:
        await vertex.render(gemini_order())
    assert type(caught.value) is UpstreamUnavailableError
    assert caught.value.spent == "no"
    assert fake_vertex.generations == []


async def test_express_mode_uses_the_publishers_path_and_the_key(fake_vertex: FakeVertex) -> None:
    upstream = upstream_of(VertexAdapter(fake_vertex.base_url, fake_vertex.key))
    await upstream.render(gemini_order())
    await upstream.close()
    (received,) = fake_vertex.requests
    assert received.path == "/v1beta1/publishers/google/models/gemini-3-pro-image:generateContent"
    assert received.headers["x-goog-api-key"] == fake_vertex.key
    assert "authorization" not in received.headers


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("global", "https://aiplatform.googleapis.com"),
        ("us", "https://aiplatform.us.rep.googleapis.com"),
        ("eu", "https://aiplatform.eu.rep.googleapis.com"),
        ("europe-west4", "https://europe-west4-aiplatform.googleapis.com"),
    ],
)
def test_location_has_its_host(location: str, host: str) -> None:
    assert host_of(location) == host
    url = VertexAdapter(host_of(location), project="p", location=location).encode_request(gemini_order()).url
    assert url.startswith(f"{host}/v1beta1/projects/p/locations/{location}/publishers/google/models/")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, error_body(404, "NOT_FOUND", "Publisher Model `x` was not found"), UpstreamMisconfiguredError),
        (403, error_body(403, "PERMISSION_DENIED", "Permission denied"), UpstreamMisconfiguredError),
        (429, quota_exceeded(3), UpstreamRateLimitedError),
        (499, error_body(499, "CANCELLED", "The operation was cancelled."), UpstreamUnavailableError),
        (400, error_body(400, "INVALID_ARGUMENT", "Bad."), UpstreamRejectedError),
    ],
)
async def test_refusals_are_googles(
    vertex: Upstream, fake_vertex: FakeVertex, status: int, body: Any, kind: type[Exception]
) -> None:
    await vertex.render(gemini_order())
    fake_vertex.next(status=status, body=body)
    with pytest.raises(kind) as caught:
        await vertex.render(gemini_order())
    assert type(caught.value) is kind


@pytest.mark.parametrize("content", [None, "", "{}", "not json", json.dumps({"type": "authorized_user"})])
def test_file_that_is_no_service_account_stops_the_start(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "account.json"
    if content is not None:
        file.write_text(content)
    section = UpstreamSettings(kind="vertex", project="p", credentials_file=file)
    with pytest.raises(SettingsError, match=r"upstreams\.v\.credentials_file: .*account\.json: \w+"):
        vertex_upstream("v", section, Settings())
