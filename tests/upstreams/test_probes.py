"""Probing: what is asked, and that no image is bought."""

import pytest

from routerhub_server.errors import UpstreamMisconfiguredError, UpstreamUnavailableError
from routerhub_server.upstreams.azure import AzureAdapter
from routerhub_server.upstreams.base import Upstream
from routerhub_server.upstreams.gemini import GeminiAdapter
from routerhub_server.upstreams.http import HttpUpstream
from routerhub_server.upstreams.openai import OpenAIAdapter
from routerhub_server.upstreams.routerhub import RouterHubAdapter
from routerhub_server.upstreams.vertex import VertexAdapter
from tests.fakes.azure import API_VERSION, FakeAzure
from tests.fakes.gemini import FakeGemini
from tests.fakes.openai import FakeOpenAI
from tests.fakes.server import FakeServer
from tests.fakes.vertex import FakeVertex
from tests.upstreams.orders import upstream_of


def asked(fake: FakeServer) -> list[tuple[str, str]]:
    return [(request.method, request.path) for request in fake.requests]


async def test_gemini_is_asked_for_the_model(gemini: HttpUpstream, fake_gemini: FakeGemini) -> None:
    await gemini.probe(["gemini-3-pro-image"])
    await gemini.probe([])
    assert asked(fake_gemini) == [
        ("GET", "/v1beta/models/gemini-3-pro-image"),
        ("GET", "/v1beta/models?pageSize=1"),
    ]
    assert all("content-length" not in request.headers for request in fake_gemini.requests)


async def test_openai_is_asked_for_the_model(openai: HttpUpstream, fake_openai: FakeOpenAI) -> None:
    await openai.probe(["gpt-image-2"])
    await openai.probe([])
    assert asked(fake_openai) == [("GET", "/v1/models/gpt-image-2"), ("GET", "/v1/models")]


async def test_compatible_server_is_asked_for_its_list(openai: HttpUpstream, fake_openai: FakeOpenAI) -> None:
    fake_openai.lists_single_models = False
    await openai.probe(["gpt-image-2"])
    with pytest.raises(UpstreamMisconfiguredError, match="does not list the model 'sdxl'"):
        await openai.probe(["sdxl"])


async def test_keyless_server_is_sent_no_key() -> None:
    async with FakeOpenAI(key="") as fake:
        upstream = upstream_of(OpenAIAdapter("", fake.base_url))
        await upstream.probe(["gpt-image-2"])
        await upstream.close()
        assert "authorization" not in fake.requests[0].headers


@pytest.mark.parametrize(
    ("api_version", "path"),
    [(None, "/openai/v1/models"), (API_VERSION, f"/openai/models?api-version={API_VERSION}")],
)
async def test_azure_is_asked_for_its_models(
    fake_azure: FakeAzure, api_version: str | None, path: str
) -> None:
    upstream = upstream_of(AzureAdapter(fake_azure.key, fake_azure.base_url, api_version))
    await upstream.probe(["gpt-image-2-eu"])
    await upstream.close()
    assert asked(fake_azure) == [("GET", path)]


async def test_vertex_counts_tokens_with_the_project_and_the_model(
    vertex: Upstream, fake_vertex: FakeVertex
) -> None:
    await vertex.probe(["gemini-3-pro-image"])
    paths = [path for _, path in asked(fake_vertex)]
    parent = "/v1beta1/projects/proj-1/locations/us-central1/publishers/google/models"
    assert paths == ["/token", f"{parent}/gemini-3-pro-image:countTokens"]


async def test_vertex_probe_tests_at_least_the_token(vertex: Upstream, fake_vertex: FakeVertex) -> None:
    fake_vertex.next(status=400, body={"error": "invalid_grant"})
    with pytest.raises(UpstreamMisconfiguredError, match="credentials cannot be used"):
        await vertex.probe(["gemini-3-pro-image"])


async def test_routerhub_is_asked_for_the_model(fake_openai: FakeOpenAI) -> None:
    """Its model resource has OpenAI's shape for a caller with a bearer."""
    upstream = upstream_of(RouterHubAdapter(fake_openai.key, fake_openai.url))
    await upstream.probe(["gpt-image-2"])
    with pytest.raises(UpstreamMisconfiguredError, match="does not know the model 'openai/x'"):
        await upstream.probe(["openai/x"])
    await upstream.close()
    assert asked(fake_openai) == [("GET", "/v1/models/gpt-image-2"), ("GET", "/v1/models/openai%2Fx")]


async def test_wrong_key_fails_the_probe(
    fake_gemini: FakeGemini, fake_openai: FakeOpenAI, fake_azure: FakeAzure, fake_vertex: FakeVertex
) -> None:
    for adapter in (
        GeminiAdapter("wrong", fake_gemini.base_url),
        OpenAIAdapter("wrong", fake_openai.base_url),
        AzureAdapter("wrong", fake_azure.base_url),
        VertexAdapter(fake_vertex.base_url, "wrong"),
        RouterHubAdapter("wrong", fake_openai.url),
    ):
        upstream = upstream_of(adapter)
        with pytest.raises(UpstreamMisconfiguredError) as caught:
            await upstream.probe(["gemini-3-pro-image"])
        assert caught.value.message == "The upstream does not accept the gateway's credentials."
        await upstream.close()


async def test_unknown_model_fails_the_probe(
    gemini: HttpUpstream, openai: HttpUpstream, vertex: Upstream
) -> None:
    for upstream, message in (
        (gemini, "The upstream does not know the model 'imagen-4'."),
        (openai, "The upstream does not list the model 'imagen-4'."),
        (vertex, "The upstream does not know the model 'imagen-4'."),
    ):
        with pytest.raises(UpstreamMisconfiguredError) as caught:
            await upstream.probe(["imagen-4"])
        assert caught.value.message == message


async def test_nobody_there_fails_the_probe() -> None:
    upstream = upstream_of(GeminiAdapter("key", "http://127.0.0.1:1"))
    with pytest.raises(UpstreamUnavailableError, match="could not be reached"):
        await upstream.probe(["gemini-3-pro-image"])
    await upstream.close()
