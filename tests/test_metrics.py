"""What a scraper sees."""

import asyncio

from prometheus_client import generate_latest

from routerhub_server.errors import UpstreamUnavailableError
from routerhub_server.metrics import MOST_FIELDS, Metrics
from routerhub_server.routing import Attempt
from tests.routing.scripted import ScriptedUpstream, Stage
from tests.routing.warp import run


def scraped(metrics: Metrics) -> list[str]:
    """The series of our own."""
    lines = generate_latest(metrics.registry).decode().splitlines()
    return [line for line in lines if line.startswith("routerhub_") and "_created" not in line]


def test_attempts_are_counted_by_what_they_cost() -> None:
    metrics = Metrics()
    for _ in range(2):
        metrics.attempt(Attempt("gemini", "gemini-3-pro-image", "OK", "yes"))
    metrics.attempt(Attempt("gemini", "gemini-3-pro-image", "UPSTREAM_TIMEOUT", "possible"))
    labels = 'model="gemini-3-pro-image",outcome="{}",spent="{}",upstream="gemini"'
    assert {
        f"routerhub_attempts_total{{{labels.format('OK', 'yes')}}} 2.0",
        f"routerhub_attempts_total{{{labels.format('UPSTREAM_TIMEOUT', 'possible')}}} 1.0",
    } <= set(scraped(metrics))


def test_what_came_back_is_counted_by_what_is_odd_about_it() -> None:
    metrics = Metrics()
    metrics.no_image("openai/gpt-image-2", "words_only")
    metrics.mismatch("openai/gpt-image-2", "size")
    assert {
        'routerhub_no_image_total{kind="words_only",model="openai/gpt-image-2"} 1.0',
        'routerhub_mismatches_total{model="openai/gpt-image-2",what="size"} 1.0',
    } <= set(scraped(metrics))


def test_unknown_field_is_new_once_for_each_upstream() -> None:
    metrics = Metrics()
    assert [metrics.unknown_field("a", "x.y"), metrics.unknown_field("a", "x.y")] == [True, False]
    assert metrics.unknown_field("b", "x.y")
    assert {
        'routerhub_unknown_fields_total{field="x.y",upstream="a"} 2.0',
        'routerhub_unknown_fields_total{field="x.y",upstream="b"} 1.0',
    } <= set(scraped(metrics))


def test_providers_cannot_make_series_without_end() -> None:
    metrics = Metrics()
    told = [metrics.unknown_field("a", f"field{number}") for number in range(MOST_FIELDS + 50)]
    assert sum(told) == MOST_FIELDS
    lines = scraped(metrics)
    assert 'routerhub_unknown_fields_total{field="(others)",upstream="a"} 50.0' in lines
    assert sum(line.startswith("routerhub_unknown_fields_total") for line in lines) == MOST_FIELDS + 1
    assert not metrics.unknown_field("a", "field0")
    assert 'routerhub_unknown_fields_total{field="field0",upstream="a"} 2.0' in scraped(metrics)


def test_pools_and_breakers_are_shown_as_they_are() -> None:
    async def main() -> None:
        metrics = Metrics()
        broken = ScriptedUpstream("a", otherwise=UpstreamUnavailableError("503"))
        stage = Stage([broken, ScriptedUpstream("b", seconds=10)], size=2, retries=0, failures=1)
        metrics.watch(stage.links)
        assert 'routerhub_renders_in_flight{upstream="b"} 0.0' in scraped(metrics)
        calls = [asyncio.create_task(stage.render()) for _ in range(5)]
        await asyncio.sleep(1)
        assert {
            'routerhub_breaker_state{model="a-model",upstream="a"} 2.0',
            'routerhub_breaker_state{model="b-model",upstream="b"} 0.0',
            'routerhub_renders_in_flight{upstream="b"} 2.0',
            'routerhub_renders_waiting{upstream="b"} 3.0',
        } <= set(scraped(metrics))
        await asyncio.gather(*calls)
        await asyncio.sleep(30)
        assert {
            'routerhub_breaker_state{model="a-model",upstream="a"} 1.0',
            'routerhub_renders_in_flight{upstream="b"} 0.0',
            'routerhub_renders_waiting{upstream="b"} 0.0',
        } <= set(scraped(metrics))

    run(main())
