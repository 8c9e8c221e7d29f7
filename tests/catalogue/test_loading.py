"""Configuration laid over the shipped models."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from routerhub_server.catalogue import CatalogueError, GeminiModel, Model, OpenAIModel, load_models

TEXT_MODEL = {
    "id": "google/gemini-3.5-flash",
    "model_class": "gemini-text",
    "display_name": "Gemini 3.5 Flash",
    "routes": [{"upstream": "gemini", "model": "gemini-3.5-flash"}],
    "lifecycle": {"stage": "STABLE"},
    "released": date(2026, 5, 1),
}


def by_id(*overrides: Mapping[str, Any]) -> dict[str, Model]:
    return {model.id: model for model in load_models(overrides)}


def gemini(id_: str, *overrides: Mapping[str, Any]) -> GeminiModel:
    model = by_id(*overrides)[id_]
    assert isinstance(model, GeminiModel)
    return model


def test_override_of_a_known_id_is_merged_key_by_key() -> None:
    id_ = "google/gemini-3-pro-image"
    before, after = gemini(id_), gemini(id_, {"id": id_, "limits": {"max_input_images": 3}})
    assert after.limits.max_input_images == 3
    assert after.limits.aspect_ratios == before.limits.aspect_ratios
    assert after.model_copy(update={"limits": before.limits}) == before


def test_list_in_an_override_replaces_the_list() -> None:
    id_ = "google/gemini-3-pro-image"
    routes = [{"upstream": "vertex", "model": "a"}, {"upstream": "gemini", "model": "b"}]
    after = gemini(id_, {"id": id_, "routes": routes, "limits": {"image_sizes": ["1K"]}})
    assert [(route.upstream, route.model) for route in after.routes] == [("vertex", "a"), ("gemini", "b")]
    assert after.limits.image_sizes == ("1K",)


def test_null_in_an_override_takes_a_limit_away() -> None:
    id_ = "google/gemini-3-pro-image"
    assert gemini(id_, {"id": id_, "limits": {"image_sizes": None}}).limits.image_sizes is None


def test_override_leaves_models_that_share_its_limits_alone() -> None:
    models = by_id({"id": "google/gemini-3-pro-image", "limits": {"max_candidates": 4}})
    preview = models["google/gemini-3-pro-image-preview"]
    assert isinstance(preview, GeminiModel)
    assert preview.limits.max_candidates == 1


def test_overrides_of_one_id_apply_in_order() -> None:
    id_ = "google/gemini-3-pro-image"
    first, second = {"id": id_, "display_name": "a", "aliases": ["x"]}, {"id": id_, "display_name": "b"}
    after = gemini(id_, first, second)
    assert (after.display_name, after.aliases) == ("b", ("x",))


def test_new_id_is_appended_without_limits() -> None:
    *_, last = load_models([TEXT_MODEL])
    assert isinstance(last, GeminiModel)
    assert (last.id, last.model_class, last.interface) == ("google/gemini-3.5-flash", "gemini-text", "gemini")
    assert set(last.limits.model_dump().values()) == {None}


def test_new_openai_model_has_the_api_wide_limits() -> None:
    entry = {**TEXT_MODEL, "id": "openai/gpt-image-9", "model_class": "openai-image"}
    model = by_id(entry)["openai/gpt-image-9"]
    assert isinstance(model, OpenAIModel)
    assert (model.limits.max_images, model.limits.max_prompt_chars, model.limits.sizes) == (10, 32000, None)


def test_enabled_false_removes_a_model() -> None:
    assert "openai/gpt-image-1" in by_id()
    assert "openai/gpt-image-1" not in by_id({"id": "openai/gpt-image-1", "enabled": False})


def test_enabled_true_of_a_later_override_brings_a_model_back() -> None:
    off, on = {"id": "openai/gpt-image-1", "enabled": False}, {"id": "openai/gpt-image-1", "enabled": True}
    assert "openai/gpt-image-1" in by_id(off, on)


def test_loading_leaves_the_overrides_as_they_are() -> None:
    override = {"id": "openai/gpt-image-1", "enabled": False}
    load_models([override])
    assert override == {"id": "openai/gpt-image-1", "enabled": False}


def test_dates_may_be_iso_text() -> None:
    assert by_id({**TEXT_MODEL, "released": "2026-05-01"})[str(TEXT_MODEL["id"])].released == date(2026, 5, 1)


NO_ID = "must be a model id, e.g. 'google/gemini-3-pro-image'"
CLASSES = "gemini-image, gemini-text, openai-image"
STAGES = "'PREVIEW', 'STABLE', 'DEPRECATED' or 'RETIRED'"


@pytest.mark.parametrize(
    ("override", "path", "problem"),
    [
        (7, "models[0]", "must be a mapping with an id"),
        ({"display_name": "x"}, "models[0].id", NO_ID),
        ({"id": 5}, "models[0].id", NO_ID),
        ({"id": "x", "enabled": "no"}, "models['x'].enabled", "must be true or false"),
        ({"id": "x"}, "models['x'].model_class", f"must be one of {CLASSES}, not None"),
        ({"id": "x", "model_class": 1}, "models['x'].model_class", f"must be one of {CLASSES}, not 1"),
    ],
)
def test_entry_that_is_no_model_is_named_with_its_place(override: Any, path: str, problem: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        load_models([override])
    assert str(caught.value) == f"{path}: {problem}"
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("keys", "path", "problem"),
    [
        ({"colour": "red"}, "colour", "Unknown field"),
        ({"limits": {"qualities": ["low"]}}, "limits.qualities", "Unknown field"),
        ({"limits": {"image_sizes": [512]}}, "limits.image_sizes[0]", "Input should be a valid string"),
        ({"limits": {"image_sizes": "512"}}, "limits.image_sizes", "Input should be a list"),
        (
            {"limits": {"max_input_images": 0}},
            "limits.max_input_images",
            "Input should be greater than or equal to 1",
        ),
        (
            {"limits": {"max_input_images": "3"}},
            "limits.max_input_images",
            "Input should be a valid integer",
        ),
        ({"routes": []}, "routes", "Input should not be empty"),
        ({"routes": [{"upstream": "gemini"}]}, "routes[0].model", "Field required"),
        ({"lifecycle": {"stage": "GONE"}}, "lifecycle.stage", f"Input should be {STAGES}"),
    ],
)
def test_bad_value_is_named_with_its_place(keys: Mapping[str, Any], path: str, problem: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        load_models([{**TEXT_MODEL, **keys}])
    assert caught.value.problems == ((f"models['google/gemini-3.5-flash'].{path}", problem),)


def test_every_bad_entry_is_reported() -> None:
    with pytest.raises(CatalogueError) as caught:
        load_models([{"id": "a"}, {**TEXT_MODEL, "colour": "red", "limits": {"size": 1}}])
    places = ["models['a'].model_class"]
    places += ["models['google/gemini-3.5-flash'].limits.size", "models['google/gemini-3.5-flash'].colour"]
    assert [path for path, _ in caught.value.problems] == places
    assert str(caught.value).count("\n") == 2
