"""Prometheus metrics, made once for the process and handed to whoever counts."""

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from routerhub_server.routing import Attempt, Link

STATES = {"closed": 0, "half_open": 1, "open": 2}
MOST_FIELDS = 200
"""Names of unknown fields that get a series of their own; providers decide how many there are."""


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self._attempts = Counter(
            "routerhub_attempts",
            "Requests to providers.",
            ("upstream", "model", "outcome", "spent"),
            registry=self.registry,
        )
        self._no_image = Counter(
            "routerhub_no_image", "Answers without an image.", ("model", "kind"), registry=self.registry
        )
        self._mismatches = Counter(
            "routerhub_mismatches",
            "Images that are not what was asked for.",
            ("model", "what"),
            registry=self.registry,
        )
        self._unknown = Counter(
            "routerhub_unknown_fields",
            "Fields of replies that the protos do not know.",
            ("upstream", "field"),
            registry=self.registry,
        )
        self._fields: set[tuple[str, str]] = set()

    def attempt(self, attempt: Attempt) -> None:
        self._attempts.labels(attempt.upstream, attempt.model, attempt.outcome, attempt.spent).inc()

    def no_image(self, model: str, kind: str) -> None:
        self._no_image.labels(model, kind).inc()

    def mismatch(self, model: str, what: str) -> None:
        """`what` is the name before the `=` of a mismatch, e.g. `size`."""
        self._mismatches.labels(model, what).inc()

    def unknown_field(self, upstream: str, name: str) -> bool:
        """Count it; True when it is seen for the first time."""
        key = (upstream, name)
        first = key not in self._fields
        if first and len(self._fields) >= MOST_FIELDS:
            self._unknown.labels(upstream, "(others)").inc()
            return False
        self._fields.add(key)
        self._unknown.labels(*key).inc()
        return first

    def watch(self, links: Mapping[str, Link]) -> None:
        """Show the pools and breakers as they are when somebody looks."""
        self.registry.register(_Links(links))


class _Links(Collector):
    def __init__(self, links: Mapping[str, Link]) -> None:
        self._links = links

    def collect(self) -> Iterable[Metric]:
        breakers = GaugeMetricFamily(
            "routerhub_breaker_state", "0 closed, 1 half-open, 2 open.", labels=("upstream", "model")
        )
        in_use = GaugeMetricFamily(
            "routerhub_renders_in_flight", "Renders at the upstream.", labels=("upstream",)
        )
        waiting = GaugeMetricFamily(
            "routerhub_renders_waiting", "Renders that wait for a slot.", labels=("upstream",)
        )
        for name, link in self._links.items():
            in_use.add_metric((name,), link.pool.in_use)
            waiting.add_metric((name,), link.pool.waiting)
            for model, breaker in list(link.breakers.items()):
                breakers.add_metric((name, model), STATES[breaker.state])
        return breakers, in_use, waiting
