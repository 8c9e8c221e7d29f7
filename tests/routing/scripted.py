"""Upstreams that do what a test says, and the chain in front of them."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from routerhub.images.v1.openai_images_pb2 import GenerateImagesRequest, GenerateImagesResponse
from routerhub_server.catalogue import Route
from routerhub_server.routing import Answer, Attempt, Breaker, Chain, Journey, Link, Pool, Rendered, Verdict
from routerhub_server.upstreams.base import Facts, Interface, Order, Reply
from tests.routing.warp import now


def reply(images: int = 1) -> Reply:
    return Reply(Facts(images), message=GenerateImagesResponse(), encode=lambda message: b"{}")


@dataclass
class ScriptedUpstream:
    """Each render ends as the next entry of `script` says, later ones in an image."""

    name: str
    script: list[Reply | Exception] = field(default_factory=list)
    otherwise: Exception | None = None
    seconds: float = 0
    """How long a render takes."""
    missing: tuple[str, ...] = ()
    asked: list[tuple[float, str]] = field(default_factory=list)
    """When, and for which model."""
    running: int = 0
    most_running: int = 0

    def serves(self, interface: Interface) -> bool:
        return True

    def lacks(self, order: Order) -> tuple[str, ...]:
        return self.missing

    async def render(self, order: Order) -> Reply:
        self.asked.append((now(), order.model))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.running -= 1
        outcome = self.script.pop(0) if self.script else self.otherwise
        if isinstance(outcome, Exception):
            raise outcome
        return outcome or reply()

    async def probe(self, models: Sequence[str]) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError


def always(answer: Answer) -> Verdict:
    return "return"


def longest(low: float, high: float) -> float:
    """Jitter at its longest."""
    return high


@dataclass
class Stage:
    """A chain over scripted upstreams, all of them on one model's routes."""

    upstreams: Sequence[ScriptedUpstream]
    may_pay_twice: Sequence[str] = ()
    weights: Sequence[int | None] = ()
    size: int = 10
    retries: int = 1
    failures: int = 5
    """Of each breaker."""
    draw: Callable[[float, float], float] = longest
    observed: list[Attempt] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.links = {
            upstream.name: Link(
                upstream, Pool(self.size), self.retries, lambda: Breaker(self.failures, 30, now)
            )
            for upstream in self.upstreams
        }
        self.chain = Chain(self.links, draw=self.draw, observe=self.observed.append)
        weights = self.weights or [None] * len(self.upstreams)
        self.routes = [
            Route(
                upstream=upstream.name,
                model=f"{upstream.name}-model",
                weight=weight,
                may_pay_twice=upstream.name in self.may_pay_twice,
            )
            for upstream, weight in zip(self.upstreams, weights, strict=True)
        ]

    def journey(self, seconds: float = 600, caller_seconds: float = 600) -> Journey:
        order = Order(GenerateImagesRequest(prompt="a lighthouse"), "gpt-image-2", "request-1")
        return Journey(order, until=now() + seconds, caller_until=now() + caller_seconds)

    async def render(
        self, journey: Journey | None = None, judge: Callable[[Answer], Verdict] = always
    ) -> Rendered:
        return await self.chain.render(journey or self.journey(), self.routes, judge)

    @property
    def calls(self) -> dict[str, int]:
        """How often each provider was asked."""
        return {upstream.name: len(upstream.asked) for upstream in self.upstreams}


def seeded() -> Callable[[float, float], float]:
    return random.Random(1).uniform  # noqa: S311  # repeatable, not secret
