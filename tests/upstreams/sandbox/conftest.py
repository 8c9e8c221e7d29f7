"""A sandbox for the tests to ask."""

from collections.abc import AsyncIterator

import pytest

from routerhub_server.upstreams.sandbox import SandboxSettings, SandboxUpstream


@pytest.fixture
async def sandbox() -> AsyncIterator[SandboxUpstream]:
    upstream = SandboxUpstream("sandbox", SandboxSettings())
    yield upstream
    await upstream.close()
