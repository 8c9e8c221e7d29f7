"""What a request may cost at most, and what an answer has cost."""

from typing import Any

import pytest

from routerhub_server.catalogue import Catalogue
from routerhub_server.prices import Line, cost, estimate, load_prices
from routerhub_server.prices.pricing import Cost
from routerhub_server.upstreams.base import Facts, ImageHead
from tests.fakes.pictures import picture
from tests.prices.orders import (
    GEMINI_USAGE,
    NOW,
    OPENAI_USAGE,
    book,
    content_request,
    facts,
    gemini_model,
    images_request,
    openai_model,
)

MILLI = 1_000_000
"""In 1e-9 of the unit."""
OPENAI: dict[str, Any] = {
    "model": "gpt-image-2",
    "tokens": {"text_in": 5, "image_in": 8, "text_out": 10, "image_out": 30},
    "image_tokens": {
        "low": {"1024x1024": 200, "1536x1024": 300},
        "high": {"1024x1024": 4000, "1536x1024": 6000},
    },
}
GEMINI: dict[str, Any] = {
    "model": "gemini-3-pro-image",
    "tokens": {"text_in": 2, "text_out": 12, "image_out": 120},
    "image_tokens": {"1K": 1000, "4K": 2000},
    "input_image_tokens": 500,
    "text_out_tokens": 100,
}
PROMPT = 2 * 5_000
"""`A fox.` is 2 tokens of text, at $5 a million."""


@pytest.mark.parametrize(
    ("fields", "tokens"),
    [
        ({"quality": "low", "size": "1024x1024"}, 200),
        ({"quality": "high", "size": "1536x1024"}, 6000),
        ({"quality": "low"}, 300),
        ({"quality": "auto", "size": "1024x1024"}, 4000),
        ({}, 6000),
        ({"n": 4}, 4 * 6000),
        ({"quality": "low", "size": "2048x2048"}, 800),
        ({"quality": "low", "size": "1040x1040"}, 207),
    ],
)
def test_estimate_is_the_dearest_that_an_openai_request_allows(fields: dict[str, Any], tokens: int) -> None:
    found = estimate(book(OPENAI), images_request(**fields), openai_model(), NOW)
    assert found.nano == tokens * 30_000 + PROMPT
    assert found.images == fields.get("n", 1)


@pytest.mark.parametrize(
    ("fields", "milli"),
    [
        ({}, 120 + 1.2),
        ({"size": "4K"}, 240 + 1.2),
        ({"size": "4k", "candidates": 2}, 2 * 240 + 2 * 1.2),
        ({"images": 3}, 120 + 1.2 + 3 * 1.0),
    ],
)
def test_estimate_is_the_dearest_that_a_gemini_request_allows(fields: dict[str, Any], milli: float) -> None:
    found = estimate(book(GEMINI), content_request(**fields), gemini_model(), NOW)
    assert found.nano == round(milli * MILLI) + 4 * 2_000  # `Ein Fuchs.`


@pytest.mark.parametrize(
    ("fields", "tier"),
    [
        ({"quality": "low", "size": "1024x1024"}, "low 1024x1024"),
        ({"size": "1024x1024"}, "1024x1024"),
        ({}, "auto"),
    ],
)
def test_tier_is_quality_and_size_as_asked_for(fields: dict[str, Any], tier: str) -> None:
    assert estimate(book(OPENAI), images_request(**fields), openai_model(), NOW).tier == tier


def test_estimate_is_that_of_the_dearest_route() -> None:
    dear = {**OPENAI, "upstream": "azure", "tokens": {"text_in": 5, "image_out": 60}}
    model = openai_model(("openai", "gpt-image-2"), ("azure", "gpt-image-2"))
    found = estimate(book(OPENAI, dear), images_request(quality="low"), model, NOW)
    assert found.nano == 300 * 60_000 + PROMPT


def test_route_without_a_price_makes_the_estimate_unknown() -> None:
    model = gemini_model(("gemini", "gemini-3-pro-image"), ("vertex", "something-else"))
    prices = book({**GEMINI, "upstream": "gemini"})
    assert not estimate(prices, content_request(), model, NOW).known


