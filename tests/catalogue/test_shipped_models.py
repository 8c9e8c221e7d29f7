"""The models of models.yaml as callers and upstreams rely on them."""

import pytest

from routerhub_server.catalogue import Catalogue, GeminiModel, load_models

SHIPPED = load_models()


@pytest.mark.parametrize(
    ("interface", "name", "upstream", "provider_id"),
    [
        ("gemini", "google/gemini-2.5-flash-image", "gemini", "gemini-3.1-flash-image"),
        ("gemini", "google/gemini-3-pro-image-preview", "gemini", "gemini-3-pro-image"),
        ("gemini", "google/gemini-3.1-flash-image-preview", "gemini", "gemini-3.1-flash-image"),
        ("gemini", "google/gemini-3-pro-image", "gemini", "gemini-3-pro-image"),
        ("gemini", "google/gemini-3.1-flash-image", "gemini", "gemini-3.1-flash-image"),
        ("gemini", "google/gemini-nano-banana-2.1", "gemini", "gemini-nano-banana-2.1"),
        ("openai", "openai/gpt-image-1", "openai", "gpt-image-1.5"),
        ("openai", "openai/gpt-image-1.5", "openai", "gpt-image-1.5"),
        ("openai", "openai/gpt-image-2", "openai", "gpt-image-2"),
        ("openai", "openai/gpt-image-1-mini", "openai", "gpt-image-1-mini"),
        ("openai", "openai/gpt-image-2-2026-04-21", "openai", "gpt-image-2-2026-04-21"),
        ("openai", "openai/gpt-image-2.5-flare", "openai", "gpt-image-2.5-flare"),
    ],
)
def test_id_routes_to_what_the_provider_accepts_today(
    interface: str, name: str, upstream: str, provider_id: str
) -> None:
    model = Catalogue.load().resolve("gemini" if interface == "gemini" else "openai", name)
    assert model.id == name
    assert [(route.upstream, route.model) for route in model.routes] == [(upstream, provider_id)]


def test_retired_ids_route_to_ids_that_are_not_retired() -> None:
    retired = {model.bare_id for model in SHIPPED if model.lifecycle.stage == "RETIRED"}
    assert retired == {
        "gemini-2.5-flash-image",
        "gemini-3-pro-image-preview",
        "gemini-3.1-flash-image-preview",
        "gpt-image-1",
    }
    assert retired.isdisjoint(route.model for model in SHIPPED for route in model.routes)


def test_retired_ids_name_their_day_and_a_successor_that_is_shipped() -> None:
    ids = [model.id for model in SHIPPED]
    for model in SHIPPED:
        if model.lifecycle.stage == "RETIRED":
            assert model.lifecycle.retired_on is not None
            assert any(id_ in model.lifecycle.note for id_ in ids)


def test_every_id_asks_for_what_its_renderer_takes() -> None:
    by_bare_id = {model.bare_id: model for model in SHIPPED}
    for model in SHIPPED:
        renderer = by_bare_id[model.routes[0].model]
        if model.bare_id == "gemini-2.5-flash-image":  # kept to the ratios and types that its callers know
            assert isinstance(model, GeminiModel)
            assert isinstance(renderer, GeminiModel)
            assert set(model.limits.aspect_ratios or ()) < set(renderer.limits.aspect_ratios or ())
            assert set(model.limits.input_mime_types or ()) < set(renderer.limits.input_mime_types or ())
        else:
            assert model.model_dump()["limits"] == renderer.model_dump()["limits"]


def test_limits_are_those_of_the_vendors_tables() -> None:
    catalogue = Catalogue.load()
    flash = catalogue.resolve("gemini", "gemini-3.1-flash-image").limits
    pro = catalogue.resolve("gemini", "gemini-3-pro-image").limits
    assert (len(flash.aspect_ratios or ()), len(pro.aspect_ratios or ())) == (14, 10)
    assert flash.image_sizes == ("512", "1K", "2K", "4K")
    assert pro.image_sizes == ("1K", "2K", "4K")
    assert catalogue.resolve("openai", "gpt-image-1.5").limits.flexible_size is None
    assert catalogue.resolve("openai", "gpt-image-2").limits.flexible_size is not None
    assert "xhigh" in (catalogue.resolve("openai", "gpt-image-2.5-flare").limits.qualities or ())


def test_created_is_midnight_utc_of_the_release_day() -> None:
    assert Catalogue.load().resolve("openai", "gpt-image-2").created == 1776729600
