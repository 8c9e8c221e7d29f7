"""Gateways with fake providers behind them, and calls that run while a test looks on."""

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
import httpx
from google.rpc import error_details_pb2, status_pb2

from routerhub.images.v1.gemini_pb2 import GenerateContentRequest
from routerhub.images.v1.image_generation_service_pb2_grpc import ImageGenerationServiceStub
from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest
from tests.conftest import Gateway
from tests.fakes.gemini import FakeGemini
from tests.fakes.openai import FakeOpenAI
from tests.fakes.threads import in_thread

T = TypeVar("T")

OPENAI_PATH = "/v1/images/generations"
GOOGLE_PATH = "/v1beta/models/gemini-3-pro-image:generateContent"
OPENAI_BODY = {"model": "gpt-image-2", "prompt": "a lighthouse"}
GOOGLE_BODY = {"contents": [{"parts": [{"text": "a lighthouse"}]}]}


@dataclass(frozen=True, slots=True)
class Providers:
    gemini: FakeGemini
    openai: FakeOpenAI

    @property
    def upstreams(self) -> dict[str, Any]:
        """The configuration that leads to them."""
        return {
            "gemini": {"kind": "gemini", "base_url": self.gemini.base_url, "api_key": self.gemini.key},
            "openai": {"kind": "openai", "base_url": self.openai.base_url, "api_key": self.openai.key},
        }

    @property
    def asked(self) -> int:
        """How many renders were asked of both."""
        return len(self.gemini.requests) + len(self.openai.requests)


@contextlib.contextmanager
def providers() -> Iterator[Providers]:
    with in_thread(FakeGemini()) as gemini, in_thread(FakeOpenAI()) as openai:
        yield Providers(gemini, openai)


def wait_until(condition: Callable[[], Any], seconds: float = 5) -> None:
    """Look every 10 ms. Raises AssertionError when the time is up."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.01)


@contextlib.contextmanager
def beside() -> Iterator[Callable[..., "Future[Any]"]]:
    """Run calls in threads of their own: `future = run(function, ...)`."""
    with ThreadPoolExecutor(8) as pool:
        yield pool.submit


def post(
    gateway: Gateway, path: str, body: Any, *, client: httpx.Client | None = None, **headers: str
) -> httpx.Response:
    """A REST call with the gateway's key; `x_some_header="..."` adds headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    given = {"authorization": f"Bearer {gateway.key}", **named}
    if client is not None:
        return client.post(f"{gateway.http}{path}", json=body, headers=given)
    with httpx.Client(trust_env=False, timeout=30) as own:
        return own.post(f"{gateway.http}{path}", json=body, headers=given)


def scraped(gateway: Gateway) -> dict[str, float]:
    """The gateway's own metrics, by name and labels."""
    text = httpx.get(f"{gateway.admin}/metrics", trust_env=False, timeout=10).text
    lines = (line.rpartition(" ") for line in text.splitlines() if line.startswith("routerhub_"))
    return {name: float(value) for name, _, value in lines}


@contextlib.contextmanager
def typed(address: str) -> Iterator[ImageGenerationServiceStub]:
    """A stub of the typed service at `host:port`."""
    options = [("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(address, options=options) as channel:
        yield ImageGenerationServiceStub(channel)


@dataclass(frozen=True, slots=True)
class Failure:
    """What a failed typed call says."""

    code: str
    message: str
    reason: str
    """ErrorInfo's."""
    trailer: dict[str, Any]


def failure(error: Any) -> Failure:
    trailer = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(trailer.pop("grpc-status-details-bin"))
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.domain == "routerhub"
    return Failure(error.code().name, error.details(), info.reason, trailer)


def bearer(gateway: Gateway, *more: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {gateway.key}"), *more)


def content(prompt: str = "a lighthouse") -> GenerateContentRequest:
    request = GenerateContentRequest(model="gemini-3-pro-image")
    request.contents.add(role="user").parts.add(text=prompt)
    return request


def images(prompt: str = "a lighthouse") -> GenerateImagesRequest:
    return GenerateImagesRequest(model="gpt-image-2", prompt=prompt)
