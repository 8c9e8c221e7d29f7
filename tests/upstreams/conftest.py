"""Fakes of the providers, and the real upstreams in front of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from routerhub_server.settings import Settings, UpstreamSettings
from routerhub_server.upstreams.base import Upstream
from routerhub_server.upstreams.gemini import GeminiAdapter
from routerhub_server.upstreams.http import HttpUpstream
from routerhub_server.upstreams.openai import OpenAIAdapter
from routerhub_server.upstreams.vertex import vertex_upstream
from tests.fakes.azure import FakeAzure
from tests.fakes.gemini import FakeGemini
from tests.fakes.openai import FakeOpenAI
from tests.fakes.vertex import FakeVertex
from tests.upstreams.orders import IMPATIENT, upstream_of


@pytest.fixture
async def fake_gemini() -> AsyncIterator[FakeGemini]:
    async with FakeGemini() as fake:
        yield fake


@pytest.fixture
async def fake_openai() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as fake:
        yield fake


@pytest.fixture
async def gemini(fake_gemini: FakeGemini) -> AsyncIterator[HttpUpstream]:
    upstream = upstream_of(GeminiAdapter(fake_gemini.key, fake_gemini.base_url))
    yield upstream
    await upstream.close()


@pytest.fixture
async def impatient_gemini(fake_gemini: FakeGemini) -> AsyncIterator[HttpUpstream]:
    upstream = upstream_of(GeminiAdapter(fake_gemini.key, fake_gemini.base_url), IMPATIENT)
    yield upstream
    await upstream.close()


@pytest.fixture
async def openai(fake_openai: FakeOpenAI) -> AsyncIterator[HttpUpstream]:
    upstream = upstream_of(OpenAIAdapter(fake_openai.key, fake_openai.base_url))
    yield upstream
    await upstream.close()


@pytest.fixture
async def fake_vertex() -> AsyncIterator[FakeVertex]:
    async with FakeVertex() as fake:
        yield fake


@pytest.fixture
async def fake_azure() -> AsyncIterator[FakeAzure]:
    async with FakeAzure() as fake:
        yield fake


@pytest.fixture
async def vertex(fake_vertex: FakeVertex, tmp_path: Path) -> AsyncIterator[Upstream]:
    """With the fake's service account."""
    section = UpstreamSettings(
        kind="vertex",
        base_url=fake_vertex.base_url,
        project=fake_vertex.project,
        location=fake_vertex.location,
        credentials_file=fake_vertex.write_service_account(tmp_path / "account.json"),
    )
    upstream = vertex_upstream("vertex", section, Settings())
    yield upstream
    await upstream.close()
