"""Fakes of the providers, and the real upstreams in front of them."""

from collections.abc import AsyncIterator

import pytest

from routerhub_server.upstreams.gemini import GeminiAdapter
from routerhub_server.upstreams.http import HttpUpstream
from routerhub_server.upstreams.openai import OpenAIAdapter
from tests.fakes.gemini import FakeGemini
from tests.fakes.openai import FakeOpenAI
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
