"""An upstream as the chain sees it: with its pool, its breakers and how patient to be with it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from routerhub_server.routing.breaker import Breaker
from routerhub_server.routing.pool import Pool
from routerhub_server.settings import UpstreamSettings
from routerhub_server.upstreams.base import Upstream


@dataclass(slots=True)
class Link:
    upstream: Upstream
    pool: Pool
    retries: int
    """How often one render is tried again here after a failure that cost nothing."""
    new_breaker: Callable[[], Breaker]
    breakers: dict[str, Breaker] = field(default_factory=dict)
    """By the upstream's model id; models are few, they stand in the catalogue."""

    @classmethod
    def of(cls, upstream: Upstream, section: UpstreamSettings, clock: Callable[[], float]) -> "Link":
        return cls(
            upstream,
            Pool(section.max_concurrent),
            section.retries,
            lambda: Breaker(section.breaker_failures, section.breaker_seconds, clock),
        )

    def breaker(self, model: str) -> Breaker:
        if model not in self.breakers:
            self.breakers[model] = self.new_breaker()
        return self.breakers[model]