def test_tier_without_a_price_makes_the_estimate_unknown_unless_one_is_assumed() -> None:
    request = images_request(quality="max", n=2)
    assert not estimate(book(OPENAI), request, openai_model(), NOW).known
    assumed = estimate(book({**OPENAI, "assume": "0.5"}), request, openai_model(), NOW)
    assert assumed.nano == 2 * 500 * MILLI + PROMPT


def test_price_by_the_image_is_taken_by_tier() -> None:
    prices = book(
        {"model": "gpt-image-2", "images": {"low": {"1024x1024": 0.01}, "high": {"1024x1024": 0.2}}}
    )
    model, request = openai_model(), images_request(size="1024x1024", n=3)
    assert estimate(prices, request, model, NOW).nano == 600 * MILLI
    found = cost(prices, facts(images=2), request, model, model.routes[0], NOW)
    assert found == Cost(400 * MILLI, "1024x1024", None, (Line("images", 2, 200 * MILLI, 400 * MILLI),))


def test_text_model_is_not_charged_for_an_image() -> None:
    found = estimate(book(GEMINI), content_request(), gemini_model(model_class="gemini-text"), NOW)
    assert (found.images, found.nano) == (0, 1_200_000 + 8_000)


def test_cost_is_the_sum_of_a_line_for_each_kind() -> None:
    model = openai_model()
    found = cost(book(OPENAI), facts(OPENAI_USAGE), images_request(), model, model.routes[0], NOW)
    assert [(line.kind, line.quantity, line.nano) for line in found.lines] == [
        ("text_in", 20, 100_000),
        ("image_in", 30, 240_000),
        ("text_out", 60, 600_000),
        ("image_out", 4100, 123_000_000),
    ]
    assert found.nano == 123_940_000
    assert found.flags == ()


def test_kind_without_a_price_costs_what_stands_in_for_it() -> None:
    model = gemini_model()
    found = cost(book(GEMINI), facts(GEMINI_USAGE), content_request(), model, model.routes[0], NOW)
    prices = {line.kind: line.price // 10**9 for line in found.lines}
    assert prices == {
        "text_in": 2,
        "cached_text_in": 2,
        "image_in": 2,
        "cached_image_in": 2,
        "text_out": 12,
        "image_out": 120,
        "thinking": 12,
    }


def test_reply_without_usage_costs_the_estimate_and_says_so() -> None:
    model, request = openai_model(), images_request(quality="low", size="1024x1024", n=3)
    found = cost(book(OPENAI), facts(images=2), request, model, model.routes[0], NOW)
    assert (found.nano, found.flags, found.lines) == (2 * 200 * 30_000 + PROMPT, ("estimated",), ())


def test_model_without_a_price_has_no_cost_and_says_so() -> None:
    model = openai_model(("openai", "unheard-of"))
    model = model.model_copy(update={"id": "openai/unheard-of"})
    found = cost(book(OPENAI), facts(OPENAI_USAGE), images_request(), model, model.routes[0], NOW)
    assert (found.nano, found.flags) == (None, ("unpriced",))
    assert found.tokens is not None


def test_assumed_price_says_so() -> None:
    model = openai_model()
    found = cost(
        book({"model": "*", "assume": 0.25}), facts(images=2), images_request(), model, model.routes[0], NOW
    )
    assert (found.nano, found.flags) == (500 * MILLI, ("assumed",))


def test_deployment_costs_what_its_model_costs() -> None:
    model = openai_model(("azure", "our-deployment"))
    found = cost(book(OPENAI), facts(OPENAI_USAGE), images_request(), model, model.routes[0], NOW)
    assert found.nano == 123_940_000


def test_size_that_was_left_open_is_told_as_delivered() -> None:
    image = ImageHead("image/png", picture(1536, 1024, "PNG"))
    reply = Facts(images=1, usage=OPENAI_USAGE, heads=(image,))
    model = openai_model()
    found = cost(book(OPENAI), reply, images_request(quality="low"), model, model.routes[0], NOW)
    assert found.tier == "low 1536x1024"


@pytest.mark.parametrize("sandbox_only", [False, True])
def test_every_shipped_model_has_a_price(sandbox_only: bool) -> None:
    prices = load_prices()
    for model in Catalogue.load(sandbox_only=sandbox_only).visible():
        request = images_request() if model.interface == "openai" else content_request()
        found = estimate(prices, request, model, NOW)
        assert found.nano is not None, model.id
        assert 20 * MILLI < found.nano < 500 * MILLI, model.id
