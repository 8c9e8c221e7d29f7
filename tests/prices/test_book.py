"""Which price holds."""

from datetime import UTC, datetime
from typing import Any

import pytest

from routerhub_server.prices import PriceError, load_prices
from tests.prices.orders import NOW, book


def entry(image_out: float, **more: Any) -> dict[str, Any]:
    return {"model": "m", "tokens": {"image_out": image_out}, **more}


def test_latest_price_that_has_begun_holds() -> None:
    prices = book(entry(1), entry(2, **{"from": "2026-11-01"}), entry(3, **{"from": "2026-11-23"}))
    for day, expected in ((22, 2), (23, 3)):
        found = prices.find("openai", ["m"], datetime(2026, 11, day, 23, 59, tzinfo=UTC))
        assert found is not None
        assert found.tokens["image_out"] == expected * 10**9


def test_price_that_has_not_begun_is_none() -> None:
    assert book(entry(1, **{"from": "2027-01-01"})).find("openai", ["m"], NOW) is None


def test_price_of_an_upstream_comes_before_that_of_all() -> None:
    prices = book(entry(1, upstream="azure"), entry(2))
    for upstream, expected in (("azure", 1), ("openai", 2)):
        found = prices.find(upstream, ["m"], NOW)
        assert found is not None
        assert found.tokens["image_out"] == expected * 10**9


def test_exact_name_comes_before_a_pattern() -> None:
    prices = book({"model": "*", "assume": 1}, entry(2))
    exact, other = prices.find("x", ["m"], NOW), prices.find("x", ["n"], NOW)
    assert exact is not None
    assert other is not None
    assert (exact.assume, other.assume) == (None, 10**9)


def test_first_name_that_has_a_price_counts_and_prefixes_do_not() -> None:
    found = book(entry(2)).find("azure", ["our-deployment", "openai/m"], NOW)
    assert found is not None


def test_own_price_replaces_the_shipped_ones_of_the_model() -> None:
    prices = load_prices([{"model": "gpt-image-2", "tokens": {"image_out": 7.5}}])
    own, shipped = prices.find("openai", ["gpt-image-2"], NOW), prices.find("openai", ["gpt-image-1.5"], NOW)
    assert own is not None
    assert shipped is not None
    assert own.tokens == {"image_out": 7_500_000_000}
    assert shipped.tokens["image_out"] == 32_000_000_000


def test_prices_in_another_currency_stand_alone() -> None:
    prices = load_prices([{"model": "gpt-image-2", "tokens": {"image_out": 7}}], "EUR")
    assert prices.currency == "EUR"
    assert prices.find("openai", ["gpt-image-1.5"], NOW) is None


def test_sizes_that_yaml_reads_as_numbers_are_names() -> None:
    found = book(entry(1, image_tokens={512: 747, "1K": 1120})).find("x", ["m"], NOW)
    assert found is not None
    assert found.image_tokens["512"] == 747


def test_every_mistake_is_named_by_its_place() -> None:
    with pytest.raises(PriceError) as caught:
        load_prices([entry(1), {"model": "m", "tokens": {"txt_in": 1}, "images": {"1K": "dear"}}])
    said = str(caught.value)
    assert "prices[1].tokens.txt_in" in said
    assert "prices[1].images.1K" in said
    assert "prices[0]" not in said
