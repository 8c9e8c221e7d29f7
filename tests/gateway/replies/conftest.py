"""A gateway with fake providers behind it."""

from collections.abc import Iterator

import pytest

from tests.conftest import Gateway, running_gateway
from tests.fakes.server import Fault
from tests.gateway.providers import Providers, providers


@pytest.fixture(scope="package")
def behind() -> Iterator[Providers]:
    with providers() as both:
        yield both


@pytest.fixture(scope="package")
def served(behind: Providers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that asks them once a call, however often they have failed before."""
    patience = {"retries": 0, "breaker_failures": 1000}
    upstreams = {name: section | patience for name, section in behind.upstreams.items()}
    with running_gateway(tmp_path_factory.mktemp("replies"), {"upstreams": upstreams}) as running:
        yield running


@pytest.fixture(autouse=True)
def settled(behind: Providers) -> Iterator[None]:
    """Every test finds the providers well."""
    yield
    for fake in (behind.gemini, behind.openai):
        fake.script.clear()
        fake.otherwise = Fault()
