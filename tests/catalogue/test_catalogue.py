"""Names to models."""

from typing import Any

import pytest

from routerhub_server.catalogue import Catalogue, CatalogueError, Route
from routerhub_server.errors import ModelNotFoundError
from routerhub_server.upstreams.base import Interface

FLASH = "google/gemini-2.5-flash-image"


@pytest.mark.parametrize(
    ("interface", "name", "id_"),
    [
        ("gemini", "google/gemini-2.5-flash-image", FLASH),
        ("gemini", "gemini-2.5-flash-image", FLASH),
        ("gemini", "models/gemini-2.5-flash-image", FLASH),
        ("gemini", "models/google/gemini-2.5-flash-image", FLASH),
        ("gemini", "publishers/google/models/gemini-2.5-flash-image", FLASH),
        ("gemini", "models/publishers/google/models/gemini-2.5-flash-image", FLASH),
        ("openai", "openai/gpt-image-2", "openai/gpt-image-2"),
        ("openai", "gpt-image-2", "openai/gpt-image-2"),
        ("openai", "models/gpt-image-2", "openai/gpt-image-2"),
        ("openai", "gpt-image-2-2026-04-21", "openai/gpt-image-2-2026-04-21"),
    ],
)
def test_every_spelling_of_a_name_finds_its_model(interface: Interface, name: str, id_: str) -> None:
    assert Catalogue.load().resolve(interface, name).id == id_


@pytest.mark.parametrize("name", ["nano-banana", "google/nano-banana", "models/nano-banana"])
def test_alias_finds_its_model_with_and_without_the_prefix(name: str) -> None:
    catalogue = Catalogue.load([{"id": FLASH, "aliases": ["nano-banana"]}])
    assert catalogue.resolve("gemini", name).id == FLASH


@pytest.mark.parametrize(
    ("interface", "name", "reported"),
    [
        ("gemini", "gemini-9", "gemini-9"),
        ("gemini", "models/google/gemini-9", "google/gemini-9"),
        ("gemini", "tunedModels/foo", "tunedModels/foo"),
        ("gemini", "models/publishers/acme/models/gemini-2.5-flash-image", None),
        ("gemini", "Gemini-2.5-Flash-Image", "Gemini-2.5-Flash-Image"),
        ("gemini", "openai/gemini-2.5-flash-image", "openai/gemini-2.5-flash-image"),
        ("gemini", "gpt-image-2", "gpt-image-2"),
        ("gemini", "models/", ""),
        ("gemini", "", ""),
        ("openai", FLASH, FLASH),
        ("openai", "openai/openai/gpt-image-2", "openai/openai/gpt-image-2"),
        ("openai", "dall-e-3", "dall-e-3"),
        ("openai", "gpt-image-2 ", "gpt-image-2 "),
    ],
)
def test_name_of_no_model_is_reported_as_written(
    interface: Interface, name: str, reported: str | None
) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        Catalogue.load().resolve(interface, name)
    assert caught.value.model == (name.removeprefix("models/") if reported is None else reported)
    assert caught.value.method == "generateContent"


def test_method_that_the_model_lacks_is_not_found() -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        Catalogue.load().resolve("gemini", "models/gemini-2.5-flash-image", "streamGenerateContent")
    assert (caught.value.model, caught.value.method) == ("gemini-2.5-flash-image", "streamGenerateContent")


def test_method_that_the_model_has_is_found() -> None:
    methods = ["generateContent", "countTokens"]
    catalogue = Catalogue.load([{"id": FLASH, "supported_methods": methods}])
    assert catalogue.resolve("gemini", FLASH, "countTokens").id == FLASH


def test_visible_keeps_the_order_of_the_file() -> None:
    catalogue = Catalogue.load()
    everything = [model.id for model in catalogue.visible()]
    by_interface = [model.id for model in (*catalogue.visible("gemini"), *catalogue.visible("openai"))]
    assert everything == by_interface
    assert everything[0] == "google/gemini-3.1-flash-image"
    assert {model.interface for model in catalogue.visible("openai")} == {"openai"}


def test_model_without_a_configured_upstream_is_not_there() -> None:
    catalogue = Catalogue.load(upstreams={"openai"})
    assert catalogue.visible("gemini") == ()
    assert catalogue.resolve("openai", "gpt-image-2").id == "openai/gpt-image-2"
    with pytest.raises(ModelNotFoundError):
        catalogue.resolve("gemini", FLASH)


def test_routes_to_upstreams_that_are_not_configured_are_left_out() -> None:
    routes = [{"upstream": "vertex", "model": "a"}, {"upstream": "gemini", "model": "b"}]
    catalogue = Catalogue.load([{"id": FLASH, "routes": routes}], upstreams={"gemini"})
    assert catalogue.resolve("gemini", FLASH).routes == (Route(upstream="gemini", model="b"),)


def test_sandbox_only_routes_every_model_to_the_sandbox_under_its_own_id() -> None:
    catalogue = Catalogue.load(upstreams={"openai"}, sandbox_only=True)
    assert len(catalogue.visible()) == len(Catalogue.load().visible())
    for model in catalogue.visible():
        assert model.routes == (Route(upstream="sandbox", model=model.id),)
    assert catalogue.resolve("gemini", "gemini-2.5-flash-image").routes[0].model == FLASH


@pytest.mark.parametrize("claim", [{"id": "gpt-image-2"}, {"id": "openai/mine", "aliases": ["gpt-image-2"]}])
def test_name_claimed_twice_is_refused(claim: dict[str, Any]) -> None:
    entry = {
        "model_class": "openai-image",
        "display_name": "Mine",
        "routes": [{"upstream": "openai", "model": "mine"}],
        "lifecycle": {"stage": "STABLE"},
        "released": "2026-01-01",
    }
    with pytest.raises(CatalogueError) as caught:
        Catalogue.load([entry | claim])
    expected = f"models['{claim['id']}']: the name 'gpt-image-2' already means 'openai/gpt-image-2'"
    assert str(caught.value) == expected
