"""One gateway with fake providers for all tests of accounts; each test makes accounts of its own."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.conftest import Gateway, running_gateway
from tests.fakes.gemini import FakeGemini
from tests.fakes.openai import FakeOpenAI
from tests.gateway.operators import Operator, operator
from tests.gateway.providers import Providers, providers
from tests.gateway.routes import openai_model, route

GPT, GEMINI = "gpt-image-2", "gemini-3-pro-image"
GPT_COST = 12 * 5_000 + 4160 * 30_000
"""Of one image of the fake provider's, which always counts 12 and 4160 tokens; in 1e-9 USD."""
GPT_ESTIMATE = 211_020_000
"""About what is reserved for one image whose quality is left open: 7034 tokens, and some of text."""


@dataclass(frozen=True)
class World:
    gateway: Gateway
    operator: Operator
    behind: Providers

    @property
    def openai(self) -> FakeOpenAI:
        return self.behind.openai

    @property
    def gemini(self) -> FakeGemini:
        return self.behind.gemini


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        behind = stack.enter_context(providers())
        config = {
            "upstreams": {
                name: {**upstream, "retries": 0, "breaker_failures": 10_000}
                for name, upstream in behind.upstreams.items()
            },
            "models": [openai_model("gpt-mystery", route("openai", "gpt-image-9"))],
        }
        gateway = stack.enter_context(running_gateway(tmp_path_factory.mktemp("accounts"), config))
        yield World(gateway, stack.enter_context(operator(gateway)), behind)
